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

// The picture ends at these powers of ten. A float64 near 1 has no digits below
// the least.
const (
	leastPower = -16
	mostPower  = 2
)

// drawFlows draws the curves over the lag, on a logarithmic scale.
func drawFlows(path string, curves []flowCurve) error {
	p := newPlot("What is left of an error on its way back in time", "lag q, in time steps", "largest derivative  |∂s(T) / ∂s(T−q)|")
	p.Y.Tick.Marker = powersOfTen(leastPower, mostPower, 2)
	p.Add(plotter.NewGrid())
	p.Legend.ThumbnailWidth, p.Legend.Padding = vg.Centimeter, vg.Points(2)
	p.Legend.XOffs, p.Legend.YOffs = -vg.Points(6), 3*vg.Centimeter

	red, blue := color.RGBA{R: 200, G: 50, B: 40, A: 255}, color.RGBA{R: 20, G: 90, B: 170, A: 255}
	green, lightGreen := color.RGBA{R: 30, G: 130, B: 60, A: 255}, color.RGBA{R: 110, G: 185, B: 80, A: 255}
	for i, c := range curves {
		line, err := plotter.NewLine(c.logarithms())
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		line.Color, line.Width = []color.Color{red, red, blue, lightGreen, green}[i], vg.Points(2.5)
		if c.bound {
			line.Width, line.Dashes = vg.Points(1.5), []vg.Length{vg.Points(5), vg.Points(4)}
		}
		p.Add(line)
		p.Legend.Add(c.name, line)
	}
	p.Y.Min, p.Y.Max = leastPower, mostPower
	img := vgimg.NewWith(vgimg.UseWH(18*vg.Centimeter, 11*vg.Centimeter), vgimg.UseDPI(110))
	p.Draw(draw.Crop(draw.New(img), margin, -2*margin, margin, -margin))
	return writePNG(path, img)
}

// logarithms returns log10 of the curve, down to where it leaves the picture.
// plot.LogScale would leave empty space above the axis.
func (c flowCurve) logarithms() plotter.XYs {
	var points plotter.XYs
	for lag, flow := range c.flow {
		y := math.Log10(flow)
		points = append(points, plotter.XY{X: float64(lag), Y: max(y, 2*leastPower)})
		if y < leastPower {
			break
		}
	}
	return points
}

// powersOfTen marks every stride-th power from 10^least to 10^most, at its
// logarithm.
func powersOfTen(least, most, stride int) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for power := least; power <= most; power += stride {
		label := fmt.Sprintf("1e%d", power)
		if power == 0 {
			label = "1"
		}
		ticks = append(ticks, plot.Tick{Value: float64(power), Label: label})
	}
	return ticks
}
