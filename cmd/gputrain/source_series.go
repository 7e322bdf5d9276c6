package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gputrain/data"
)

// seriesParts is what is known of the parts of series besides their samples.
type seriesParts struct {
	valid, test *data.Frames // from which all rows ahead are forecast
	scaling     data.Scaling // of the columns
	encodings   []data.Encoding
	season      int // 0 if there is none
	linear      *data.Linear
}

// loadSeries reads series and cuts them. before is the model to begin with, if there is
// one, whose columns and scaling they then have.
func (s *settings) loadSeries(from source, before *description) (parts sets, err error) {
	var o data.SeriesOptions
	if before != nil {
		if !before.ofSeries() {
			return sets{}, fmt.Errorf("--init-from: the model learned from %s, not from series", before.Data)
		}
		o = before.seriesOptions()
		o.Targets, o.Time, o.ID = s.Target, s.Time, s.SeriesID
	} else if o, parts.notes, err = s.planSeries(from); err != nil {
		return sets{}, err
	}
	table, err := data.OpenSeries(from.path, o)
	if err != nil {
		return sets{}, err
	}
	if s.forecastWay() == forecastFree && len(table.Features) > 0 {
		return sets{}, fmt.Errorf("%v: --forecast free feeds back what it forecasts, but goes on without knowing %s; leave columns out with --ignore, say which are --known ahead, or take --forecast direct", from, some(table.Features))
	}
	p := &seriesParts{encodings: o.Encodings, scaling: table.Standardize()}
	if before != nil {
		if table.Width() != before.seriesWidth() {
			return sets{}, fmt.Errorf("--init-from: its rows have %d features, but those of %v %d", before.seriesWidth(), from, table.Width())
		}
		p.scaling = before.columnScaling()
	}
	for target, name := range table.Targets {
		if p.scaling.Factor[target] == 0 {
			return sets{}, fmt.Errorf("%v: the target %s is %v in all rows to learn from: nothing to learn", from, shortName(name), p.scaling.Shift[target])
		}
	}
	if err := s.cutSeries(table, p, &parts); err != nil {
		return sets{}, err
	}
	parts.series = p
	parts.notes = append(parts.notes, s.seriesNotes(table, p, parts)...)
	return parts, nil
}

// cutSeries sets the parts of series to learn from, to validate and to test.
func (s *settings) cutSeries(table *data.SeriesTable, p *seriesParts, parts *sets) error {
	stride := max(1, s.Stride)
	window := s.seriesWindow()
	if err := checkForecastMemory(table, window, stride); err != nil {
		return err
	}
	short, direct := window, window
	short.Ahead, direct.Block = window.Block, window.Ahead
	train, valid, test, err := table.Split(short, stride)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		set    **data.Dataset
		frames *data.Frames
	}{{&parts.train, train}, {&parts.valid, valid}, {&parts.test, test}} {
		if *part.set, err = part.frames.Dataset(p.scaling); err != nil {
			return err
		}
	}
	if _, p.valid, p.test, err = table.Split(window, stride); err != nil {
		return err
	}
	learned, checked, _, err := table.Split(direct, stride)
	if err != nil {
		return err
	}
	if p.linear, err = data.FitLinear(learned, checked, p.scaling); err != nil {
		return err
	}
	if p.season = s.Season; p.season == 0 {
		p.season = table.Season()
	}
	return checkSeason(table, p.test, p.season)
}

// checkForecastMemory returns an error if there is no memory for the forecasts of the parts,
// of the network and of the baselines.
func checkForecastMemory(table *data.SeriesTable, w data.Window, stride int) error {
	const share, methods = 0.3, 6 // of the rows; with what came
	values := share * float64(table.Table.Len()) / float64(stride) * float64(w.Ahead) * float64(len(table.Targets))
	if err := checkMemory(table.Table.Name, need{"the forecasts to measure", int64(8 * methods * values)}); err != nil {
		return fmt.Errorf("%w; take a larger --stride", err)
	}
	return nil
}

// checkSeason refuses a season that is longer than what is before a frame.
func checkSeason(table *data.SeriesTable, f *data.Frames, season int) error {
	at := 0
	for _, origin := range f.Origins {
		for origin >= table.Series[at].First+table.Series[at].Rows {
			at++
		}
		if series := &table.Series[at]; origin-season+1 < series.First {
			return fmt.Errorf("%s: a season of %d rows is longer than what is before the part to test on; take a smaller --season", table.Table.Name, season)
		}
	}
	return nil
}

// planSeries says how to read series, by what their columns hold.
func (s *settings) planSeries(from source) (data.SeriesOptions, []string, error) {
	o := data.SeriesOptions{Targets: s.Target, Time: s.Time, ID: s.SeriesID, Known: s.Known, Ignore: s.Ignore, Features: s.Features, Missing: missingPolicy(s.Missing)}
	i, err := data.InspectTable(from.path, data.CSVOptions{})
	if err != nil {
		return o, nil, err
	}
	taken, known := map[int]bool{}, []int(nil)
	for _, list := range []struct {
		flag  string
		names []string
	}{{"target", s.Target}, {"time", nonEmpty(s.Time)}, {"series-id", nonEmpty(s.SeriesID)}, {"ignore", s.Ignore}, {"known", s.Known}, {"features", s.Features}} {
		for _, name := range list.names {
			column, err := seriesColumn(i, list.flag, name)
			switch {
			case err != nil:
				return o, nil, err
			case taken[column]:
				return o, nil, usagef("--%s: the column %s is named before, as something else or twice", list.flag, columnName(i, column))
			}
			taken[column] = true
			if list.flag == "known" {
				known = append(known, column)
			}
		}
	}
	if !i.Header {
		return o, nil, nil // all columns are numbers
	}
	var columns []int
	if o.Features == nil {
		o.Features = []string{}
		for column := range i.Columns {
			if !taken[column] {
				o.Features, columns = append(o.Features, i.Columns[column].Name), append(columns, column)
			}
		}
	} else {
		for _, name := range s.Features {
			column, err := seriesColumn(i, "features", name)
			if err != nil {
				return o, nil, err
			}
			columns = append(columns, column)
		}
	}
	var p plan
	if err := s.tableChoice().encode(i, &p, append(columns, known...)); err != nil {
		return o, nil, err
	}
	o.Encodings = p.options.Encodings
	return o, p.notes, nil
}

// nonEmpty returns the name of a column as a list, which is empty without one.
func nonEmpty(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}

// seriesColumn returns the column that a flag means by name or by number.
func seriesColumn(i *data.Inspection, flag, name string) (int, error) {
	column, err := -1, errors.New("")
	if i.Header {
		column, err = findColumn(i, flag, name)
	}
	if number, notNumber := strconv.Atoi(name); err != nil && notNumber == nil && number >= 1 && number <= len(i.Columns) {
		return number - 1, nil
	}
	if !i.Header {
		return 0, fmt.Errorf("%s: --%s is %q, but the file has no header: give a number from 1 to %d, or write names above the data", i.Name, flag, name, len(i.Columns))
	}
	return column, err
}

// seriesNotes says what was understood of series.
func (s *settings) seriesNotes(table *data.SeriesTable, p *seriesParts, parts sets) []string {
	lines := describeSeriesTable(table)
	line := fmt.Sprintf("forecast %s, %s ahead, from the last %d", some(shortNames(table.Targets)), plural(s.Ahead, "row", "rows"), s.Window)
	if s.forecastWay() == forecastFree {
		line += ", one at a time, which is fed back"
	}
	if s.Relative {
		line += ", counted from the last value"
	}
	for _, columns := range []struct {
		what  string
		names []string
	}{{"known up to the present", table.Features}, {"known ahead", table.Known}} {
		if len(columns.names) > 0 {
			line += fmt.Sprintf("; %s: %s", columns.what, some(shortNames(columns.names)))
		}
	}
	lines = append(lines, line)
	for target, name := range table.Targets {
		if share := table.Beyond(target); share > 0.25 && !s.Relative {
			lines = append(lines, fmt.Sprintf("warning: %s: %.0f %% of the rows to validate and test on have values of %s beyond those to learn from; --relative lets a network follow them", table.Table.Name, 100*share, shortName(name)))
		}
	}
	season := fmt.Sprintf("season: %s, as set", plural(p.season, "row", "rows"))
	switch {
	case p.season == 0:
		season = "no season is found in the training part; --season N sets one for the seasonal baseline"
	case s.Season == 0:
		season = fmt.Sprintf("season: %s, after which the training part is most like itself", plural(p.season, "row", "rows"))
	}
	return append(lines, season, fmt.Sprintf("windows: %d to train on, %d to validate, %d to test on, cut by time", parts.train.Len(), parts.valid.Len(), parts.test.Len()))
}

func shortNames(names []string) (short []string) {
	for _, name := range names {
		short = append(short, shortName(name))
	}
	return short
}

// describeSeriesTable says which series a file holds.
func describeSeriesTable(table *data.SeriesTable) (lines []string) {
	least, most, future := table.Series[0].Rows, 0, 0
	var names []string
	for i := range table.Series {
		s := &table.Series[i]
		least, most, future = min(least, s.Rows), max(most, s.Rows), max(future, s.Future)
		if i < 6 {
			names = append(names, shortName(s.ID))
		}
	}
	var line string
	if n := len(table.Series); n > 1 {
		line = fmt.Sprintf("%d series of %d to %s: %s", n, least, plural(most, "row", "rows"), strings.Join(names[:min(n, 5)], ", "))
		if n > 5 {
			line += ", ..."
		}
	} else {
		line = fmt.Sprintf("a series of %s", plural(most, "row", "rows"))
		if table.Timed() {
			line += fmt.Sprintf(" from %s to %s", table.Time(0, 0), table.Time(0, most-1))
		}
	}
	if table.Timed() {
		line += fmt.Sprintf(", %v apart", table.Spacing)
	} else {
		line += ", taken as equally spaced, because no --time column is named"
	}
	if future > 0 {
		line += fmt.Sprintf("; up to %s at the end without targets", plural(future, "row", "rows"))
	}
	lines = append(lines, table.Table.Name+": "+line)
	for _, note := range table.Notes {
		lines = append(lines, table.Table.Name+": "+note)
	}
	for _, warning := range table.Table.Warnings {
		lines = append(lines, "warning: "+table.Table.Name+": "+warning)
	}
	return lines
}

// checkSpacing refuses series whose rows are further apart than those that the model
// learned from, or less far.
func (d *description) checkSpacing(table *data.SeriesTable) error {
	if learned := d.Series.Spacing; table.Spacing != learned {
		return fmt.Errorf("%s: its rows are %v apart, but the model learned from rows that are %v apart", table.Table.Name, table.Spacing, learned)
	}
	return nil
}

// openSeries reads a file of series for the model.
func (d *description) openSeries(path string) (*data.SeriesTable, error) {
	table, err := data.OpenSeries(path, d.seriesOptions())
	if err != nil {
		return nil, err
	}
	return table, d.checkSpacing(table)
}

// loadSeries returns the windows to measure a model on: all of a file, or of the file
// that it learned from those of the last part.
func (c *evalCommand) loadSeries(d *description) (*data.Frames, *data.Dataset, []string, error) {
	from, err := c.source(d)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(c.Target) > 0 {
		return nil, nil, nil, usagef("--target is of a table; the columns of series are found by the names that the model learned")
	}
	table, err := d.openSeries(from.path)
	if err != nil {
		return nil, nil, nil, err
	}
	window := d.Series.window()
	short := window
	short.Ahead = window.Block
	frames := func(w data.Window) (f *data.Frames, err error) {
		if c.Data != "" {
			return table.All(w, d.Series.Season)
		}
		_, _, f, err = table.Split(w, d.Series.stride())
		return f, err
	}
	measured, err := frames(window)
	if err != nil {
		return nil, nil, nil, err
	}
	samples, err := frames(short)
	if err != nil {
		return nil, nil, nil, err
	}
	set, err := samples.Dataset(d.columnScaling())
	if err != nil {
		return nil, nil, nil, err
	}
	notes := append(describeSeriesTable(table), plural(len(measured.Origins), "forecast", "forecasts")+" to compare with what came")
	return measured, set, notes, checkSeason(table, measured, d.Series.Season)
}
