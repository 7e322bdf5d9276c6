package main

import (
	"fmt"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"

	"gputrain/internal/atomicfile"
)

const margin = 0.3 * vg.Centimeter

// dotsPerInch is that of pictures of results. Tests of anything else draw coarser ones.
var dotsPerInch = 120

// newPlot returns a plot whose texts are sans serif.
func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.Padding = vg.Points(6)
	for _, style := range []*text.Style{
		&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle,
		&p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle,
	} {
		style.Font.Variant = "Sans"
	}
	return p
}

// wholeTicks marks about ten epochs of a run: every one, or every 2nd, 5th,
// 10th, 20th...
func wholeTicks(epochs int) plot.ConstantTicks {
	stride := 1
	for i := 0; epochs/stride > 12; i++ {
		stride = []int{2, 5, 10}[i%3] * int(math.Pow10(i/3))
	}
	var ticks plot.ConstantTicks
	for epoch := stride; epoch <= epochs; epoch += stride {
		ticks = append(ticks, plot.Tick{Value: float64(epoch), Label: fmt.Sprint(epoch)})
	}
	return ticks
}

func writePNG(path string, img *vgimg.Canvas) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := vgimg.PngCanvas{Canvas: img}.WriteTo(w)
		return err
	})
}
