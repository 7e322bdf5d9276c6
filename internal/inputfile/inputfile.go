// Package inputfile opens files to be read.
package inputfile

import (
	"errors"
	"io/fs"
	"os"
)

// ErrIrregular is why Open refuses a pipe, a device or a socket.
var ErrIrregular = errors.New("it is not a regular file")

var errDirectory = errors.New("it is a directory")

// Open opens the regular file at path, or the one that it links to. A pipe may wait
// for its writer without end, a device may go on without end, and neither can be read
// again later. All errors are of type *fs.PathError.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.Unwrap(err)}
	case info.IsDir():
		return nil, &fs.PathError{Op: "open", Path: path, Err: errDirectory}
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrIrregular}
	}
	return os.Open(path)
}
