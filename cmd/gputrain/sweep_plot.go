package main

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	gotext "github.com/jedib0t/go-pretty/v6/text"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// parallelAxis is one of several upright axes, side by side, which a line for each trial
// crosses at its value. Places on it go from 0 to 1.
type parallelAxis struct {
	name   string
	labels []plot.Tick // at places
	places []float64   // of the results; NaN if one has none
}

// draw draws the results in parallel coordinates: an axis for each variable and one for
// the figure that compares trials, the best trials in colours. There is no picture of a
// sweep in which no trial has a figure.
func (s *sweep) draw(results []*trialResult) error {
	drawn := slices.DeleteFunc(slices.Clone(results), func(r *trialResult) bool { return !r.ok() })
	if len(drawn) == 0 {
		return nil
	}
	var axes []parallelAxis
	for _, v := range s.variables {
		axes = append(axes, v.axis(drawn))
	}
	axes = append(axes, s.figureAxis(drawn))

	const axisWidth, legendWidth, height = 3.2 * vg.Centimeter, 4.5 * vg.Centimeter, 10 * vg.Centimeter
	width := axisWidth*vg.Length(len(axes)) + legendWidth
	img := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dotsPerInch))
	canvas := draw.New(img)
	panel := newPlot("", "", "")
	panel.HideAxes()
	panel.X.Min, panel.X.Max, panel.Y.Min, panel.Y.Max = -0.5, float64(len(axes))-0.5, -0.05, 1.12
	path := s.dir.file(sweepFigureName)
	for at, axis := range axes {
		panel.Add(axisPlotter{axis, float64(at), false})
	}
	legend := plot.NewLegend()
	legend.Top, legend.Left, legend.Padding, legend.TextStyle = true, true, vg.Points(3), panel.Legend.TextStyle
	for rank := len(drawn) - 1; rank >= 0; rank-- { // the best on top
		var points plotter.XYs
		for at, axis := range axes {
			points = append(points, plotter.XY{X: float64(at), Y: axis.places[rank]})
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		style := trialStyle(rank)
		line.LineStyle = style
		dots.GlyphStyle = draw.GlyphStyle{Color: style.Color, Shape: draw.CircleGlyph{}, Radius: 1.2 * style.Width}
		panel.Add(line, dots)
	}
	for at, axis := range axes {
		panel.Add(axisPlotter{axis, float64(at), true})
	}
	for rank, r := range drawn[:min(len(drawn), len(comparisonColors))] {
		legend.Add(fmt.Sprintf("trial %d: %s", r.number, formatFigure(r.figure)), &plotter.Line{LineStyle: trialStyle(rank)})
	}
	if more := len(drawn) - len(comparisonColors); more > 0 {
		legend.Add(fmt.Sprintf("%d more", more), &plotter.Line{LineStyle: trialStyle(len(drawn) - 1)})
	}
	panel.Draw(draw.Crop(canvas, margin, -legendWidth, margin, -margin))
	legend.Draw(draw.Crop(canvas, width-legendWidth, 0, margin, -vg.Centimeter))
	return writePNG(path, img)
}

// trialStyle is how the line of the trial of a rank is drawn, counted from 0.
func trialStyle(rank int) draw.LineStyle {
	if rank < len(comparisonColors) {
		return draw.LineStyle{Color: comparisonColors[rank], Width: vg.Points(1.5)}
	}
	return draw.LineStyle{Color: color.Gray{Y: 190}, Width: vg.Points(0.8)}
}

// axis returns the axis of a variable. The values of a list stand at equal distances.
func (v *variable) axis(results []*trialResult) parallelAxis {
	value := func(r *trialResult) any { return r.settingValues()[v.key] }
	if v.limits != nil {
		return numberAxis(v.key, v.limits.min, v.limits.max, v.limits.log, results, func(r *trialResult) float64 {
			x, _ := strconv.ParseFloat(fmt.Sprint(value(r)), 64)
			return x
		})
	}
	var values []any
	for _, r := range results {
		if !slices.ContainsFunc(values, func(other any) bool { return compareFacts(value(r), other) == 0 }) {
			values = append(values, value(r))
		}
	}
	slices.SortFunc(values, compareFacts)
	axis := parallelAxis{name: v.key}
	place := func(i int) float64 {
		if len(values) == 1 {
			return 0.5
		}
		return float64(i) / float64(len(values)-1)
	}
	for i, value := range values {
		axis.labels = append(axis.labels, plot.Tick{Value: place(i), Label: fmt.Sprint(value)})
	}
	for _, r := range results {
		axis.places = append(axis.places, place(slices.IndexFunc(values, func(other any) bool { return compareFacts(value(r), other) == 0 })))
	}
	return axis
}

// figureAxis returns the axis of the figure that compares trials.
func (s *sweep) figureAxis(results []*trialResult) parallelAxis {
	low, high := math.Inf(1), math.Inf(-1)
	for _, r := range results {
		low, high = min(low, r.figure), max(high, r.figure)
	}
	const wide = 30 // a range to draw on a logarithmic scale
	return numberAxis(s.Search.By, low, high, low > 0 && high > wide*low, results, func(r *trialResult) float64 { return r.figure })
}

// numberAxis returns an axis from low to high.
func numberAxis(name string, low, high float64, log bool, results []*trialResult, value func(*trialResult) float64) parallelAxis {
	axis := parallelAxis{name: name}
	scale := func(x float64) float64 { return x }
	if log {
		scale = math.Log
	}
	place := func(x float64) float64 {
		if low == high {
			return 0.5
		}
		return (scale(x) - scale(low)) / (scale(high) - scale(low))
	}
	for _, r := range results {
		axis.places = append(axis.places, place(value(r)))
	}
	for _, x := range axisTicks(low, high, log) {
		axis.labels = append(axis.labels, plot.Tick{Value: place(x), Label: strconv.FormatFloat(x, 'g', 3, 64)})
	}
	return axis
}

// axisTicks returns round numbers from low to high.
func axisTicks(low, high float64, log bool) (ticks []float64) {
	if low == high {
		return []float64{low}
	}
	if !log {
		for _, tick := range (plot.DefaultTicks{}).Ticks(low, high) {
			if tick.Label != "" && tick.Value >= low && tick.Value <= high {
				ticks = append(ticks, tick.Value)
			}
		}
		return ticks
	}
	const few, most = 3, 10
	first, last := int(math.Floor(math.Log10(low))), int(math.Ceil(math.Log10(high)))
	for _, digits := range [][]float64{{1}, {1, 2, 5}, {1, 2, 3, 4, 5, 6, 7, 8, 9}} {
		ticks = nil
		for power := first; power <= last; power += 1 + (last-first)/most {
			for _, digit := range digits {
				// Parsed, because a product of powers of ten is not always round.
				if x, _ := strconv.ParseFloat(fmt.Sprintf("%ge%d", digit, power), 64); x >= low && x <= high {
					ticks = append(ticks, x)
				}
			}
		}
		if len(ticks) >= few {
			return ticks
		}
	}
	return []float64{low, high}
}

// axisPlotter draws an axis at a place of X: its line below what a trial draws, or its
// labels above.
type axisPlotter struct {
	parallelAxis
	at          float64
	labelsOnTop bool
}

// Plot implements plot.Plotter.
func (a axisPlotter) Plot(c draw.Canvas, panel *plot.Plot) {
	x, y := panel.Transforms(&c)
	if !a.labelsOnTop {
		c.StrokeLine2(draw.LineStyle{Color: color.Gray{Y: 90}, Width: vg.Points(0.8)}, x(a.at), y(0), x(a.at), y(1))
		return
	}
	const longest = 20 // letters of a label
	tick := panel.X.Tick.Label
	tick.XAlign, tick.YAlign = text.XRight, text.YCenter
	for _, l := range a.labels {
		label, at := snip(l.Label, longest), vg.Point{X: x(a.at) - vg.Points(5), Y: y(l.Value)}
		box := tick.Rectangle(label).Add(at)
		c.FillPolygon(color.NRGBA{255, 255, 255, 200}, []vg.Point{box.Min, {X: box.Max.X, Y: box.Min.Y}, box.Max, {X: box.Min.X, Y: box.Max.Y}})
		c.FillText(tick, at, label)
	}
	title := panel.Y.Label.TextStyle
	title.XAlign, title.YAlign = text.XCenter, text.YBottom
	c.FillText(title, vg.Point{X: x(a.at), Y: y(1) + vg.Points(10)}, snip(strings.ReplaceAll(a.name, "_", " "), longest))
}

// snip returns a text of at most so many columns that can be shown.
func snip(label string, columns int) string { return gotext.Snip(printable(label), columns, "…") }
