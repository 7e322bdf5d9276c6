// Package data reads datasets (digits that it carries, CSV and IDX files),
// splits and scales them, and packs them into time-major batches. It also
// defines tasks, which draw sequences with their answers, and judges the
// answers of a network.
//
// A caller's mistake panics. A problem with a file is an error of one line that
// names the file and the place in it.
package data

import (
	"errors"
	"fmt"
	"math"
)

// Dataset is N samples, in memory or Stored in a file. It has classes (Labels), targets of a
// regression (Targets), both, so that a loss can choose, or neither, as an
// input for predictions.
type Dataset struct {
	Steps, Width int       // a sample is Steps time steps of Width features
	X            []float32 // [N, Steps·Width]
	IDs          []int32   // [N, Steps·Width], in place of X: numbers from 0 on that stand for things, for model.Embedding
	Lengths      []int32   // [N], time steps of each sample, 0..Steps; the steps after them are padding; nil: all
	Labels       []int32   // [N], or [N·Steps] if PerStep; nil without classes; −1: no label
	Classes      []string  // names of the classes; Labels index it
	Targets      []float32 // [N, TargetWidth], or [N·Steps, TargetWidth] if PerStep; nil without targets
	TargetWidth  int
	Mask         []float32 // [N], or [N·Steps] if PerStep: 1 where the target counts, 0 where it may be anything, NaN included; nil: all count
	PerStep      bool      // every time step has a label or target of its own

	// Stored has the samples if they are in a file and not in memory. X, IDs, Lengths, Labels,
	// Targets and Mask are then nil. Batches, Digest, First and Blocks read them, and a network
	// trains on them; what needs all samples at once panics.
	Stored *Stored
}

// Len returns the number of samples, N.
func (d *Dataset) Len() int {
	if d.Stored != nil {
		return d.Stored.samples
	}
	values := max(len(d.X), len(d.IDs))
	if values == 0 {
		return 0
	}
	return values / (d.Steps * d.Width)
}

// Subset returns a copy of the samples index[0], index[1], ..., in this order.
// It panics if an index is outside of 0..N−1.
func (d *Dataset) Subset(index []int) *Dataset {
	d.checkInMemory("Subset")
	for _, i := range index {
		if i < 0 || i >= d.Len() {
			panic(fmt.Sprintf("data: Subset: sample %d of %d", i, d.Len()))
		}
	}
	s := *d
	s.X = gather(d.X, index, d.Steps*d.Width)
	s.IDs = gather(d.IDs, index, d.Steps*d.Width)
	s.Lengths = gather(d.Lengths, index, 1)
	s.Labels = gather(d.Labels, index, d.outputs())
	s.Targets = gather(d.Targets, index, d.outputs()*d.TargetWidth)
	s.Mask = gather(d.Mask, index, d.outputs())
	return &s
}

// WithSteps returns the same features as samples of another number of time
// steps: a row of 64 features becomes 8 steps of 8, or 64 of 1. It shares d's
// memory. It is an error if steps does not divide Steps·Width, or if the number
// of steps changes and samples of d have lengths or outputs per step.
func (d *Dataset) WithSteps(steps int) (*Dataset, error) {
	features := d.Steps * d.Width
	switch {
	case steps < 1 || features%steps != 0:
		return nil, fmt.Errorf("data: %d features cannot be split into %d equal time steps; use a divisor of %[1]d", features, steps)
	case d.Lengths != nil && steps != d.Steps:
		return nil, fmt.Errorf("data: the samples have lengths in time steps of %d features; they cannot become steps of %d", d.Width, features/steps)
	case d.PerStep && steps != d.Steps:
		return nil, fmt.Errorf("data: each of the %d time steps has its own label or target; they cannot become %d steps", d.Steps, steps)
	}
	s := *d
	s.Steps, s.Width = steps, features/steps
	return &s, nil
}

// length returns the number of time steps of a sample that are not padding.
func (d *Dataset) length(sample int) int {
	if d.Lengths == nil {
		return d.Steps
	}
	return int(d.Lengths[sample])
}

// outputs returns the number of labels or rows of targets of one sample.
func (d *Dataset) outputs() int {
	if d.PerStep {
		return d.Steps
	}
	return 1
}

// Check returns an error if d contradicts itself: if a slice does not have the
// length that N, Steps, Width and TargetWidth imply, it has X and IDs, the length of a
// sample is outside of 0..Steps, or a value of Mask is neither 0 nor 1. Of Stored samples it
// checks the size alone.
func (d *Dataset) Check() error {
	if d.Steps < 1 || d.Width < 1 || d.Steps > math.MaxInt/d.Width {
		return fmt.Errorf("samples are %d steps of %d features", d.Steps, d.Width)
	}
	if d.Stored != nil {
		return d.Stored.fits(d)
	}
	if d.X != nil && d.IDs != nil {
		return errors.New("it has both X and IDs, of which a sample has one")
	}
	n := d.Len()
	for _, slice := range []struct {
		name      string
		present   bool
		got, want int
	}{
		{"X", d.IDs == nil, len(d.X), n * d.Steps * d.Width},
		{"IDs", d.IDs != nil, len(d.IDs), n * d.Steps * d.Width},
		{"Lengths", d.Lengths != nil, len(d.Lengths), n},
		{"Labels", d.Labels != nil, len(d.Labels), n * d.outputs()},
		{"Targets", d.Targets != nil, len(d.Targets), n * d.outputs() * d.TargetWidth},
		{"Mask", d.Mask != nil, len(d.Mask), n * d.outputs()},
	} {
		if slice.present && slice.got != slice.want {
			return fmt.Errorf("%s has length %d, want %d", slice.name, slice.got, slice.want)
		}
	}
	for i, steps := range d.Lengths {
		if steps < 0 || int(steps) > d.Steps {
			return fmt.Errorf("sample %d has length %d, want 0 to %d steps", i, steps, d.Steps)
		}
	}
	for i, mask := range d.Mask {
		if mask != 0 && mask != 1 {
			return fmt.Errorf("the Mask is %v at index %d, want 0 or 1", mask, i)
		}
	}
	return nil
}

// check panics if d contradicts itself.
func (d *Dataset) check(op string) {
	if err := d.Check(); err != nil {
		panic(fmt.Sprintf("data: %s: %v", op, err))
	}
}

// checkInMemory panics if d contradicts itself or is not in memory.
func (d *Dataset) checkInMemory(op string) {
	d.check(op)
	if d.Stored != nil {
		panic(fmt.Sprintf("data: %s: the samples are in the file %s, not in memory", op, d.Stored.file.name))
	}
}

// gather returns the rows index of src, [N, width]. nil gives nil.
func gather[T any](src []T, index []int, width int) []T {
	if src == nil {
		return nil
	}
	dst := make([]T, len(index)*width)
	pack(dst, src, index, 1, width)
	return dst
}
