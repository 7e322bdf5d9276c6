package model

import (
	"fmt"

	"gputrain/backend"
)

// Activation is a nonlinearity without parameters, applied to each element; Softmax
// is applied to each row. The zero value is Sigmoid, so layers such as Elman use
// Sigmoid unless another one is set.
type Activation int

const (
	Sigmoid  Activation = iota // y = 1/(1+exp(−x))
	Tanh                       // y = tanh(x)
	ReLU                       // y = max(x, 0)
	Softmax                    // y_j = exp(x_j) / Σ_k exp(x_k)
	Identity                   // y = x, a linear unit
)

// String returns the name of a, such as "Tanh".
func (a Activation) String() string {
	if a < Sigmoid || a > Identity {
		return fmt.Sprintf("Activation(%d)", int(a))
	}
	return [...]string{"Sigmoid", "Tanh", "ReLU", "Softmax", "Identity"}[a]
}

// Output returns in.
func (a Activation) Output(in Shape) (Shape, error) {
	if a < Sigmoid || a > Identity {
		return Shape{}, fmt.Errorf("there is no Activation %d", int(a))
	}
	return in, nil
}

// OutputRange returns the bounds of the outputs for inputs from low to high.
func (a Activation) OutputRange(low, high float64) (float64, float64) {
	switch a {
	case Sigmoid, Softmax:
		return 0, 1
	case Tanh:
		return -1, 1
	case ReLU:
		return max(low, 0), max(high, 0)
	}
	return low, high
}

// Parameters returns nil.
func (a Activation) Parameters(Shape) []ParameterSpec { return nil }

// Build allocates the output and the gradient of the input.
func (a Activation) Build(b *Builder, in Shape) Module { return newActivation(b, in, a) }

// activation is the Module of a function without parameters.
type activation struct {
	function
	backend backend.Backend
	y, dx   backend.Tensor // for the largest input
}

// function is what a layer applies to each element or row.
type function interface {
	// apply sets y to the function of x. y may be x.
	apply(b backend.Backend, y, x backend.Tensor)

	// grad sets dx to the gradient of x, given y, the function of x, and its
	// gradient dy.
	grad(b backend.Backend, dx, y, dy backend.Tensor)
}

func newActivation(b *Builder, in Shape, f function) *activation {
	m := &activation{function: f, backend: b.Backend(), y: b.New(in.Rows(), in.Width)}
	if b.InputGrad() {
		m.dx = b.New(in.Rows(), in.Width)
	}
	return m
}

func (m *activation) Forward(x backend.Tensor, _ Shape, _ Mode) backend.Tensor {
	y := m.y.Slice(0, x.Rows)
	m.apply(m.backend, y, x)
	return y
}

func (m *activation) Backward(dy backend.Tensor) backend.Tensor {
	if !m.dx.Present() {
		return backend.Tensor{}
	}
	dx := m.dx.Slice(0, dy.Rows)
	m.grad(m.backend, dx, m.y.Slice(0, dy.Rows), dy)
	return dx
}

// apply sets y to the activation of x. y may be x.
func (a Activation) apply(b backend.Backend, y, x backend.Tensor) {
	switch a {
	case Sigmoid:
		b.Sigmoid(y, x)
	case Tanh:
		b.Tanh(y, x)
	case ReLU:
		b.ReLU(y, x)
	case Softmax:
		b.Softmax(y, x)
	case Identity:
		b.Copy(y, x)
	}
}

// grad sets dx to the gradient of x, given y, the activation of x, and its gradient
// dy. dx may be y or dy.
func (a Activation) grad(b backend.Backend, dx, y, dy backend.Tensor) {
	switch a {
	case Sigmoid:
		b.SigmoidGrad(dx, y, dy)
	case Tanh:
		b.TanhGrad(dx, y, dy)
	case ReLU:
		b.ReLUGrad(dx, y, dy)
	case Softmax:
		b.SoftmaxGrad(dx, y, dy)
	case Identity:
		b.Copy(dx, dy)
	}
}
