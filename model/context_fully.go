package model

import (
	"cmp"
	"fmt"
)

// FullyRecurrent is the network of Williams and Zipser (1989). Every unit sees
// every input, and every unit, itself included, at the step before:
//
//	y(t) = f(W·[x(t); y(t−1); 1])
//
// The first Out units are the outputs of the layer; the others are hidden. The
// parameter is weight, W [Hidden, Width+Hidden+1], drawn from U(±1/√Hidden). Where
// the Mask has no connection, W is zero and has no gradient; other values there
// have no influence.
//
// Gradient chooses between backpropagation through time and real-time recurrent
// learning. Both give the same gradient of a sequence. RTRL takes Hidden⁴
// operations per time step but needs no past: with a Stateful layer and
// train.Options.Chunk = 1 the weights change at every step. RTRL gives no gradient
// of the input.
//
// With TeacherForcing, in training, the units see the targets of the first Out
// units in place of their outputs. The caller gives the targets through
// Network.Teach.
type FullyRecurrent struct {
	Hidden         int
	Out            int // number of outputs, which are the first units; 0 means Hidden
	Activation     Activation
	Mask           [][]bool // [Hidden][Width+Hidden]: whether a unit sees an input or a unit; nil: it sees all
	Gradient       Gradient
	Window         int // time steps that an error goes back, its own included, with BPTT; 0 means WholeSequence
	TeacherForcing bool
	Stateful       bool // the caller sets y(−1) through Network.States; else it is zero
}

func (l FullyRecurrent) context() contextLayer {
	c := contextLayer{
		units: l.Hidden, activation: l.Activation, outputs: cmp.Or(l.Out, l.Hidden),
		window: cmp.Or(l.Window, WholeSequence), gradient: l.Gradient, teacher: l.TeacherForcing, stateful: l.Stateful,
	}
	if l.Mask != nil {
		c.connected = func(unit, source int) bool { return l.Mask[unit][source] }
	}
	return c
}

// Output returns in with width l.Out.
func (l FullyRecurrent) Output(in Shape) (Shape, error) {
	err := checkSize("Hidden", l.Hidden, maxSize)
	if err == nil {
		err = cmp.Or(checkSize("Out", cmp.Or(l.Out, l.Hidden), l.Hidden), l.checkMask(in))
	}
	if err != nil {
		return Shape{}, err
	}
	return l.context().output(in)
}

func (l FullyRecurrent) checkMask(in Shape) error {
	if l.Mask == nil {
		return nil
	}
	if len(l.Mask) != l.Hidden {
		return fmt.Errorf("the Mask has %d rows, want one for each of the %d units", len(l.Mask), l.Hidden)
	}
	for unit, row := range l.Mask {
		if len(row) != in.Width+l.Hidden {
			return fmt.Errorf("the Mask has %d columns in row %d, want %d for the inputs and %d for the units", len(row), unit, in.Width, l.Hidden)
		}
	}
	return nil
}

// OutputRange returns the bounds of the Activation.
func (l FullyRecurrent) OutputRange(_, _ float64) (float64, float64) {
	return l.Activation.OutputRange(unbounded())
}

// Parameters describes the weight.
func (l FullyRecurrent) Parameters(in Shape) []ParameterSpec { return l.context().parameters(in) }

// Build allocates the states of all steps and what Backward needs.
func (l FullyRecurrent) Build(b *Builder, in Shape) Module { return l.context().build(b, in) }
