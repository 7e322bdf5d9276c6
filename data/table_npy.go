package data

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sbinet/npyio/npy"
)

// arrayRows are the rows of arrays that stand side by side.
type arrayRows struct {
	columns []arrayColumn
	rows    int
	names   bool // the first row has the names
	begun   bool // they have been given
	line    int  // of the last row, from 1; the names are no line
	fields  []string
}

// arrayColumn is a column of an array.
type arrayColumn struct {
	name string
	text func(row int) string
}

// openNPY returns the rows of an array in a file of so many bytes.
func openNPY(r io.ReaderAt, size int64, name string) (rowSource, error) {
	var taken bound
	content, err := io.ReadAll(taken.reader(io.NewSectionReader(r, 0, size), 1))
	if err != nil {
		return nil, readError(name, err)
	}
	a := &arrayRows{}
	if err := a.add(&taken, name, "", content); err != nil {
		return nil, err
	}
	return a, nil
}

// openNPZ returns the rows of the arrays in a ZIP archive.
func openNPZ(r io.ReaderAt, size int64, name string) (rowSource, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; is it no .npz file of NumPy? A spreadsheet must be exported as CSV", name, err)
	}
	var taken bound
	a := &arrayRows{names: true}
	for _, entry := range archive.File {
		array, isArray := strings.CutSuffix(entry.Name, ".npy")
		if !isArray {
			return nil, fmt.Errorf("%s: it holds %s, which is no array of NumPy; if it is a spreadsheet, export it as CSV", name, quote(entry.Name))
		}
		content, err := unzip(&taken, entry)
		if err != nil {
			return nil, readError(name+": array "+quote(array), err)
		}
		if err := a.add(&taken, name+": array "+quote(array), array, content); err != nil {
			return nil, err
		}
	}
	if len(a.columns) == 0 {
		return nil, fmt.Errorf("%s: there is no array in it", name)
	}
	return a, nil
}

// unzip returns the content of an entry, if there is memory for it.
func unzip(taken *bound, entry *zip.File) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(taken.reader(r, 1))
}

// add adds an array, which errors call where, as columns.
func (a *arrayRows) add(taken *bound, where, name string, content []byte) error {
	var column func(j int) arrayColumn
	var rows, columns int
	err := damaged(where, func() (err error) {
		rows, columns, column, err = readArray(taken, where, content)
		return err
	})
	switch {
	case err != nil:
		return err
	case len(a.columns) > 0 && rows != a.rows:
		return fmt.Errorf("%s has %d rows, but the arrays before have %d; all must have a row for each sample", where, rows, a.rows)
	}
	if err := taken.take(int64(columns), columnBytes); err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	a.rows = rows
	for j := range columns {
		c := column(j)
		if c.name = name; columns > 1 {
			c.name = fmt.Sprintf("%s[%d]", name, j)
		}
		a.columns = append(a.columns, c)
	}
	return nil
}

// readArray reads an array of one or two dimensions.
func readArray(taken *bound, where string, content []byte) (rows, columns int, column func(j int) arrayColumn, err error) {
	fail := func(format string, args ...any) (int, int, func(int) arrayColumn, error) {
		return 0, 0, nil, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...))
	}
	if header, ok := npyHeader(content); !ok {
		return fail("its header needs %d bytes, and it has %d; it is damaged, or no array of NumPy", header, len(content))
	}
	values := bytes.NewReader(content)
	r, err := npy.NewReader(values)
	if err != nil {
		return fail("%v; it is damaged, or no array of NumPy", oneLine(err.Error()))
	}
	shape, kind := r.Header.Descr.Shape, strings.TrimLeft(r.Header.Descr.Type, "<>|=")
	switch len(shape) {
	case 1:
		rows, columns = shape[0], 1
	case 2:
		rows, columns = shape[0], shape[1]
	default:
		return fail("its shape is %v; want one or two dimensions, a row for each sample", shape)
	}
	bytesEach, err := strconv.Atoi(strings.TrimLeft(kind, "biuf"))
	if err != nil || !slices.Contains([]string{"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"}, kind) {
		return fail("its numbers are of type %s; convert it to float64, or text to CSV", quote(r.Header.Descr.Type))
	}
	if rows < 0 || columns < 1 || rows > math.MaxInt/columns/bytesEach || rows*columns*bytesEach != values.Len() {
		return fail("it says that it has %d by %d numbers of %d bytes, but holds %d bytes", rows, columns, bytesEach, values.Len())
	}
	if err := taken.take(int64(rows*columns), int64(bytesEach)); err != nil {
		return fail("%v", err)
	}
	text, err := readNumbers(r, kind)
	if err != nil {
		return fail("%v; it is damaged", oneLine(err.Error()))
	}
	byColumn := r.Header.Descr.Fortran
	return rows, columns, func(j int) arrayColumn {
		return arrayColumn{text: func(row int) string {
			if byColumn {
				return text(j*rows + row)
			}
			return text(row*columns + j)
		}}
	}, nil
}

// npyHeader returns how many bytes the header of an array takes, and whether they are
// there: the reader would allocate whatever a damaged one says.
func npyHeader(content []byte) (bytes int64, ok bool) {
	const fixed = len(npyMagic) + 2 // with the version
	if len(content) < fixed+4 {
		return int64(fixed) + 4, false
	}
	length := content[fixed:]
	bytes = int64(fixed) + 2 + int64(length[0]) + int64(length[1])<<8
	if content[len(npyMagic)] > 1 {
		bytes += 2 + int64(length[2])<<16 + int64(length[3])<<24
	}
	return bytes, bytes <= int64(len(content))
}

// readNumbers returns the numbers of an array as text, by index.
func readNumbers(r *npy.Reader, kind string) (text func(i int) string, err error) {
	switch kind {
	case "b1":
		return texts(r, func(x bool) string { return strconv.FormatBool(x) })
	case "i1":
		return texts(r, func(x int8) string { return strconv.FormatInt(int64(x), 10) })
	case "i2":
		return texts(r, func(x int16) string { return strconv.FormatInt(int64(x), 10) })
	case "i4":
		return texts(r, func(x int32) string { return strconv.FormatInt(int64(x), 10) })
	case "i8":
		return texts(r, func(x int64) string { return strconv.FormatInt(x, 10) })
	case "u1":
		return texts(r, func(x uint8) string { return strconv.FormatUint(uint64(x), 10) })
	case "u2":
		return texts(r, func(x uint16) string { return strconv.FormatUint(uint64(x), 10) })
	case "u4":
		return texts(r, func(x uint32) string { return strconv.FormatUint(uint64(x), 10) })
	case "u8":
		return texts(r, func(x uint64) string { return strconv.FormatUint(x, 10) })
	case "f4":
		return texts(r, func(x float32) string { return strconv.FormatFloat(float64(x), 'g', -1, 32) })
	}
	return texts(r, func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) })
}

func texts[T any](r *npy.Reader, format func(T) string) (func(i int) string, error) {
	var values []T
	err := r.Read(&values)
	return func(i int) string { return format(values[i]) }, err
}

func (a *arrayRows) named() bool     { return a.names }
func (a *arrayRows) commas() bool    { return false }
func (a *arrayRows) notes() []string { return nil }

func (a *arrayRows) next() (record, error) {
	a.fields = a.fields[:0]
	if a.names && !a.begun {
		a.begun = true
		for _, c := range a.columns {
			a.fields = append(a.fields, c.name)
		}
		return record{0, a.fields}, nil
	}
	if a.line == a.rows {
		return record{}, io.EOF
	}
	for _, c := range a.columns {
		a.fields = append(a.fields, c.text(a.line))
	}
	a.line++
	return record{a.line, a.fields}, nil
}
