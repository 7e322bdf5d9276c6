package data

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Encoding says how a column of a table becomes features of a network. The zero
// Encoding is a column of numbers, one feature.
type Encoding struct {
	// Categories are the values of a column of text, or of codes. Each becomes a
	// feature, which is 1 where the value is this one, else 0. Two of them, such as
	// no and yes, become a single feature: 1 for the second.
	Categories []string `json:"categories,omitempty"`

	// Embedding, if above 0, makes the column a single feature that holds ids, for a
	// model.ColumnEmbedding with vectors of this width: 1 for the first of Categories, 2
	// for the second, and 0 for values that are missing or none of them.
	Embedding int `json:"embedding,omitempty"`

	// Indicator adds a feature that is 1 where the value is missing, else 0.
	Indicator bool `json:"indicator,omitempty"`
}

// Width returns how many features the column becomes.
func (e Encoding) Width() int {
	width := len(e.Categories)
	if width == 0 || width == 2 || e.Embedding > 0 {
		width = 1
	}
	if e.Indicator {
		width++
	}
	return width
}

// Missing says what becomes of values that are missing: of empty fields, and of the
// words that programs write there, as IsMissing knows them.
type Missing int

const (
	MissingRefused Missing = iota // they are an error
	MissingNaN                    // they are NaN in Table.X, which scaling turns into the mean
	MissingDropped                // their rows are left out, unless the target alone is to be left out
)

// IsMissing reports whether a field holds no value: if it is empty, or holds a word or
// sign that stands for none.
func IsMissing(field string) bool {
	switch strings.ToLower(strings.TrimSpace(field)) {
	case "", "na", "n/a", "nan", "null", "nil", "none", "missing", "?", "-", "#n/a", "<na>":
		return true
	}
	return false
}

// encode finds out how the feature columns become features.
func (t *tableReader) encode(o CSVOptions) error {
	if t.encodings = o.Encodings; t.encodings == nil {
		t.encodings = make([]Encoding, len(t.features))
	}
	if len(t.encodings) != len(t.features) {
		return fmt.Errorf("%s: %d columns for features, but %d are known", t.table.Name, len(t.features), len(t.encodings))
	}
	for _, e := range t.encodings {
		t.width += e.Width()
		place := make(map[string]int, len(e.Categories))
		for i, name := range e.Categories {
			place[name] = i
		}
		t.places = append(t.places, place)
	}
	t.table.Width, t.table.Encodings = t.width, o.Encodings
	t.policy, t.missing, t.unknown = o.Missing, make([]int, len(t.features)), make([]int, len(t.features))
	return nil
}

// isMissing reports whether a value of feature i is missing. A word such as none may be
// a category.
func (t *tableReader) isMissing(i int, field string) bool {
	if t.policy == MissingRefused || !IsMissing(field) {
		return false
	}
	_, category := t.places[i][nameIn(field)]
	return !category
}

// drops reports whether a row is left out, because it lacks a value.
func (t *tableReader) drops(row record) bool {
	if t.policy != MissingDropped {
		return false
	}
	lacks := false
	for i, column := range t.features {
		if t.isMissing(i, row.fields[column]) {
			t.missing[i]++
			lacks = true
		}
	}
	if t.labelled || t.valued {
		if slices.ContainsFunc(t.targets, func(column int) bool { return IsMissing(row.fields[column]) }) {
			t.targetless++
			lacks = true
		}
	}
	if lacks {
		t.dropped++
	}
	return lacks
}

// addFeature takes the value of a row in feature column i.
func (t *tableReader) addFeature(row record, i, column int) error {
	e := t.encodings[i]
	missing := t.isMissing(i, row.fields[column])
	if missing {
		t.missing[i]++
	}
	switch categories := len(e.Categories); {
	case e.Embedding > 0:
		id, err := t.id(row, i, column, missing)
		if err != nil {
			return err
		}
		t.table.X = append(t.table.X, float64(id))
	case missing:
		for range max(1, e.width()) {
			t.table.X = append(t.table.X, math.NaN())
		}
	case categories == 0:
		x, err := t.number(row, column)
		if err != nil {
			return err
		}
		t.table.X = append(t.table.X, x)
	default:
		name := nameIn(row.fields[column])
		category, known := t.places[i][name]
		switch {
		case name == "" && !known:
			return t.fail(row, column, "no value; %s", t.remedyOfNone(column))
		case !known:
			return t.fail(row, column, "%s is not among the %d categories that are known%s; correct it or remove the line", quote(name), categories, hint(name, e.Categories))
		case categories == 2:
			t.table.X = append(t.table.X, float64(category))
		default:
			for other := range categories {
				t.table.X = append(t.table.X, indicate(other == category))
			}
		}
	}
	if e.Indicator {
		t.table.X = append(t.table.X, indicate(missing))
	}
	return nil
}

// id returns the id of a category in feature column i, 0 if it is missing or unknown.
func (t *tableReader) id(row record, i, column int, missing bool) (int, error) {
	name := nameIn(row.fields[column])
	category, known := t.places[i][name]
	switch {
	case known:
		return category + 1, nil
	case name == "" && !missing:
		return 0, t.fail(row, column, "no value; %s", t.remedyOfNone(column))
	case !missing:
		t.unknown[i]++
	}
	return 0, nil
}

// width is Width without the indicator.
func (e Encoding) width() int {
	e.Indicator = false
	return e.Width()
}

func indicate(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// missingNotes says what became of missing values.
func (t *tableReader) missingNotes() []string {
	var columns, unknown, notes []string
	for i, n := range t.missing {
		ofUnknown := t.unknown[i]
		if t.encodings[i].Embedding > 0 && t.policy != MissingDropped {
			ofUnknown, n = ofUnknown+n, 0
		}
		if n > 0 {
			columns = append(columns, fmt.Sprintf("%s (%d)", t.describe(t.features[i]), n))
		}
		if ofUnknown > 0 {
			unknown = append(unknown, fmt.Sprintf("%s (%d)", t.describe(t.features[i]), ofUnknown))
		}
	}
	if unknown != nil {
		notes = append(notes, "missing and unknown categories share a vector: "+some(unknown))
	}
	if t.targetless > 0 {
		columns = append(columns, fmt.Sprintf("the target (%d)", t.targetless))
	}
	switch {
	case len(columns) == 0:
		return notes
	case t.policy == MissingDropped:
		return append(notes, fmt.Sprintf("%d rows are left out, because values are missing: %s", t.dropped, some(columns)))
	}
	return append(notes, "missing values count as the mean: "+some(columns))
}

// describe says which column is meant, in messages.
func (t *tableReader) describe(column int) string {
	if t.header == nil || t.header[column] == "" {
		return fmt.Sprintf("column %d", column+1)
	}
	return "column " + quote(t.header[column])
}
