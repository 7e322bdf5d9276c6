package model

import "gputrain/backend"

// LastStep passes on the last time step only: y = x_{T−1}. The gradient of the
// other steps is zero. It has no parameters.
type LastStep struct{}

// Output returns in with one step.
func (LastStep) Output(in Shape) (Shape, error) {
	return Shape{Steps: 1, Batch: in.Batch, Width: in.Width}, nil
}

// Params returns nil.
func (LastStep) Params(Shape) []Param { return nil }

// Build allocates the gradient of the input.
func (LastStep) Build(b *Builder, in Shape) Module {
	m := &lastStep{backend: b.Backend()}
	if b.InputGrad() {
		m.dx = b.New(in.Rows(), in.Width)
	}
	return m
}

type lastStep struct {
	backend backend.Backend
	dx      backend.Tensor // at its largest
	rows    int            // of the last Forward's input
}

func (m *lastStep) Forward(x backend.Tensor, in Shape, _ Mode) backend.Tensor {
	m.rows = x.Rows
	return x.Slice(x.Rows-in.Batch, x.Rows)
}

func (m *lastStep) Backward(dy backend.Tensor) backend.Tensor {
	if !m.dx.Present() {
		return backend.Tensor{}
	}
	before := m.rows - dy.Rows
	m.backend.Fill(m.dx.Slice(0, before), 0)
	m.backend.Copy(m.dx.Slice(before, m.rows), dy)
	return m.dx.Slice(0, m.rows)
}
