package nccl

import (
	"errors"
	"sync"
	"testing"

	"gputrain/collective"
)

// All ranks agree about the rank that has no NCCL. A library that is broken says more than one
// that is missing.
func TestRanksAgreeWhoHasNoNCCL(t *testing.T) {
	missing, broken := errors.New("missing"), errors.New("broken")
	for _, test := range []struct {
		reasons [3]error
		want    *AbsentError // on the other ranks
	}{
		{[3]error{}, nil},
		{[3]error{nil, missing, missing}, &AbsentError{Rank: 1}},
		{[3]error{missing, nil, broken}, &AbsentError{Rank: 2, Broken: true}},
	} {
		var all sync.WaitGroup
		for rank, g := range collective.Local(3) {
			all.Go(func() {
				reason := test.reasons[rank]
				err := agree(g, reason, reason == broken)
				var got *AbsentError
				errors.As(err, &got)
				if (got == nil) != (test.want == nil) || (got == nil) != (err == nil) {
					t.Errorf("%v: rank %d: got %v, want %v", test.reasons, rank, err, test.want)
					return
				}
				if got == nil {
					return
				}
				want := *test.want
				if rank == want.Rank {
					want.Reason = reason
				}
				if *got != want {
					t.Errorf("%v: rank %d: got %+v, want %+v", test.reasons, rank, *got, want)
				}
			})
		}
		all.Wait()
	}
}
