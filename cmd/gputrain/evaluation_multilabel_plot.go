package main

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/palette/brewer"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// draw draws the ROC curve of each label: the share of the rows where it holds that are
// found, over the share of the others that are taken for such, for all thresholds. Of
// many labels it draws those with the smallest areas.
func (m *multilabel) draw(path string) error {
	const most = 8 // curves
	areas := m.auroc.Classes()
	var drawn []int
	for j, area := range areas {
		if !math.IsNaN(area) {
			drawn = append(drawn, j)
		}
	}
	title := "ROC curves on the test set"
	if len(drawn) > most {
		slices.SortStableFunc(drawn, func(a, b int) int { return cmp.Compare(areas[a], areas[b]) })
		drawn = drawn[:most]
		title = fmt.Sprintf("%s: the %d labels of %d with the smallest areas", title, most, len(areas))
	}
	palette, err := brewer.GetPalette(brewer.TypeQualitative, "Dark2", max(3, len(drawn)))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	p := newPlot(title, "false positive rate", "true positive rate")
	p.Legend.Padding, p.Legend.XOffs, p.Legend.YOffs = vg.Points(2), -vg.Points(12), vg.Points(4)
	chance, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	chance.Color, chance.Dashes = color.Gray{Y: 150}, []vg.Length{vg.Points(4), vg.Points(3)}
	p.Add(plotter.NewGrid(), chance)
	for i, j := range drawn {
		line, err := plotter.NewLine(m.labels[j].roc())
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		line.Color, line.Width = palette.Colors()[i], vg.Points(1.5)
		p.Add(line)
		p.Legend.Add(fmt.Sprintf("%s (%.3f)", shortName(m.names[j]), areas[j]), line)
	}
	img := vgimg.NewWith(vgimg.UseWH(14*vg.Centimeter, 13*vg.Centimeter), vgimg.UseDPI(dotsPerInch))
	p.Draw(draw.Crop(draw.New(img), margin, -margin, margin, -margin))
	return writePNG(path, img)
}

// roc returns the points of the curve from (0, 0) to (1, 1). Rows of equal logits change
// sides together.
func (l *labelOutcomes) roc() plotter.XYs {
	order := make([]int, len(l.logits))
	positive := 0.0
	for i, holds := range l.holds {
		order[i] = i
		if holds {
			positive++
		}
	}
	negative := float64(len(order)) - positive
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(l.logits[b], l.logits[a]) })
	points, found, wrong := plotter.XYs{{}}, 0.0, 0.0
	for k, i := range order {
		if l.holds[i] {
			found++
		} else {
			wrong++
		}
		if k+1 == len(order) || l.logits[order[k+1]] != l.logits[i] {
			points = append(points, plotter.XY{X: wrong / negative, Y: found / positive})
		}
	}
	return append(thinned(points), plotter.XY{X: 1, Y: 1})
}
