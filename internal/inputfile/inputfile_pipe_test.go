//go:build unix

package inputfile

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

// Without a writer, opening the pipe would not return.
func TestOpenRefusesAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o666); err != nil {
		t.Skip(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrIrregular) {
		t.Errorf("%v, want %v", err, ErrIrregular)
	}
}
