package collective_test

import (
	"testing"
	"time"

	"gputrain/collective"
)

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

func TestSumDoesNotAllocate(t *testing.T) {
	const calls = 50
	groups := collective.Local(3)
	for i, g := range groups {
		groups[i] = collective.Watched(g, time.Minute)
	}
	for _, err := range together(groups, func(g collective.Group) (err error) {
		sum := collective.NewSum(g, 1000, false)
		if err := sum.Add(); err != nil { // all have theirs
			return err
		}
		if g.Rank() > 0 {
			for range calls + 1 {
				err = sum.Add()
			}
			return err
		}
		if n := testing.AllocsPerRun(calls, func() { err = sum.Add() }); n != 0 {
			t.Errorf("got %v allocations for a sum on 3 ranks", n)
		}
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
}

// adder adds by itself: it doubles.
type adder struct{ collective.Group }

func (adder) Add(x []float32) error {
	for i := range x {
		x[i] *= 2
	}
	return nil
}

func TestFastSumIsThatOfTheGroup(t *testing.T) {
	for _, test := range []struct {
		group collective.Group
		fast  bool
		want  float32
	}{
		{adder{collective.Local(1)[0]}, true, 6},
		{adder{collective.Local(1)[0]}, false, 3},
		{collective.Local(1)[0], true, 3},
		{collective.Watched(adder{collective.Local(1)[0]}, time.Minute), true, 6},
		{collective.Watched(collective.Local(1)[0], time.Minute), true, 3},
	} {
		sum := collective.NewSum(test.group, 1, test.fast)
		sum.Vector()[0] = 3
		if err := sum.Add(); err != nil || sum.Vector()[0] != test.want {
			t.Errorf("%T, fast %v: got %v and %v, want %v", test.group, test.fast, sum.Vector()[0], err, test.want)
		}
	}
}
