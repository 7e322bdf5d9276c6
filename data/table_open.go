package data

import (
	"fmt"
	"os"

	"gputrain/internal/inputfile"
)

// OpenTable reads the table at path: a Parquet file, arrays of NumPy (.npy or .npz), or
// else a CSV file, whichever it is by its content. It reads CSV files as OpenCSV does.
//
// A Parquet file has a header; its columns are numbers, booleans and text, none of them
// nested. Null is a missing value. Of an array of two dimensions, each column is a column
// of the table, without a header; of an .npz file, the arrays stand side by side, and the
// header has their names.
func OpenTable(path string, o CSVOptions) (*Table, error) {
	var table *Table
	err := withRows(path, func(source rowSource) (err error) {
		table, err = readTable(source, path, o)
		return err
	})
	return table, err
}

// InspectTable inspects the file at path as OpenTable would read it. Of o, it heeds the
// names of the targets, of the columns to ignore and of those to count.
func InspectTable(path string, o CSVOptions) (*Inspection, error) {
	var inspection *Inspection
	err := withRows(path, func(source rowSource) (err error) {
		inspection, err = inspectRows(source, path, o)
		return err
	})
	return inspection, err
}

// withRows calls use with the rows of the table at path.
func withRows(path string, use func(rowSource) error) error {
	file, err := inputfile.Open(path)
	if err != nil {
		return readError(path, err)
	}
	defer file.Close()
	source, err := openRows(file, path)
	if err != nil {
		return err
	}
	return use(source)
}

// openRows returns the rows of a file, whose kind its first bytes tell.
func openRows(file *os.File, name string) (rowSource, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, readError(name, err)
	}
	magic := make([]byte, 6)
	n, _ := file.ReadAt(magic, 0) // an error comes again from the next read
	switch magic := string(magic[:n]); {
	case hasPrefix(magic, parquetMagic):
		return openParquet(file, info.Size(), name)
	case hasPrefix(magic, npyMagic):
		return openNPY(file, info.Size(), name)
	case hasPrefix(magic, zipMagic):
		return openNPZ(file, info.Size(), name)
	}
	return openRecords(file, name)
}

const (
	parquetMagic = "PAR1"
	npyMagic     = "\x93NUMPY"
	zipMagic     = "PK\x03\x04"
)

func hasPrefix(text, magic string) bool { return len(text) >= len(magic) && text[:len(magic)] == magic }

// damaged runs a reader of somebody else, and turns a panic of it into an error: it means
// that the file is not what the reader expects.
func damaged(name string, read func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: the file is damaged; copy or export it again: %.200s", name, oneLine(fmt.Sprint(r)))
		}
	}()
	return read()
}
