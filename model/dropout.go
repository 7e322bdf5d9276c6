package model

import (
	"fmt"

	"gputrain/backend"
)

// Dropout sets each element of its input to zero with probability Rate and
// divides the others by 1−Rate, in training (Srivastava et al. 2014):
//
//	y = x ⊙ keep / (1−Rate)
//
// In evaluation y = x. The seed of Network.SetSeed decides which elements are kept.
// Dropout has no parameters.
type Dropout struct {
	Rate float64
}

// Output returns in.
func (d Dropout) Output(in Shape) (Shape, error) { return in, checkRate("Rate", d.Rate) }

// checkRate returns an error unless 0 ≤ rate < 1.
func checkRate(name string, rate float64) error {
	if !(rate >= 0 && rate < 1) {
		return fmt.Errorf("%s is %v, want at least 0 and below 1", name, rate)
	}
	return nil
}

// Parameters returns nil.
func (Dropout) Parameters(Shape) []ParameterSpec { return nil }

// Build allocates the output and the gradient of the input.
func (d Dropout) Build(b *Builder, in Shape) Module {
	m := newDropout(b, in, d.Rate)
	if b.InputGrad() {
		m.dx = b.New(in.Rows(), in.Width)
	}
	return m
}

// newDropout returns a dropout without a tensor for the gradient of its input.
func newDropout(b *Builder, in Shape, rate float64) *dropout {
	return &dropout{backend: b.Backend(), rate: rate, noise: b.Noise(), y: b.New(in.Rows(), in.Width)}
}

type dropout struct {
	backend backend.Backend
	rate    float64
	noise   Noise
	y, dx   backend.Tensor // for the largest input
}

func (m *dropout) Forward(x backend.Tensor, _ Shape, mode Mode) backend.Tensor {
	if mode == Evaluation {
		return x
	}
	y := m.y.Slice(0, x.Rows)
	m.noise.Drop(y, x, m.rate, 0)
	return y
}

func (m *dropout) Backward(dy backend.Tensor) backend.Tensor {
	if !m.dx.Present() {
		return backend.Tensor{}
	}
	dx := m.dx.Slice(0, dy.Rows)
	m.noise.Drop(dx, dy, m.rate, 0)
	return dx
}
