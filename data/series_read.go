package data

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"gputrain/internal/inputfile"
)

// SeriesOptions says how to read a file of series.
type SeriesOptions struct {
	// Targets are the columns of numbers to forecast: their names in the header, or
	// their numbers, from 1, if the file has none.
	Targets []string
	// Time is the column of the times, which are numbers or dates. "": the rows are
	// equally spaced, and in order.
	Time string
	// ID is the column that tells several series apart. "": the file has one.
	ID string
	// Known are the columns whose values are known ahead, such as the day of the week.
	Known []string
	// Features are the other columns to forecast from, known up to the present. nil:
	// all that are left but those of Ignore.
	Features []string
	Ignore   []string
	// Encodings says how the columns of Features, and behind them those of Known, become
	// numbers. nil: all hold numbers. It goes with Features only.
	Encodings []Encoding
	// Missing says what to do about missing values of Features and Known: refuse them, or
	// MissingNaN.
	Missing Missing
}

// SeriesTable is one or several series of the same columns: a table whose rows are in
// the order of time, equally spaced, one series after the other.
type SeriesTable struct {
	// Table has the targets as its first features, then the columns known up to the
	// present, then those known ahead.
	Table    *Table
	Targets  []string
	Features []string
	Known    []string
	Series   []Series
	Spacing  Spacing
	Notes    []string // lines that say how the file was understood, where there was a choice

	timed      bool
	calendar   calendar
	knownWidth int // features of Known
}

// Series is a series of a SeriesTable.
type Series struct {
	ID     string // "" if there is only one
	First  int    // row of the table
	Rows   int    // that have values of the targets
	Future int    // rows behind them, which have values of the known columns only

	start float64 // the time of the first row
	day   int     // of the month at which it has rows, if they are months apart
}

// all returns how many rows the series has in the table.
func (s *Series) all() int { return s.Rows + s.Future }

// in begins what messages say about the series.
func (s *Series) in() string {
	if s.ID == "" {
		return ""
	}
	return "series " + quote(s.ID) + ": "
}

// Timed reports whether the file has a column of times.
func (t *SeriesTable) Timed() bool { return t.timed }

// Time returns the time of a row of a series, from 0, as the file writes it. The row may
// be behind the end.
func (t *SeriesTable) Time(series, row int) string {
	s := &t.Series[series]
	return t.calendar.format(t.calendar.after(s.start, s.day, row))
}

// Seconds returns that time as a number: the file's own, or the seconds since 1970 of a
// date.
func (t *SeriesTable) Seconds(series, row int) float64 {
	s := &t.Series[series]
	x := t.calendar.after(s.start, s.day, row)
	if t.Spacing.Dates {
		x /= second
	}
	return x
}

// Location returns the time zone of the dates; nil if the times are numbers.
func (t *SeriesTable) Location() *time.Location { return t.calendar.zone }

// OpenSeries reads the series in the file at path, of any kind that OpenTable reads.
//
// The times of each series must grow, by equal steps, of which months and years are
// some. A row of which all targets are missing must be at the end of its series: it says
// what is known ahead.
func OpenSeries(path string, o SeriesOptions) (*SeriesTable, error) {
	file, err := inputfile.Open(path)
	if err != nil {
		return nil, readError(path, err)
	}
	defer file.Close()
	return openSeries(file, path, o)
}

func openSeries(file *os.File, path string, o SeriesOptions) (*SeriesTable, error) {
	source, err := openRows(file, path)
	if err != nil {
		return nil, err
	}
	return readSeries(source, path, o)
}

// ReadSeries reads series as OpenSeries does, from CSV text.
func ReadSeries(r io.Reader, name string, o SeriesOptions) (*SeriesTable, error) {
	source, err := openRecords(r, name)
	if err != nil {
		return nil, err
	}
	return readSeries(source, name, o)
}

// NewSeries returns a series in memory, of one target and equally spaced rows.
func NewSeries(target string, values []float64) *SeriesTable {
	return &SeriesTable{
		Table:   &Table{Name: target, Features: []string{target}, Width: 1, X: values},
		Targets: []string{target}, Series: []Series{{Rows: len(values), start: 1}},
		Spacing: Spacing{Step: 1}, calendar: calendar{spacing: Spacing{Step: 1}},
	}
}

// seriesReader collects the rows of a file of series.
type seriesReader struct {
	tableReader
	options  SeriesOptions
	series   *SeriesTable
	time, id int // columns; −1 without
	times    timeReader
	rows     []int32 // of the file: the series
	lines    []int
	ids      map[string]int32
}

// rowBytes is what a row takes besides the values: its time as several layouts read it,
// its line and its place.
const rowBytes = 96

func readSeries(source rowSource, name string, o SeriesOptions) (*SeriesTable, error) {
	first, row, err := firstRows(source, name)
	if err != nil {
		return nil, err
	}
	r := &seriesReader{
		tableReader: tableReader{table: &Table{Name: name}, source: source, numbers: numbers{commas: source.commas()}, labels: newLabels(nil)},
		options:     o, ids: map[string]int32{},
	}
	r.times.numbers = &r.numbers
	if err := r.find(first); err != nil {
		return nil, err
	}
	if r.header == nil {
		if err := r.addRow(first); err != nil {
			return nil, err
		}
	}
	for ; row.fields != nil; row, err = nextOrEnd(source) {
		if err := r.addRow(row); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	return r.finish()
}

// find finds the columns.
func (r *seriesReader) find(first record) error {
	o := r.options
	c := columns{place: fmt.Sprintf("%s:%d: ", r.table.Name, first.line), target: -1, at: map[string][]int{}}
	if r.source.named() {
		c.place = r.table.Name + ": " // the names stand in no line
	}
	for i, field := range first.fields {
		name := strings.Clone(nameIn(field))
		c.names = append(c.names, name)
		c.at[name] = append(c.at[name], i)
	}
	if r.source.named() || r.numbers.countTexts(first.fields) > 0 {
		c.header = c.names
	}
	r.series = &SeriesTable{}
	role := map[int]string{}
	column := func(name, use string) (int, error) {
		i, err := c.findSeries(name)
		switch {
		case err != nil:
			return 0, err
		case role[i] != "":
			return 0, c.fail("column %s is named twice: as %s, and as %s", quote(name), role[i], use)
		}
		role[i] = use
		return i, nil
	}
	var err error
	r.time, r.id = -1, -1
	for _, one := range []struct {
		name, use string
		column    *int
	}{{o.Time, "the time", &r.time}, {o.ID, "the id of the series", &r.id}} {
		if one.name == "" {
			continue
		}
		if *one.column, err = column(one.name, one.use); err != nil {
			return err
		}
	}
	if len(o.Targets) == 0 {
		return errors.New("data: no target to forecast is named")
	}
	var targets, features, known []int
	for _, list := range []struct {
		names   []string
		use     string
		columns *[]int
	}{{o.Targets, "a target", &targets}, {o.Known, "known ahead", &known}, {o.Ignore, "left out", new([]int)}, {o.Features, "a feature", &features}} {
		for _, name := range list.names {
			i, err := column(name, list.use)
			if err != nil {
				return err
			}
			*list.columns = append(*list.columns, i)
		}
	}
	if o.Features == nil {
		for i := range c.names {
			if role[i] == "" {
				features = append(features, i)
			}
		}
	}
	if err := r.doubt(&c, targets); err != nil {
		return err
	}
	for _, list := range []struct {
		columns []int
		names   *[]string
	}{{targets, &r.series.Targets}, {features, &r.series.Features}, {known, &r.series.Known}} {
		for _, i := range list.columns {
			if same := c.at[c.names[i]]; c.header != nil && len(same) > 1 {
				return c.fail("columns %d and %d are both called %s; rename one", same[0]+1, same[1]+1, quote(c.names[i]))
			}
			*list.names = append(*list.names, c.nameOf(i))
		}
		c.features = append(c.features, list.columns...)
	}
	r.columns = c
	options := CSVOptions{Missing: MissingNaN}
	if o.Encodings != nil {
		options.Encodings = slices.Concat(make([]Encoding, len(targets)), o.Encodings)
	}
	if err := r.start(options); err != nil {
		return err
	}
	for _, e := range r.encodings[len(targets)+len(features):] {
		r.series.knownWidth += e.Width()
	}
	return nil
}

// nameOf returns the name of a column, or its number from 1 if the file has no names.
func (c *columns) nameOf(column int) string {
	if c.header == nil {
		return strconv.Itoa(column + 1)
	}
	return c.names[column]
}

// findSeries returns the column that a name or a number means.
func (c *columns) findSeries(name string) (int, error) {
	if found := c.at[nameIn(name)]; c.header != nil && found != nil {
		if len(found) > 1 {
			return 0, c.fail("columns %d and %d are both called %s; rename one", found[0]+1, found[1]+1, quote(name))
		}
		return found[0], nil
	}
	if number, err := strconv.Atoi(name); err == nil && number >= 1 && number <= len(c.names) {
		return number - 1, nil
	}
	if c.header == nil {
		return 0, c.fail("no header names a column %s; give its number, 1 to %d, or write names above the data", quote(name), len(c.names))
	}
	return 0, c.fail("the first line names no column %s%s; it has %s", quote(name), hint(name, c.names), quoteList(c.names))
}

// doubt refuses a header that is data.
func (r *seriesReader) doubt(c *columns, targets []int) error {
	if c.header == nil || r.source.named() {
		return nil
	}
	for _, i := range targets {
		if !r.numbers.isText(c.names[i]) {
			return c.fail("the first line holds %s, which looks like data; write the names of the columns above it", quote(c.names[i]))
		}
	}
	if r.time >= 0 && looksLikeTime(c.names[r.time], r.numbers) {
		return c.fail("the first line holds the time %s, which looks like data; write the names of the columns above it", quote(c.names[r.time]))
	}
	return nil
}

// addRow takes a row of data.
func (r *seriesReader) addRow(row record) error {
	series := int32(0)
	if err := r.bound.take(1, rowBytes); err != nil {
		return fmt.Errorf("%s:%d: %w", r.table.Name, row.line, err)
	}
	if r.id >= 0 {
		id := nameIn(row.fields[r.id])
		if id == "" {
			return r.fail(row, r.id, "no id; fill it in or remove the line")
		}
		known := false
		if series, known = r.ids[id]; !known {
			if err := r.bound.take(1, classBytes+int64(len(id))); err != nil {
				return fmt.Errorf("%s:%d: %w", r.table.Name, row.line, err)
			}
			id = strings.Clone(id)
			series = int32(len(r.ids))
			r.ids[id] = series
			r.series.Series = append(r.series.Series, Series{ID: id})
		}
	} else if len(r.lines) == 0 {
		r.series.Series = []Series{{}}
	}
	if r.time >= 0 {
		if err := r.times.add(row.fields[r.time], row.line, r.time); err != nil {
			return r.fail(row, r.time, "%w", err)
		}
	}
	r.rows, r.lines = append(r.rows, series), append(r.lines, row.line)
	r.series.Series[series].Rows++
	return r.add(row)
}

// finish orders the rows, and checks them.
func (r *seriesReader) finish() (*SeriesTable, error) {
	clear(r.missing) // there is more to say about them
	table, err := r.tableReader.finish()
	if err != nil {
		return nil, err
	}
	s := r.series
	s.Table = table
	order := r.sort()
	if err := r.cut(order); err != nil {
		return nil, err
	}
	if r.time < 0 {
		s.Spacing.Step = 1
		s.calendar = calendar{spacing: s.Spacing}
		for i := range s.Series {
			s.Series[i].start = 1
		}
	} else {
		rows := timeRows{table.Name, r.describe(r.time), r.time + 1, s.Series, order, r.lines}
		c, err := r.times.understand(rows)
		if err != nil {
			return nil, err
		}
		s.timed, s.calendar, s.Spacing = true, *c, c.spacing
	}
	s.Notes = table.Notes
	return s, nil
}

// sort brings the rows of each series together, and returns which row of the file each is.
func (r *seriesReader) sort() []int {
	first := 0
	next := make([]int, len(r.series.Series))
	for i := range r.series.Series {
		s := &r.series.Series[i]
		s.First, next[i] = first, first
		first += s.Rows
	}
	order := make([]int, len(r.rows))
	for row, series := range r.rows {
		order[next[series]] = row
		next[series]++
	}
	if !slices.IsSorted(order) {
		r.table.X = gather(r.table.X, order, r.table.Width)
	}
	return order
}

// cut finds the rows without targets at the end of each series, and refuses other values
// that are missing.
func (r *seriesReader) cut(order []int) error {
	targets := len(r.series.Targets)
	lacks := func(row, from, to int) bool {
		return slices.ContainsFunc(r.table.X[row*r.table.Width+from:row*r.table.Width+to], math.IsNaN)
	}
	width := r.table.Width
	var gap missingValues
	mean := map[int]int{}
	for i := range r.series.Series {
		s := &r.series.Series[i]
		for s.Rows > 0 && !slices.ContainsFunc(r.table.X[(s.First+s.Rows-1)*width:][:targets], func(x float64) bool { return !math.IsNaN(x) }) {
			s.Rows--
			s.Future++
		}
		for row := s.First; row < s.First+s.all(); row++ {
			if row < s.First+s.Rows && lacks(row, 0, targets) {
				gap.add(r, order[row], row, 0, targets, "")
			}
			from := targets
			if row >= s.First+s.Rows {
				from = width - r.series.knownWidth // what else is ahead is not known
			}
			switch {
			case !lacks(row, from, width):
			case r.options.Missing == MissingRefused:
				gap.add(r, order[row], row, from, width, ", or let missing values be the mean")
			default:
				for feature := from; feature < width; feature++ {
					if column, _ := r.table.place(feature); math.IsNaN(r.table.X[row*width+feature]) {
						mean[column]++
					}
				}
			}
		}
	}
	if err := gap.err(); err != nil {
		return err
	}
	for column, e := range r.encodings {
		if n := mean[column]; n > 0 {
			r.table.Notes = append(r.table.Notes, fmt.Sprintf("missing values count as the mean: %s (%d)", r.describe(r.features[column]), n/e.width()))
		}
	}
	return nil
}

// missingValues counts values that should be there.
type missingValues struct {
	count     int
	first     string // where
	otherwise string // what else to do about them
}

// add counts the missing values of a row of the table among some features. line is its
// row of the file.
func (m *missingValues) add(r *seriesReader, line, row, from, to int, otherwise string) {
	last := -1
	for feature := from; feature < to; feature++ {
		column, _ := r.table.place(feature)
		if column == last || !math.IsNaN(r.table.X[row*r.table.Width+feature]) {
			continue
		}
		last = column
		if m.count++; m.first == "" {
			m.first, m.otherwise = fmt.Sprintf("%s:%d:%d: %s", r.table.Name, r.lines[line], r.features[column]+1, r.describe(r.features[column])), otherwise
		}
	}
}

// err is nil if there are none.
func (m *missingValues) err() error {
	what := "no value"
	switch {
	case m.count == 0:
		return nil
	case m.count > 1:
		what += fmt.Sprintf(", the first of %d that are missing", m.count)
	}
	return fmt.Errorf("%s: %s; a series has no gaps: fill them in, for example with values between the neighbours%s", m.first, what, m.otherwise)
}
