package main

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette/brewer"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"gputrain/train"
)

// writeCurves draws the losses over the epochs and, of classes, the validation accuracy
// beside them.
func writeCurves(path string, history []train.Epoch, d *description) error {
	curve := func(value func(train.Epoch) float64) plotter.XYs {
		var points plotter.XYs
		for _, e := range history {
			points = append(points, plotter.XY{X: float64(e.Epoch), Y: value(e)})
		}
		return thinned(points)
	}
	epochs := len(history)
	loss, accuracy := newPanel("Loss", d.lossName(), epochs), newPanel("Accuracy", "correct share", epochs)
	blue, orange := color.RGBA{R: 31, G: 119, B: 180, A: 255}, color.RGBA{R: 230, G: 110, B: 20, A: 255}
	for _, c := range []struct {
		panel *plot.Plot
		name  string
		color color.Color
		value func(train.Epoch) float64
	}{
		{loss, "training", blue, func(e train.Epoch) float64 { return e.TrainLoss }},
		{loss, "validation", orange, func(e train.Epoch) float64 { return e.ValidLoss }},
		{accuracy, "validation", orange, func(e train.Epoch) float64 { return e.ValidAccuracy }},
	} {
		if c.panel == accuracy && d.task() != taskClassify {
			continue
		}
		line, points, err := plotter.NewLinePoints(curve(c.value))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		line.Color, line.Width = c.color, vg.Points(1.5)
		points.Color, points.Shape, points.Radius = c.color, draw.CircleGlyph{}, vg.Points(1.5)
		if epochs > 100 { // points would cover the line
			c.panel.Add(line)
			c.panel.Legend.Add(c.name, line)
		} else {
			c.panel.Add(line, points)
			c.panel.Legend.Add(c.name, line, points)
		}
	}
	loss.Y.Min = 0
	loss.Legend.Top = true
	accuracy.Y.Max = 1

	panels := [][]*plot.Plot{{loss, accuracy}}
	if d.task() != taskClassify {
		panels = [][]*plot.Plot{{loss}}
	}
	columns := len(panels[0])
	img := vgimg.NewWith(vgimg.UseWH(vg.Length(columns)*12*vg.Centimeter, 9*vg.Centimeter), vgimg.UseDPI(dotsPerInch))
	tiles := draw.Tiles{Rows: 1, Cols: columns, PadX: vg.Centimeter, PadLeft: margin, PadRight: margin, PadTop: margin, PadBottom: margin}
	for i, canvas := range plot.Align(panels, tiles, draw.New(img))[0] {
		panels[0][i].Draw(canvas)
	}
	return writePNG(path, img)
}

// thinned returns a curve that looks the same with at most so many points as there is
// room for. Of neighbours it keeps the highest and the lowest.
func thinned(points plotter.XYs) plotter.XYs {
	const room = 1000
	if len(points) <= room {
		return points
	}
	var kept plotter.XYs
	byHeight := func(a, b plotter.XY) int { return cmp.Compare(a.Y, b.Y) }
	for part := range slices.Chunk(points, (2*len(points)+room-1)/room) {
		low, high := slices.MinFunc(part, byHeight), slices.MaxFunc(part, byHeight)
		if low.X > high.X {
			low, high = high, low
		}
		kept = append(kept, low, high)
	}
	return kept
}

func newPanel(title, unit string, epochs int) *plot.Plot {
	p := newPlot(title, "epoch", unit)
	p.X.Tick.Marker = wholeTicks(epochs)
	p.Legend.Padding = vg.Points(2)
	p.Legend.XOffs, p.Legend.YOffs = -vg.Points(4), vg.Points(4)
	p.Add(plotter.NewGrid())
	return p
}

// Pictures of more classes than countedClasses have the size of this many, without
// counts, which would be too small to read. Of more than drawnClasses, those with
// most mistakes are drawn.
const countedClasses, drawnClasses = 30, 60

// writeConfusion draws the counts by actual and predicted class. The colour shows
// the share of the actual class.
func writeConfusion(path string, confusion train.Confusion, classes []string) error {
	palette, err := brewer.GetPalette(brewer.TypeSequential, "Blues", 9)
	if err != nil {
		return err
	}
	title := "Confusion on the test set"
	if len(classes) > drawnClasses {
		title = fmt.Sprintf("%s: the %d classes of %d with most mistakes", title, drawnClasses, len(classes))
	}
	grid := newConfusionGrid(confusion, mostMistaken(confusion, len(classes), drawnClasses))
	heat := plotter.NewHeatMap(grid, palette)
	heat.Min, heat.Max = 0, 1

	var names []string
	for _, class := range grid.classes {
		names = append(names, shortName(classes[class]))
	}
	p := newPlot(title, "predicted class", "actual class")
	p.NominalX(names...)
	if slices.ContainsFunc(names, func(name string) bool { return len(name) > 3 }) {
		p.X.Tick.Label.Rotation = math.Pi / 4
		p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = text.XRight, text.YCenter
	}
	slices.Reverse(names) // upward
	p.NominalY(names...)
	p.Add(heat)
	if len(names) <= countedClasses {
		labels, err := cellLabels(grid, p.X.Tick.Label)
		if err != nil {
			return err
		}
		p.Add(labels)
	}
	side := vg.Length(max(min(len(names), countedClasses), 6)) * 1.1 * vg.Centimeter
	img := vgimg.NewWith(vgimg.UseWH(side+4*vg.Centimeter, side+4*vg.Centimeter), vgimg.UseDPI(dotsPerInch))
	p.Draw(draw.Crop(draw.New(img), margin, -margin, margin, -margin))
	return writePNG(path, img)
}

// confusionGrid is a plotter.GridXYZ of some classes, the first row on top.
type confusionGrid struct {
	confusion train.Confusion
	classes   []int
	rows      map[int]int // by class
}

func newConfusionGrid(confusion train.Confusion, classes []int) confusionGrid {
	return confusionGrid{confusion, classes, confusion.Rows()}
}

func (g confusionGrid) Dims() (columns, rows int) { return len(g.classes), len(g.classes) }
func (g confusionGrid) X(column int) float64      { return float64(column) }
func (g confusionGrid) Y(row int) float64         { return float64(row) }

func (g confusionGrid) outcome(column, row int) train.Outcome {
	return train.Outcome{Actual: g.classes[len(g.classes)-1-row], Predicted: g.classes[column]}
}

// Z returns the root of the share of the class, so that single mistakes show.
func (g confusionGrid) Z(column, row int) float64 {
	outcome := g.outcome(column, row)
	return math.Sqrt(float64(g.confusion[outcome]) / float64(max(g.rows[outcome.Actual], 1)))
}

// cellLabels writes the counts into the cells, zeros faintly.
func cellLabels(grid confusionGrid, style text.Style) (*plotter.Labels, error) {
	var cells plotter.XYLabels
	for row := range grid.classes {
		for column := range grid.classes {
			cells.XYs = append(cells.XYs, plotter.XY{X: float64(column), Y: float64(row)})
			cells.Labels = append(cells.Labels, fmt.Sprint(grid.confusion[grid.outcome(column, row)]))
		}
	}
	labels, err := plotter.NewLabels(cells)
	if err != nil {
		return nil, err
	}
	style.Rotation, style.XAlign, style.YAlign = 0, text.XCenter, text.YCenter
	for i, cell := range cells.XYs {
		labels.TextStyle[i] = style
		switch share := grid.Z(int(cell.X), int(cell.Y)); {
		case share == 0:
			labels.TextStyle[i].Color = color.Gray{Y: 200}
		case share > 0.6:
			labels.TextStyle[i].Color = color.White
		}
	}
	return labels, nil
}
