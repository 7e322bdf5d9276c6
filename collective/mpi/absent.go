//go:build !(mpi && (linux || darwin))

package mpi

import (
	"os"
	"time"

	"gputrain/collective"
)

// Open returns ErrAbsent. This build was made without MPI.
func Open(limit time.Duration) (collective.Group, error) { return nil, ErrAbsent }

// Exit is os.Exit. This build was made without MPI.
func Exit(code int) { os.Exit(code) }
