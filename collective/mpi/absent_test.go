//go:build !(mpi && (linux || darwin))

package mpi

import (
	"errors"
	"testing"
)

func TestOpenWithoutMPI(t *testing.T) {
	if g, err := Open(0); g != nil || !errors.Is(err, ErrAbsent) {
		t.Errorf("got %v and %v, want ErrAbsent", g, err)
	}
}
