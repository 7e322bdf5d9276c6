package bench

import (
	"context"
	"math"
	"slices"
	"time"

	"gputrain/backend"
)

// Turn is a side's turn. It returns the side's figure, such as the seconds of a
// call.
type Turn func() (float64, error)

// Runner makes so many calls and returns how long they took. If there are several,
// one comes before them that does not count: the caches hold what another side
// worked on.
type Runner func(calls int) (time.Duration, error)

// On returns the runner of a call that queues work on b.
func On(b backend.Backend, call func()) Runner {
	return func(calls int) (time.Duration, error) {
		if calls > 1 {
			call()
		}
		return backend.Time(b, func() {
			for range calls {
				call()
			}
		})
	}
}

// Calls returns a turn of as many calls as take least together, or a bit more. Its
// figure is the seconds of one. Calls warms up.
func Calls(run Runner, least time.Duration) (Turn, error) {
	const warm, most = 3, 100_000
	calls := 1
	elapsed, err := run(1)
	if err == nil && elapsed < warm*least {
		elapsed, err = run(warm)
		calls = int(math.Ceil(min(warm*least.Seconds()/elapsed.Seconds(), most)))
	}
	return func() (float64, error) {
		elapsed, err := run(calls)
		return elapsed.Seconds() / float64(calls), err
	}, err
}

// Rounds says how often the sides take turns: Most times, or fewer, but Least
// times, as soon as Within has passed.
type Rounds struct {
	Least, Most int
	Within      time.Duration
}

// InTurn lets each side have a turn in every round, another one first each time.
// It returns the figures of each side, one for each round. It ends early with the
// cause of ctx.
func InTurn(ctx context.Context, r Rounds, sides ...Turn) ([][]float64, error) {
	figures := make([][]float64, len(sides))
	for i := range figures {
		figures[i] = make([]float64, 0, r.Most)
	}
	began := time.Now()
	for round := 0; round < r.Most && (round < r.Least || time.Since(began) < r.Within); round++ {
		for i := range sides {
			side := (round + i) % len(sides)
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			figure, err := sides[side]()
			if err != nil {
				return nil, err
			}
			figures[side] = append(figures[side], figure)
			time.Sleep(rest)
		}
	}
	return figures, nil
}

// rest is the time between two turns. A side's threads look for more work for a
// while before they sleep. pytorch.py waits for those of PyTorch itself.
const rest = 2 * time.Millisecond

// Quantile returns the value below which the part q of x lies, 0 ≤ q ≤ 1, and
// interpolates between two. The median has q = 1/2.
func Quantile(q float64, x []float64) float64 {
	sorted := slices.Sorted(slices.Values(x))
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// Ratios returns a[i]/b[i]: of figures of the same rounds.
func Ratios(a, b []float64) []float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return ratios
}
