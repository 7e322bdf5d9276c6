package data

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gputrain/internal/inputfile"
)

// CSVOptions says how to read a CSV file.
type CSVOptions struct {
	// Target is the column of the class: its name in the header or else its
	// number, from 1. "" means that all columns are features.
	Target string
	// Targets are columns of numbers to learn, named as Target is, for a regression.
	// A table has either classes or these.
	Targets []string
	// Booleans says that the Targets are true or false, as ParseBoolean knows it, which
	// becomes 1 or 0.
	Booleans bool
	// Unlabelled leaves the target out, whatever it holds, as for predictions.
	Unlabelled bool
	// Ignore are the names of columns to leave out. It needs a header, and goes
	// without Features.
	Ignore []string
	// Features are the names of the columns that a model takes, in its order.
	// In a file with a header the columns are found by name, and others are left
	// out. In one without, the columns are taken by position. nil: every column
	// but the target, in the order of the file.
	Features []string
	// Counted are names of columns of which an Inspection counts as many values as of a
	// target.
	Counted []string
	// Encodings says for each feature column how it becomes numbers. nil: every
	// feature column holds numbers.
	Encodings []Encoding
	// Missing says what to do about values that are missing. By default they are an
	// error.
	Missing Missing
	// Classes are the allowed labels, such as those of a trained model. nil:
	// the classes are the distinct labels, sorted as numbers if all are
	// numbers, else as text.
	Classes []string
}

// OpenCSV reads the file at path as ReadCSV does. A pipe or a device is an error:
// give it to ReadCSV.
func OpenCSV(path string, o CSVOptions) (*Table, error) {
	file, err := inputfile.Open(path)
	if err != nil {
		return nil, readError(path, err)
	}
	defer file.Close()
	return ReadCSV(file, path, o)
}

// ReadCSV reads values separated by commas, semicolons or tabs (RFC 4180),
// compressed by gzip or not. The text must be UTF-8. Between semicolons or tabs
// numbers may have a decimal comma.
//
// The first line is a header if it names the target or all of o.Features, if one
// of its features is text, or if its target is text and the second line's is
// not. The names of the features must differ. Names and labels are compared without
// the spaces around them, in Unicode's normal form C. Blank lines are skipped.
// Features must be finite and fit float32, labels must not be empty, every line
// must have as many fields as the first. A label that reads NaN or infinity is a
// class among words, and an error among numbers.
//
// Errors that have a place begin with "name:line:column: ". Columns are counted
// in fields. Notes and Warnings of the table say what could be meant otherwise.
// Values for which this process has no memory are an error.
func ReadCSV(r io.Reader, name string, o CSVOptions) (*Table, error) {
	records, err := openRecords(r, name)
	if err != nil {
		return nil, err
	}
	return readTable(records, name, o)
}

// openRecords returns the records of a CSV file.
func openRecords(r io.Reader, name string) (*records, error) {
	plain, err := decompress(r)
	if err != nil {
		return nil, readError(name, err)
	}
	return newRecords(plain, name)
}

// readTable reads a table whose rows come from source.
func readTable(source rowSource, name string, o CSVOptions) (*Table, error) {
	return readTableTo(nil, source, name, o)
}

// readTableTo is readTable, but moves the rows to a spool if there is one.
func readTableTo(spool *TableSpool, source rowSource, name string, o CSVOptions) (*Table, error) {
	first, row, err := firstRows(source, name)
	if err != nil {
		return nil, err
	}
	t := &tableReader{
		table: &Table{Name: name}, source: source, spool: spool,
		numbers: numbers{commas: source.commas()}, labels: newLabels(o.Classes),
	}
	if err := t.begin(first, row, o); err != nil {
		return nil, err
	}
	for ; row.fields != nil; row, err = nextOrEnd(source) {
		if err := t.add(row); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	return t.finish()
}

// tableReader collects the rows of a file.
type tableReader struct {
	table   *Table
	source  rowSource
	spool   *TableSpool // nil: the rows stay in memory
	rows    int         // taken
	columns             // what begin finds out about them
	numbers numbers     // reads the features
	inexact map[int]inexact

	labelled bool // the class is read
	valued   bool // the targets are read as numbers
	booleans bool // which are true or false
	labels   *labels
	gap      error // names the first label that is NaN or infinite
	bound    bound
	classes  int64 // bytes of bound that the names of the classes take

	encodings           []Encoding
	width               int // of the features of a row, encoded
	policy              Missing
	places              []map[string]int // of the categories of each feature column
	missing, unknown    []int            // values of each feature column; unknown are ids
	targetless, dropped int              // rows without a target, and rows left out
}

// begin finds the columns, and takes the first record if it is data. second
// helps to decide that; it has no fields at the end of the file.
func (t *tableReader) begin(first, second record, o CSVOptions) error {
	err := t.bound.take(int64(len(first.fields)), columnBytes)
	if err != nil {
		return fmt.Errorf("%s: %w", t.table.Name, err)
	}
	t.columns, err = findColumns(t.table.Name, first, second, t.numbers, o, t.source.named())
	if err != nil {
		return err
	}
	if err := t.start(o); err != nil || t.header != nil {
		return err
	}
	return t.add(first)
}

// start makes the table ready for its columns.
func (t *tableReader) start(o CSVOptions) error {
	t.table.Notes = append(t.source.notes(), t.notes...)
	t.table.Warnings = t.warnings
	t.labelled = o.Target != "" && !o.Unlabelled
	t.valued, t.booleans = len(o.Targets) > 0 && !o.Unlabelled, o.Booleans
	if err := t.encode(o); err != nil {
		return err
	}
	t.inexact = map[int]inexact{}
	if t.header != nil {
		for _, column := range t.features {
			t.table.Features = append(t.table.Features, t.header[column])
		}
	}
	if o.Target != "" {
		t.table.Target = t.name(t.target)
	} else {
		for _, column := range t.targets {
			t.table.Targets = append(t.table.Targets, t.name(column))
		}
	}
	return nil
}

// name returns the name of a column, or its number from 1 if it has none.
func (t *tableReader) name(column int) string {
	if t.header != nil && t.header[column] != "" {
		return t.header[column]
	}
	return strconv.Itoa(column + 1)
}

// add takes a row of data.
func (t *tableReader) add(row record) error {
	if err := t.count(row); err != nil {
		return fmt.Errorf("%s:%d: %w", t.table.Name, row.line, err)
	}
	if t.drops(row) {
		return nil
	}
	for i, column := range t.features {
		if err := t.addFeature(row, i, column); err != nil {
			return err
		}
	}
	if err := t.addTarget(row); err != nil {
		return err
	}
	t.rows++
	if t.spool != nil {
		return t.spool.take(t)
	}
	return nil
}

// addTarget takes what there is to learn of a row.
func (t *tableReader) addTarget(row record) error {
	switch {
	case t.labelled:
		return t.addLabel(row)
	case t.valued:
		read := t.number
		if t.booleans {
			read = t.boolean
		}
		for _, column := range t.targets {
			x, err := read(row, column)
			if err != nil {
				return err
			}
			t.table.Values = append(t.table.Values, x)
		}
	}
	return nil
}

// number reads the number of a row in a column.
func (t *tableReader) number(row record, column int) (float64, error) {
	field := strings.TrimSpace(row.fields[column])
	if field == "" {
		return 0, t.fail(row, column, "no value; %s", t.remedyOfNone(column))
	}
	x, err := t.numbers.parse(field, row.line, column)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, t.fail(row, column, "%s is not a number; %s", quote(field), t.numbers.remedy(field))
	case err != nil && x == 0:
		return 0, t.fail(row, column, "%s is too small for float64; scale the column or write 0", quote(field))
	case math.IsNaN(x) || math.IsInf(x, 0) && err == nil:
		return 0, t.fail(row, column, "%s is not finite; correct it or remove the line", quote(field))
	case math.Abs(x) > math.MaxFloat32:
		return 0, t.fail(row, column, "%s is beyond float32; scale the column or correct it", quote(field))
	}
	if losesDigits(field, x) {
		t.inexact[column] = t.inexact[column].add(field, row.line)
	}
	return x, nil
}

// addLabel takes the class of a row.
func (t *tableReader) addLabel(row record) error {
	label := nameIn(row.fields[t.target])
	switch {
	case label == "":
		return t.fail(row, t.target, "no value; fill it in or remove the line")
	case strings.ContainsFunc(label, unicode.IsControl):
		return t.fail(row, t.target, "label %s has a control character; remove it", quote(label))
	}
	if err := t.labels.add(label); err != nil {
		return t.fail(row, t.target, "%w", err)
	}
	if t.labels.notFinite && t.gap == nil {
		t.gap = t.fail(row, t.target, "%s is no class among numbers; correct it or remove the line", quote(label))
	}
	return nil
}

// remedyOfNone says what to do about a field without a value.
func (t *tableReader) remedyOfNone(column int) string {
	if t.header != nil && t.header[column] == "" {
		return "the column has no name either: remove it, and the comma at the end of each line"
	}
	return "fill it in or remove the line"
}

// count counts what the values of row take.
func (t *tableReader) count(row record) error {
	if err := t.bound.take(int64(t.width+len(t.targets)), numberBytes); err != nil || !t.labelled {
		return err
	}
	label := nameIn(row.fields[t.target])
	if _, seen := t.labels.id[label]; !seen {
		bytes := classBytes + int64(len(label))
		if err := t.bound.take(1, bytes); err != nil {
			return err
		}
		t.classes += bytes
	}
	return t.bound.take(1, labelBytes)
}

func (t *tableReader) fail(row record, column int, format string, args ...any) error {
	place := fmt.Sprintf("%s:%d:%d: ", t.table.Name, row.line, column+1)
	if t.header != nil && t.header[column] != "" {
		place += "column " + quote(t.header[column]) + ": "
	}
	return fmt.Errorf("%s%w", place, fmt.Errorf(format, args...))
}

func (t *tableReader) finish() (*Table, error) {
	if t.rows == 0 && t.dropped > 0 {
		return nil, fmt.Errorf("%s: every row lacks a value, so none is left; leave out columns, or fill values in", t.table.Name)
	}
	if t.rows == 0 {
		return nil, fmt.Errorf("%s: the file has a header and no data; want lines of numbers below it", t.table.Name)
	}
	if t.labels.gap() {
		return nil, t.gap
	}
	switch {
	case t.labelled && t.spool == nil:
		t.table.Labels, t.table.Classes = t.labels.finish()
	case t.labelled:
		t.table.Labels = t.labels.ids
		t.table.Classes, t.spool.renumber = t.labels.sorted()
	}
	commas, err := t.numbers.finish()
	if err != nil {
		return nil, fmt.Errorf("%s:%w", t.table.Name, err)
	}
	t.table.Notes = append(append(t.table.Notes, commas...), t.missingNotes()...)
	for _, column := range slices.Concat(t.features, t.targets) {
		if lost, any := t.inexact[column]; any {
			t.table.Warnings = append(t.table.Warnings, fmt.Sprintf("%s: %s", t.describe(column), lost))
		}
	}
	for _, name := range slices.Concat(t.table.Features, t.table.Classes) {
		if strings.ContainsRune(name, unicode.ReplacementChar) {
			t.table.Warnings = append(t.table.Warnings, fmt.Sprintf("the name %s holds U+FFFD, which stands for letters that a conversion has lost", quote(name)))
			break
		}
	}
	return t.table, nil
}
