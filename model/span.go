package model

import "gputrain/backend"

// span is a range of rows.
type span struct{ from, to int }

// timeStep returns the rows of time step t in a batch of n sequences.
func timeStep(t, n int) span { return span{t * n, (t + 1) * n} }

// timeSteps returns the rows of the time steps from up to, not including, to.
func timeSteps(from, to, n int) span { return span{from * n, to * n} }

// slice returns the rows of x in s.
func (s span) slice(x backend.Tensor) backend.Tensor { return x.Slice(s.from, s.to) }

// sliceOptional is slice for a tensor that may be absent.
func (s span) sliceOptional(x backend.Tensor) backend.Tensor {
	if !x.Present() {
		return x
	}
	return s.slice(x)
}
