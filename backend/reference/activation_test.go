package reference_test

import (
	"math"
	"testing"

	"gputrain/backend"
)

var (
	inf = math.Inf(1)
	nan = math.NaN()
)

func TestActivations(t *testing.T) {
	ln3 := math.Log(3)
	for _, c := range []struct {
		name    string
		run     func(f fixture, y, x backend.Tensor)
		x, want []float64
	}{
		{"Sigmoid", func(f fixture, y, x backend.Tensor) { f.Sigmoid(y, x) },
			// 1/(1+e^−ln3) = 1/(1+⅓) = ¾; e^−745 is the smallest float64.
			[]float64{0, ln3, -ln3, 40, -745, 1e4, -1e4, inf, -inf, nan},
			[]float64{0.5, 0.75, 0.25, 1, math.SmallestNonzeroFloat64, 1, 0, 1, 0, nan}},
		{"Tanh", func(f fixture, y, x backend.Tensor) { f.Tanh(y, x) },
			// tanh(ln3) = (3−⅓)/(3+⅓) = 0.8
			[]float64{0, ln3, -ln3, 1e-9, 1e4, inf, -inf, nan},
			[]float64{0, 0.8, -0.8, 1e-9, 1, 1, -1, nan}},
		{"ReLU", func(f fixture, y, x backend.Tensor) { f.ReLU(y, x) },
			[]float64{0, 2, -2, inf, -inf, nan},
			[]float64{0, 2, 0, inf, 0, nan}},
		{"Softmax", func(f fixture, y, x backend.Tensor) { f.Softmax(y, x) },
			[]float64{0, math.Log(2), math.Log(5)}, // e^x = 1, 2, 5
			[]float64{1. / 8, 2. / 8, 5. / 8}},
		{"Softmax of large values", func(f fixture, y, x backend.Tensor) { f.Softmax(y, x) },
			[]float64{1000, 1000, -1e300, -inf}, // 1, 1, 0, 0
			[]float64{0.5, 0.5, 0, 0}},
		{"Softmax with NaN", func(f fixture, y, x backend.Tensor) { f.Softmax(y, x) },
			[]float64{1, nan}, []float64{nan, nan}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := open(t)
			x, y := f.tensor(1, len(c.x), c.x...), f.tensor(1, len(c.x))
			c.run(f, y, x)
			f.want("y", y, 1e-15, c.want...)
			f.want("x", x, 0, c.x...)
			c.run(f, x, x)
			f.want("in place", x, 1e-15, c.want...)
		})
	}
}

func TestSoftmaxTreatsRowsApart(t *testing.T) {
	f := open(t)
	x := f.tensor(2, 2, 0, math.Log(3), nan, 0)
	f.Softmax(x, x)
	f.want("y", x, 1e-15, 0.25, 0.75, nan, nan)
}

func TestLayerNormByHand(t *testing.T) {
	f := open(t)
	// Means 4 and 7, variances 5 and 0.
	x, y, rstd := f.tensor(2, 4, 1, 3, 5, 7, 7, 7, 7, 7), f.tensor(2, 4), f.tensor(2, 1)
	want := []float64{-3. / 3, -1. / 3, 1. / 3, 3. / 3, 0, 0, 0, 0}
	f.LayerNorm(y, rstd, x, 4)
	f.want("y", y, 1e-15, want...)
	f.want("rstd", rstd, 1e-15, 1./3, 1./2)
	f.LayerNorm(x, rstd, x, 4)
	f.want("in place", x, 1e-15, want...)
}

func TestLayerNormOfNaNAndNothing(t *testing.T) {
	f := open(t)
	x, rstd := f.tensor(2, 2, 1, nan, -2, 2), f.tensor(2, 1)
	f.LayerNorm(x, rstd, x, 0)
	f.want("y", x, 1e-15, nan, nan, -1, 1)
	f.want("rstd", rstd, 1e-15, nan, 0.5)
	none := f.tensor(2, 0)
	f.LayerNorm(none, rstd, none, 1)
	f.want("rstd of no columns", rstd, 0, nan, nan)
}

func TestLayerNormGradByHand(t *testing.T) {
	f := open(t)
	y, dy, rstd, dx := f.tensor(1, 2, 2, -1), f.tensor(1, 2, 3, -1), f.tensor(1, 1, 0.5), f.tensor(1, 2)
	mean, product := 1., (3*2.+1)/2
	want := []float64{0.5 * (3 - mean - 2*product), 0.5 * (-1 - mean + product)}
	f.LayerNormGrad(dx, y, rstd, dy)
	f.want("dx", dx, 1e-15, want...)
	f.Copy(dx, y)
	f.LayerNormGrad(dx, dx, rstd, dy)
	f.want("dx in y", dx, 1e-15, want...)
	f.Copy(dx, dy)
	f.LayerNormGrad(dx, y, rstd, dx)
	f.want("dx in dy", dx, 1e-15, want...)
}

func TestActivationGradsByHand(t *testing.T) {
	for _, c := range []struct {
		name        string
		run         func(f fixture, dx, y, dy backend.Tensor)
		y, dy, want []float64
	}{
		{"SigmoidGrad", func(f fixture, dx, y, dy backend.Tensor) { f.SigmoidGrad(dx, y, dy) },
			[]float64{0.25, 0.5, 1}, []float64{2, -4, 7},
			[]float64{2 * 0.25 * 0.75, -4 * 0.5 * 0.5, 0}},
		{"TanhGrad", func(f fixture, dx, y, dy backend.Tensor) { f.TanhGrad(dx, y, dy) },
			[]float64{0.5, -0.25, 1}, []float64{2, -4, 7},
			[]float64{2 * (1 - 0.25), -4 * (1 - 0.0625), 0}},
		{"ReLUGrad", func(f fixture, dx, y, dy backend.Tensor) { f.ReLUGrad(dx, y, dy) },
			[]float64{0.5, 0, 3}, []float64{2, -4, nan},
			[]float64{2, 0, nan}},
		{"SoftmaxGrad", func(f fixture, dx, y, dy backend.Tensor) { f.SoftmaxGrad(dx, y, dy) },
			// Σ dy·y = 1·½ + 2·¼ − 4·¼ = 0
			[]float64{0.5, 0.25, 0.25}, []float64{1, 2, -4},
			[]float64{0.5 * 1, 0.25 * 2, 0.25 * -4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := open(t)
			n := len(c.y)
			y, dy, dx := f.tensor(1, n, c.y...), f.tensor(1, n, c.dy...), f.tensor(1, n)
			c.run(f, dx, y, dy)
			f.want("dx", dx, 1e-15, c.want...)

			f.Copy(dx, y)
			c.run(f, dx, dx, dy)
			f.want("dx in y", dx, 1e-15, c.want...)
			f.Copy(dx, dy)
			c.run(f, dx, y, dx)
			f.want("dx in dy", dx, 1e-15, c.want...)
		})
	}
}
