package collective_test

import (
	"sync"
	"testing"

	"gputrain/collective"
)

// together runs each rank of a group in a goroutine of its own, and returns their errors.
func together(groups []collective.Group, run func(g collective.Group) error) []error {
	errs := make([]error, len(groups))
	var wg sync.WaitGroup
	for rank, g := range groups {
		wg.Go(func() { errs[rank] = run(g) })
	}
	wg.Wait()
	return errs
}

func TestSumHasTheOrderOfTheRanks(t *testing.T) {
	// 1 is lost in 1e8, so each order has another result.
	x := []float32{1e8, 1, -1e8, 1}
	want := ((x[0] + x[1]) + x[2]) + x[3]
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9} { // some chunks are padding
		for _, err := range together(collective.Local(4), func(g collective.Group) error {
			sum := collective.NewSum(g, n, false)
			for i := range sum.Vector() {
				sum.Vector()[i] = x[g.Rank()]
			}
			err := sum.Add()
			for i, got := range sum.Vector() {
				if got != want {
					t.Errorf("%d elements, rank %d: element %d is %v, want %v", n, g.Rank(), i, got, want)
				}
			}
			return err
		}) {
			if err != nil {
				t.Error(err)
			}
		}
	}
}
