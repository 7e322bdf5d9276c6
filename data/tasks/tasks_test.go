package tasks

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gputrain/data"
)

// tasks returns one of each, with the sizes of the literature or smaller.
func tasks() map[string]data.Task {
	return map[string]data.Task{
		"Parity":                    Parity{MaxSteps: 10},
		"Reber":                     Reber{},
		"Reber embedded":            Reber{Embedded: true},
		"ContinualReber":            NewContinualReber(50),
		"LongLag":                   LongLag{P: 50},
		"LongLag of one step":       LongLag{P: 1},
		"Distractors":               Distractors{Q: 30, P: 20},
		"Adding":                    Adding{Steps: 100},
		"Multiplication":            Multiplication{Steps: 100},
		"TemporalOrder of two":      TemporalOrder{},
		"TemporalOrder of three":    TemporalOrder{Three: true},
		"SpikeDelays":               SpikeDelays{Period: 10, MaxDelay: 2, Spikes: 20},
		"SpikeDelays of one spike":  SpikeDelays{Period: 10, MaxDelay: 1, Spikes: 1},
		"TimedSpikes":               TimedSpikes{Period: 10, MaxDelay: 2, Spikes: 20},
		"PeriodicFunction":          PeriodicFunction{Period: 10, Steps: 100},
		"PeriodicFunction, teacher": PeriodicFunction{Wave: Triangle, Period: 25, Steps: 100, Teacher: true},
		"CopyMemory":                CopyMemory{Blanks: 20},
	}
}

// forEachTask runs test for each task with a generator of its own.
func forEachTask(t *testing.T, test func(t *testing.T, task data.Task, rng *rand.Rand)) {
	for name, task := range tasks() {
		t.Run(name, func(t *testing.T) { test(t, task, rand.New(rand.NewPCG(1, 1))) })
	}
}

func TestSequencesHaveTheFormatOfTheirTask(t *testing.T) {
	forEachTask(t, func(t *testing.T, task data.Task, rng *rand.Rand) {
		f := task.Format()
		if f.Classes != nil && len(f.Classes) != f.Outputs {
			t.Errorf("%d classes %q, want %d", len(f.Classes), f.Classes, f.Outputs)
		}
		for i, s := range data.Draw(task, rng, 100) {
			if err := checkSequence(f, &s); err != nil {
				t.Fatalf("sequence %d: %v", i, err)
			}
		}
	})
}

// checkSequence returns an error if a sequence contradicts the format of its
// task.
func checkSequence(f data.Format, s *data.Sequence) error {
	if s.Width != f.Width || s.Outputs != f.Outputs {
		return fmt.Errorf("%d features and %d outputs, want %d and %d", s.Width, s.Outputs, f.Width, f.Outputs)
	}
	got := []int{len(s.X), len(s.Targets), len(s.Labels), len(s.Mask), len(s.Distant)}
	want := []int{s.Steps * f.Width, s.Steps * f.Outputs, s.Steps, s.Steps, s.Steps}
	if !slices.Equal(got, want) {
		return fmt.Errorf("lengths %v of %d steps, want %v", got, s.Steps, want)
	}
	for t := range s.Steps {
		label, target := s.Labels[t], s.Target(t)
		switch {
		case s.Mask[t] != 0 && s.Mask[t] != 1:
			return fmt.Errorf("step %d: mask %v", t, s.Mask[t])
		case s.Mask[t] == 0 && (label != -1 || s.Distant[t] || slices.Max(target) != 0 || slices.Min(target) != 0):
			return fmt.Errorf("step %d asks for nothing, but has label %d, target %v, distant %v", t, label, target, s.Distant[t])
		case s.Mask[t] == 1 && !f.PerStep && t != s.Steps-1:
			return fmt.Errorf("step %d of %d asks for an answer", t, s.Steps)
		case s.Mask[t] == 1 && f.Classes != nil && (label < 0 || int(label) >= f.Outputs || target[label] != 1):
			return fmt.Errorf("step %d: label %d, target %v", t, label, target)
		case f.Classes == nil && label != -1:
			return fmt.Errorf("step %d: label %d in a task without classes", t, label)
		}
	}
	if s.Mask[s.Steps-1] != 1 {
		return fmt.Errorf("the last step asks for nothing")
	}
	return nil
}

func TestTheCheckOfSequencesFindsErrors(t *testing.T) {
	task := TemporalOrder{}
	tests := []struct {
		name   string
		change func(s *data.Sequence)
	}{
		{"another width", func(s *data.Sequence) { s.Width = 4 }},
		{"a label too few", func(s *data.Sequence) { s.Labels = s.Labels[1:] }},
		{"half a mask", func(s *data.Sequence) { s.Mask[s.Steps-1] = 0.5 }},
		{"a label without mask", func(s *data.Sequence) { s.Labels[3] = 1 }},
		{"a target without mask", func(s *data.Sequence) { s.Target(3)[0] = 1 }},
		{"an early answer", func(s *data.Sequence) { s.AnswerClass(3, 1) }},
		{"a label beside the target", func(s *data.Sequence) { s.Labels[s.Steps-1] ^= 1 }},
		{"no answer", func(s *data.Sequence) {
			last := s.Steps - 1
			clear(s.Target(last))
			s.Mask[last], s.Labels[last], s.Distant[last] = 0, -1, false
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := data.Draw(task, rand.New(rand.NewPCG(1, 1)), 1)[0]
			test.change(&s)
			if checkSequence(task.Format(), &s) == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestTheSameSeedDrawsTheSameSequences(t *testing.T) {
	again := tasks()
	for name, task := range tasks() {
		first := data.Draw(task, rand.New(rand.NewPCG(1, 7)), 50)
		second := data.Draw(again[name], rand.New(rand.NewPCG(1, 7)), 50)
		if !reflect.DeepEqual(first, second) {
			t.Errorf("%s: the same seed drew other sequences", name)
		}
		other := data.Draw(task, rand.New(rand.NewPCG(1, 8)), 50)
		_, fixed := task.(PeriodicFunction)
		if same := reflect.DeepEqual(first, other); same != fixed {
			t.Errorf("%s: another seed drew the same sequences: %v, want %v", name, same, fixed)
		}
	}
}

func TestNextLeavesNothingOfTheSequenceBefore(t *testing.T) {
	again := tasks()
	for name, task := range tasks() {
		var used data.Sequence
		used.Reset(500, 9, 9)
		for i := range used.X {
			used.X[i] = 7
		}
		for t := range used.Steps {
			used.AnswerClass(t, t%9)
			used.Distant[t] = true
		}
		rng, fresh := rand.New(rand.NewPCG(1, 1)), rand.New(rand.NewPCG(1, 1))
		for i := range 20 {
			task.Next(&used, rng)
			want := data.Draw(again[name], fresh, 1)[0]
			if !reflect.DeepEqual(used, want) {
				t.Errorf("%s: sequence %d in used memory is %+v, want %+v", name, i, used, want)
				break
			}
		}
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	forEachTask(t, func(t *testing.T, task data.Task, rng *rand.Rand) {
		var s data.Sequence
		s.Reset(1000, 60, 60)
		for range 100 {
			task.Next(&s, rng)
		}
		if got := testing.AllocsPerRun(200, func() { task.Next(&s, rng) }); got != 0 {
			t.Errorf("%v allocations per sequence, want 0", got)
		}
	})
}

func TestRightAnswersSolveATaskAndWrongOnesDoNot(t *testing.T) {
	forEachTask(t, func(t *testing.T, task data.Task, rng *rand.Rand) {
		f := task.Format()
		for i, s := range data.Draw(task, rng, 20) {
			y := slices.Clone(s.Targets)
			score := s.Judge(y)
			if !f.Solves(score) || score.MaxError != 0 {
				t.Fatalf("sequence %d: the targets themselves score %+v", i, score)
			}
			last := len(y) - 1
			wrong := 1 - y[last]
			if f.Classes == nil {
				wrong = y[last] + 0.6
			}
			for _, wrong := range []float32{wrong, float32(math.NaN())} {
				y[last] = wrong
				if score := s.Judge(y); f.Solves(score) {
					t.Fatalf("sequence %d: solved with %v in place of %v: %+v", i, wrong, s.Targets[last], score)
				}
			}
		}
	})
}

func TestTasksThatMakeNoSensePanic(t *testing.T) {
	tests := []struct {
		task data.Task
		text string
	}{
		{Parity{}, "tasks: Parity: MaxSteps is 0, want at least 1"},
		{LongLag{}, "tasks: LongLag: P is 0, want at least 1"},
		{Distractors{Q: -1, P: 1}, "tasks: Distractors: Q is -1, want at least 0"},
		{Distractors{Q: 1}, "tasks: Distractors: P is 0, want at least 1"},
		{Adding{Steps: 10}, "tasks: Adding: Steps is 10, want at least 11"},
		{Multiplication{}, "tasks: Multiplication: Steps is 0, want at least 11"},
		{SpikeDelays{Spikes: 1}, "tasks: SpikeDelays: Period is 0, want at least 1"},
		{SpikeDelays{Period: 1, MaxDelay: -1, Spikes: 1}, "tasks: SpikeDelays: MaxDelay is -1, want at least 0"},
		{TimedSpikes{Period: 1}, "tasks: TimedSpikes: Spikes is 0, want at least 1"},
		{PeriodicFunction{Steps: 1}, "tasks: PeriodicFunction: Period is 0, want at least 1"},
		{PeriodicFunction{Period: 1}, "tasks: PeriodicFunction: Steps is 0, want at least 1"},
		{CopyMemory{}, "tasks: CopyMemory: Blanks is 0, want at least 1"},
	}
	for _, test := range tests {
		var s data.Sequence
		wantPanic(t, test.text, func() { test.task.Next(&s, rand.New(rand.NewPCG(1, 1))) })
	}
	wantPanic(t, "tasks: NewContinualReber: sequences of 0 steps", func() { NewContinualReber(0) })
	wantPanic(t, "tasks: Disjoint: -1 and 1 strings", func() { Reber{}.Disjoint(nil, -1, 1) })
}

// wantUniform fails if the values from first to last were not drawn about
// equally often.
func wantUniform(t *testing.T, what string, counts map[int]int, first, last int) {
	t.Helper()
	n := 0
	for _, count := range counts {
		n += count
	}
	for value := range counts {
		if value < first || value > last {
			t.Errorf("%s: %d was drawn, want %d to %d", what, value, first, last)
		}
	}
	for value := first; value <= last; value++ {
		wantShare(t, fmt.Sprint(what, " ", value), counts[value], n, 1/float64(last-first+1))
	}
}

// wantShare fails where an event of probability p came about too often or too
// seldom.
func wantShare(t *testing.T, what string, count, n int, p float64) {
	t.Helper()
	if err := checkShare(count, n, p); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// checkShare allows 5 standard deviations.
func checkShare(count, n int, p float64) error {
	got, tolerance := float64(count)/float64(n), 5*math.Sqrt(p*(1-p)/float64(n))
	if math.Abs(got-p) <= tolerance {
		return nil
	}
	return fmt.Errorf("%d of %d, a share of %.4f, want %.4f, tolerance %.4f", count, n, got, p, tolerance)
}

func TestTheCheckOfSharesFindsABias(t *testing.T) {
	for _, count := range []int{4700, 5300} {
		if checkShare(count, 10000, 0.5) == nil {
			t.Errorf("%d of 10000 pass for a half", count)
		}
	}
	if err := checkShare(5100, 10000, 0.5); err != nil {
		t.Error(err)
	}
}

// symbol returns the index of the one input that is 1 at step t. It returns −1
// unless all others are 0.
func symbol(s *data.Sequence, t int) int {
	found := -1
	for i, x := range s.Input(t) {
		switch {
		case x == 1 && found < 0:
			found = i
		case x != 0:
			return -1
		}
	}
	return found
}

func wantPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got, _ := recover().(string); !strings.Contains(got, text) {
			t.Errorf("panic %q, want one with %q", got, text)
		}
	}()
	f()
}
