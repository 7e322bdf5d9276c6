package main

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// draw draws two panels for each target: predicted against actual values, and the
// errors against the predicted ones. Of many targets it draws the first.
func (r *regression) draw(path string) error {
	const most = 8 // targets
	var panels [][]*plot.Plot
	for j := range r.targets[:min(len(r.targets), most)] {
		actual, residuals, err := r.panels(j)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		panels = append(panels, []*plot.Plot{actual, residuals})
	}
	height := vg.Length(len(panels)) * 10 * vg.Centimeter
	img := vgimg.NewWith(vgimg.UseWH(22*vg.Centimeter, height), vgimg.UseDPI(dotsPerInch))
	tiles := draw.Tiles{Rows: len(panels), Cols: 2, PadX: vg.Centimeter, PadY: vg.Centimeter, PadLeft: margin, PadRight: 3 * margin, PadTop: margin, PadBottom: margin}
	for i, row := range plot.Align(panels, tiles, draw.New(img)) {
		for j, canvas := range row {
			panels[i][j].Draw(canvas)
		}
	}
	return writePNG(path, img)
}

// panels returns the two panels of a target.
func (r *regression) panels(j int) (actual, residuals *plot.Plot, err error) {
	t, name := &r.targets[j], shortName(r.names[j])
	var pairs, errors plotter.XYs
	low, high := math.Inf(1), math.Inf(-1)
	for i, x := range t.actual {
		y := t.predicted[i]
		pairs = append(pairs, plotter.XY{X: x, Y: y})
		errors = append(errors, plotter.XY{X: y, Y: y - x})
		low, high = min(low, x, y), max(high, x, y)
	}
	actual = newPlot("Predicted and actual on the test set", "actual "+name, "predicted "+name)
	residuals = newPlot("Errors on the test set", "predicted "+name, "predicted − actual")
	for _, panel := range []struct {
		plot   *plot.Plot
		points plotter.XYs
		right  plotter.XYs // the line of predictions that are right
	}{
		{actual, pairs, plotter.XYs{{X: low, Y: low}, {X: high, Y: high}}},
		{residuals, errors, plotter.XYs{{X: low, Y: 0}, {X: high, Y: 0}}},
	} {
		scatter, err := plotter.NewScatter(panel.points)
		if err != nil {
			return nil, nil, err
		}
		line, err := plotter.NewLine(panel.right)
		if err != nil {
			return nil, nil, err
		}
		scatter.Color, scatter.Shape, scatter.Radius = pointColor(len(panel.points)), draw.CircleGlyph{}, vg.Points(2)
		line.Color, line.Width = color.Gray{Y: 120}, vg.Points(1)
		panel.plot.Add(plotter.NewGrid(), line, scatter)
		for _, axis := range []*plot.Axis{&panel.plot.X, &panel.plot.Y} {
			axis.Tick.Marker = fewTicks{}
		}
	}
	return actual, residuals, nil
}

// pointColor lets many points be seen through one another.
func pointColor(points int) color.Color {
	alpha := uint8(max(40, min(200, 100_000/max(points, 1))))
	shade := func(x int) uint8 { return uint8(x * int(alpha) / 255) } // RGBA is premultiplied
	return color.RGBA{R: shade(31), G: shade(119), B: shade(180), A: alpha}
}

// fewTicks are the usual ticks with labels that take little room.
type fewTicks struct{}

// Ticks implements plot.Ticker.
func (fewTicks) Ticks(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i, tick := range ticks {
		if tick.Label != "" {
			ticks[i].Label = fmt.Sprintf("%.6g", tick.Value)
		}
	}
	return ticks
}
