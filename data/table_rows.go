package data

import (
	"fmt"
	"io"
)

// rowSource gives the rows of a table as text, whatever kind of file they are from. The
// first may have the names of the columns.
type rowSource interface {
	// next returns the next row, whose fields are valid until the following call. At the
	// end the error is io.EOF itself. Other errors begin with the name of the file.
	next() (record, error)

	named() bool     // the first row has the names of the columns, whatever they look like
	commas() bool    // numbers may have a decimal comma
	notes() []string // how the file was understood, as far as it has been read
}

// firstRows returns the first two rows. The second has no fields if there is none.
func firstRows(source rowSource, name string) (first, second record, err error) {
	first, err = source.next()
	if err == io.EOF {
		err = fmt.Errorf("%s: the file is empty; want lines of numbers separated by commas", name)
	}
	if err != nil {
		return record{}, record{}, err
	}
	first = first.clone()
	second, err = nextOrEnd(source)
	return first, second, err
}

// nextOrEnd is next, but the row at the end has no fields, and there is no error.
func nextOrEnd(source rowSource) (record, error) {
	row, err := source.next()
	if err == io.EOF {
		return record{}, nil
	}
	return row, err
}
