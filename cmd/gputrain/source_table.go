package main

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"gputrain/data"
)

// The tasks of a table.
const (
	taskClassify = "classify"
	taskRegress  = "regress"
)

// taskKinds returns the valid values of settings.Task.
func taskKinds() []string { return []string{"auto", taskClassify, taskRegress, taskMultilabel} }

// tableChoice says what of a table is learned, as the settings or a model say it.
type tableChoice struct {
	targets                      []string
	task                         string // auto, or one of the tasks
	features, ignore, categories []string
	missing                      string   // one of missingKinds
	embed                        []string // columns of categories with vectors
	embedding                    int      // how wide these are; 0: as wide as vectorWidth says
}

func (s *settings) tableChoice() tableChoice {
	return tableChoice{s.Target, s.taskAsked(), s.Features, s.Ignore, s.Categories, s.Missing, s.Embed, s.Embedding}
}

// missingKinds returns the valid values of settings.Missing.
func missingKinds() []string { return []string{"refuse", "mean", "drop", "indicator"} }

// missingPolicy returns what a reader does about missing values.
func missingPolicy(kind string) data.Missing {
	switch kind {
	case "mean", "indicator":
		return data.MissingNaN
	case "drop":
		return data.MissingDropped
	}
	return data.MissingRefused
}

// plan is how a table is read.
type plan struct {
	task    string
	missing string // one of missingKinds
	options data.CSVOptions
	notes   []string
	bytes   int64 // that the rows take in memory, if they were counted
}

// plan decides how to read a table that has been inspected.
func (c tableChoice) plan(i *data.Inspection) (plan, error) {
	p := plan{task: c.task, missing: c.missing, options: data.CSVOptions{Missing: missingPolicy(c.missing)}}
	if err := c.decideTask(i, &p); err != nil {
		return plan{}, err
	}
	if p.task == taskClassify {
		p.options.Target = c.targets[0]
	} else {
		p.options.Targets, p.options.Booleans = c.targets, p.task == taskMultilabel
	}
	columns, err := c.chooseColumns(i, &p)
	if err != nil {
		return plan{}, err
	}
	if err := c.checkMissing(i, p, columns); err != nil {
		return plan{}, err
	}
	p.notes = append(p.notes, doubtHeader(i)...)
	return p, c.encode(i, &p, columns)
}

// decideTask sets the task of p, from the target if the settings leave it open.
func (c tableChoice) decideTask(i *data.Inspection, p *plan) error {
	if len(c.targets) > 1 && c.task == taskClassify {
		return usagef("--task %s takes one --target, not %d; several that hold or not are for --task %s", taskClassify, len(c.targets), taskMultilabel)
	}
	if c.decideLabels(i, p) {
		return nil
	}
	if c.task != "auto" && c.task != taskRegress {
		return nil
	}
	for _, column := range i.Targets {
		target := &i.Columns[column]
		switch {
		case target.Texts > 0 && (c.task == taskRegress || len(c.targets) > 1):
			return fmt.Errorf("%s:%d: the target %s holds %q, which is no number to learn", i.Name, target.FirstText.Line, columnName(i, column), target.FirstText.Text)
		case c.task == taskRegress || len(c.targets) > 1:
		case target.Texts > 0 || !isQuantity(target):
			const many = 10 // classes
			if target.Texts == 0 && len(target.Counts) > many {
				p.notes = append(p.notes, fmt.Sprintf("warning: %s: the target %s has %d different numbers, and each is learned as a class; to learn a quantity: --task %s",
					i.Name, columnName(i, column), len(target.Counts), taskRegress))
			}
			p.task = taskClassify
			return nil
		default:
			p.notes = append(p.notes, fmt.Sprintf("warning: %s: the target %s has %s numbers from %v to %v, and is learned as a quantity; to learn each as a class: --task %s",
				i.Name, columnName(i, column), manyValues(target), target.Min, target.Max, taskClassify))
		}
	}
	p.task = taskRegress
	return nil
}

// manyValues says how many different values a target has.
func manyValues(target *data.Column) string {
	if target.Counts == nil {
		return fmt.Sprintf("more than %d", data.MostTargets)
	}
	return fmt.Sprint(len(target.Counts))
}

// isQuantity reports whether the numbers of a target are a quantity rather than classes.
func isQuantity(target *data.Column) bool {
	names := target.Values()
	if names == nil {
		return true
	}
	samples, all := make([]int, len(names)), 0
	for class, name := range names {
		samples[class] = target.Counts[name]
		all += samples[class]
	}
	_, _, quantity := looksLikeQuantity(names, samples)
	return quantity || 2*len(names) > all && len(names) > 10
}

// columnName returns the name of a column, or its number if it has none.
func columnName(i *data.Inspection, column int) string {
	if name := i.Columns[column].Name; name != "" {
		return shortName(name)
	}
	return fmt.Sprintf("column %d", column+1)
}

// chooseColumns returns the columns of the features, in the order of the model, and
// says in p how to read them.
func (c tableChoice) chooseColumns(i *data.Inspection, p *plan) ([]int, error) {
	if !i.Header {
		for _, list := range []struct {
			flag  string
			names []string
		}{{"features", c.features}, {"ignore", c.ignore}, {"categories", c.categories}, {"embed", c.embed}} {
			if len(list.names) > 0 {
				return nil, fmt.Errorf("%s: --%s names columns, but the file has no header; write one above the data", i.Name, list.flag)
			}
		}
	}
	var columns []int
	if len(c.features) > 0 {
		for _, name := range c.features {
			column, err := findColumn(i, "features", name)
			if err != nil {
				return nil, err
			}
			if slices.Contains(i.Targets, column) {
				return nil, fmt.Errorf("%s: --features: %s is the target", i.Name, columnName(i, column))
			}
			if slices.Contains(columns, column) {
				return nil, usagef("--features names %s twice", shortName(name))
			}
			columns = append(columns, column)
			p.options.Features = append(p.options.Features, i.Columns[column].Name)
		}
		return columns, nil
	}
	left := slices.Clone(i.Targets)
	for _, name := range c.ignore {
		column, err := findColumn(i, "ignore", name)
		if err != nil {
			return nil, err
		}
		left = append(left, column)
	}
	p.options.Ignore = c.ignore
	for column := range i.Columns {
		if !slices.Contains(left, column) {
			columns = append(columns, column)
		}
	}
	return columns, nil
}

// findColumn returns the column that a flag names.
func findColumn(i *data.Inspection, flag, name string) (int, error) {
	var names []string
	for column, c := range i.Columns {
		if c.Name == norm.NFC.String(strings.TrimSpace(name)) {
			return column, nil
		}
		names = append(names, c.Name)
	}
	return 0, fmt.Errorf("%s: --%s: there is no column %q; %s", i.Name, flag, name, hint(name, names, "gputrain data inspect lists them"))
}

// doubtHeader warns of a first line that may be data: a name in it is a value of its own
// column.
func doubtHeader(i *data.Inspection) []string {
	for column := range i.Columns {
		c := &i.Columns[column]
		if n := c.Counts[c.Name]; i.Header && c.Name != "" && n > 0 {
			return []string{fmt.Sprintf("warning: %s: the first line is read as a header, but %s in it is also a value of its column, in %s; if it is data, write names above it",
				i.Name, shortName(c.Name), plural(n, "row", "rows"))}
		}
	}
	return nil
}

// checkMissing refuses missing values that the settings do not say what to do about.
func (c tableChoice) checkMissing(i *data.Inspection, p plan, columns []int) error {
	if c.missing == "refuse" {
		if err := missingError(i, columns, "leave columns out with --ignore, or say --missing mean, drop or indicator"); err != nil {
			return err
		}
	}
	if p.task != taskClassify && c.missing != "drop" {
		return missingError(i, i.Targets, "or leave the rows out with --missing drop")
	}
	return nil
}

// missingError counts the missing values of columns. It is nil if there are none.
func missingError(i *data.Inspection, columns []int, otherwise string) error {
	var counts []string
	all, first := 0, -1
	for _, column := range columns {
		held := &i.Columns[column]
		if held.Missing == 0 {
			continue
		}
		if all == 0 || held.FirstMissing.Line < i.Columns[first].FirstMissing.Line {
			first = column
		}
		all += held.Missing
		counts = append(counts, fmt.Sprintf("%s (%d)", columnName(i, column), held.Missing))
	}
	if all == 0 {
		return nil
	}
	place, what := i.Columns[first].FirstMissing, "no value"
	if place.Text != "" {
		what = fmt.Sprintf("%q is no value", place.Text)
	}
	return fmt.Errorf("%s:%d:%d: %s; %s missing in all: %s; fill them in, %s",
		i.Name, place.Line, first+1, what, plural(all, "value is", "values are"), some(counts), otherwise)
}

// encode says in p which of the columns are categories, and which get an indicator.
func (c tableChoice) encode(i *data.Inspection, p *plan, columns []int) error {
	named, err := featuresNamed(i, columns, "categories", c.categories)
	if err != nil {
		return err
	}
	embedded, err := featuresNamed(i, columns, "embed", c.embed)
	if err != nil {
		return err
	}
	encodings, plain := make([]data.Encoding, len(columns)), true
	for j, column := range columns {
		held, e := &i.Columns[column], &encodings[j]
		switch {
		case embedded[column]:
			if problem := problemOfEmbedded(held); problem != "" {
				return fmt.Errorf("%s: column %s: %s", i.Name, columnName(i, column), problem)
			}
			e.Categories, e.Embedding = held.Values(), max(1, c.embedding)
		case named[column] || held.Numbers == 0 && held.Texts > 0:
			if err := checkCategories(i, column); err != nil {
				return err
			}
			e.Categories = held.Values()
			p.notes = append(p.notes, describeCategories(i, column, e.Categories))
		}
		e.Indicator = c.missing == "indicator" && held.Missing > 0
		plain = plain && e.Categories == nil && !e.Indicator
	}
	if !plain {
		p.options.Encodings = encodings
	}
	return nil
}

// featuresNamed returns the columns, all of them features, that a flag names.
func featuresNamed(i *data.Inspection, columns []int, flag string, names []string) (map[int]bool, error) {
	named := map[int]bool{}
	for _, name := range names {
		column, err := findColumn(i, flag, name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(columns, column) {
			return nil, fmt.Errorf("%s: --%s: %s is no feature", i.Name, flag, columnName(i, column))
		}
		named[column] = true
	}
	return named, nil
}

// checkCategories says why the values of a column are no categories with a feature each.
func checkCategories(i *data.Inspection, column int) error {
	const few = 20 // rows
	held := &i.Columns[column]
	switch n := len(held.Counts); {
	case held.Counts == nil:
		return fmt.Errorf("%s: column %s has more than %d different values, too many for a feature each; give each a vector with --embed %s, or leave it out: --ignore %[4]s",
			i.Name, columnName(i, column), data.MostCounted, commandLine(held.Name))
	case n == 1:
		return nil
	case 2*n > i.Rows && i.Rows > few:
		return fmt.Errorf("%s: column %s has %d different texts in %d rows, which are names rather than categories; leave it out: --ignore %s",
			i.Name, columnName(i, column), n, i.Rows, commandLine(held.Name))
	}
	return nil
}

// describeCategories says how the categories of a column are taken.
func describeCategories(i *data.Inspection, column int, categories []string) string {
	var names []string
	for _, category := range categories {
		names = append(names, shortName(category))
	}
	switch len(names) {
	case 1:
		return fmt.Sprintf("%s: column %s is always %s", i.Name, columnName(i, column), names[0])
	case 2:
		return fmt.Sprintf("%s: column %s is 0 for %s, 1 for %s", i.Name, columnName(i, column), names[0], names[1])
	}
	return fmt.Sprintf("%s: column %s has %d categories, each a feature: %s", i.Name, columnName(i, column), len(names), some(names))
}
