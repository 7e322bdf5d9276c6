// Package nccl lets the GPUs of a group add tensors among themselves, with NVIDIA's library
// NCCL. The group that they have already, such as one of package collective/mpi, brings them
// together and remains for all else.
//
// It loads libnccl.so.2, of version 2.13 or later, when it is asked to. Without the build tags
// cuda and mpi, and on other systems than Linux, it can only say that it is not there.
package nccl

import (
	"fmt"

	"gputrain/collective"
)

// Group is a group whose GPUs add among themselves. String is the version and file of NCCL.
// If Abort returns, it has ended NCCL's work too, so that no stream waits for it.
type Group interface {
	collective.TensorAdder
	fmt.Stringer

	// Leave ends NCCL's work, on all ranks, before their backends are closed. The group
	// that Join got remains. Close does both.
	Leave() error
}

// AbsentError says that a rank has no NCCL. All ranks get it together, and their group is as
// it was.
type AbsentError struct {
	Rank   int
	Reason error // nil on the other ranks

	// Broken means that NCCL is there, or that GPUTRAIN_NCCL names its file, but that it
	// cannot be used.
	Broken bool
}

func (e *AbsentError) Error() string {
	if e.Reason == nil {
		return fmt.Sprintf("rank %d has no NCCL", e.Rank)
	}
	return e.Reason.Error()
}

// Unwrap returns the reason.
func (e *AbsentError) Unwrap() error { return e.Reason }

// agree returns an *AbsentError on all ranks if one of them has a reason to be without NCCL: one
// that is broken, if there is one.
func agree(g collective.Group, reason error, broken bool) error {
	for _, e := range []struct{ is, broken bool }{{reason != nil && broken, true}, {reason != nil, false}} {
		rank, err := collective.Any(g, e.is)
		switch {
		case err != nil:
			return err
		case rank == g.Rank():
			return &AbsentError{rank, reason, e.broken}
		case rank >= 0:
			return &AbsentError{rank, nil, e.broken}
		}
	}
	return nil
}
