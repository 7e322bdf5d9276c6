package tasks

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gputrain/data"
)

func TestMarkedPairs(t *testing.T) {
	const steps, n = 100, 20000
	tests := []struct {
		name    string
		task    data.Task
		low     float32
		neutral float32
		target  func(a, b float64) float64
	}{
		{"Adding", Adding{Steps: steps}, -1, 0, func(a, b float64) float64 { return 0.5 + (a+b)/4 }},
		{"Multiplication", Multiplication{Steps: steps}, 0, 1, func(a, b float64) float64 { return a * b }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lengths, positions, deciles := map[int]int{}, map[int]int{}, map[int]int{}
			firstMarked := 0
			rng := rand.New(rand.NewPCG(1, 1))
			var s data.Sequence
			for i := range n {
				test.task.Next(&s, rng)
				var marked []int
				for step := range s.Steps {
					value, marker := s.Input(step)[0], s.Input(step)[1]
					ends := step == 0 || step == s.Steps-1
					switch {
					case marker == 1:
						marked = append(marked, step)
					case ends && marker != -1, !ends && marker != 0:
						t.Fatalf("sequence %d: marker %v at step %d of %d", i, marker, step, s.Steps)
					}
					if value < test.low || value > 1 {
						t.Fatalf("sequence %d: value %v at step %d", i, value, step)
					}
					if step > 0 {
						deciles[min(9, int(10*(value-test.low)/(1-test.low)))]++
					}
				}
				if len(marked) != 2 || marked[0] > 9 || marked[1] >= steps/2 {
					t.Fatalf("sequence %d: steps %v are marked", i, marked)
				}
				if marked[0] == 0 {
					firstMarked++
					if s.Input(0)[0] != test.neutral {
						t.Fatalf("sequence %d: the marked first pair has value %v, want %v", i, s.Input(0)[0], test.neutral)
					}
				}
				want := float32(test.target(float64(s.Input(marked[0])[0]), float64(s.Input(marked[1])[0])))
				if got := s.Target(s.Steps - 1)[0]; got != want {
					t.Fatalf("sequence %d: target %v, want %v", i, got, want)
				}
				if marked[1] >= 10 { // then the first choice is the first mark
					positions[marked[0]]++
				}
				lengths[s.Steps]++
			}
			wantUniform(t, "length", lengths, steps, steps+steps/10)
			wantUniform(t, "first mark", positions, 0, 9)
			wantUniform(t, "tenth of the range of values", deciles, 0, 9)
			// First choice 1/10, second choice 1/49 where it was another: 0.1184.
			wantShare(t, "a marked first pair", firstMarked, n, 0.1+0.9/49)
		})
	}
}

func TestTheSecondMarkIsUniformAmongTheRest(t *testing.T) {
	const steps = 100
	rng := rand.New(rand.NewPCG(1, 1))
	var s data.Sequence
	seconds := map[int]int{}
	for range 20000 {
		first, second := drawPairs(&s, rng, "test", steps)
		rest := slices.DeleteFunc(seq(steps), func(t int) bool { return t == first })
		seconds[slices.Index(rest, second)]++
	}
	wantUniform(t, "place of the second mark", seconds, 0, steps/2-2)
}

// seq returns 0, 1, ..., n−1.
func seq(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}
