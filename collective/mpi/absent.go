//go:build !(mpi && (linux || darwin))

package mpi

import (
	"os"
	"time"

	"gputrain/collective"
)

// Open returns ErrAbsent. This build was made without MPI.
func Open(limit time.Duration) (collective.Group, error) { return nil, ErrAbsent }

// Exit ends the process, as os.Exit does, and with it the other ranks, if code is not 0.
func Exit(code int) {
	endOthers(code)
	os.Exit(code)
}
