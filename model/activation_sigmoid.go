package model

import (
	"cmp"
	"fmt"

	"gputrain/backend"
)

// Logistic is the sigmoid threshold unit with slope l > 0, applied to each
// element:
//
//	y = 1/(1+exp(−l·x))
//	dy/dx = l·y·(1−y)
//
// The steeper the slope, the nearer the unit is to a threshold. Sigmoid is
// Logistic{Slope: 1}.
type Logistic struct {
	Slope float64 // l
}

// Output returns in.
func (l Logistic) Output(in Shape) (Shape, error) { return in, checkScale("Slope", l.Slope) }

// OutputRange returns 0 and 1.
func (l Logistic) OutputRange(_, _ float64) (float64, float64) { return 0, 1 }

// Parameters returns nil.
func (l Logistic) Parameters(Shape) []ParameterSpec { return nil }

// Build allocates the output and the gradient of the input.
func (l Logistic) Build(b *Builder, in Shape) Module { return newActivation(b, in, l) }

func (l Logistic) apply(b backend.Backend, y, x backend.Tensor) {
	b.Scale(y, l.Slope, x)
	b.Sigmoid(y, y)
}

func (l Logistic) grad(b backend.Backend, dx, y, dy backend.Tensor) {
	b.SigmoidGrad(dx, y, dy)
	b.Scale(dx, l.Slope, dx)
}

// Squash is the sigmoid scaled to (−Range, Range), applied to each element:
//
//	y = Range·tanh(Slope·x) = Range·(2/(1+exp(−2·Slope·x)) − 1)
//	dy/dx = Slope·(Range − y²/Range)
//
// The LSTM of 1997 uses Squash(backend.SquashInput()), g(x) = 4σ(x)−2 in (−2, 2),
// and Squash(backend.SquashOutput()), h(x) = 2σ(x)−1 in (−1, 1) (Hochreiter,
// Schmidhuber 1997, appendix A.1). Range and Slope are above 0.
type Squash backend.Squash

// Output returns in.
func (s Squash) Output(in Shape) (Shape, error) {
	return in, cmp.Or(checkScale("Range", s.Range), checkScale("Slope", s.Slope))
}

// OutputRange returns −Range and Range.
func (s Squash) OutputRange(_, _ float64) (float64, float64) { return -s.Range, s.Range }

// Parameters returns nil.
func (s Squash) Parameters(Shape) []ParameterSpec { return nil }

// Build allocates the output and the gradient of the input.
func (s Squash) Build(b *Builder, in Shape) Module { return newActivation(b, in, s) }

func (s Squash) apply(b backend.Backend, y, x backend.Tensor) {
	b.Scale(y, s.Slope, x)
	b.Tanh(y, y)
	b.Scale(y, s.Range, y)
}

func (s Squash) grad(b backend.Backend, dx, y, dy backend.Tensor) {
	b.Scale(dx, 1/s.Range, y)
	b.TanhGrad(dx, dx, dy)
	b.Scale(dx, s.Slope*s.Range, dx)
}

// checkScale returns an error unless value is above 0 and both value and 1/value
// fit a float32.
func checkScale(name string, value float64) error {
	if !(value >= 1e-30 && value <= 1e30) {
		return fmt.Errorf("%s is %v, want a number above 0, from 1e-30 to 1e30", name, value)
	}
	return nil
}
