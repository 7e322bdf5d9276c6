package collective_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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

// calls are all that a rank can wait in.
var calls = []struct {
	name string
	call func(g collective.Group) error
}{
	{"Exchange", func(g collective.Group) error { return g.Exchange(make([]byte, 4*g.Size()), make([]byte, 4*g.Size())) }},
	{"Gather", func(g collective.Group) error { return g.Gather(make([]byte, 4*g.Size()), make([]byte, 4)) }},
	{"Broadcast", func(g collective.Group) error { return g.Broadcast(make([]byte, 4)) }},
	{"Sum", func(g collective.Group) error { return collective.NewSum(g, 10, false).Add() }},
	{"Close", collective.Group.Close},
}

var errFull = errors.New("the disk is full")

// mustEnd fails unless err says that a rank has ended the group, and why.
func mustEnd(t *testing.T, err error, rank int, reason error) {
	t.Helper()
	var ended *collective.AbortError
	if !errors.As(err, &ended) || ended.Rank != rank || !errors.Is(err, reason) {
		t.Errorf("got %v, want that rank %d has ended: %v", err, rank, reason)
	}
}

func TestAbortEndsWhatOthersWaitIn(t *testing.T) {
	for _, test := range calls {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, err := range together(collective.Local(3), func(g collective.Group) error {
					if g.Rank() != 1 {
						return test.call(g)
					}
					synctest.Wait() // until the others wait
					g.Abort(errFull)
					g.Abort(errors.New("another reason, too late"))
					return test.call(g) // nor does it begin another call
				}) {
					mustEnd(t, err, 1, errFull)
				}
			})
		})
	}
}

func TestAbortFromAnotherGoroutineOfARankThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups := collective.Local(2)
		go func() {
			synctest.Wait()
			groups[0].Abort(errFull)
		}()
		mustEnd(t, groups[0].Broadcast(nil), 0, errFull)
		mustEnd(t, groups[1].Broadcast(nil), 0, errFull)
	})
}

// Whenever a group is aborted, all ranks end, with the same error, or with none if they have
// done all calls before.
func TestAbortAtAnyMoment(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(1, seed))
		victim, moment := rng.IntN(4), rng.IntN(30)
		aborted := make(chan bool)
		for rank, err := range together(collective.Local(4), func(g collective.Group) error {
			sum := collective.NewSum(g, 100, false)
			for i := range 30 {
				if g.Rank() == victim && i == moment {
					go func() {
						g.Abort(errFull)
						close(aborted)
					}()
				}
				if err := sum.Add(); err != nil {
					return err
				}
			}
			<-aborted
			return g.Close()
		}) {
			if mustEnd(t, err, victim, errFull); t.Failed() {
				t.Fatalf("seed %d, rank %d", seed, rank)
			}
		}
	}
}

func TestRankThatClosesEarly(t *testing.T) {
	for _, test := range calls[:4] {
		for early := range 3 {
			for _, err := range together(collective.Local(3), func(g collective.Group) error {
				if g.Rank() == early {
					return g.Close()
				}
				return test.call(g)
			}) {
				var ended *collective.AbortError
				if !errors.As(err, &ended) || ended.Rank != early || !strings.Contains(err.Error(), "has ended while others wait") {
					t.Errorf("%s while rank %d closes: got %v", test.name, early, err)
				}
			}
		}
	}
}

func TestRanksThatMakeOtherCalls(t *testing.T) {
	gather := func(n int) func(g collective.Group) error {
		return func(g collective.Group) error { return g.Gather(make([]byte, 3*n), make([]byte, n)) }
	}
	broadcast := func(n int) func(g collective.Group) error {
		return func(g collective.Group) error { return g.Broadcast(make([]byte, n)) }
	}
	for _, test := range []struct {
		ranks [3]func(g collective.Group) error
		want  string
	}{
		{[3]func(g collective.Group) error{gather(5), gather(5), gather(6)}, "rank 2: it calls Gather with 6 bytes, but rank 0 Gather with 5"},
		{[3]func(g collective.Group) error{gather(5), broadcast(5), gather(5)}, "rank 1: it calls Broadcast with 5 bytes, but rank 0 Gather with 5"},
		{[3]func(g collective.Group) error{broadcast(0), broadcast(1), broadcast(2)}, "rank 1: it calls Broadcast with 1 bytes, but rank 0 Broadcast with 0"},
		{[3]func(g collective.Group) error{broadcast(0), broadcast(0), broadcast(0)}, ""},
	} {
		for rank, err := range together(collective.Local(3), func(g collective.Group) error { return test.ranks[g.Rank()](g) }) {
			if got := fmt.Sprint(err); got != test.want && !(err == nil && test.want == "") {
				t.Errorf("rank %d: got %q, want %q", rank, got, test.want)
			}
		}
	}
}

func TestMistakesPanic(t *testing.T) {
	g := collective.Local(1)[0]
	for name, mistake := range map[string]func(){
		"no ranks":          func() { collective.Local(0) },
		"Exchange":          func() { g.Exchange(make([]byte, 2), make([]byte, 3)) },
		"Gather":            func() { g.Gather(make([]byte, 2), make([]byte, 3)) },
		"a remaining chunk": func() { collective.Local(2)[0].Exchange(make([]byte, 3), make([]byte, 3)) },
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "collective: ") {
					t.Errorf("%s: got %q", name, text)
				}
			}()
			mistake()
		}()
	}
}

// A sum takes as long as the model of a ring says: the latency of its two calls, and the time
// of the bytes that a rank sends, 2·(N−1)/N·S/B. The clock is that of the test.
func TestSimulatedTimeIsThatOfTheModel(t *testing.T) {
	link := collective.Link{Latency: 20 * time.Microsecond, Bandwidth: 1e9}
	for _, ranks := range []int{1, 2, 3, 4, 8, 16, 33, 64} {
		for _, elements := range []int{1, 1000, 100_000} {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				for _, err := range together(collective.Simulated(ranks, link), func(g collective.Group) error {
					return collective.NewSum(g, elements, false).Add()
				}) {
					if err != nil {
						t.Error(err)
					}
				}
				got := time.Since(began)
				n, padded := float64(ranks), (elements+ranks-1)/ranks*ranks
				want := 0.0
				if ranks > 1 {
					want = 2*link.Latency.Seconds() + 2*(n-1)/n*float64(4*padded)/link.Bandwidth
				}
				if math.Abs(got.Seconds()-want) > 1e-8 {
					t.Errorf("%d elements on %d ranks take %v, want %.9gs", elements, ranks, got, want)
				}
			})
		}
	}
}
