package model

import "cmp"

// Jordan is a network whose context units hold its outputs (Jordan 1986):
//
//	h(t)   = f(W·[x(t); c(t); 1])
//	y(t)   = g(V·h(t) + b)
//	c(t+1) = Decay·c(t) + y(t)
//
// As for Elman, no error goes into the past unless Window says so. With
// TeacherForcing, in training, the context gets the target in place of y(t). The
// caller gives the targets through Network.Teach; a train.Trainer does this. In
// evaluation the context gets y(t). That works if y(t) has learned to come near the
// targets, as with train.MSE. With train.CrossEntropy it does not work, because y(t)
// is a logit.
//
// The parameters are weight, W [Hidden, Width+Out+1], output.weight, V
// [Out, Hidden], and output.bias, b [Out], all drawn from U(±1/√Hidden).
type Jordan struct {
	Hidden, Out      int
	Activation       Activation // f
	OutputActivation Activation // g
	Decay            float64    // α, how much of the context stays; 0 ≤ α < 1
	Window           int        // time steps that an error goes back, its own included; 0 means 1
	TeacherForcing   bool
	Stateful         bool // the caller sets c(0) through Network.States; else it is zero
}

func (l Jordan) context() contextLayer {
	return contextLayer{
		units: l.Hidden, activation: l.Activation,
		readout: l.Out, outputActivation: l.OutputActivation, outputs: l.Out,
		decay: l.Decay, window: cmp.Or(l.Window, 1), teacher: l.TeacherForcing, stateful: l.Stateful,
	}
}

// Output returns in with width l.Out.
func (l Jordan) Output(in Shape) (Shape, error) {
	if err := cmp.Or(checkSize("Hidden", l.Hidden, maxSize), checkSize("Out", l.Out, maxSize)); err != nil {
		return Shape{}, err
	}
	return l.context().output(in)
}

// OutputRange returns the bounds of the OutputActivation.
func (l Jordan) OutputRange(_, _ float64) (float64, float64) {
	return l.OutputActivation.OutputRange(unbounded())
}

// Parameters describes the weights and the bias of the outputs.
func (l Jordan) Parameters(in Shape) []ParameterSpec { return l.context().parameters(in) }

// Build allocates the states of all steps and what Backward needs.
func (l Jordan) Build(b *Builder, in Shape) Module { return l.context().build(b, in) }
