package model

import "cmp"

// PartiallyRecurrent is a layer of units that each feed back only to themselves:
// the recurrent part of W is diagonal.
//
//	y_u(t) = f(Σ_v W[u,v]·x_v(t) + w_u·y_u(t−1) + b_u)
//
// The parameter is weight, W [Hidden, Width+Hidden+1], drawn from U(±1/√Hidden).
// Its recurrent part has the w on the diagonal and zeros elsewhere. The zeros have
// no gradient and stay zero; other values in their place have no influence.
type PartiallyRecurrent struct {
	Hidden     int
	Activation Activation // f
	Window     int        // time steps that an error goes back, its own included; 0 means WholeSequence
	Stateful   bool       // the caller sets y(−1) through Network.States; else it is zero
}

func (l PartiallyRecurrent) context(in Shape) contextLayer {
	return contextLayer{
		units: l.Hidden, activation: l.Activation, outputs: l.Hidden,
		connected: func(unit, source int) bool { return source < in.Width || source == in.Width+unit },
		window:    cmp.Or(l.Window, WholeSequence), stateful: l.Stateful,
	}
}

// Output returns in with width l.Hidden.
func (l PartiallyRecurrent) Output(in Shape) (Shape, error) {
	if err := checkSize("Hidden", l.Hidden, maxSize); err != nil {
		return Shape{}, err
	}
	return l.context(in).output(in)
}

// OutputRange returns the bounds of the Activation.
func (l PartiallyRecurrent) OutputRange(_, _ float64) (float64, float64) {
	return l.Activation.OutputRange(unbounded())
}

// Parameters describes the weight.
func (l PartiallyRecurrent) Parameters(in Shape) []ParameterSpec { return l.context(in).parameters(in) }

// Build allocates the states of all steps and what Backward needs.
func (l PartiallyRecurrent) Build(b *Builder, in Shape) Module { return l.context(in).build(b, in) }
