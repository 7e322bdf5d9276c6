package tasks

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gputrain/data"
)

func TestLongLagIsOneOfTwoSequences(t *testing.T) {
	f := LongLag{P: 4}.Format()
	drawn := map[string]int{}
	firsts := map[int]int{}
	for _, s := range data.Draw(LongLag{P: 4}, rand.New(rand.NewPCG(1, 1)), 4000) {
		var text []string
		for step := range s.Steps {
			text = append(text, f.Classes[symbol(&s, step)])
			if s.Distant[step] != (step == s.Steps-1) {
				t.Fatalf("step %d of %d is distant: %v", step, s.Steps, s.Distant[step])
			}
			if step+1 < s.Steps && int(s.Labels[step]) != symbol(&s, step+1) {
				t.Fatalf("step %d announces %d, but %d comes", step, s.Labels[step], symbol(&s, step+1))
			}
		}
		text = append(text, f.Classes[s.Labels[s.Steps-1]])
		drawn[strings.Join(text, " ")]++
		firsts[symbol(&s, 0)]++
	}
	for _, want := range []string{"x a1 a2 a3 x", "y a1 a2 a3 y"} {
		if drawn[want] == 0 || len(drawn) != 2 {
			t.Errorf("drew %v, want %q and the other", drawn, want)
		}
	}
	wantUniform(t, "first symbol", firsts, 3, 4)
}

func TestDistractorsEndWithTheTrigger(t *testing.T) {
	const q, p, n = 10, 6, 20000
	const trigger, begin, x = p, p + 1, p + 2
	lags, distractors, classes := map[int]int{}, map[int]int{}, map[int]int{}
	sum := 0.0
	for i, s := range data.Draw(Distractors{Q: q, P: p}, rand.New(rand.NewPCG(1, 1)), n) {
		last := s.Steps - 1
		class := int(s.Labels[last])
		if symbol(&s, 0) != begin || symbol(&s, 1) != x+class || symbol(&s, last) != trigger || last < q+2 {
			t.Fatalf("sequence %d: %d, %d ... %d in %d steps for class %d", i, symbol(&s, 0), symbol(&s, 1), symbol(&s, last), s.Steps, class)
		}
		for step := 2; step < last; step++ {
			distractors[symbol(&s, step)]++
		}
		lags[min(last-2-q, 3)]++
		classes[class]++
		sum += float64(s.Steps)
	}
	wantUniform(t, "distractor", distractors, 0, p-1)
	wantUniform(t, "class", classes, 0, 1)
	// The number of further distractors k has probability 0.9^k/10, mean 9 and
	// variance 90.
	for k, want := range []float64{0.1, 0.09, 0.081} {
		wantShare(t, fmt.Sprint(k, " further distractors"), lags[k], n, want)
	}
	if got, want, tolerance := sum/n, q+12.0, 5*math.Sqrt(90.0/n); math.Abs(got-want) > tolerance {
		t.Errorf("%.3f steps on average, want %.3f, tolerance %.3f", got, want, tolerance)
	}
}
