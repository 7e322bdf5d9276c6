package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gputrain/data"
)

// source is where data come from, as --data names it.
type source struct{ kind, path string }

// parseSource reads "digits", "csv:FILE" or "idx:DIR". Its error continues a
// sentence that begins with the name of the setting.
func parseSource(text string) (source, error) {
	kind, path, _ := strings.Cut(text, ":")
	kinds := []string{"digits", "csv", "idx"}
	switch {
	case !slices.Contains(kinds, kind):
		return source{}, fmt.Errorf("is %q, not digits, csv:FILE or idx:DIR; %s", text, hint(kind, kinds, "choose one of them"))
	case kind == "digits" && text != kind:
		return source{}, fmt.Errorf("is %q, but digits are built in and take no path", text)
	case kind != "digits" && path == "":
		return source{}, fmt.Errorf("is %q, but lacks the path, as in %s:PATH", text, kind)
	}
	return source{kind, path}, nil
}

// String returns what error messages call the source.
func (s source) String() string {
	if s.path == "" {
		return s.kind
	}
	return s.path
}

// name returns a word for the names of runs.
func (s source) name() string {
	if s.path == "" {
		return s.kind
	}
	base, _, _ := strings.Cut(filepath.Base(filepath.Clean(s.path)), ".")
	return s.kind + "-" + base
}

// sets are the disjoint parts of a source: one to fit the parameters, one to
// choose between models, one for the final figure.
type sets struct {
	train, valid, test *data.Dataset
	notes              []string // lines that say what the reader found
}

// The split is a property of the data, so it does not depend on a run's seed.
const splitSeed = 1

// load reads the source and splits it by class into 70, 10 and 20 percent. If
// the source has a test set of its own, load splits the rest into 90 and 10
// percent.
func (s source) load(target string) (sets, error) {
	var whole, test *data.Dataset
	var notes []string
	var err error
	switch s.kind {
	case "digits":
		whole = data.Digits()
	case "csv":
		whole, err = data.OpenCSV(s.path, data.CSVOptions{Target: target})
	case "idx":
		whole, test, notes, err = data.OpenIDX(s.path)
	}
	if err != nil {
		return sets{}, err
	}
	var parts sets
	if test != nil {
		split := whole.Split(splitSeed, 0.9, 0.1)
		parts = sets{split[0], split[1], test, notes}
	} else {
		split := whole.Split(splitSeed, 0.7, 0.1, 0.2)
		parts = sets{split[0], split[1], split[2], notes}
	}
	for _, part := range []*data.Dataset{parts.train, parts.valid, parts.test} {
		if part.Len() == 0 {
			return sets{}, fmt.Errorf("%v: %d samples are too few to split into training, validation and test sets", s, whole.Len())
		}
	}
	return parts, checkClasses(s.String(), target, whole)
}

// steps returns the natural number of time steps of a sample of set.
func (s source) steps(set *data.Dataset) int {
	if s.kind == "csv" {
		return 1
	}
	return set.Steps
}

// scaling returns the scaling that brings the features near 0 to 1: by the
// range of a pixel, or by the spread of each column of the training set.
func (s source) scaling(train *data.Dataset) data.Scaling {
	switch s.kind {
	case "digits":
		return data.Scaling{Shift: []float32{0}, Factor: []float32{1. / 16}}
	case "idx":
		return data.Scaling{Shift: []float32{0}, Factor: []float32{1. / 255}}
	}
	return data.Standardize(train)
}
