package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gputrain/data"
)

// source is where data come from, as --data names it.
type source struct {
	kind, path string
	stdin      *stdinTable // what came from stdin; nil before it is read
	streamSettings
}

// tableKinds returns the kinds of sources that have columns.
func tableKinds() []string { return []string{"csv", "parquet", "npy", "npz"} }

func (s source) isTable() bool { return slices.Contains(tableKinds(), s.kind) }

// parseSource reads "digits", "csv:FILE" or another table, "idx:DIR" "text:FILE,FILE" or "series:FILE".
// Its error continues a sentence that begins with the name of the setting.
func parseSource(text string) (source, error) {
	kind, path, _ := strings.Cut(text, ":")
	kinds := append([]string{"digits", "idx", "text", "series"}, tableKinds()...)
	switch {
	case !slices.Contains(kinds, kind):
		remedy, lower := "choose one of them", strings.ToLower(text)
		for _, table := range tableKinds() {
			if strings.Contains(lower, "."+table) {
				remedy = fmt.Sprintf("did you mean %q?", table+":"+text)
			}
		}
		if strings.Contains(lower, ".txt") {
			remedy = fmt.Sprintf("did you mean %q?", "text:"+text)
		}
		if kind != text || !strings.Contains(kind, ".") { // not a path alone
			remedy = hint(kind, kinds, remedy)
		}
		return source{}, fmt.Errorf("is %q, not digits, csv:FILE, parquet:FILE, npy:FILE, npz:FILE, idx:DIR, text:FILE or series:FILE; %s", text, remedy)
	case kind == "digits" && text != kind:
		return source{}, fmt.Errorf("is %q, but digits are built in and take no path", text)
	case path == stdinPath && kind != "csv":
		return source{}, fmt.Errorf("is %q, but only a CSV table can come from stdin, as csv:-", text)
	case kind != "digits" && path == "":
		return source{}, fmt.Errorf("is %q, but lacks the path, as in %s:PATH", text, kind)
	}
	return source{kind: kind, path: path}, nil
}

// String returns what error messages call the source.
func (s source) String() string {
	switch s.path {
	case "":
		return s.kind
	case stdinPath:
		return "stdin"
	}
	return s.path
}

// name returns a word for the names of runs.
func (s source) name() string {
	if s.path == "" {
		return s.kind
	}
	base, _, _ := strings.Cut(filepath.Base(filepath.Clean(s.paths()[0])), ".")
	if s.fromStdin() {
		base = s.String()
	}
	return s.kind + "-" + base
}

// public returns the source as a model that others get may name it: without the
// folders of this machine.
func (s source) public() string {
	if s.path == "" {
		return s.kind
	}
	return s.kind + ":" + s.withPaths(func(path string) string {
		path = strings.TrimRight(path, `/\`)
		return cmp.Or(path[strings.LastIndexAny(path, `/\`)+1:], ".")
	}).path
}

// sets are the disjoint parts of a source, scaled: one to fit the parameters, one
// to choose between models, one for the final figure.
type sets struct {
	train, valid, test *data.Dataset
	scaling            data.Scaling
	features           []string         // names of the feature columns; nil if they have none
	encodings          []data.Encoding  // of the feature columns; nil if all are numbers
	target             string           // the column of the class: its name, or its number; "" if there are no columns
	missing            string           // one of missingKinds; "" if there are no columns
	task               string           // of a table; else ""
	targets            []string         // the columns of a regression, or of labels, likewise; nil for classes
	targetScaling      data.Scaling     // of a regression
	vocabulary         *data.Vocabulary // of a text; else nil
	series             *seriesParts     // of series; else nil
	notes              []string         // lines that say what the reader found
	rows               *data.RowFile    // that the parts stream from; nil if they are in memory
}

// each returns where the parts are kept.
func (s *sets) each() []**data.Dataset { return []**data.Dataset{&s.train, &s.valid, &s.test} }

// The split is a property of the data, so it does not depend on a run's seed.
const splitSeed = 1

// load reads the source and splits it by class into 70, 10 and 20 percent. If
// the source has a test set of its own, load splits the rest into 90 and 10
// percent. With a model, the features are those that it takes, and scaled as those
// that it learned from; else by the training set. choice is of a table.
func (s source) load(choice tableChoice, d *description) (sets, error) {
	if s.isTable() {
		return s.loadTable(choice, d)
	}
	return s.loadPictures(d)
}

func (s source) loadTable(choice tableChoice, d *description) (sets, error) {
	found, why, err := s.cached(choice, d)
	if err != nil || found != nil {
		return *cmp.Or(found, &sets{}), err
	}
	p, err := s.planTable(choice, d)
	if err != nil {
		return sets{}, err
	}
	if streams, reason := s.streams(p.bytes); streams {
		switch what := p.cannotStream(); {
		case what == "":
			return s.buildRows(p, choice, d, cmp.Or(why, reason))
		case s.Stream == streamAlways:
			return sets{}, usagef("--stream always: %s cannot stream from disk; leave it out", what)
		}
	}
	table, err := s.openTable(p.options)
	if err != nil {
		return sets{}, err
	}
	split := table.Split(splitSeed, 0.7, 0.1, 0.2)
	if err := s.checkParts(split[0].Len(), split[1].Len(), split[2].Len()); err != nil {
		return sets{}, err
	}
	if d == nil {
		embedded, err := embedCategories(split, choice.embedding)
		if err != nil {
			return sets{}, err
		}
		p.notes = append(p.notes, embedded...)
	}
	parts := sets{
		scaling: split[0].Standardize(), features: table.Features, encodings: split[0].Encodings,
		target: table.Target, targets: table.Targets, missing: p.missing, task: p.task,
	}
	switch p.task {
	case taskRegress:
		parts.targetScaling, err = scaleTargets(s.String(), split[0])
	case taskMultilabel:
		parts.targetScaling, err = labelScaling(), checkLabels(s.String(), split[0])
	default:
		err = checkClasses(s.String(), table.Target, table.Classes, table.Len())
	}
	if err != nil {
		return sets{}, err
	}
	if d != nil {
		if err := d.checkFeatures(s.String(), table.Width); err != nil {
			return sets{}, err
		}
		parts.scaling = d.scaling()
		parts.targetScaling = d.targetScaling()
	}
	parts.notes = append(p.notes, tableNotes(table, parts.scaling, d)...)
	for i, part := range parts.each() {
		if *part, err = tableSet(split[i], parts.scaling, parts.targetScaling); err != nil {
			return sets{}, err
		}
	}
	return parts, nil
}

// openTable reads the table.
func (s source) openTable(o data.CSVOptions) (*data.Table, error) {
	switch {
	case s.fromStdin():
		r, err := s.stdin.begin()
		if err != nil {
			return nil, err
		}
		return data.ReadCSV(r, s.String(), o)
	case s.kind == "csv":
		return data.OpenCSV(s.path, o)
	}
	return data.OpenTable(s.path, o)
}

// planTable says how to read the table: as the model was, or as choice says.
func (s source) planTable(choice tableChoice, d *description) (plan, error) {
	if d != nil && choice.task != "" && choice.task != "auto" && choice.task != d.task() {
		return plan{}, usagef("--task is %s, but the model that --init-from names learned %s", choice.task, d.outputsName())
	}
	if d != nil {
		p := plan{task: d.task(), missing: d.Missing, options: d.csvOptions(choice.targets)}
		if s.Stream == streamNever {
			return p, nil
		}
		inspection, err := s.inspect(p.options)
		if err != nil {
			return plan{}, err
		}
		p.bytes = tableBytes(inspection, p.options)
		return p, nil
	}
	inspection, err := s.inspect(data.CSVOptions{Targets: choice.targets, Ignore: choice.ignore, Counted: choice.embed})
	if err != nil {
		return plan{}, err
	}
	p, err := choice.plan(inspection)
	p.bytes = tableBytes(inspection, p.options)
	return p, err
}

// inspect inspects the table.
func (s source) inspect(o data.CSVOptions) (*data.Inspection, error) {
	switch {
	case s.fromStdin():
		r, err := s.stdin.begin()
		if err != nil {
			return nil, err
		}
		return data.InspectCSVFrom(r, s.String(), o)
	case s.kind == "csv":
		return data.InspectCSV(s.path, o)
	}
	return data.InspectTable(s.path, o)
}

// scaleTargets returns the scaling of the targets of a regression, by the training set.
func scaleTargets(name string, train *data.Table) (data.Scaling, error) {
	scaling := train.StandardizeTargets()
	return scaling, checkTargetScaling(name, train.Targets, scaling)
}

// checkTargetScaling refuses a target with one value only.
func checkTargetScaling(name string, targets []string, scaling data.Scaling) error {
	for j, factor := range scaling.Factor {
		if factor == 0 {
			return fmt.Errorf("%s: the target %s is %v in all samples to learn from: nothing to learn", name, shortName(targets[j]), scaling.Shift[j])
		}
	}
	return nil
}

// tableSet returns the rows of a table as the model takes them.
func tableSet(table *data.Table, scaling, targets data.Scaling) (*data.Dataset, error) {
	if table.Values == nil {
		return table.Dataset(scaling)
	}
	return table.Regression(scaling, targets)
}

func (s source) loadPictures(d *description) (parts sets, err error) {
	var whole, test *data.Dataset
	if s.kind == "digits" {
		whole, parts.scaling = data.Digits(), data.Range(0, 16)
	} else {
		parts.scaling = data.Range(0, 255)
		if whole, test, parts.notes, err = data.OpenIDX(s.path); err != nil {
			return sets{}, err
		}
	}
	if test != nil {
		split := whole.Split(splitSeed, 0.9, 0.1)
		parts.train, parts.valid, parts.test = split[0], split[1], test
	} else {
		split := whole.Split(splitSeed, 0.7, 0.1, 0.2)
		parts.train, parts.valid, parts.test = split[0], split[1], split[2]
	}
	if err := s.checkParts(parts.train.Len(), parts.valid.Len(), parts.test.Len()); err != nil {
		return sets{}, err
	}
	if err := checkClasses(s.String(), "", whole.Classes, whole.Len()); err != nil {
		return sets{}, err
	}
	if d != nil {
		if err := d.checkFeatures(s.String(), whole.Steps*whole.Width); err != nil {
			return sets{}, err
		}
		parts.scaling = d.scaling()
	}
	for _, part := range parts.each() {
		if *part, err = parts.scaling.Apply(*part); err != nil {
			return sets{}, fmt.Errorf("%v: %w", s, err)
		}
	}
	return parts, nil
}

// checkParts refuses a source that is too small to split.
func (s source) checkParts(train, valid, test int) error {
	if train == 0 || valid == 0 || test == 0 {
		return fmt.Errorf("%v: too few samples to split into training, validation and test sets: %d", s, train+valid+test)
	}
	return nil
}

// csvOptions says how to read a CSV file for the model. targets are the columns of its
// targets; none for those that it learned from.
func (d *description) csvOptions(targets []string) data.CSVOptions {
	o := data.CSVOptions{Features: d.Features, Encodings: d.Encodings, Missing: missingPolicy(d.Missing), Booleans: d.task() == taskMultilabel}
	switch {
	case d.Targets != nil && len(targets) == 0:
		o.Targets = d.Targets
	case d.Targets != nil:
		o.Targets = targets
	case len(targets) == 0:
		o.Target = d.Target
	default:
		o.Target = targets[0]
	}
	return o
}

// scale returns the rows of a table as the model takes them, and notes on them.
func (d *description) scale(table *data.Table) (*data.Dataset, []string, error) {
	if err := d.checkFeatures(table.Name, table.Width); err != nil {
		return nil, nil, err
	}
	set, err := tableSet(table, d.scaling(), d.targetScaling())
	return set, tableNotes(table, d.scaling(), d), err
}

// tableNotes returns how a table was understood, and what its scaling loses.
func tableNotes(table *data.Table, scaling data.Scaling, d *description) []string {
	var lines []string
	for _, note := range table.Notes {
		lines = append(lines, table.Name+": "+note)
	}
	if d != nil && d.Features == nil && table.Features != nil {
		lines = append(lines, table.Name+": the model learned from features without names: the columns are taken by position")
	}
	const most = 10
	warnings := slices.Concat(table.Warnings, table.Collapsed(scaling))
	if more := len(warnings) - most; more > 0 {
		warnings = append(warnings[:most], plural(more, "warning", "warnings")+" more")
	}
	for _, warning := range warnings {
		lines = append(lines, "warning: "+table.Name+": "+warning)
	}
	return lines
}

// steps returns the natural number of time steps of a sample of set.
func (s source) steps(set *data.Dataset) int {
	if s.isTable() {
		return 1
	}
	return set.Steps
}
