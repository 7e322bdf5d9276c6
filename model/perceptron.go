package model

import "gputrain/backend"

// Perceptron is a layer of perceptrons (Rosenblatt 1958), applied to each row:
//
//	s = x·weightᵀ + bias
//	y = 1 if s > 0, else −1 (with Binary: 0)
//
// Its parameters are those of Dense. It has no gradient: Backward panics, and
// train.PerceptronRule trains it.
type Perceptron struct {
	Out    int  // perceptrons
	Binary bool // y is 0 instead of −1 where s is not above 0
}

// Off returns the output of an inactive perceptron.
func (p Perceptron) Off() float64 { return p.threshold().off() }

// Output returns in with width p.Out.
func (p Perceptron) Output(in Shape) (Shape, error) { return p.sum().Output(in) }

// Parameters describes weight and bias.
func (p Perceptron) Parameters(in Shape) []ParameterSpec { return p.sum().Parameters(in) }

// Build allocates the weighted sums and the output.
func (p Perceptron) Build(b *Builder, in Shape) Module {
	out := Shape{Steps: in.Steps, Batch: in.Batch, Width: p.Out}
	return &perceptron{p.sum().Build(b, in), p.threshold().build(b, out)}
}

func (p Perceptron) sum() Dense           { return Dense{Out: p.Out} }
func (p Perceptron) threshold() Threshold { return Threshold{Binary: p.Binary} }

type perceptron struct {
	sum Module
	*threshold
}

func (m *perceptron) Forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor {
	return m.threshold.Forward(m.sum.Forward(x, in, mode), in, mode)
}

// Threshold is the step function, applied to each element:
//
//	y = 1 if x > 0, else −1 (with Binary: 0)
//
// NaN is not above 0. Threshold has no gradient: Backward panics.
type Threshold struct {
	Binary bool // y is 0 instead of −1 where x is not above 0
}

// Output returns in.
func (t Threshold) Output(in Shape) (Shape, error) { return in, nil }

// Parameters returns nil.
func (t Threshold) Parameters(Shape) []ParameterSpec { return nil }

// Build allocates the output.
func (t Threshold) Build(b *Builder, in Shape) Module { return t.build(b, in) }

func (t Threshold) build(b *Builder, in Shape) *threshold {
	m := &threshold{Threshold: t, backend: b.Backend(), y: b.New(in.Rows(), in.Width)}
	if !t.Binary {
		m.offset = b.New(1, in.Width)
	}
	return m
}

// off returns y where x is not above 0.
func (t Threshold) off() float64 {
	if t.Binary {
		return 0
	}
	return -1
}

type threshold struct {
	Threshold
	backend backend.Backend
	y       backend.Tensor // for the largest input
	offset  backend.Tensor // [1, Width]; absent if Binary
}

// Forward computes y = (1−off)·[x > 0] + off. ReLUGrad keeps an element of y where
// x is above 0, and makes it zero elsewhere.
func (m *threshold) Forward(x backend.Tensor, _ Shape, _ Mode) backend.Tensor {
	b, y := m.backend, m.y.Slice(0, x.Rows)
	b.Fill(y, 1-m.off())
	b.ReLUGrad(y, x, y)
	if m.offset.Present() {
		b.Fill(m.offset, m.off())
		b.AddRow(y, y, m.offset)
	}
	return y
}

func (m *threshold) Backward(backend.Tensor) backend.Tensor {
	panic("model: Backward: a threshold has no gradient: train a Perceptron by train.PerceptronRule, or take Sigmoid for backpropagation")
}
