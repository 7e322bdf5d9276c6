package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

// chart is a diagram over epochs, in the units of its SVG.
type chart struct {
	Title                    string
	Width, Height            int
	Left, Right, Top, Bottom float64 // of the area of the curves
	XTicks, YTicks           []chartTick
	Lines                    []chartLine // the most important first
	Curves                   []chartLine // as they are drawn, one over the other
	More                     int         // lines that have no name
}

type chartTick struct {
	At    float64
	Label string
}

// chartLine is a curve. Class is that of its colour.
type chartLine struct {
	Name, Class, Points string
	Dot                 bool // the only point, which as a line nobody would see
	points              plotter.XYs
}

// appendChart appends a diagram of those lines that have points, if any has. The first
// lines have colours, the others are grey. Losses that span much get a logarithmic scale.
func appendChart(charts []chart, title string, lines []chartLine) []chart {
	c := chart{Title: title, Width: 560, Height: 300, Left: 60, Right: 545, Top: 15, Bottom: 255}
	low, high := plotter.XY{X: math.Inf(1), Y: math.Inf(1)}, plotter.XY{X: math.Inf(-1), Y: math.Inf(-1)}
	for _, line := range lines {
		for _, p := range line.points {
			low = plotter.XY{X: min(low.X, p.X), Y: min(low.Y, p.Y)}
			high = plotter.XY{X: max(high.X, p.X), Y: max(high.Y, p.Y)}
		}
	}
	if math.IsInf(low.X, 0) {
		return charts
	}
	var scale plot.Normalizer = plot.LinearScale{}
	var ticks plot.Ticker = plot.DefaultTicks{}
	switch {
	case strings.HasSuffix(title, "loss") && low.Y > 0 && high.Y > 30*low.Y:
		scale, ticks = plot.LogScale{}, plot.LogTicks{Prec: -1}
	case low.Y > 0:
		low.Y = 0
	}
	if low.Y == high.Y {
		high.Y++
	}
	if low.X == high.X {
		low.X-- // a single epoch
	}
	x := func(epoch float64) float64 { return c.Left + (c.Right-c.Left)*(epoch-low.X)/(high.X-low.X) }
	y := func(value float64) float64 {
		return c.Bottom - (c.Bottom-c.Top)*scale.Normalize(low.Y, high.Y, value)
	}
	for _, tick := range ticks.Ticks(low.Y, high.Y) {
		if tick.Label != "" && tick.Value >= low.Y && tick.Value <= high.Y {
			c.YTicks = append(c.YTicks, chartTick{y(tick.Value), strconv.FormatFloat(tick.Value, 'g', 3, 64)})
		}
	}
	for _, tick := range wholeTicks(int(high.X)) {
		if tick.Value >= low.X {
			c.XTicks = append(c.XTicks, chartTick{x(tick.Value), tick.Label})
		}
	}
	for _, line := range lines {
		if len(line.points) == 0 {
			continue
		}
		line.Class = "rest"
		if rank := len(c.Lines); rank < len(comparisonColors) {
			line.Class = fmt.Sprint("c", rank)
		} else {
			c.More++
		}
		var text strings.Builder
		for _, p := range thinned(line.points) {
			fmt.Fprintf(&text, "%.1f,%.1f ", x(p.X), y(p.Y))
		}
		line.Points = text.String()
		if line.Dot = len(line.points) == 1; line.Dot {
			line.Points += line.Points
		}
		c.Lines = append(c.Lines, line)
	}
	c.Curves = slices.Clone(c.Lines)
	slices.Reverse(c.Curves)
	return append(charts, c)
}
