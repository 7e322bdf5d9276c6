package collective_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gputrain/collective"
)

func watched(groups []collective.Group, limit time.Duration) []collective.Group {
	for i, g := range groups {
		groups[i] = collective.Watched(g, limit)
	}
	return groups
}

func TestWatchedEndsAHang(t *testing.T) {
	for _, test := range calls[:4] {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				for rank, err := range together(watched(collective.Local(3), time.Minute), func(g collective.Group) error {
					if g.Rank() == 1 {
						time.Sleep(time.Hour) // and finds the group ended
					}
					return test.call(g)
				}) {
					if err == nil || !strings.Contains(err.Error(), ": it has waited 1m0s for the others, one of which hangs") {
						t.Errorf("rank %d: got %v", rank, err)
					}
				}
				if got := time.Since(began); got != time.Hour {
					t.Errorf("the ranks ended after %v", got)
				}
			})
		})
	}
}

func TestWatchedEndsAnAdderThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := hanging{collective.Local(1)[0], make(chan error, 1)}
		sum := collective.NewSum(collective.Watched(g, time.Minute), 1, true)
		if err := sum.Add(); err == nil || !strings.Contains(err.Error(), "it has waited 1m0s") {
			t.Errorf("got %v", err)
		}
	})
}

// hanging is an Adder that waits until it is aborted.
type hanging struct {
	collective.Group
	aborted chan error
}

func (h hanging) Add([]float32) error { return <-h.aborted }

func (h hanging) Abort(reason error) { h.aborted <- reason }

// Neither calls that take nearly the limit end a group, nor long times between them, nor a
// rank that waits in Close.
func TestWatchedHasNoFalseAlarm(t *testing.T) {
	for _, test := range calls {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limit := time.Minute
				for rank, err := range together(watched(collective.Local(3), limit), func(g collective.Group) error {
					for i := range 10 {
						time.Sleep(time.Hour)
						if g.Rank() == i%3 {
							time.Sleep(limit - time.Nanosecond)
						}
						if test.name == "Close" && g.Rank() == 1 {
							time.Sleep(time.Hour)
						}
						if err := test.call(g); err != nil || test.name == "Close" {
							return err
						}
					}
					return nil
				}) {
					if err != nil {
						t.Errorf("rank %d: %v", rank, err)
					}
				}
			})
		})
	}
}
