package data

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// record is a line of a file, or several lines if a quoted field spans them.
type record struct {
	line   int // the first line, counted from 1
	fields []string
}

func (r record) clone() record { return record{r.line, slices.Clone(r.fields)} }

// maxRecord bounds the memory of a record. A file with a longer one is not a
// table, or never closes a quote.
const maxRecord = 8 << 20 // bytes

// records reads the records of a file.
type records struct {
	name      string
	delimiter rune
	text      *textReader
	source    *bounded
	csv       *csv.Reader
	line      int  // of the last record
	columns   int  // 0 before the first record
	comment   bool // the first record begins with #
	separator bool // ... with sep=, as in sep=;
}

func newRecords(r io.Reader, name string) (*records, error) {
	text, err := newTextReader(r, name)
	if err != nil {
		return nil, err
	}
	buffered := bufio.NewReaderSize(text, 1<<16)
	start, _ := buffered.Peek(buffered.Size()) // an error comes again from the next Read
	delimiter, err := findDelimiter(start)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	source := &bounded{r: buffered}
	reader := csv.NewReader(source)
	reader.Comma = delimiter
	reader.FieldsPerRecord = -1 // next has a better message
	reader.ReuseRecord = true
	reader.TrimLeadingSpace = delimiter != '\t' // else it takes a tab after a tab for a space
	return &records{name: name, delimiter: delimiter, text: text, source: source, csv: reader}, nil
}

// notes says what separates the fields if it is not the comma.
func (r *records) notes() []string {
	if r.delimiter == ',' {
		return nil
	}
	return []string{"the fields are separated by " + delimiterName(r.delimiter)}
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
		comment := strings.HasPrefix(fields[0], "#")
		if r.columns == 0 {
			r.columns, r.comment, r.separator = len(fields), comment, strings.HasPrefix(fields[0], "sep=")
		}
		if len(fields) != r.columns {
			remedy := "complete or remove the line"
			switch {
			case len(fields) == r.columns+1 && strings.TrimSpace(fields[r.columns]) == "":
				remedy = "remove what separates fields from the end of the line"
			case comment || r.comment:
				remedy = "a line that begins with # is no comment here: remove it"
			case r.separator:
				remedy = "the first line is for spreadsheets: remove it"
			}
			return record{}, fmt.Errorf("%s:%d:%d: the number of fields is %d, but %d in the first line; %s", r.name, r.line, min(len(fields), r.columns)+1, len(fields), r.columns, remedy)
		}
		return record{r.line, fields}, nil
	}
}

func (r *records) commas() bool { return r.delimiter != ',' }

func (r *records) named() bool { return false }

func (r *records) explain(err error) error {
	var parse *csv.ParseError
	switch {
	case err == io.EOF:
		return err
	case r.text.fault != nil: // whatever the reader makes of the rest
		return r.text.fault
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
