package data

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"gputrain/internal/inputfile"
)

// Inspection is what the columns of a table hold, before anything is decided about it.
type Inspection struct {
	Name    string // of the file
	Rows    int
	Header  bool // the first line has names
	Columns []Column
	Targets []int // the columns that CSVOptions names as targets
	Notes   []string
	// Warnings say what is doubtful about it.
	Warnings []string
}

// Column is what a column of a table holds.
type Column struct {
	Name string // "" without a header

	Missing int // values for which IsMissing holds
	Numbers int // others that are finite numbers
	Texts   int // others

	Min, Max, Mean float64 // of the numbers
	Whole          bool    // all numbers are

	// Counts has the values but the missing ones, as Labels of a table would be named,
	// and how often each is there. nil: there are more than MostCounted, or, of targets
	// and CSVOptions.Counted, more than MostTargets.
	Counts map[string]int

	FirstText    Place // of Texts
	FirstMissing Place
}

// Place is where a value stands in a file. Line is 0 if there is none.
type Place struct {
	Line int
	Text string // the value, clipped
}

// MostCounted is how many different values of a column an Inspection counts, and
// MostTargets how many of a target or of one of CSVOptions.Counted.
const (
	MostCounted = 1000
	MostTargets = 100_000
)

// Values returns the different values of c: as numbers if all are numbers, else as text
// they are in increasing order. nil: there are more than an Inspection counts.
func (c *Column) Values() []string {
	if c.Counts == nil {
		return nil
	}
	l := newLabels(nil)
	for name := range c.Counts {
		l.add(name) // never an error without known labels
	}
	_, names := l.finish()
	return names
}

// InspectCSV inspects the file at path as OpenCSV would read it.
func InspectCSV(path string, o CSVOptions) (*Inspection, error) {
	file, err := inputfile.Open(path)
	if err != nil {
		return nil, readError(path, err)
	}
	defer file.Close()
	return InspectCSVFrom(file, path, o)
}

// InspectCSVFrom inspects what ReadCSV would read from r. Of o, it heeds the names of
// the targets, of the columns to ignore and of those to count.
func InspectCSVFrom(r io.Reader, name string, o CSVOptions) (*Inspection, error) {
	records, err := openRecords(r, name)
	if err != nil {
		return nil, err
	}
	return inspectRows(records, name, o)
}

// inspectRows inspects a table whose rows come from source.
func inspectRows(source rowSource, name string, o CSVOptions) (*Inspection, error) {
	first, row, err := firstRows(source, name)
	if err != nil {
		return nil, err
	}
	i := inspector{
		inspection: &Inspection{Name: name, Notes: source.notes()},
		numbers:    numbers{commas: source.commas()},
	}
	if err := i.begin(first, row, o, source.named()); err != nil {
		return nil, err
	}
	for ; row.fields != nil; row, err = nextOrEnd(source) {
		if err := i.add(row); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	return i.finish()
}

type inspector struct {
	inspection *Inspection
	numbers    numbers
	bound      bound
	spread     []moment
	most       []int // different values of each column that are counted
}

// moment is the mean of the numbers of a column so far.
type moment struct{ count, mean float64 }

// begin finds the columns, and takes the first record if it is data.
func (i *inspector) begin(first, second record, o CSVOptions, named bool) error {
	counted := o.Counted
	o = CSVOptions{Targets: o.targets(), Ignore: o.Ignore}
	if err := i.bound.take(int64(len(first.fields)), columnBytes); err != nil {
		return fmt.Errorf("%s: %w", i.inspection.Name, err)
	}
	columns, err := findColumns(i.inspection.Name, first, second, i.numbers, o, named)
	if err != nil {
		return err
	}
	i.inspection.Targets = columns.targets
	i.inspection.Notes = append(i.inspection.Notes, columns.notes...)
	i.inspection.Warnings = columns.warnings
	i.inspection.Columns = make([]Column, len(first.fields))
	i.spread = make([]moment, len(first.fields))
	for j := range i.inspection.Columns {
		c := &i.inspection.Columns[j]
		c.Counts, c.Whole, c.Min, c.Max = map[string]int{}, true, math.Inf(1), math.Inf(-1)
		if columns.header != nil {
			c.Name = columns.header[j]
		}
		most := MostCounted
		if slices.Contains(columns.targets, j) || slices.ContainsFunc(counted, func(name string) bool { return c.Name != "" && nameIn(name) == c.Name }) {
			most = MostTargets
		}
		i.most = append(i.most, most)
	}
	if i.inspection.Header = columns.header != nil; i.inspection.Header {
		return nil
	}
	return i.add(first)
}

// add takes a row of data.
func (i *inspector) add(row record) error {
	i.inspection.Rows++
	for j, field := range row.fields {
		if err := i.addField(&i.inspection.Columns[j], &i.spread[j], j, nameIn(field), row.line); err != nil {
			return fmt.Errorf("%s:%d: %w", i.inspection.Name, row.line, err)
		}
	}
	return nil
}

func (i *inspector) addField(c *Column, m *moment, column int, field string, line int) error {
	if IsMissing(field) {
		if c.Missing++; c.Missing == 1 {
			c.FirstMissing = Place{line, strings.Clone(field)}
		}
		return nil
	}
	x, err := i.numbers.parse(field, line, column)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		if c.Texts++; c.Texts == 1 {
			c.FirstText = Place{line, strings.Clone(clip(field))}
		}
	default:
		c.Numbers++
		c.Min, c.Max, c.Whole = min(c.Min, x), max(c.Max, x), c.Whole && x == math.Trunc(x)
		m.count++
		m.mean += (x - m.mean) / m.count
	}
	if c.Counts == nil {
		return nil
	}
	if _, seen := c.Counts[field]; !seen {
		if err := i.bound.take(1, classBytes+int64(len(field))); err != nil {
			return err
		}
		if len(c.Counts) == i.most[column] {
			c.Counts = nil
			return nil
		}
		field = strings.Clone(field) // which may be a part of a long line
	}
	c.Counts[field]++
	return nil
}

func (i *inspector) finish() (*Inspection, error) {
	if i.inspection.Rows == 0 {
		return nil, fmt.Errorf("%s: the file has a header and no data; want lines of numbers below it", i.inspection.Name)
	}
	for j, m := range i.spread {
		c := &i.inspection.Columns[j]
		if c.Mean = m.mean; c.Numbers == 0 {
			c.Min, c.Max, c.Mean, c.Whole = math.NaN(), math.NaN(), math.NaN(), false
		}
	}
	commas, err := i.numbers.finish()
	if err != nil {
		return nil, fmt.Errorf("%s:%w", i.inspection.Name, err)
	}
	i.inspection.Notes = append(i.inspection.Notes, commas...)
	return i.inspection, nil
}
