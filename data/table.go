package data

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Table is N rows of numbers, as a CSV file has them, categories encoded: not scaled yet, and in
// float64, because a column such as the seconds since 1970 says in its last
// digits all that it has to say. Standardize and Dataset make a set for a
// network of it.
type Table struct {
	Name     string    // of the file, for messages
	Features []string  // names of the feature columns, [Width] without encodings; nil if the file has no header
	Width    int       // number of features
	X        []float64 // [N, Width], within float32, and finite but for NaN where a value is missing

	// Encodings says how each feature column became features. nil: each is a number.
	Encodings []Encoding

	Target   string    // the target column: its name, or its number from 1 if it has none; "" without
	Labels   []int32   // [N]; nil without a target
	Classes  []string  // names of the classes; Labels index it
	Targets  []string  // the columns of a regression, named as Target is; nil without
	Values   []float64 // [N, Targets], finite and within float32; nil without
	Notes    []string  // lines that say how the file was understood, where there was a choice
	Warnings []string  // lines that say what is doubtful about it

	first int // of the rows, in a TableSpool
}

// Len returns the number of rows, N.
func (t *Table) Len() int {
	if len(t.X) == 0 {
		return 0
	}
	return len(t.X) / t.Width
}

// Dataset returns the rows as samples of one time step, scaled in float64 and
// then rounded to float32. A missing value becomes 0. It shares Labels and Classes with t. It is an error
// if s has another width, or a result is beyond float32.
//
// Range(0, 1) leaves the numbers as they are.
func (t *Table) Dataset(s Scaling) (*Dataset, error) {
	if err := s.fits(t.Width); err != nil {
		return nil, err
	}
	d := &Dataset{Steps: 1, Width: t.Width, X: make([]float32, len(t.X)), Labels: t.Labels, Classes: t.Classes}
	for i, x := range t.X {
		if math.IsNaN(x) {
			continue // 0 is the mean
		}
		y, ok := s.scale(i%t.Width, x)
		if !ok {
			return nil, fmt.Errorf("%s: row %d of the data, %s: %w", t.Name, i/t.Width+1, t.column(i%t.Width), s.tooLarge(i%t.Width, x))
		}
		d.X[i] = y
	}
	return d, nil
}

// Regression returns the rows as Dataset does, with Values as their targets, scaled by
// targets.
func (t *Table) Regression(s, targets Scaling) (*Dataset, error) {
	d, err := t.Dataset(s)
	if err != nil {
		return nil, err
	}
	width := len(t.Targets)
	if err := targets.fits(width); err != nil {
		return nil, err
	}
	d.Targets, d.TargetWidth = make([]float32, len(t.Values)), width
	for i, x := range t.Values {
		y, ok := targets.scale(i%width, x)
		if !ok {
			return nil, fmt.Errorf("%s: row %d of the data, target %s: %w", t.Name, i/width+1, quote(t.Targets[i%width]), targets.tooLarge(i%width, x))
		}
		d.Targets[i] = y
	}
	return d, nil
}

// part returns the rows of index.
func (t *Table) part(index []int) *Table {
	part := *t
	part.X = gather(t.X, index, t.Width)
	part.Labels = gather(t.Labels, index, 1)
	part.Values = gather(t.Values, index, len(t.Targets))
	return &part
}

// column says which feature is meant, in messages.
func (t *Table) column(feature int) string {
	column, category := t.place(feature)
	name := "feature " + strconv.Itoa(column+1)
	if t.Features != nil && t.Features[column] != "" {
		name = "column " + quote(t.Features[column])
	}
	return name + category
}

// place returns the column that a feature is of, and what of it the feature is, as the
// end of its name.
func (t *Table) place(feature int) (column int, category string) {
	for column, e := range t.Encodings {
		switch width := e.width(); {
		case feature < width && width > 1:
			return column, ", category " + quote(e.Categories[feature])
		case feature < width:
			return column, ""
		case feature < e.Width():
			return column, ", whether it is missing"
		}
		feature -= e.Width()
	}
	return feature, ""
}

// Collapsed returns a warning about each feature of which more than a twentieth of
// the values, counted without repetitions, become equal to others when they are
// scaled by s and rounded to float32. A network cannot tell them apart. Another
// warning names the features that s leaves out, with factor 0.
// Collapsed looks at 100,000 rows at most. It panics if s has another width.
func (t *Table) Collapsed(s Scaling) []string {
	if err := s.fits(t.Width); err != nil {
		panic(err.Error())
	}
	stride := collapsedStride(t.Len())
	var warnings, constant []string
	var values []float64
	for j := range t.Width {
		if _, factor := s.of(j); factor == 0 {
			constant = append(constant, t.column(j))
			continue
		}
		values = values[:0]
		for row := 0; row < t.Len(); row += stride {
			if x := t.X[row*t.Width+j]; !math.IsNaN(x) {
				values = append(values, x)
			}
		}
		slices.Sort(values)
		values = slices.Compact(values)
		left, last := 0, float32(math.NaN())
		for _, x := range values { // scaling keeps the order
			if y, _ := s.scale(j, x); y != last {
				left, last = left+1, y
			}
		}
		if lost := len(values) - left; 20*lost > len(values) {
			warnings = append(warnings, fmt.Sprintf("%s: of its %[3]d different values, float32 cannot tell %[2]d from others; correct outliers, or split it into columns of fewer digits",
				t.column(j), lost, len(values)))
		}
	}
	if len(constant) > 0 {
		warnings = append(warnings, "left out, because it has only one value in the data to learn from: "+some(constant))
	}
	return warnings
}

// collapsedStride returns which of so many rows Collapsed looks at: each, or one of several.
func collapsedStride(rows int) int {
	const most = 100_000
	return (rows + most - 1) / most
}
