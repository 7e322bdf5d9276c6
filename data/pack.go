package data

import (
	"fmt"
	"slices"
)

// Pack returns the sequences of a task of that format as a Dataset, in order.
// Sequences shorter than the longest are padded at their end, with inputs 0,
// targets 0 and labels −1; if all have the same length, Lengths is nil. A
// sequence of no steps is all padding. A task with classes has labels and
// targets, so that both cross-entropy and squared error can train on it; one
// without classes has targets only. A step that asks for nothing has Mask 0 and
// label −1; if all ask for something, Mask is nil.
//
// It panics if no sequence has a step, or if one does not have the format. If
// only last steps may have answers, it also panics if a sequence has no step,
// or has an answer at another one.
func Pack(f Format, sequences []Sequence) *Dataset {
	if len(sequences) == 0 {
		panic("data: Pack: no sequences")
	}
	d := &Dataset{Width: f.Width, TargetWidth: f.Outputs, Classes: f.Classes, PerStep: f.PerStep}
	shortest := sequences[0].Steps
	for i := range sequences {
		checkPacked(f, i, &sequences[i])
		d.Steps = max(d.Steps, sequences[i].Steps)
		shortest = min(shortest, sequences[i].Steps)
	}
	if d.Steps == 0 {
		panic("data: Pack: no sequence has a step")
	}
	n, rows := len(sequences), len(sequences)*d.outputs()
	d.X = make([]float32, n*d.Steps*d.Width)
	if shortest < d.Steps {
		d.Lengths = make([]int32, n)
	}
	d.Targets = make([]float32, rows*d.TargetWidth)
	mask := make([]float32, rows)
	everyStep := true // asks for something
	if f.Classes != nil {
		d.Labels = make([]int32, rows)
		for row := range d.Labels {
			d.Labels[row] = -1
		}
	}
	for i := range sequences {
		s := &sequences[i]
		copy(d.X[i*d.Steps*d.Width:], s.X)
		if d.Lengths != nil {
			d.Lengths[i] = int32(s.Steps)
		}
		first := 0 // of the steps whose answers are packed
		if !f.PerStep {
			first = s.Steps - 1
		}
		copy(d.Targets[i*d.outputs()*d.TargetWidth:], s.Targets[first*s.Outputs:])
		copy(mask[i*d.outputs():], s.Mask[first:])
		everyStep = everyStep && !slices.Contains(s.Mask[first:], 0)
		if f.Classes != nil {
			copy(d.Labels[i*d.outputs():], s.Labels[first:])
		}
	}
	if !everyStep {
		d.Mask = mask
	}
	return d
}

// checkPacked panics if sequence i cannot be packed.
func checkPacked(f Format, i int, s *Sequence) {
	if s.Width != f.Width || s.Outputs != f.Outputs {
		panic(fmt.Sprintf("data: Pack: sequence %d has %d features and %d outputs, the format %d and %d", i, s.Width, s.Outputs, f.Width, f.Outputs))
	}
	if s.Steps == 0 && !f.PerStep {
		panic(fmt.Sprintf("data: Pack: sequence %d has no steps, but the format says that the last one has the answer", i))
	}
	for t, mask := range s.Mask {
		if mask != 0 && !f.PerStep && t < s.Steps-1 {
			panic(fmt.Sprintf("data: Pack: step %d of %d of sequence %d asks for an answer, but the format says that only the last does", t, s.Steps, i))
		}
	}
}
