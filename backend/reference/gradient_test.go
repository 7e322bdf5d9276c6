package reference_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/backend"
)

const (
	// gradientTolerance is the largest error of a gradient, relative to the
	// gradient or to gradientFloor, whichever is larger.
	gradientTolerance = 1e-6
	gradientFloor     = 1e-4
)

// numericGradient returns the derivatives of value by each element of x, from
// central differences of fourth order. value reads x, which is restored at the end.
func numericGradient(value func() float64, x []float64) []float64 {
	const h = 1e-3
	gradient := make([]float64, len(x))
	for k, center := range x {
		at := func(step float64) float64 {
			x[k] = center + step
			return value()
		}
		gradient[k] = (8*(at(h)-at(-h)) - (at(2*h) - at(-2*h))) / (12 * h)
		x[k] = center
	}
	return gradient
}

// gradientError returns an error that names the first element of got that differs
// from want by more than the tolerance.
func gradientError(got, want []float64) error {
	for k := range want {
		limit := gradientTolerance * max(math.Abs(want[k]), gradientFloor)
		if !(math.Abs(got[k]-want[k]) <= limit) {
			return fmt.Errorf("element %d is %v, by differences %v (tolerance %v)", k, got[k], want[k], limit)
		}
	}
	return nil
}

// dot returns Σ_k a[k]·b[k].
func dot(a, b []float64) (sum float64) {
	for k := range a {
		sum += a[k] * b[k]
	}
	return sum
}

func TestActivationGradsAreDerivatives(t *testing.T) {
	for _, c := range []struct {
		name    string
		forward func(f fixture, y, x backend.Tensor)
		grad    func(f fixture, dx, y, dy backend.Tensor)
	}{
		{"Sigmoid",
			func(f fixture, y, x backend.Tensor) { f.Sigmoid(y, x) },
			func(f fixture, dx, y, dy backend.Tensor) { f.SigmoidGrad(dx, y, dy) }},
		{"Tanh",
			func(f fixture, y, x backend.Tensor) { f.Tanh(y, x) },
			func(f fixture, dx, y, dy backend.Tensor) { f.TanhGrad(dx, y, dy) }},
		{"ReLU",
			func(f fixture, y, x backend.Tensor) { f.ReLU(y, x) },
			func(f fixture, dx, y, dy backend.Tensor) { f.ReLUGrad(dx, y, dy) }},
		{"Softmax",
			func(f fixture, y, x backend.Tensor) { f.Softmax(y, x) },
			func(f fixture, dx, y, dy backend.Tensor) { f.SoftmaxGrad(dx, y, dy) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			const rows, cols, seed = 3, 5, 1
			rng := rand.New(rand.NewPCG(1, seed))
			values, weights := normal(rng, rows*cols), normal(rng, rows*cols)
			for k, v := range values {
				values[k] = v + math.Copysign(0.01, v) // away from ReLU's kink
			}
			f := open(t)
			x, y := f.tensor(rows, cols), f.tensor(rows, cols)
			dx, dy := f.tensor(rows, cols), f.tensor(rows, cols, weights...)
			value := func() float64 {
				f.UploadFloat64(x, values)
				c.forward(f, y, x)
				return dot(weights, f.values(y))
			}
			numeric := numericGradient(value, values)
			value()
			c.grad(f, dx, y, dy)
			if err := gradientError(f.values(dx), numeric); err != nil {
				t.Errorf("%dx%d, seed %d: %v", rows, cols, seed, err)
			}
		})
	}
}

func TestLayerNormGradIsTheDerivative(t *testing.T) {
	const rows, cols, epsilon, seed = 3, 5, 0.1, 4
	rng := rand.New(rand.NewPCG(1, seed))
	values, weights := normal(rng, rows*cols), normal(rng, rows*cols)
	f := open(t)
	x, y, rstd, dx := f.tensor(rows, cols), f.tensor(rows, cols), f.tensor(rows, 1), f.tensor(rows, cols)
	value := func() float64 {
		f.UploadFloat64(x, values)
		f.LayerNorm(y, rstd, x, epsilon)
		return dot(weights, f.values(y))
	}
	numeric := numericGradient(value, values)
	value()
	f.LayerNormGrad(dx, y, rstd, f.tensor(rows, cols, weights...))
	if err := gradientError(f.values(dx), numeric); err != nil {
		t.Errorf("%dx%d, seed %d: %v", rows, cols, seed, err)
	}
}

func TestLossGradientsAreDerivatives(t *testing.T) {
	const rows, cols, scale, seed = 4, 3, 0.3, 2
	for _, c := range []struct {
		name    string
		compute func(f fixture, loss, grad, y backend.Tensor)
	}{
		{"SoftmaxCrossEntropy", func(f fixture, loss, grad, y backend.Tensor) {
			f.SoftmaxCrossEntropy(loss, grad, y, f.ints(2, 0, backend.IgnoreLabel, 1), scale)
		}},
		{"SquaredError", func(f fixture, loss, grad, y backend.Tensor) {
			target := normal(rand.New(rand.NewPCG(1, seed+1)), rows*cols)
			f.SquaredError(loss, grad, y, f.tensor(rows, cols, target...), scale)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := normal(rand.New(rand.NewPCG(1, seed)), rows*cols)
			f := open(t)
			loss, grad, y := f.tensor(1, 1), f.tensor(rows, cols), f.tensor(rows, cols)
			numeric := numericGradient(func() float64 {
				f.UploadFloat64(y, values)
				c.compute(f, loss, backend.Tensor{}, y)
				return f.values(loss)[0]
			}, values)
			f.UploadFloat64(y, values)
			c.compute(f, loss, grad, y)
			if err := gradientError(f.values(grad), numeric); err != nil {
				t.Errorf("%dx%d, seed %d: %v", rows, cols, seed, err)
			}
		})
	}
}

func TestGradientCheckRejectsWrongGradients(t *testing.T) {
	x := []float64{0.5, -1, 2, 0}
	value := func() float64 { return dot(x, x) } // gradient 2x
	numeric := numericGradient(value, x)
	if err := gradientError([]float64{1, -2, 4, 0}, numeric); err != nil {
		t.Fatalf("the true gradient: %v", err)
	}
	for _, wrong := range [][]float64{
		{1 + 2e-6, -2, 4, 0},
		{1, -2 + 4e-6, 4, 0},
		{1, -2, -4, 0},
		{1, -2, 4, 1e-9},
		{-2, 1, 4, 0},
		{1, -2, math.NaN(), 0},
		{1, -2, 4, math.Inf(1)},
		{0, 0, 0, 0},
	} {
		if gradientError(wrong, numeric) == nil {
			t.Errorf("accepts %v as the gradient of Σx² at %v", wrong, x)
		}
	}
}
