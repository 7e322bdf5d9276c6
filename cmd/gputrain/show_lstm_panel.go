package main

import (
	"fmt"
	"image/color"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/brewer"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"gputrain/data/tasks"
)

// traceBand is a group of rows of the picture, with a scale of its own.
type traceBand struct {
	name   string
	rows   []string
	values func(*trace) [][]float64 // [steps][rows]
	signed bool                     // from −most to most; else from 0 to 1
	most   float64
}

// mostState is where the scale of the states ends. h(5) = 0.99, so a larger
// state makes hardly any difference to the output of the cell.
const mostState = 5

// traceBands returns the bands from top to bottom.
func traceBands(traces [2]*trace) []traceBand {
	count := func(n int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprint(i+1))
		}
		return names
	}
	gates, cells := count(len(traces[0].in[0])), count(len(traces[0].state[0]))
	return []traceBand{
		{"input gate", gates, func(t *trace) [][]float64 { return t.in }, false, 1},
		{"forget gate", gates, func(t *trace) [][]float64 { return t.forget }, false, 1},
		{"output gate", gates, func(t *trace) [][]float64 { return t.out }, false, 1},
		{"cell state", cells, func(t *trace) [][]float64 { return t.state }, true, mostState},
		{"cell output", cells, func(t *trace) [][]float64 { return t.output }, true, 1},
		{"prediction", strings.Split(tasks.ReberSymbols, ""), func(t *trace) [][]float64 { return t.prediction }, false, 1},
	}
}

// palette returns the colours from the least value of the band to the largest.
func (b traceBand) palette() (palette.Palette, error) {
	if b.signed {
		return brewer.GetPalette(brewer.TypeDiverging, "PuOr", 11)
	}
	return brewer.GetPalette(brewer.TypeSequential, "Greys", 9)
}

// least returns the least value of the band's scale.
func (b traceBand) least() float64 {
	if b.signed {
		return -b.most
	}
	return 0
}

// traceGrid is a plotter.GridXYZ of values, [steps][rows], the first row at the
// height top and the others below it.
type traceGrid struct {
	values [][]float64
	top    float64
}

func (g traceGrid) Dims() (columns, rows int) { return len(g.values), len(g.values[0]) }
func (g traceGrid) X(column int) float64      { return float64(column + 1) }
func (g traceGrid) Y(row int) float64         { return g.top - float64(g.fromTop(row)) }
func (g traceGrid) Z(column, row int) float64 { return g.values[column][g.fromTop(row)] }

func (g traceGrid) fromTop(row int) int { return len(g.values[0]) - 1 - row }

// drawTraces draws both traces side by side, and the scales below them.
func drawTraces(path string, traces [2]*trace) error {
	bands := traceBands(traces)
	var panels []*plot.Plot
	for i, t := range traces {
		panel, err := t.panel(shownStrings[i], bands, keeper(traces))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		panels = append(panels, panel)
	}
	const width, height, footer = 24 * vg.Centimeter, 22 * vg.Centimeter, 2.6 * vg.Centimeter
	img := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(90))
	canvas := draw.New(img)
	tiles := draw.Tiles{Rows: 1, Cols: 2, PadX: margin, PadLeft: margin, PadRight: 2 * margin, PadTop: margin, PadBottom: footer}
	for i, c := range plot.Align([][]*plot.Plot{panels}, tiles, canvas)[0] {
		panels[i].Draw(c)
	}
	style := panels[0].X.Tick.Label
	style.XAlign, style.YAlign = text.XCenter, text.YCenter
	canvas.FillText(style, vg.Point{X: width / 2, Y: 2.1 * vg.Centimeter},
		"red frame: the cell that keeps the second symbol, T or P, best      green dot: the symbol that comes next")
	for i, scale := range []struct {
		name string
		band traceBand
	}{{"gates, prediction", bands[0]}, {"cell state, or beyond", bands[3]}, {"cell output", bands[4]}} {
		center := width * vg.Length(2*i+1) / 6
		if err := drawScale(canvas, vg.Point{X: center, Y: 0.9 * vg.Centimeter}, scale.band, scale.name, style); err != nil {
			return err
		}
	}
	return writePNG(path, img)
}

// The colours of marks on a trace.
var (
	frameColor = color.RGBA{R: 215, G: 30, B: 30, A: 255}
	comesColor = color.RGBA{R: 30, G: 160, B: 70, A: 255}
)

// panel draws a trace of reading text, with a frame around the states of a cell.
func (t *trace) panel(read string, bands []traceBand, framed int) (*plot.Plot, error) {
	p := newPlot("reads "+read, "time step", "")
	p.X.Tick.Marker = wholeTicks(len(t.text))
	var ticks plot.ConstantTicks
	const gap = 0.7 // between two bands, in rows
	top := 0.0
	for _, band := range bands {
		colors, err := band.palette()
		if err != nil {
			return nil, err
		}
		heat := plotter.NewHeatMap(traceGrid{band.values(t), top}, colors)
		heat.Min, heat.Max = band.least(), band.most
		inks := colors.Colors()
		heat.Underflow, heat.Overflow = inks[0], inks[len(inks)-1]
		p.Add(heat)
		for i, name := range band.rows {
			if i == 0 {
				name = band.name + "  " + name
			}
			ticks = append(ticks, plot.Tick{Value: top - float64(i), Label: name})
		}
		switch band.name {
		case "cell state":
			err = t.addFrame(p, top-float64(framed))
		case "prediction":
			err = t.addSuccessors(p, read, top)
		}
		if err != nil {
			return nil, err
		}
		top -= float64(len(band.rows)) + gap
	}
	p.Y.Tick.Marker = ticks
	p.Y.Tick.Length, p.Y.LineStyle.Width = 0, 0
	return p, t.addSymbols(p)
}

// addFrame adds a frame around the row at a height.
func (t *trace) addFrame(p *plot.Plot, height float64) error {
	left, right := 0.5, float64(len(t.text))+0.5
	frame, err := plotter.NewLine(plotter.XYs{
		{X: left, Y: height - 0.5}, {X: right, Y: height - 0.5}, {X: right, Y: height + 0.5}, {X: left, Y: height + 0.5}, {X: left, Y: height - 0.5},
	})
	if err != nil {
		return err
	}
	frame.Color, frame.Width = frameColor, vg.Points(2)
	p.Add(frame)
	return nil
}

// addSuccessors marks the next symbol of each step among the predictions, whose
// first row is at the height top.
func (t *trace) addSuccessors(p *plot.Plot, read string, top float64) error {
	var points plotter.XYs
	for step := range t.text {
		row := strings.IndexByte(tasks.ReberSymbols, read[step+1])
		points = append(points, plotter.XY{X: float64(step + 1), Y: top - float64(row)})
	}
	marks, err := plotter.NewScatter(points)
	if err != nil {
		return err
	}
	marks.GlyphStyle = draw.GlyphStyle{Color: comesColor, Shape: draw.CircleGlyph{}, Radius: vg.Points(3)}
	p.Add(marks)
	return nil
}

// addSymbols writes the symbol of each step above all bands.
func (t *trace) addSymbols(p *plot.Plot) error {
	var symbols plotter.XYLabels
	for step, symbol := range t.text {
		symbols.XYs = append(symbols.XYs, plotter.XY{X: float64(step + 1), Y: 1.2})
		symbols.Labels = append(symbols.Labels, string(symbol))
	}
	labels, err := plotter.NewLabels(symbols)
	if err != nil {
		return err
	}
	for i := range labels.TextStyle {
		style := p.X.Label.TextStyle
		style.XAlign, style.YAlign = text.XCenter, text.YCenter
		labels.TextStyle[i] = style
	}
	p.Add(labels)
	return nil
}

// drawScale draws the colours of a band around center, with their values.
func drawScale(c draw.Canvas, center vg.Point, band traceBand, name string, style text.Style) error {
	colors, err := band.palette()
	if err != nil {
		return err
	}
	const width, height = 4 * vg.Centimeter, 0.4 * vg.Centimeter
	cells := colors.Colors()
	cell := width / vg.Length(len(cells))
	for i, ink := range cells {
		left := center.X - width/2 + vg.Length(i)*cell
		c.FillPolygon(ink, []vg.Point{
			{X: left, Y: center.Y}, {X: left + cell, Y: center.Y}, {X: left + cell, Y: center.Y + height}, {X: left, Y: center.Y + height},
		})
	}
	c.FillText(style, vg.Point{X: center.X, Y: center.Y + height + 0.3*vg.Centimeter}, name)
	for _, end := range []float64{band.least(), band.most} {
		side := width / 2
		if end == band.least() {
			side = -side
		}
		c.FillText(style, vg.Point{X: center.X + side, Y: center.Y - 0.25*vg.Centimeter}, strings.ReplaceAll(fmt.Sprint(end), "-", "−"))
	}
	return nil
}
