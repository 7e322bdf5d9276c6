package main

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"slices"

	"github.com/jedib0t/go-pretty/v6/text"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// comparisonColors are those of the runs of a comparison, the best first. They differ
// for the colour-blind too (Okabe and Ito, without yellow, which is pale).
var comparisonColors = []color.RGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {86, 180, 233, 255}, {230, 159, 0, 255}, {0, 0, 0, 255},
}

// ranked returns the runs with the smallest validation losses first; those without
// one come last.
func ranked(runs []*pastRun) []*pastRun {
	loss := func(r *pastRun) float64 {
		if best := r.bestEpoch(); best >= 0 {
			return r.curves["validation_loss"][best]
		}
		return math.Inf(1)
	}
	order := slices.Clone(runs)
	slices.SortStableFunc(order, func(a, b *pastRun) int { return cmp.Compare(loss(a), loss(b)) })
	return order
}

// writeComparison draws the validation curves of runs: the best in colours, the
// others grey.
func writeComparison(path string, runs []*pastRun) error {
	order := slices.DeleteFunc(ranked(runs), func(r *pastRun) bool { return r.bestEpoch() < 0 })
	if len(order) == 0 {
		return fmt.Errorf("%s: the runs have no validated epoch to draw", path)
	}
	epochs := 0
	for _, r := range order {
		epochs = max(epochs, r.epochs)
	}
	legend := plot.NewLegend()
	legend.Top, legend.Left, legend.Padding = true, true, vg.Points(3)
	var panels []*plot.Plot
	for _, c := range []struct{ title, unit, column string }{
		{"Validation loss", "loss", "validation_loss"},
		{"Validation accuracy", "correct share", "validation_accuracy"},
	} {
		panel := newPanel(c.title, c.unit, epochs)
		least, most := math.Inf(1), math.Inf(-1)
		for rank := len(order) - 1; rank >= 0; rank-- { // the best on top
			points := curvePoints(order[rank], c.column)
			if len(points) == 0 {
				continue
			}
			line, err := plotter.NewLine(thinned(points))
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			line.Color, line.Width = color.Gray{Y: 190}, vg.Points(1)
			if rank < len(comparisonColors) {
				line.Color, line.Width = comparisonColors[rank], vg.Points(1.5)
			}
			panel.Add(line)
			if len(points) == 1 { // which as a line nobody would see
				dot, err := plotter.NewScatter(points)
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				dot.GlyphStyle = draw.GlyphStyle{Color: line.Color, Shape: draw.CircleGlyph{}, Radius: vg.Points(2.5)}
				panel.Add(dot)
			}
			for _, point := range points {
				least, most = min(least, point.Y), max(most, point.Y)
			}
		}
		if math.IsInf(least, 0) {
			continue // a regression has no accuracy
		}
		if c.column == "validation_accuracy" {
			panel.Y.Max = 1
		} else if least > 0 && most > 30*least {
			panel.Y.Scale, panel.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
		} else {
			panel.Y.Min = min(0, least)
		}
		panels = append(panels, panel)
	}
	const longestName = 34 // that the legend has room for
	legend.TextStyle = panels[0].Legend.TextStyle
	for rank, r := range order[:min(len(order), len(comparisonColors))] {
		line := &plotter.Line{LineStyle: draw.LineStyle{Color: comparisonColors[rank], Width: vg.Points(1.5)}}
		legend.Add(text.Snip(printable(filepath.Base(string(r.dir))), longestName, "…"), line)
	}
	if more := len(order) - len(comparisonColors); more > 0 {
		line := &plotter.Line{LineStyle: draw.LineStyle{Color: color.Gray{Y: 190}, Width: vg.Points(1)}}
		legend.Add(fmt.Sprintf("%d more", more), line)
	}
	const height, panelWidth, legendWidth = 9 * vg.Centimeter, 11 * vg.Centimeter, 8.5 * vg.Centimeter
	width := panelWidth*vg.Length(len(panels)) + legendWidth
	img := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dotsPerInch))
	canvas := draw.New(img)
	tiles := draw.Tiles{Rows: 1, Cols: len(panels), PadX: vg.Centimeter, PadLeft: margin, PadTop: margin, PadBottom: margin, PadRight: legendWidth + margin}
	for i, c := range plot.Align([][]*plot.Plot{panels}, tiles, canvas)[0] {
		panels[i].Draw(c)
	}
	legend.Draw(draw.Crop(canvas, width-legendWidth, 0, margin, -vg.Centimeter))
	return writePNG(path, img)
}

// curvePoints returns a column of a run over its epochs, where it is known.
func curvePoints(r *pastRun, column string) (points plotter.XYs) {
	for i, value := range r.curves[column] {
		if !math.IsNaN(value) && !math.IsInf(value, 0) {
			points = append(points, plotter.XY{X: r.curves["epoch"][i], Y: value})
		}
	}
	return points
}
