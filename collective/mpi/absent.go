//go:build !(mpi && (linux || darwin))

package mpi

import (
	"time"

	"gputrain/collective"
)

// Open returns ErrAbsent. This build was made without MPI.
func Open(limit time.Duration) (collective.Group, error) { return nil, ErrAbsent }
