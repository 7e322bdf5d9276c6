package cpu

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// tally counts how often each part runs and whether two parts share a worker. The
// counts are not atomic, so the race detector sees whether the end of a part
// happens before run returns.
type tally struct {
	runs    [100]int
	busy    [7]atomic.Bool
	clashes atomic.Int32
	work    int // loop iterations of a part
}

func (t *tally) part(worker, index int) {
	if t.busy[worker].Swap(true) {
		t.clashes.Add(1)
	}
	spin(t.work)
	t.runs[index]++
	t.busy[worker].Store(false)
}

// spin takes about n nanoseconds.
func spin(n int) {
	var counter atomic.Int64
	for range n {
		counter.Add(1)
	}
}

// longSpin is the argument of spin for about as long as a helper looks for work.
const longSpin = 1 << 14

// TestPoolRunsEachPartOnce runs jobs of random length after pauses of random
// length. So a job finds helpers spinning, falling asleep or asleep, and the end
// of a job finds the caller in each of these states.
func TestPoolRunsEachPartOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, workers := range []int{1, 2, 3, 7} {
		p := newPool(workers)
		for round := range 1000 {
			parts := rng.IntN(10)
			if round%10 == 0 {
				parts = rng.IntN(100)
			}
			counts := tally{work: rng.IntN(1000)}
			spin(rng.IntN(2 * longSpin))
			p.run(&counts, parts)
			for i, got := range counts.runs {
				want := 0
				if i < parts {
					want = 1
				}
				if got != want {
					t.Fatalf("%d workers, %d parts: part %d ran %d times, want %d", workers, parts, i, got, want)
				}
			}
			if n := counts.clashes.Load(); n > 0 {
				t.Fatalf("%d workers: %d parts ran on a worker in use", workers, n)
			}
			if len(p.done) != 0 {
				t.Fatalf("%d workers, %d parts: the end of the job is still to be received", workers, parts)
			}
		}
		p.close()
	}
}

// meeting is a job in which each part waits until all have begun. It needs as many
// workers as parts.
type meeting struct {
	begun atomic.Int32
	all   int32
	stuck atomic.Bool
}

func (m *meeting) part(int, int) {
	m.begun.Add(1)
	for start := time.Now(); m.begun.Load() < m.all; runtime.Gosched() {
		if time.Since(start) > 10*time.Second {
			m.stuck.Store(true)
			return
		}
	}
}

func TestAllHelpersAreWoken(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, workers := range []int{2, 3, 7} {
		p := newPool(workers)
		for round := range 300 {
			if round%50 == 0 {
				fillWake(p)
			}
			spin(rng.IntN(3 * longSpin))
			m := meeting{all: int32(workers)}
			p.run(&m, workers)
			if m.stuck.Load() {
				t.Fatalf("round %d: not all of %d workers came", round, workers)
			}
		}
		p.close()
	}
}

// fillWake fills the channel with tokens, more than there are helpers.
func fillWake(p *pool) {
	for {
		select {
		case p.wake <- struct{}{}:
		default:
			return
		}
	}
}

func TestCloseEndsTheWorkers(t *testing.T) {
	c := open(t, Options{Workers: 5})
	c.pool.run(&meeting{all: 5}, 5) // now all helpers have begun
	if n := helping(); n != 4 {
		t.Errorf("%d goroutines help, want 4", n)
	}
	c.Close()
	if n := helping(); n != 0 {
		t.Errorf("%d goroutines help after Close, want 0", n)
	}
}

// helping returns the number of goroutines in (*pool).help.
func helping() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "(*pool).help(")
}
