package model

import (
	"fmt"

	"gputrain/backend"
)

// Activation is a nonlinearity, applied to each element; Softmax to each row.
// It has no parameters.
type Activation int

const (
	Sigmoid Activation = iota // y = 1/(1+exp(−x))
	Tanh                      // y = tanh(x)
	ReLU                      // y = max(x, 0)
	Softmax                   // y_j = exp(x_j) / Σ_k exp(x_k)
)

// Output returns in.
func (a Activation) Output(in Shape) (Shape, error) {
	if a < Sigmoid || a > Softmax {
		return Shape{}, fmt.Errorf("there is no Activation %d", int(a))
	}
	return in, nil
}

// Params returns nil.
func (a Activation) Params(Shape) []Param { return nil }

// Build allocates the output and the gradient of the input.
func (a Activation) Build(b *Builder, in Shape) Module {
	m := &activation{kind: a, backend: b.Backend(), y: b.New(in.Rows(), in.Width)}
	if b.InputGrad() {
		m.dx = b.New(in.Rows(), in.Width)
	}
	return m
}

type activation struct {
	kind    Activation
	backend backend.Backend
	y, dx   backend.Tensor // at their largest
}

func (m *activation) Forward(x backend.Tensor, _ Shape, _ Mode) backend.Tensor {
	y := m.y.Slice(0, x.Rows)
	switch m.kind {
	case Sigmoid:
		m.backend.Sigmoid(y, x)
	case Tanh:
		m.backend.Tanh(y, x)
	case ReLU:
		m.backend.ReLU(y, x)
	case Softmax:
		m.backend.Softmax(y, x)
	}
	return y
}

func (m *activation) Backward(dy backend.Tensor) backend.Tensor {
	if !m.dx.Present() {
		return backend.Tensor{}
	}
	y, dx := m.y.Slice(0, dy.Rows), m.dx.Slice(0, dy.Rows)
	switch m.kind {
	case Sigmoid:
		m.backend.SigmoidGrad(dx, y, dy)
	case Tanh:
		m.backend.TanhGrad(dx, y, dy)
	case ReLU:
		m.backend.ReLUGrad(dx, y, dy)
	case Softmax:
		m.backend.SoftmaxGrad(dx, y, dy)
	}
	return dx
}
