package main

import (
	"fmt"
	"image/color"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"gputrain/data"
)

// draw draws the end of the first series, a panel for each target, with forecasts from
// some origins, one beginning where the one before ends. Of many targets it draws the
// first.
func (s *seriesErrors) draw(path string) error {
	const most = 6 // targets
	var panels [][]*plot.Plot
	for target := range min(s.targets(), most) {
		panel, err := s.panel(target)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		panels = append(panels, []*plot.Plot{panel})
	}
	img := vgimg.NewWith(vgimg.UseWH(26*vg.Centimeter, vg.Length(len(panels))*11*vg.Centimeter), vgimg.UseDPI(dotsPerInch))
	tiles := draw.Tiles{Rows: len(panels), Cols: 1, PadY: vg.Centimeter, PadLeft: margin, PadRight: 3 * margin, PadTop: margin, PadBottom: margin}
	for i, row := range plot.Align(panels, tiles, draw.New(img)) {
		panels[i][0].Draw(row[0])
	}
	return writePNG(path, img)
}

// drawnFrames returns the frames of the first series to draw, the last ones, and the rows
// of the table from the first to the last that are drawn.
func (s *seriesErrors) drawnFrames() (frames []int, from, to int) {
	const most, past = 4, 2 // forecasts, and times as many rows before them
	series := &s.frames.Table.Series[0]
	ahead := s.frames.Window.Ahead
	last := series.First + series.Rows
	next := last
	for i := len(s.frames.Origins) - 1; i >= 0 && len(frames) < most; i-- {
		if origin := s.frames.Origins[i]; origin < last && origin <= next {
			frames = append(frames, i)
			next = origin - ahead
		}
	}
	slices.Reverse(frames)
	first := s.frames.Origins[frames[0]]
	return frames, max(series.First, first-max(past*ahead, 20)), s.frames.Origins[frames[len(frames)-1]] + ahead
}

// panel draws a target.
func (s *seriesErrors) panel(target int) (*plot.Plot, error) {
	table := s.frames.Table
	series := &table.Series[0]
	frames, from, to := s.drawnFrames()
	p := newPlot("Forecasts on the test set", "", shortName(table.Targets[target]))
	if series.ID != "" {
		p.Title.Text += ", series " + shortName(series.ID)
	}
	p.Add(plotter.NewGrid())
	p.Legend.Top, p.Legend.Padding = true, vg.Points(2)
	p.X.Tick.Marker = fewTicks{}
	if table.Spacing.Dates {
		p.X.Tick.Marker = dateTicks(table, from-series.First, to-series.First+1)
	}
	at := func(row int, y float64) plotter.XY { return plotter.XY{X: table.Seconds(0, row-series.First), Y: y} }
	if err := s.addIntervals(p, frames, target, at); err != nil {
		return nil, err
	}
	colors := []color.Color{color.RGBA{R: 31, G: 119, B: 180, A: 255}, color.Gray{Y: 140}, color.RGBA{R: 44, G: 160, B: 44, A: 255}, color.RGBA{R: 230, G: 110, B: 20, A: 255}}
	for m := len(s.methods) - 1; m >= 0; m-- {
		for n, frame := range frames {
			origin := s.frames.Origins[frame]
			points := plotter.XYs{at(origin, table.Target(origin, target))}
			for h := range s.frames.Window.Ahead {
				points = append(points, at(origin+1+h, s.methods[m].forecast[(frame*s.frames.Window.Ahead+h)*s.targets()+target]))
			}
			line, err := plotter.NewLine(points)
			if err != nil {
				return nil, err
			}
			line.Color, line.Width = colors[m], vg.Points(1)
			if m == 0 {
				line.Width = vg.Points(2)
			} else {
				line.Dashes = []vg.Length{vg.Points(3), vg.Points(2)}
			}
			p.Add(line)
			if n == 0 {
				p.Legend.Add(s.methods[m].name, line)
			}
		}
	}
	var actual plotter.XYs
	for row := from; row <= to; row++ {
		actual = append(actual, at(row, table.Target(row, target)))
	}
	line, err := plotter.NewLine(thinned(actual))
	if err != nil {
		return nil, err
	}
	line.Color, line.Width = color.Black, vg.Points(1.2)
	p.Add(line)
	p.Legend.Add("actual", line)
	p.X.Max += 0.2 * (p.X.Max - p.X.Min) // a place for the legend
	return p, nil
}

// dateTicks marks a few of the rows of a series from one to before another: where a
// second begins, a minute, an hour, a day, a month or a year, or every 2nd or 5th of
// these; of years, also every 10th, 20th, and so on.
func dateTicks(table *data.SeriesTable, from, to int) (ticks plot.ConstantTicks) {
	const most = 6
	date := func(row int) time.Time {
		return time.UnixMicro(int64(1e6 * table.Seconds(0, row))).In(table.Location())
	}
	few, many := []int{1, 2, 5}, []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}
	for _, unit := range []struct {
		beginning, label string
		strides          []int
	}{
		{"2006-01-02 15:04:05", "15:04:05", few}, {"2006-01-02 15:04", "15:04", few}, {"2006-01-02 15", "2006-01-02\n15:04", few},
		{"2006-01-02", "2006-01-02", few}, {"2006-01", "2006-01", few}, {"2006", "2006", many},
	} {
		var begin []int
		for row := from + 1; row < to; row++ {
			if date(row).Format(unit.beginning) != date(row-1).Format(unit.beginning) {
				begin = append(begin, row)
			}
		}
		for _, stride := range unit.strides {
			if len(begin) > most*stride {
				continue
			}
			for at := 0; at < len(begin); at += stride {
				ticks = append(ticks, plot.Tick{Value: table.Seconds(0, begin[at]), Label: date(begin[at]).Format(unit.label)})
			}
			return ticks
		}
	}
	return ticks
}

// addIntervals draws the intervals of forecasts, the widest first.
func (s *seriesErrors) addIntervals(p *plot.Plot, frames []int, target int, at func(int, float64) plotter.XY) error {
	if s.intervals == nil {
		return nil
	}
	for level := len(s.intervals.Levels) - 1; level >= 0; level-- {
		shade := color.RGBA{R: 210, G: 226, B: 242, A: 255}
		if level == 0 {
			shade = color.RGBA{R: 168, G: 203, B: 230, A: 255}
		}
		for n, frame := range frames {
			origin := s.frames.Origins[frame]
			start := at(origin, s.frames.Table.Target(origin, target))
			upper, lower := plotter.XYs{start}, plotter.XYs{}
			for h := range s.frames.Window.Ahead {
				y := s.methods[0].forecast[(frame*s.frames.Window.Ahead+h)*s.targets()+target]
				half := s.intervals.Half[level][h*s.targets()+target]
				upper, lower = append(upper, at(origin+1+h, y+half)), append(lower, at(origin+1+h, y-half))
			}
			slices.Reverse(lower)
			band, err := plotter.NewPolygon(append(upper, lower...))
			if err != nil {
				return err
			}
			band.Color, band.LineStyle.Width = shade, 0
			p.Add(band)
			if n == 0 {
				p.Legend.Add(fmt.Sprintf("%.0f %% interval", 100*s.intervals.Levels[level]), band)
			}
		}
	}
	return nil
}
