package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"gputrain/data"
	"gputrain/internal/atomicfile"
	"gputrain/model"
	"gputrain/train"
)

// loadSeries returns the ends of the series of the input, from which to forecast, and
// notes on them.
func (c *predictCommand) loadSeries(d *description, stdin io.Reader) (*data.Frames, *data.Dataset, []string, error) {
	s := d.Series
	switch {
	case c.Ahead < 0 || c.Ahead > maxSize:
		return nil, nil, nil, outOfRange("ahead", c.Ahead, fmt.Sprintf("1 to %d", maxSize))
	case c.Top > 0:
		return nil, nil, nil, usagef("--top is for classes, but the model forecasts numbers")
	case len(c.Target) > 0:
		return nil, nil, nil, usagef("--target is of a table; the columns of series are found by the names that the model learned")
	case c.Ahead == 0:
		c.Ahead = s.Ahead
	}
	if c.Ahead > s.Block && len(s.Features) > 0 {
		return nil, nil, nil, usagef("--ahead is %d, but the model forecasts %d rows at once: to go on from there, it would have to know %s", c.Ahead, s.Block, some(shortNames(s.Features)))
	}
	var table *data.SeriesTable
	var err error
	if c.Input == "-" {
		if table, err = data.ReadSeries(stdin, "stdin", d.seriesOptions()); err == nil {
			err = d.checkSpacing(table)
		}
	} else {
		table, err = d.openSeries(c.Input)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	// A network forecasts whole blocks, of which the last may be more than is asked for.
	window := s.window()
	window.Ahead = (c.Ahead + s.Block - 1) / s.Block * s.Block
	ends, err := table.Ends(window)
	if err != nil {
		return nil, nil, nil, err
	}
	values := int64(len(ends.Origins)) * int64(window.Ahead) * int64(len(d.Targets))
	if err := checkMemory("predict", need{"the forecasts for " + c.Input, 8 * values}); err != nil {
		return nil, nil, nil, err
	}
	set, err := ends.Inputs(d.columnScaling())
	notes := describeSeriesTable(table)
	if c.Ahead > s.Block {
		notes = append(notes, fmt.Sprintf("the network forecasts %s at a time, and goes on from its own forecasts", plural(s.Block, "row", "rows")))
	}
	switch {
	case s.Intervals == nil:
		notes = append(notes, "no bounds: the model is none of a finished run, which knows how far its forecasts may be off")
	case c.Ahead > s.Ahead:
		notes = append(notes, fmt.Sprintf("no bounds beyond %s ahead, for which the model was measured", plural(s.Ahead, "row", "rows")))
	}
	return ends, set, notes, err
}

// forecast writes the forecasts for what follows the ends of the series.
func (c *predictCommand) forecast(con console, d *description, net *model.Network, ends *data.Frames) error {
	y, err := train.Forecast(net, ends, d.columnScaling())
	if err != nil {
		return err
	}
	write := func(w io.Writer) error { return writeForecasts(w, d, ends, c.Ahead, y) }
	if c.Out == "" {
		return write(con.out)
	}
	return atomicfile.Write(c.Out, write)
}

// writeForecasts writes a header and a row for each series and row ahead: the id, the
// time, and for each target the forecast and the bounds of its intervals.
func writeForecasts(w io.Writer, d *description, ends *data.Frames, ahead int, y []float64) error {
	table, s := csv.NewWriter(w), d.Series
	if err := table.Write(forecastHeader(d)); err != nil {
		return err
	}
	targets := len(d.Targets)
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 8, 64) }
	for i := range ends.Origins {
		series := &ends.Table.Series[i]
		for h := range ahead {
			var row []string
			if s.ID != "" {
				row = append(row, series.ID)
			}
			row = append(row, ends.Table.Time(i, series.Rows+h))
			for target := range targets {
				value := y[(i*ends.Window.Ahead+h)*targets+target]
				row = append(row, number(value))
				if s.Intervals == nil {
					continue
				}
				for level := range s.Intervals.Levels {
					lower, upper := "", ""
					if h < s.Ahead {
						half := s.Intervals.Half[level][h*targets+target]
						lower, upper = number(value-half), number(value+half)
					}
					row = append(row, lower, upper)
				}
			}
			if err := table.Write(row); err != nil {
				return err
			}
		}
	}
	table.Flush()
	return table.Error()
}

func forecastHeader(d *description) []string {
	s := d.Series
	var header []string
	if s.ID != "" {
		header = append(header, s.ID)
	}
	if s.Time != "" {
		header = append(header, s.Time)
	} else {
		header = append(header, "row")
	}
	for _, target := range d.Targets {
		header = append(header, target)
		if s.Intervals == nil {
			continue
		}
		for _, level := range s.Intervals.Levels {
			percent := strconv.FormatFloat(100*level, 'g', -1, 64)
			header = append(header, target+" lower "+percent, target+" upper "+percent)
		}
	}
	return header
}
