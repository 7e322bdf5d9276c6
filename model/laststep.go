package model

import (
	"fmt"

	"gputrain/backend"
)

// LastStep passes on only the last time step of each sequence: y = x_{T−1}. With
// Network.SetLengths it is the last step within the length, and zero for a sequence
// of length 0. The gradient of the other steps is zero. LastStep has no parameters.
//
// After a Bidirectional layer, set the option Bidirectional. It takes the last step
// that each direction computes: y = [forward half of x_{T−1}, reverse half of x_0],
// PyTorch's h_n of both directions side by side. Without the option, y gets the
// reverse half of x_{T−1}; this is the first step of the reverse direction, which
// has seen only one input.
type LastStep struct {
	Bidirectional bool // the input comes from a Bidirectional layer
}

// Output returns in with one step.
func (l LastStep) Output(in Shape) (Shape, error) {
	if l.Bidirectional && in.Width%2 != 0 {
		return Shape{}, fmt.Errorf("the option Bidirectional is set, but the input has an odd width, %d: it must come from a Bidirectional layer", in.Width)
	}
	return Shape{Steps: 1, Batch: in.Batch, Width: in.Width}, nil
}

// OutputRange returns the bounds of the input.
func (LastStep) OutputRange(low, high float64) (float64, float64) { return low, high }

// Parameters returns nil.
func (LastStep) Parameters(Shape) []ParameterSpec { return nil }

// Build allocates the output and the gradient of the input.
func (l LastStep) Build(b *Builder, in Shape) Module {
	m := &lastStep{backend: b.Backend(), lengths: b.Lengths(in)}
	b.EndSequences()
	if b.InputGrad() {
		m.dx = b.New(in.Rows(), in.Width)
	}
	if m.lengths != nil {
		m.y, m.masked = b.New(in.Batch, in.Width), b.New(in.Batch, in.Width)
	}
	if l.Bidirectional {
		return newLastStepBidirectional(b, in, m)
	}
	return m
}

type lastStep struct {
	backend   backend.Backend
	lengths   *Lengths
	dx        backend.Tensor // for the largest input
	y, masked backend.Tensor // the output, and the result of zeroEmpty; absent without lengths
	in        Shape          // of the last Forward
}

func (m *lastStep) Forward(x backend.Tensor, in Shape, _ Mode) backend.Tensor {
	m.in = in
	if !m.lengths.Given() {
		return timeStep(in.Steps-1, in.Batch).slice(x)
	}
	y := m.y.Slice(0, in.Batch)
	m.backend.GatherRows(y, x, m.lengths.LastRows())
	return m.zeroEmpty(y, y)
}

func (m *lastStep) Backward(dy backend.Tensor) backend.Tensor {
	if !m.dx.Present() {
		return backend.Tensor{}
	}
	b, dx := m.backend, m.dx.Slice(0, m.in.Rows())
	if !m.lengths.Given() {
		before := timeSteps(0, m.in.Steps-1, m.in.Batch)
		b.Fill(before.slice(dx), 0)
		b.Copy(dx.Slice(before.to, dx.Rows), dy)
		return dx
	}
	b.Fill(dx, 0)
	b.ScatterAddRows(dx, m.zeroEmpty(m.masked, dy), m.lengths.LastRows())
	return dx
}

// zeroEmpty returns x, which has a row for each sequence, with zeros for sequences
// of length 0. The result is x itself or computed into dst, which may be x.
func (m *lastStep) zeroEmpty(dst, x backend.Tensor) backend.Tensor {
	if !m.lengths.Given() {
		return x
	}
	dst = dst.Slice(0, x.Rows)
	m.backend.MulCol(dst, x, timeStep(0, x.Rows).slice(m.lengths.Mask()))
	return dst
}
