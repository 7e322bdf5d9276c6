package main

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"gputrain/data"
)

// seriesDescription is what the description of a network that forecasts series has
// besides.
type seriesDescription struct {
	Window int `json:"window"` // rows that it sees
	Block  int `json:"block"`  // rows that it forecasts at a time
	Ahead  int `json:"ahead"`  // rows that it was measured on

	// Relative targets are counted from their last value. The network's inputs and outputs
	// are differences: the shift of their scaling is 0.
	Relative bool `json:"relative,omitempty"`

	Time      string          `json:"time,omitempty"`
	ID        string          `json:"id,omitempty"`
	Features  []string        `json:"features,omitempty"` // columns known up to the present
	Known     []string        `json:"known,omitempty"`    // columns known ahead
	Encodings []data.Encoding `json:"encodings,omitempty"`
	Missing   string          `json:"missing,omitempty"` // mean or indicator; absent: refuse
	Spacing   data.Spacing    `json:"spacing"`
	Season    int             `json:"season,omitempty"` // of the seasonal baseline
	Stride    int             `json:"stride,omitempty"` // of the windows; absent: 1

	// What a finished run knows besides.
	Linear    *data.Linear    `json:"linear,omitempty"`
	Intervals *data.Intervals `json:"intervals,omitempty"`
}

// UnmarshalJSON implements json.Unmarshaler. It is as strict as parseDescription.
func (s *seriesDescription) UnmarshalJSON(text []byte) error {
	type plain seriesDescription // which has no UnmarshalJSON
	return decodeStrictly(string(text), reflect.ValueOf((*plain)(s)).Elem())
}

// ofSeries reports whether the network that d describes forecasts series.
func (d *description) ofSeries() bool { return d.Series != nil }

// describeSeries is describe for series.
func (s *settings) describeSeries(from source, parts sets) (*description, error) {
	p := parts.series
	stack, err := s.stack()
	if err != nil {
		return nil, err
	}
	table, window := p.test.Table, s.seriesWindow()
	scaling := data.Scaling{Shift: slices.Clone(p.scaling.Shift), Factor: p.scaling.Factor}
	if s.Relative {
		clear(scaling.Shift[:len(table.Targets)])
	}
	d := &description{
		Format: descriptionFormat, Data: from.public(), Targets: table.Targets,
		Steps: s.Window, Width: table.Width(),
		TargetShift: scaling.Shift[:len(table.Targets)], TargetFactor: scaling.Factor[:len(table.Targets)],
		Series: &seriesDescription{
			Window: window.Rows, Block: window.Block, Ahead: window.Ahead, Relative: window.Relative, Time: s.Time, ID: s.SeriesID,
			Features: table.Features, Known: table.Known, Encodings: p.encodings, Spacing: table.Spacing, Season: p.season,
		},
	}
	if s.Stride > 1 {
		d.Series.Stride = s.Stride
	}
	if s.Missing != "refuse" {
		d.Series.Missing = s.Missing
	}
	d.setStack(stack)
	if lastRecurrent(stack) < 0 {
		d.Steps, d.Width = 1, d.Steps*d.Width
	}
	// The columns known ahead are there twice, at the end.
	known := table.Width() - table.Table.Width
	for range s.Window {
		d.Shift = append(append(d.Shift, scaling.Shift...), scaling.Shift[table.Table.Width-known:]...)
		d.Factor = append(append(d.Factor, scaling.Factor...), scaling.Factor[table.Table.Width-known:]...)
	}
	if s.Loss == "mae" || s.Loss == "huber" {
		d.Loss = s.Loss
	}
	if s.Loss == "huber" {
		d.HuberDelta = s.HuberDelta
	}
	return d, d.check()
}

// options says how to read series for the model.
func (d *description) seriesOptions() data.SeriesOptions {
	s := d.Series
	return data.SeriesOptions{
		Targets: d.Targets, Time: s.Time, ID: s.ID, Known: s.Known, Features: append([]string{}, s.Features...),
		Encodings: s.Encodings, Missing: missingPolicy(s.Missing),
	}
}

// window is what the network sees and forecasts.
func (s *seriesDescription) window() data.Window {
	return data.Window{Rows: s.Window, Block: s.Block, Ahead: s.Ahead, Relative: s.Relative}
}

func (s *seriesDescription) stride() int { return max(1, s.Stride) }

// columnScaling returns the scaling of the columns of a file.
func (d *description) columnScaling() data.Scaling {
	width := d.seriesWidth() - d.Series.knownWidth()
	return data.Scaling{Shift: d.Shift[:width], Factor: d.Factor[:width]}
}

// seriesWidth returns how many features a row has for the network.
func (d *description) seriesWidth() int { return d.Steps * d.Width / d.Series.Window }

// knownWidth returns how many features the columns known ahead become.
func (s *seriesDescription) knownWidth() int {
	return s.widthOf(len(s.Features), len(s.Features)+len(s.Known))
}

// widthOf returns how many features the columns from one to before another become.
func (s *seriesDescription) widthOf(from, to int) int {
	if s.Encodings == nil {
		return to - from
	}
	width := 0
	for _, e := range s.Encodings[from:to] {
		width += e.Width()
	}
	return width
}

// seriesOutputNames returns the names of what the outputs are: of each row ahead, the
// targets.
func (d *description) seriesOutputNames() (names []string) {
	for h := 1; h <= d.Series.Block; h++ {
		for _, target := range d.Targets {
			names = append(names, fmt.Sprintf("%s %d ahead", shortName(target), h))
		}
	}
	return names
}

// seriesInputs says in a line what the inputs and outputs of the network are.
func (d *description) seriesInputs() []string {
	if !d.ofSeries() {
		return nil
	}
	s := d.Series
	line := fmt.Sprintf("x is %s, the oldest first, each with %s", plural(s.Window, "row", "rows"), some(shortNames(slices.Concat(d.Targets, s.Features, s.Known))))
	if len(s.Known) > 0 {
		line += fmt.Sprintf(", and what is known %s later", plural(s.Block, "row", "rows"))
	}
	if s.Relative {
		line += "; the targets are counted from their last row, in the outputs too"
	}
	return []string{line}
}

// checkInitialSeries returns an error if a network that sees and forecasts what d says
// cannot begin as one that initial describes.
func (d *description) checkInitialSeries(name string, initial *description) error {
	if ours, theirs := d.Series, initial.Series; ours != nil && ours.window() != theirs.window() {
		if ours.Relative != theirs.Relative {
			return fmt.Errorf("--init-from %s: only one of it and this run has --relative", name)
		}
		return fmt.Errorf("--init-from %s: it sees %d rows and forecasts %d, %d at a time, but this run %d and %d, %d at a time", name,
			theirs.Window, theirs.Ahead, theirs.Block, ours.Window, ours.Ahead, ours.Block)
	}
	return nil
}

// checkSeries reports what no network for series can have.
func (d *description) checkSeries() error {
	s := d.Series
	columns := len(s.Features) + len(s.Known)
	switch {
	case d.Task != "" || d.Target != "" || d.Classes != nil || len(d.Targets) == 0:
		return errors.New("it forecasts series, but has no targets, or has classes")
	case d.Features != nil || d.Encodings != nil || d.Missing != "":
		return errors.New("it forecasts series, but has columns of a table")
	case s.Window < 1 || s.Window > maxSize || s.Ahead < 1 || s.Ahead > maxSize || s.Block != 1 && s.Block != s.Ahead:
		return fmt.Errorf("it sees %d rows, and forecasts %d by %d", s.Window, s.Ahead, s.Block)
	case s.Encodings != nil && len(s.Encodings) != columns:
		return fmt.Errorf("%d encodings for %d columns", len(s.Encodings), columns)
	case s.Missing != "" && (s.Missing == "refuse" || !slices.Contains(missingOfSeries(), s.Missing)):
		return fmt.Errorf("missing is %q, which this version does not know", s.Missing)
	case s.Season < 0 || s.Season > maxSize || s.Stride < 0 || s.Stride > maxSize:
		return fmt.Errorf("season is %d, stride %d", s.Season, s.Stride)
	case !finite(s.Spacing.Step) || s.Spacing.Step < 0 || s.Spacing.Months < 0:
		return fmt.Errorf("spacing is %v and %d months", s.Spacing.Step, s.Spacing.Months)
	case s.Block < s.Ahead && len(s.Features) > 0:
		return errors.New("it feeds back what it forecasts, but takes columns that are not known ahead")
	}
	if name, again := repeated(slices.Concat(d.Targets, s.Features, s.Known)); again {
		return fmt.Errorf("two columns are called %q", name)
	}
	for _, e := range s.Encodings {
		if name, again := repeated(e.Categories); again {
			return fmt.Errorf("two categories are called %q", name)
		}
		if e.Embedding != 0 || e.Indicator && s.Missing != "indicator" {
			return errors.New("the columns of series have neither vectors nor, without missing values, indicators of them")
		}
	}
	width := len(d.Targets) + s.widthOf(0, columns) + s.knownWidth()
	if features := d.Steps * d.Width; features != s.Window*width || len(d.Factor) != features {
		return fmt.Errorf("%d rows of %d features for a network of %d, scaled by %d factors", s.Window, width, features, len(d.Factor))
	}
	return d.checkMeasured(width)
}

// complete adds what a finished run knows of series besides. It is of the model that was
// measured, and not of the best one.
func (d *description) complete(parts sets, m *evaluation) {
	if m.series != nil {
		d.Series.Linear, d.Series.Intervals = parts.series.linear, m.series.intervals
	}
}

// withoutErrors returns d for a network of the same kind that has not been measured.
func (d *description) withoutErrors() *description {
	if d.Series != nil {
		d.Series.Intervals = nil
	}
	return d
}

// checkMeasured reports what no finished run knows.
func (d *description) checkMeasured(width int) error {
	s := d.Series
	outputs := s.Ahead * len(d.Targets)
	if s.Linear != nil {
		if err := s.Linear.Fits(s.Window, width, outputs); err != nil {
			return err
		}
	}
	if s.Intervals == nil {
		return nil
	}
	if len(s.Intervals.Levels) != len(s.Intervals.Half) {
		return fmt.Errorf("%d levels of intervals, but %d widths", len(s.Intervals.Levels), len(s.Intervals.Half))
	}
	if s.Intervals.Cases < 1 {
		return fmt.Errorf("the intervals were found with %d forecasts", s.Intervals.Cases)
	}
	for i, level := range s.Intervals.Levels {
		half := s.Intervals.Half[i]
		if !(level > 0 && level < 1) || len(half) != outputs || slices.ContainsFunc(half, func(x float64) bool { return !finite(x) || x < 0 }) {
			return fmt.Errorf("the intervals of level %v are none", level)
		}
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
