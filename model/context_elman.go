package model

import "cmp"

// Elman is the hidden layer of a simple recurrent network (Elman 1990). Its context
// units hold the hidden units of the step before, c(t) = y(t−1), and act as a
// further input:
//
//	y(t) = f(W·[x(t); c(t); 1])
//
// As Elman trained it, no error goes into the past: the context is an input like
// any other. Window lets the error go further back. A Dense on top makes the
// outputs. The parameter is weight, W [Hidden, Width+Hidden+1], drawn from
// U(±1/√Hidden).
//
// RNN is the same layer in PyTorch's layout. It is trained by full backpropagation
// through time, and it is faster.
type Elman struct {
	Hidden     int
	Activation Activation // f
	Window     int        // time steps that an error goes back, its own included; 0 means 1
	Stateful   bool       // the caller sets c(0) through Network.States; else it is zero
}

func (l Elman) context() contextLayer {
	return contextLayer{
		units: l.Hidden, activation: l.Activation, outputs: l.Hidden,
		window: cmp.Or(l.Window, 1), stateful: l.Stateful,
	}
}

// Output returns in with width l.Hidden.
func (l Elman) Output(in Shape) (Shape, error) {
	if err := checkSize("Hidden", l.Hidden, maxSize); err != nil {
		return Shape{}, err
	}
	return l.context().output(in)
}

// OutputRange returns the bounds of the Activation.
func (l Elman) OutputRange(_, _ float64) (float64, float64) {
	return l.Activation.OutputRange(unbounded())
}

// Parameters describes the weight.
func (l Elman) Parameters(in Shape) []ParameterSpec { return l.context().parameters(in) }

// Build allocates the states of all steps and what Backward needs.
func (l Elman) Build(b *Builder, in Shape) Module { return l.context().build(b, in) }
