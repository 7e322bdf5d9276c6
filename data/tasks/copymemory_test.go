package tasks

import (
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/data"
)

func TestCopyMemory(t *testing.T) {
	const blank, start = 8, 9
	for _, blanks := range []int{1, 5, 20} {
		task := CopyMemory{Blanks: blanks}
		symbols := map[int]int{}
		for i, s := range data.Draw(task, rand.New(rand.NewPCG(1, 1)), 2000) {
			if s.Steps != blanks+20 {
				t.Fatalf("%d steps, want %d", s.Steps, blanks+20)
			}
			for step := range s.Steps {
				input, label := symbol(&s, step), int(s.Labels[step])
				wantInput, wantLabel := blank, blank
				switch {
				case step < 10:
					wantInput = input
					symbols[input]++
				case step == blanks+9:
					wantInput = start
				}
				if step >= blanks+10 {
					wantLabel = symbol(&s, step-blanks-10)
				}
				if input != wantInput || label != wantLabel || s.Distant[step] != (step >= blanks+10) {
					t.Fatalf("sequence %d, step %d of %d: input %d, label %d, distant %v, want %d, %d", i, step, s.Steps, input, label, s.Distant[step], wantInput, wantLabel)
				}
			}
		}
		wantUniform(t, "symbol", symbols, 0, 7)
	}
}

func TestCopyMemoryBaselineIsThatOfNoMemory(t *testing.T) {
	// The cross-entropy of the blanks is 0, that of each of the ten symbols ln 8.
	task := CopyMemory{Blanks: 20}
	s := data.Draw(task, rand.New(rand.NewPCG(1, 1)), 1)[0]
	sum := 0.0
	for step := range s.Steps {
		p := 1.0
		if s.Distant[step] {
			p = 1.0 / 8
		}
		sum -= math.Log(p)
	}
	if got, want := task.Baseline(), sum/float64(s.Steps); math.Abs(got-want) > 1e-15 {
		t.Errorf("got %v, want %v", got, want)
	}
}
