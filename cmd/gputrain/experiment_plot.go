package main

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"gputrain/cmd/gputrain/internal/experiment"
)

// leastLogarithmic replaces smaller values on a logarithmic scale.
const leastLogarithmic = 1e-5

// writeTrials draws the measure of an experiment over the sequences, a line for
// each seed, and the criterion.
func writeTrials(path string, r experiment.Result) error {
	measure := r.Experiment.Measure
	p := newPlot(r.Experiment.Name, "sequences trained", measure.Name)
	p.Add(plotter.NewGrid())
	if measure.Log {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	p.Legend.Top = falls(r)
	last := 1
	for i, trial := range r.Trials {
		points := make(plotter.XYs, len(trial.Curve))
		for k, point := range trial.Curve {
			points[k] = plotter.XY{X: float64(point.Trained), Y: point.Value}
			if measure.Log {
				points[k].Y = max(point.Value, leastLogarithmic)
			}
			last = max(last, point.Trained)
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		line.Color, line.Width = plotutil.SoftColors[i%len(plotutil.SoftColors)], vg.Points(1.2)
		p.Add(line)
		if len(r.Trials) <= 5 {
			p.Legend.Add(fmt.Sprint("seed ", trial.Seed), line)
		}
	}
	if measure.Limit > 0 {
		limit, err := plotter.NewLine(plotter.XYs{{X: 0, Y: measure.Limit}, {X: float64(last), Y: measure.Limit}})
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		limit.Color, limit.Dashes = color.Black, []vg.Length{vg.Points(4), vg.Points(3)}
		p.Add(limit)
		p.Legend.Add("criterion", limit)
	}
	img := vgimg.NewWith(vgimg.UseWH(18*vg.Centimeter, 11*vg.Centimeter), vgimg.UseDPI(dotsPerInch))
	p.Draw(draw.Crop(draw.New(img), margin, -margin, margin, -margin))
	return writePNG(path, img)
}

// falls reports whether the curves end lower than they begin, which leaves room
// for the legend above their ends.
func falls(r experiment.Result) bool {
	change := 0.0
	for _, trial := range r.Trials {
		if last := len(trial.Curve) - 1; last > 0 {
			change += trial.Curve[last].Value - trial.Curve[0].Value
		}
	}
	return change < 0
}
