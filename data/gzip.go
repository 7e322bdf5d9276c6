package data

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// decompress returns the content of r, unpacked if it starts like a gzip file.
func decompress(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(r)
	// An error of Peek comes again from the next Read.
	if magic, _ := buffered.Peek(2); string(magic) == "\x1f\x8b" {
		return gzip.NewReader(buffered)
	}
	return buffered, nil
}

// readError says in one line why the file called name could not be read.
func readError(name string, err error) error {
	var path *fs.PathError
	var corrupt flate.CorruptInputError
	switch {
	case errors.As(err, &path): // its text would name the file again
		return fmt.Errorf("%s: %w", name, path.Err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: the compressed data end early; copy the file again: %w", name, err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return fmt.Errorf("%s: the compressed data are damaged; copy the file again: %w", name, err)
	}
	return fmt.Errorf("%s: %w", name, err)
}
