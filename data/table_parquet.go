package data

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"gputrain/internal/memorylimit"
)

// parquetRows are the rows of a Parquet file.
type parquetRows struct {
	name    string
	r       io.ReaderAt
	size    int64 // of the file
	file    *parquet.File
	columns []parquetColumn
	group   int          // of rows, the next one
	rows    parquet.Rows // of the group before; nil before the first
	buffer  []parquet.Row
	left    []parquet.Row // of buffer
	line    int           // of the last row, from 1; the names are no line
	fields  []string
	begun   bool // the names have been given
}

// parquetColumn is a column and how its values become text.
type parquetColumn struct {
	name string
	text func(parquet.Value) (string, error)
	note string
}

// openParquet returns the rows of a file of so many bytes.
func openParquet(r io.ReaderAt, size int64, name string) (rowSource, error) {
	p := &parquetRows{name: name, r: r, size: size, buffer: make([]parquet.Row, 64)}
	err := damaged(name, func() (err error) {
		if err := checkFooter(r, size); err != nil {
			return p.fail(err)
		}
		p.file, err = parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(1<<16))
		if err != nil {
			return p.fail(err)
		}
		return p.open()
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (p *parquetRows) fail(err error) error {
	return fmt.Errorf("%s: %s; the file is damaged, or not one of Parquet: copy or export it again", p.name, oneLine(err.Error()))
}

// open finds out about the columns, and refuses parts that need more memory than is left.
func (p *parquetRows) open() error {
	for _, column := range p.file.Root().Columns() {
		if !column.Leaf() || column.Repeated() {
			return fmt.Errorf("%s: column %s is nested; want columns of numbers, booleans and text", p.name, quote(column.Name()))
		}
		c := parquetColumn{name: column.Name()}
		if c.text, c.note = parquetText(column.Type()); c.text == nil {
			return fmt.Errorf("%s: column %s is of type %s; export it as a number, a boolean or text", p.name, quote(column.Name()), oneLine(column.Type().String()))
		}
		p.columns = append(p.columns, c)
	}
	left, limit := memorylimit.Left()
	for i, group := range p.file.Metadata().RowGroups {
		var sum int64
		for _, chunk := range group.Columns {
			if bytes := chunk.MetaData.TotalUncompressedSize; bytes < 0 || bytes > left-sum {
				return fmt.Errorf("%s: the columns of row group %d need more than %s, which is what is left of %v; write smaller row groups", p.name, i+1, memorylimit.Size(left), limit)
			}
			sum += chunk.MetaData.TotalUncompressedSize
		}
	}
	return nil
}

// parquetText returns how values of a type become text, and what to say about it. It is
// nil for types that are neither numbers, booleans nor text.
func parquetText(t parquet.Type) (text func(parquet.Value) (string, error), note string) {
	var meaning format.LogicalTypeValue
	if logical := t.LogicalType(); logical != nil {
		meaning = logical.Value
	}
	whole := func(v parquet.Value) (string, error) { return strconv.FormatInt(integer(v), 10), nil }
	switch m := meaning.(type) {
	case *format.DecimalType:
		if kind := t.Kind(); kind != parquet.Int32 && kind != parquet.Int64 || m.Scale < 0 || m.Scale > 18 {
			return nil, ""
		}
		return func(v parquet.Value) (string, error) {
			ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(m.Scale)), nil)
			return new(big.Rat).SetFrac(big.NewInt(integer(v)), ten).FloatString(int(m.Scale)), nil
		}, ""
	case *format.DateType:
		return whole, "its dates are numbers: days since 1970"
	case *format.TimestampType, *format.TimeType:
		return whole, "its times are numbers, of the unit in which the file has them"
	case *format.IntType:
		if !m.IsSigned && t.Kind() == parquet.Int32 {
			return func(v parquet.Value) (string, error) { return strconv.FormatUint(uint64(v.Uint32()), 10), nil }, ""
		}
		if !m.IsSigned {
			return func(v parquet.Value) (string, error) { return strconv.FormatUint(v.Uint64(), 10), nil }, ""
		}
		return whole, ""
	case *format.StringType, *format.EnumType, nil:
	default:
		return nil, ""
	}
	switch t.Kind() {
	case parquet.Boolean:
		return func(v parquet.Value) (string, error) { return strconv.FormatBool(v.Boolean()), nil }, ""
	case parquet.Int32, parquet.Int64:
		return whole, ""
	case parquet.Float:
		return func(v parquet.Value) (string, error) {
			return strconv.FormatFloat(float64(v.Float()), 'g', -1, 32), nil
		}, ""
	case parquet.Double:
		return func(v parquet.Value) (string, error) { return strconv.FormatFloat(v.Double(), 'g', -1, 64), nil }, ""
	case parquet.ByteArray:
		return func(v parquet.Value) (string, error) {
			if bytes := v.ByteArray(); !utf8.Valid(bytes) {
				return "", errors.New("it is no UTF-8 text")
			}
			return string(v.ByteArray()), nil
		}, ""
	}
	return nil, ""
}

func integer(v parquet.Value) int64 {
	if v.Kind() == parquet.Int32 {
		return int64(v.Int32())
	}
	return v.Int64()
}

func (p *parquetRows) named() bool  { return true }
func (p *parquetRows) commas() bool { return false }

func (p *parquetRows) notes() (notes []string) {
	for _, c := range p.columns {
		if c.note != "" {
			notes = append(notes, "column "+quote(c.name)+": "+c.note)
		}
	}
	return notes
}

func (p *parquetRows) next() (row record, err error) {
	failed := damaged(p.name, func() error {
		row, err = p.read()
		return nil
	})
	if failed != nil {
		return record{}, failed
	}
	return row, err
}

func (p *parquetRows) read() (record, error) {
	p.fields = p.fields[:0]
	if !p.begun {
		p.begun = true
		for _, c := range p.columns {
			p.fields = append(p.fields, c.name)
		}
		return record{0, p.fields}, nil
	}
	for len(p.left) == 0 {
		if err := p.fill(); err != nil {
			return record{}, err
		}
	}
	values := p.left[0]
	p.left = p.left[1:]
	p.line++
	if len(values) != len(p.columns) {
		return record{}, p.fail(fmt.Errorf("row %d has %d values in %d columns", p.line, len(values), len(p.columns)))
	}
	for i, v := range values {
		text := ""
		if !v.IsNull() {
			var err error
			if text, err = p.columns[i].text(v); err != nil {
				return record{}, fmt.Errorf("%s:%d:%d: column %s: %w", p.name, p.line, i+1, quote(p.columns[i].name), err)
			}
		}
		p.fields = append(p.fields, text)
	}
	return record{p.line, p.fields}, nil
}

// fill reads more rows. At the end the error is io.EOF.
func (p *parquetRows) fill() error {
	if p.rows == nil {
		groups := p.file.RowGroups()
		if p.group == len(groups) {
			return io.EOF
		}
		if err := checkGroup(p.r, p.size, &p.file.Metadata().RowGroups[p.group]); err != nil {
			return p.fail(fmt.Errorf("row group %d: %w", p.group+1, err))
		}
		p.rows = groups[p.group].Rows()
		p.group++
	}
	n, err := p.rows.ReadRows(p.buffer)
	p.left = p.buffer[:n]
	switch {
	case err == io.EOF:
		closed := p.rows.Close()
		if p.rows = nil; closed != nil {
			return p.fail(closed)
		}
	case err != nil:
		return p.fail(err)
	case n == 0:
		return p.fail(errors.New("a group of rows ends early"))
	}
	return nil
}

// oneLine returns text as a line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
