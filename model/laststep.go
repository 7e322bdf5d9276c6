package model

import "gputrain/backend"

// LastStep passes on the last time step of each sequence only: y = x_{T−1}, or
// with Network.SetLengths the last one within the length, zero for a sequence
// of length 0. The gradient of the other steps is zero. It has no parameters.
//
// Of the reverse half of a Bidirectional layer the last step is the first that it
// has computed, from one input alone. Layers: 2 lets the last step see the whole
// sequence from both ends.
type LastStep struct{}

// Output returns in with one step.
func (LastStep) Output(in Shape) (Shape, error) {
	return Shape{Steps: 1, Batch: in.Batch, Width: in.Width}, nil
}

// Params returns nil.
func (LastStep) Params(Shape) []Param { return nil }

// Build allocates the gradient of the input.
func (LastStep) Build(b *Builder, in Shape) Module {
	m := &lastStep{backend: b.Backend(), lengths: b.lengths(in)}
	if b.InputGrad() {
		m.dx = b.New(in.Rows(), in.Width)
	}
	if m.lengths != nil {
		m.y, m.masked = b.New(in.Batch, in.Width), b.New(in.Batch, in.Width)
	}
	return m
}

type lastStep struct {
	backend   backend.Backend
	lengths   *lengths
	dx        backend.Tensor // at its largest
	y, masked backend.Tensor // the output, and its gradient without that of empty sequences; absent without lengths
	in        Shape          // of the last Forward
}

func (m *lastStep) Forward(x backend.Tensor, in Shape, _ Mode) backend.Tensor {
	m.in = in
	if !m.lengths.given() {
		return timeStep(in.Steps-1, in.Batch).of(x)
	}
	y := m.y.Slice(0, in.Batch)
	m.backend.GatherRows(y, x, m.lengths.last)
	m.backend.MulCol(y, y, timeStep(0, in.Batch).of(m.lengths.mask))
	return y
}

func (m *lastStep) Backward(dy backend.Tensor) backend.Tensor {
	if !m.dx.Present() {
		return backend.Tensor{}
	}
	b, dx := m.backend, m.dx.Slice(0, m.in.Rows())
	if !m.lengths.given() {
		before := timeSteps(0, m.in.Steps-1, m.in.Batch)
		b.Fill(before.of(dx), 0)
		b.Copy(dx.Slice(before.to, dx.Rows), dy)
		return dx
	}
	b.Fill(dx, 0)
	masked := m.masked.Slice(0, m.in.Batch)
	b.MulCol(masked, dy, timeStep(0, m.in.Batch).of(m.lengths.mask))
	b.ScatterAddRows(dx, masked, m.lengths.last)
	return dx
}
