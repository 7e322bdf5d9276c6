package main

import (
	"fmt"
	"image/color"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// The colours of a perceptron's picture.
var (
	paperColor = color.RGBA{R: 255, G: 255, B: 255, A: 255}
	lineColor  = color.RGBA{A: 255}
	onColor    = color.RGBA{R: 20, G: 90, B: 170, A: 255}
	offColor   = color.RGBA{R: 210, G: 90, B: 10, A: 255}
	onGround   = color.RGBA{R: 205, G: 225, B: 245, A: 255}
	offGround  = color.RGBA{R: 253, G: 229, B: 208, A: 255}
)

// drawMoments draws moment i of each lesson side by side. A lesson that is over
// stays at its last moment.
func drawMoments(lessons []*lesson, i int) (*vgimg.Canvas, error) {
	var panels []*plot.Plot
	for _, l := range lessons {
		panel, err := l.panel(l.moments[min(i, len(l.moments)-1)])
		if err != nil {
			return nil, err
		}
		panels = append(panels, panel)
	}
	const side, captionHeight = 9 * vg.Centimeter, 1.7 * vg.Centimeter
	width := side * vg.Length(len(panels))
	img := vgimg.NewWith(vgimg.UseWH(width, side+captionHeight), vgimg.UseDPI(96))
	canvas := draw.New(img)
	tiles := draw.Tiles{Rows: 1, Cols: len(panels), PadX: margin, PadLeft: margin, PadRight: margin, PadTop: margin, PadBottom: captionHeight}
	for column, c := range plot.Align([][]*plot.Plot{panels}, tiles, canvas)[0] {
		panels[column].Draw(c)
	}
	caption := panels[0].X.Tick.Label
	caption.XAlign, caption.YAlign = text.XCenter, text.YCenter
	canvas.FillText(caption, vg.Point{X: width / 2, Y: captionHeight / 2}, "ground: what the perceptron gives, blue 1, orange −1\nmarks: what the gate gives\nlarge: just shown, crossed: wrong")
	return img, nil
}

// panel draws the separating line of m and the samples.
func (l *lesson) panel(m moment) (*plot.Plot, error) {
	p := newPlot(l.title(m), "input x1", "input x2")
	const least, most = -0.5, 1.5
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = least, most, least, most
	p.X.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: 1, Label: "1"}}
	p.Y.Tick.Marker = p.X.Tick.Marker

	square := plotter.XYs{{X: least, Y: least}, {X: most, Y: least}, {X: most, Y: most}, {X: least, Y: most}}
	above, border := m.line.cut(square)
	for _, ground := range []struct {
		corners plotter.XYs
		color   color.Color
	}{{square, offGround}, {above, onGround}} {
		if len(ground.corners) == 0 {
			continue
		}
		polygon, err := plotter.NewPolygon(ground.corners)
		if err != nil {
			return nil, err
		}
		polygon.Color, polygon.LineStyle.Width = ground.color, 0
		p.Add(polygon)
	}
	if len(border) > 0 {
		line, err := plotter.NewLine(border)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = lineColor, vg.Points(2)
		p.Add(line)
	}
	return p, l.addMarks(p, m)
}

// addMarks adds the samples to p.
func (l *lesson) addMarks(p *plot.Plot, m moment) error {
	for i, target := range l.table.Targets {
		style := draw.GlyphStyle{Color: offColor, Shape: draw.BoxGlyph{}, Radius: vg.Points(7)}
		if target == 1 {
			style.Color, style.Shape = onColor, draw.CircleGlyph{}
		}
		if i == m.sample {
			style.Radius *= 1.6
		}
		styles := []draw.GlyphStyle{style}
		if m.wrong[i] {
			styles = append(styles, draw.GlyphStyle{Color: paperColor, Shape: draw.CrossGlyph{}, Radius: style.Radius})
		}
		for _, style := range styles {
			mark, err := plotter.NewScatter(plotter.XYs{{X: float64(l.table.X[2*i]), Y: float64(l.table.X[2*i+1])}})
			if err != nil {
				return err
			}
			mark.GlyphStyle = style
			p.Add(mark)
		}
	}
	return nil
}

// title says how far the lesson has come at m.
func (l *lesson) title(m moment) string {
	wrong := 0
	for _, w := range m.wrong {
		if w {
			wrong++
		}
	}
	when := fmt.Sprintf("epoch %d", m.epoch)
	switch {
	case m.epoch == 0:
		when = "before learning"
	case l.result.Converged && m.epoch == len(l.result.Mistakes):
		when = fmt.Sprintf("learned in epoch %d", m.epoch)
	case m.epoch == showEpochs && m.sample == l.table.Len()-1:
		when = fmt.Sprintf("not learned in %d epochs", showEpochs)
	}
	return fmt.Sprintf("%s   %s   errors %d\ns = %s", l.gate, when, wrong, m.line)
}

// separatingLine is the set of points where w1·x1 + w2·x2 + b = 0.
type separatingLine struct{ w1, w2, b float64 }

// String returns the formula of the weighted sum.
func (l separatingLine) String() string {
	return strings.ReplaceAll(fmt.Sprintf("%.2f·x1 %+.2f·x2 %+.2f", l.w1, l.w2, l.b), "-", "−")
}

func (l separatingLine) sum(p plotter.XY) float64 { return l.w1*p.X + l.w2*p.Y + l.b }

// cut returns the part of a convex polygon where the weighted sum is above 0,
// and the points where the line crosses its edges.
func (l separatingLine) cut(polygon plotter.XYs) (above, border plotter.XYs) {
	for i, p := range polygon {
		q := polygon[(i+1)%len(polygon)]
		sp, sq := l.sum(p), l.sum(q)
		if sp > 0 {
			above = append(above, p)
		}
		if (sp > 0) != (sq > 0) {
			share := sp / (sp - sq)
			crossing := plotter.XY{X: p.X + share*(q.X-p.X), Y: p.Y + share*(q.Y-p.Y)}
			above, border = append(above, crossing), append(border, crossing)
		}
	}
	return above, border
}
