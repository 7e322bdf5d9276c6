package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"gputrain/data"
)

type dataCommand struct {
	Inspect inspectCommand `cmd:"" help:"Say what a table is understood to hold."`
}

type inspectCommand struct {
	File       string      `arg:"" help:"CSV file, compressed by gzip or not, Parquet file, or arrays of NumPy (.npy, .npz); - is a CSV file from stdin."`
	Target     columnNames `sep:"none" placeholder:"COLUMN" help:"The column to learn, as for train; several are several --target."`
	Task       string      `default:"auto" help:"As for train."`
	Features   columnNames `placeholder:"COLUMN,..." help:"As for train."`
	Ignore     columnNames `placeholder:"COLUMN,..." help:"As for train."`
	Categories columnNames `placeholder:"COLUMN,..." help:"As for train."`
	Embed      columnNames `placeholder:"COLUMN,..." help:"As for train."`
	Missing    string      `default:"refuse" help:"As for train."`
	JSON       bool        `name:"json" help:"Print a JSON object."`
}

// Help is what "gputrain data inspect --help" says in more detail.
func (*inspectCommand) Help() string {
	return `Prints what each column holds and what it would be for gputrain train, the classes and categories with their counts, and what would be refused and why.

With --json, it prints an object {"file", "rows", "header", "task", "columns":[{"number", "name", "use", "type", "values", "missing", "min", "mean", "max", "counts", "problem"}], "notes", "problems"}. "values" is how many different ones there are. It is null if there are more than 1,000, or 100,000 of a target or of a column of --embed. "counts" is an object for classes and categories, else null.`
}

// Run prints what a table holds.
func (c *inspectCommand) Run(con console) error {
	if err := cmp.Or(checkOneOf("task", c.Task, taskKinds()), checkOneOf("missing", c.Missing, missingKinds())); err != nil {
		return err
	}
	path := c.File
	if from, err := parseSource(path); err == nil && from.isTable() {
		path = from.path // as for --data
	}
	options := data.CSVOptions{Targets: c.Target, Ignore: c.Ignore, Counted: c.Embed}
	var i *data.Inspection
	var err error
	if path == "-" {
		i, err = data.InspectCSVFrom(con.in, "stdin", options)
	} else {
		i, err = data.InspectTable(path, options)
	}
	if err != nil {
		return err
	}
	f := c.find(i)
	if c.JSON {
		return json.NewEncoder(con.out).Encode(f)
	}
	return f.print(con.out, i)
}

// findings is what is known of a table.
type findings struct {
	File     string          `json:"file"`
	Rows     int             `json:"rows"`
	Header   bool            `json:"header"`
	Task     string          `json:"task,omitempty"` // absent without a target
	Columns  []foundInColumn `json:"columns"`
	Notes    []string        `json:"notes"`
	Problems []string        `json:"problems"` // for which training is refused
}

// foundInColumn is what is known of a column.
type foundInColumn struct {
	Number  int            `json:"number"`
	Name    string         `json:"name"`
	Use     string         `json:"use"` // feature, target or left out
	Type    string         `json:"type"`
	Values  *int           `json:"values"`
	Missing int            `json:"missing"`
	Min     jsonNumber     `json:"min"`
	Mean    jsonNumber     `json:"mean"`
	Max     jsonNumber     `json:"max"`
	Counts  map[string]int `json:"counts"`
	Problem string         `json:"problem,omitempty"`

	most int // different values that are counted
}

// The uses of a column.
const (
	useFeature = "feature"
	useTarget  = "target"
	useNone    = "left out"
)

// find decides about an inspected table as training would.
func (c *inspectCommand) find(i *data.Inspection) findings {
	f := findings{File: i.Name, Rows: i.Rows, Header: i.Header, Notes: slices.Clone(i.Notes), Problems: []string{}}
	for _, warning := range i.Warnings {
		f.Notes = append(f.Notes, "warning: "+warning)
	}
	choice := tableChoice{c.Target, c.Task, c.Features, c.Ignore, c.Categories, c.Missing, c.Embed, 0}
	p := plan{task: c.Task}
	problem := func(err error) {
		if err != nil {
			f.Problems = append(f.Problems, err.Error())
		}
	}
	if len(c.Target) > 0 {
		problem(choice.decideTask(i, &p))
		f.Task = p.task
		f.Notes = append(f.Notes, p.notes...)
	}
	f.Notes = append(f.Notes, doubtHeader(i)...)
	features, err := choice.chooseColumns(i, &p)
	problem(err)
	categories, err := featuresNamed(i, features, "categories", c.Categories)
	problem(err)
	embedded, err := featuresNamed(i, features, "embed", c.Embed)
	problem(err)
	for column := range i.Columns {
		held := &i.Columns[column]
		found := foundInColumn{
			most: data.MostCounted, Number: column + 1, Name: held.Name, Use: useNone, Type: typeOf(held), Missing: held.Missing,
			Min: jsonNumber(held.Min), Mean: jsonNumber(held.Mean), Max: jsonNumber(held.Max),
		}
		if slices.Contains(i.Targets, column) || embedded[column] {
			found.most = data.MostTargets
		}
		if held.Counts != nil {
			n := len(held.Counts)
			found.Values = &n
		}
		switch {
		case slices.Contains(i.Targets, column):
			found.Use = useTarget
			found.Problem = problemOfTarget(i, column, p.task, choice.missing)
		case slices.Contains(features, column):
			found.Use = useFeature
			switch found.Problem = problemOfMissing(held, choice.missing); {
			case found.Problem != "":
			case embedded[column]:
				found.Problem = problemOfEmbedded(held)
			default:
				found.Problem = problemOfFeature(i, column, categories[column])
			}
		}
		if found.Use == useTarget && p.task != taskRegress || found.Use != useTarget && held.Numbers == 0 || categories[column] || embedded[column] {
			found.Counts = held.Counts
		}
		if found.Problem != "" {
			f.Problems = append(f.Problems, columnName(i, column)+": "+found.Problem)
		}
		f.Columns = append(f.Columns, found)
	}
	return f
}

// typeOf says in a word or two what a column holds.
func typeOf(c *data.Column) string {
	switch distinct := len(c.Counts); {
	case c.Texts == 0 && c.Numbers == 0:
		return "nothing"
	case c.Texts > 0 && c.Numbers > 0:
		return "numbers and text"
	case c.Numbers > 0 && c.Whole:
		return "whole numbers"
	case c.Numbers > 0:
		return "numbers"
	case distinct == 2:
		return "one of two"
	}
	return "text"
}

// problemOfTarget says why a target cannot be learned; "" if it can.
func problemOfTarget(i *data.Inspection, column int, task, missing string) string {
	c := &i.Columns[column]
	switch {
	case task != taskClassify && c.Missing > 0 && missing != "drop":
		return fmt.Sprintf("%s missing, the first in line %d; --missing drop leaves the rows out", plural(c.Missing, "value is", "values are"), c.FirstMissing.Line)
	case task == taskMultilabel:
		return problemOfLabel(c)
	case task == taskRegress && c.Numbers > 0 && c.Min == c.Max:
		return fmt.Sprintf("it is always %v: nothing to learn", c.Min)
	case task == taskClassify && c.Counts != nil:
		if err := checkClasses(i.Name, columnName(i, column), c.Values(), i.Rows-c.Missing); err != nil {
			return strings.TrimPrefix(err.Error(), i.Name+": ")
		}
	}
	return ""
}

// problemOfMissing says why the missing values of a feature are refused; "" if they are not.
func problemOfMissing(c *data.Column, missing string) string {
	if c.Missing == 0 || missing != "refuse" {
		return ""
	}
	return fmt.Sprintf("%s missing, the first in line %d; say --missing mean, drop or indicator", plural(c.Missing, "value is", "values are"), c.FirstMissing.Line)
}

// problemOfFeature says why the values of a column cannot be features; "" if they can.
func problemOfFeature(i *data.Inspection, column int, category bool) string {
	c := &i.Columns[column]
	switch {
	case category || c.Texts > 0 && c.Numbers == 0:
		if err := checkCategories(i, column); err != nil {
			return strings.TrimPrefix(err.Error(), i.Name+": ")
		}
	case c.Texts > 0:
		return fmt.Sprintf("line %d has %q, which is no number, but %s; correct it, or take it for a category: --categories %s",
			c.FirstText.Line, c.FirstText.Text, plural(c.Numbers, "other value is one", "other values are"), commandLine(c.Name))
	case math.IsInf(c.Min, 0) || math.IsInf(c.Max, 0) || c.Max > math.MaxFloat32 || c.Min < -math.MaxFloat32:
		return fmt.Sprintf("its numbers are from %v to %v, which is beyond float32", c.Min, c.Max)
	}
	return ""
}

// print prints findings for people.
func (f *findings) print(w io.Writer, i *data.Inspection) error {
	header := "no header"
	if f.Header {
		header = "a header"
	}
	lines := []string{fmt.Sprintf("%s: %s, %s, %s", f.File, plural(f.Rows, "row", "rows"), plural(len(f.Columns), "column", "columns"), header)}
	lines = append(lines, f.Notes...)
	for _, line := range lines {
		if err := printLine(w, line); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprint(w, "\n", f.table(terminalWidth(w), i), "\n"); err != nil {
		return err
	}
	lines = nil
	for column, found := range f.Columns {
		if len(found.Counts) > 0 && found.Problem == "" && found.Use != useNone {
			lines = append(lines, columnName(i, column)+": "+describeCounts(&i.Columns[column]))
		}
	}
	switch {
	case f.Task != "":
		lines = append(lines, "task: "+f.Task)
	default:
		lines = append(lines, "no --target is given: every column is taken for a feature")
	}
	for _, problem := range f.Problems {
		lines = append(lines, "refused: "+problem)
	}
	if len(f.Problems) == 0 && f.Task != "" {
		lines = append(lines, "nothing would be refused")
	}
	for _, line := range lines {
		if err := printLine(w, line); err != nil {
			return err
		}
	}
	return nil
}

// table formats a line for each column.
func (f *findings) table(width int, i *data.Inspection) string {
	var rows [][]string
	for column, found := range f.Columns {
		values := fmt.Sprintf(">%d", found.most)
		if found.Values != nil {
			values = strconv.Itoa(*found.Values)
		}
		mean := ""
		if !math.IsNaN(float64(found.Mean)) {
			mean = quantity(float64(found.Mean))
		}
		rows = append(rows, []string{columnName(i, column), found.Use, found.Type, values, strconv.Itoa(found.Missing), extreme(found, found.Min), extreme(found, found.Max), mean})
	}
	return formatTable(width, 3, []string{"column", "use", "holds", "values", "missing", "min", "max", "mean"}, rows)
}

// extreme formats the smallest or the largest number of a column.
func extreme(found foundInColumn, x jsonNumber) string {
	switch {
	case math.IsNaN(float64(x)):
		return ""
	case found.Type == "whole numbers" && math.Abs(float64(x)) < 1e15:
		return strconv.FormatFloat(float64(x), 'f', -1, 64)
	}
	return quantity(float64(x))
}

// describeCounts lists the most frequent values of a column with their counts.
func describeCounts(c *data.Column) string {
	const most = 10
	names := c.Values()
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(c.Counts[b], c.Counts[a]) })
	var texts []string
	for _, name := range names[:min(len(names), most)] {
		texts = append(texts, fmt.Sprintf("%s (%d)", shortName(name), c.Counts[name]))
	}
	if more := len(names) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(texts, ", ")
}
