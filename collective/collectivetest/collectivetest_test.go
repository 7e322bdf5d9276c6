package collectivetest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"gputrain/collective"
	"gputrain/collective/collectivetest"
)

// check runs Check on all ranks, each a goroutine, and returns their errors. It does not let
// them wait for ever.
func check(groups []collective.Group) []error {
	for i, g := range groups {
		groups[i] = collective.Watched(g, 2*time.Minute)
	}
	errs := make([]error, len(groups))
	var wg sync.WaitGroup
	for rank, g := range groups {
		wg.Go(func() { errs[rank] = collectivetest.Check(g) })
	}
	wg.Wait()
	return errs
}

func TestLocal(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 17} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			for _, err := range check(collective.Local(n)) {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
}
