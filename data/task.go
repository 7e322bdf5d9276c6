package data

import (
	"fmt"
	"math/rand/v2"
)

// Task is a source of sequences: one of the problems on which the literature
// compares networks. What Next draws depends on rng only and, if a task says
// so, on what it drew before.
//
// The literature's tasks are in gputrain/data/tasks.
type Task interface {
	// Format returns what all sequences of the task have in common.
	Format() Format

	// Next draws a sequence into dst and reuses its memory.
	Next(dst *Sequence, rng *rand.Rand)
}

// Format is what all sequences of a task have in common.
type Format struct {
	Width   int      // features of a time step
	Outputs int      // values of a target: one per class where there are classes
	Classes []string // names of the classes; nil: the answers are numbers
	PerStep bool     // any time step may have an answer; else only the last one has

	// Tolerance is the literature's criterion: a sequence is answered right if
	// every output is nearer to its target than this. 0: it is right if the
	// outputs of the right classes are always the most active ones.
	Tolerance float64
}

// Sequence is the time steps of one sample with the answers that they ask for.
// A step without an answer has target 0, label −1 and mask 0. If several
// classes are right, the target has a 1 for each, and the label is the one that
// came. AnswerClass sets that one; set the others in Target.
type Sequence struct {
	Steps, Width, Outputs int

	X       []float32 // [Steps, Width]
	Targets []float32 // [Steps, Outputs]; with classes 1 for the right ones and 0 for all others
	Labels  []int32   // [Steps], the class that came; −1: none
	Mask    []float32 // [Steps], 1 where an answer is asked for, else 0
	Distant []bool    // [Steps]: the answer needs what was seen before the last few steps
}

// Reset makes s a sequence of that shape, all inputs 0 and no answers. It
// allocates only if s was never as large. It panics if steps is negative, or
// width or outputs less than 1.
func (s *Sequence) Reset(steps, width, outputs int) {
	if steps < 0 || width < 1 || outputs < 1 {
		panic(fmt.Sprintf("data: Reset: a sequence of %d steps of %d features with %d outputs", steps, width, outputs))
	}
	s.Steps, s.Width, s.Outputs = steps, width, outputs
	s.X = cleared(s.X, steps*width)
	s.Targets = cleared(s.Targets, steps*outputs)
	s.Labels = cleared(s.Labels, steps)
	s.Mask = cleared(s.Mask, steps)
	s.Distant = cleared(s.Distant, steps)
	for t := range s.Labels {
		s.Labels[t] = -1
	}
}

// Input returns the features of step t, a window on X.
func (s *Sequence) Input(t int) []float32 {
	return s.X[t*s.Width : (t+1)*s.Width]
}

// Target returns the target of step t, a window on Targets.
func (s *Sequence) Target(t int) []float32 {
	return s.Targets[t*s.Outputs : (t+1)*s.Outputs]
}

// AnswerClass makes class the one right answer of step t.
func (s *Sequence) AnswerClass(t, class int) {
	s.Target(t)[class] = 1
	s.Labels[t] = int32(class)
	s.Mask[t] = 1
}

// AnswerValue makes value the answer of step t of a sequence with one output.
func (s *Sequence) AnswerValue(t int, value float64) {
	s.Target(t)[0] = float32(value)
	s.Mask[t] = 1
}

// OneHot sets dst, [Steps, Outputs], to 1 at the label of each step and 0
// elsewhere. If several classes are right, as in Reber, it is the target of a
// network that learns from what came, not from what might have come. It panics
// if dst has another length.
func (s *Sequence) OneHot(dst []float32) {
	if len(dst) != len(s.Targets) {
		panic(fmt.Sprintf("data: OneHot: dst has length %d, want %d steps of %d outputs", len(dst), s.Steps, s.Outputs))
	}
	clear(dst)
	for t, label := range s.Labels {
		if label >= 0 {
			dst[t*s.Outputs+int(label)] = 1
		}
	}
}

// Cut makes s end after steps time steps, which must not be more than it has.
func (s *Sequence) Cut(steps int) {
	s.Steps = steps
	s.X = s.X[:steps*s.Width]
	s.Targets = s.Targets[:steps*s.Outputs]
	s.Labels = s.Labels[:steps]
	s.Mask = s.Mask[:steps]
	s.Distant = s.Distant[:steps]
}

// cleared returns n zeros, in the memory of s if that has room.
func cleared[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// Draw returns the next n sequences of task, each in memory of its own.
func Draw(task Task, rng *rand.Rand, n int) []Sequence {
	sequences := make([]Sequence, n)
	for i := range sequences {
		task.Next(&sequences[i], rng)
	}
	return sequences
}
