package data

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"gputrain/internal/inputfile"
)

// CSVOptions says how to read a CSV file.
type CSVOptions struct {
	// Target is the column of the class: its name in the header or else its
	// number, from 1. "" means that all columns are features.
	Target string
	// Classes are the allowed labels, such as those of a trained model. nil:
	// the classes are the distinct labels, sorted as numbers if all are
	// numbers, else as text.
	Classes []string
}

// OpenCSV reads the file at path as ReadCSV does. A pipe or a device is an error:
// give it to ReadCSV.
func OpenCSV(path string, o CSVOptions) (*Dataset, error) {
	file, err := inputfile.Open(path)
	if err != nil {
		return nil, readError(path, err)
	}
	defer file.Close()
	return ReadCSV(file, path, o)
}

// ReadCSV reads comma-separated values (RFC 4180), compressed by gzip or not:
// one sample per line, Steps 1, every column but the target a feature.
//
// The first line is a header if it names the target, if one of its features is
// text, or if its target is text and the second line's is not. Blank
// lines are skipped. Features must be finite and fit float32, labels must not be
// empty, every line must have as many fields as the first.
//
// Errors that have a place begin with "name:line:column: ". Columns are counted
// in fields. Values for which this process has no memory are an error.
func ReadCSV(r io.Reader, name string, o CSVOptions) (*Dataset, error) {
	plain, err := decompress(r)
	if err != nil {
		return nil, readError(name, err)
	}
	t := &table{name: name, records: newRecords(plain, name), labels: newLabels(o.Classes)}
	first, err := t.records.next()
	if err == io.EOF {
		return nil, fmt.Errorf("%s: the file is empty; want lines of numbers separated by commas", name)
	}
	if err != nil {
		return nil, err
	}
	first.fields = slices.Clone(first.fields)
	row, err := t.records.next()
	if err != nil && err != io.EOF {
		return nil, err
	}
	if err := t.begin(first, row, o.Target); err != nil {
		return nil, err
	}
	for ; err == nil; row, err = t.records.next() {
		if err := t.add(row); err != nil {
			return nil, err
		}
	}
	if err != io.EOF {
		return nil, err
	}
	return t.dataset()
}

// table collects the rows of a file.
type table struct {
	name    string
	records *records
	header  []string // nil without one
	target  int      // column from 0, −1 without one
	columns int
	x       []float32
	labels  *labels
	bound   bound
}

// begin finds the target column and decides whether the first record is the
// header or data. second helps to decide; it has no fields at the end of the
// file.
func (t *table) begin(first, second record, target string) error {
	t.columns = len(first.fields)
	t.target = -1
	text := slices.ContainsFunc(first.fields, isText)
	named := false
	if target != "" {
		if t.columns == 1 {
			return fmt.Errorf("%s:%d: one column only; want the target and features, separated by commas", t.name, first.line)
		}
		var err error
		if t.target, named, err = t.findTarget(first, text, target); err != nil {
			return err
		}
	}
	if text && (named || t.isHeader(first, second)) {
		for _, field := range first.fields {
			t.header = append(t.header, strings.Clone(strings.TrimSpace(field)))
		}
		return nil
	}
	return t.add(first)
}

// isHeader tells whether a first record with text in it is a header, or data
// whose labels are text.
func (t *table) isHeader(first, second record) bool {
	for i, field := range first.fields {
		if i != t.target && isText(field) {
			return true
		}
	}
	return second.fields == nil || !isText(second.fields[t.target])
}

// findTarget returns the column of target, and whether target is its name in
// the first record. A record without text has no names.
func (t *table) findTarget(first record, text bool, target string) (column int, named bool, err error) {
	var names []string
	if text {
		for _, field := range first.fields {
			names = append(names, strings.TrimSpace(field))
		}
	}
	if column = slices.Index(names, target); column >= 0 {
		if again := slices.Index(names[column+1:], target); again >= 0 {
			return 0, false, fmt.Errorf("%s:%d: columns %d and %d are both called %s; give the target by number", t.name, first.line, column+1, column+again+2, quote(target))
		}
		return column, true, nil
	}
	number, notNumber := strconv.Atoi(target)
	switch {
	case notNumber == nil && number >= 1 && number <= t.columns:
		return number - 1, false, nil
	case notNumber == nil:
		return 0, false, fmt.Errorf("%s:%d: no target column %d; give a number from 1 to %d", t.name, first.line, number, t.columns)
	case !text:
		return 0, false, fmt.Errorf("%s:%d: no header names the target column %s; give its number, 1 to %d", t.name, first.line, quote(target), t.columns)
	}
	return 0, false, fmt.Errorf("%s:%d: no column is called %s%s; give a name of the header or a number from 1 to %d", t.name, first.line, quote(target), hint(target, names), t.columns)
}

// add takes a row of data.
func (t *table) add(row record) error {
	if err := t.count(row); err != nil {
		return fmt.Errorf("%s:%d: %w", t.name, row.line, err)
	}
	for i, field := range row.fields {
		field = strings.TrimSpace(field)
		if field == "" {
			return t.fail(row, i, "no value; fill it in or remove the line")
		}
		value, err := strconv.ParseFloat(field, 32)
		number := err == nil
		if number && (math.IsNaN(value) || math.IsInf(value, 0)) {
			return t.fail(row, i, "%s is not finite; correct it or remove the line", quote(field))
		}
		switch {
		case i == t.target:
			if err := t.labels.add(field); err != nil {
				return t.fail(row, i, "%w", err)
			}
		case errors.Is(err, strconv.ErrRange):
			return t.fail(row, i, "%s is beyond float32; scale the column or correct it", quote(field))
		case !number:
			return t.fail(row, i, "%s is not a number; only the target may be text: correct it or remove the line or column", quote(field))
		default:
			t.x = append(t.x, float32(value))
		}
	}
	return nil
}

// count counts what the values of row take.
func (t *table) count(row record) error {
	if t.target < 0 {
		return t.bound.take(int64(t.columns), numberBytes)
	}
	label := strings.TrimSpace(row.fields[t.target])
	if _, seen := t.labels.id[label]; !seen {
		if err := t.bound.take(1, classBytes+int64(len(label))); err != nil {
			return err
		}
	}
	return t.bound.take(1, labelBytes+numberBytes*int64(t.columns-1))
}

func (t *table) fail(row record, column int, format string, args ...any) error {
	place := fmt.Sprintf("%s:%d:%d: ", t.name, row.line, column+1)
	if t.header != nil && t.header[column] != "" {
		place += "column " + quote(t.header[column]) + ": "
	}
	return fmt.Errorf("%s%w", place, fmt.Errorf(format, args...))
}

func (t *table) dataset() (*Dataset, error) {
	d := &Dataset{Steps: 1, Width: t.columns, X: t.x}
	if t.target >= 0 {
		d.Width--
		d.Labels, d.Classes = t.labels.finish()
	}
	if d.Len() == 0 {
		return nil, fmt.Errorf("%s: the file has a header and no data; want lines of numbers below it", t.name)
	}
	return d, nil
}

// record is a line of a file, or several lines if a quoted field spans them.
type record struct {
	line   int // the first line, counted from 1
	fields []string
}

// maxRecord bounds the memory of a record. A file with a longer one is not a
// table, or never closes a quote.
const maxRecord = 8 << 20 // bytes

// records reads the records of a file.
type records struct {
	name    string
	source  *bounded
	csv     *csv.Reader
	line    int // of the last record
	columns int // 0 before the first record
}

func newRecords(r io.Reader, name string) *records {
	const byteOrderMark = "\xef\xbb\xbf"
	buffered := bufio.NewReader(r)
	if start, _ := buffered.Peek(len(byteOrderMark)); string(start) == byteOrderMark {
		buffered.Discard(len(byteOrderMark))
	}
	source := &bounded{r: buffered}
	reader := csv.NewReader(source)
	reader.FieldsPerRecord = -1 // next has a better message
	reader.ReuseRecord = true
	reader.TrimLeadingSpace = true
	return &records{name: name, source: source, csv: reader}
}

// next returns the next record that is not blank. Its fields are valid until
// the following call. At the end the error is io.EOF itself.
func (r *records) next() (record, error) {
	r.source.left = maxRecord // for blank lines too, which might never end
	for {
		fields, err := r.csv.Read()
		if err != nil {
			return record{}, r.explain(err)
		}
		r.line, _ = r.csv.FieldPos(0)
		if len(fields) == 1 && r.columns != 1 && strings.TrimSpace(fields[0]) == "" {
			continue
		}
		if r.columns == 0 {
			r.columns = len(fields)
		}
		if len(fields) != r.columns {
			return record{}, fmt.Errorf("%s:%d:%d: %d fields where the first line has %d; complete or remove the line", r.name, r.line, min(len(fields), r.columns)+1, len(fields), r.columns)
		}
		return record{r.line, fields}, nil
	}
}

func (r *records) explain(err error) error {
	var parse *csv.ParseError
	switch {
	case err == io.EOF:
		return err
	case errors.As(err, &parse):
		return fmt.Errorf("%s:%d: %w; put the whole field in quotes and double those inside it", r.name, parse.StartLine, parse.Err)
	case errors.Is(err, errRecord):
		return fmt.Errorf("%s:%d: %w; close an open quote, or is this not a CSV file?", r.name, r.line+1, err)
	}
	return readError(r.name, err)
}

var errRecord = fmt.Errorf("a line or quoted field of more than %d MiB", maxRecord>>20)

// bounded reads at most left bytes of r, then fails with errRecord.
type bounded struct {
	r    io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errRecord
	}
	n, err := b.r.Read(p)
	b.left -= n
	return n, err
}

// isText reports whether field is neither a number nor empty.
func isText(field string) bool {
	field = strings.TrimSpace(field)
	_, err := strconv.ParseFloat(field, 32)
	return field != "" && err != nil && !errors.Is(err, strconv.ErrRange)
}
