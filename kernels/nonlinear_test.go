package kernels_test

import (
	"math"
	"testing"

	"gputrain/kernels"
)

// The sources state bounds for all arguments. This test takes some of every magnitude.
func TestNonlinearitiesKeepTheirBounds(t *testing.T) {
	const n, units = 1 << 16, 1 << 32 / (1 << 16)
	x := make([]float32, n)
	for k := range x {
		x[k] = math.Float32frombits(uint32(k*units + k*2654435761%units))
	}
	// Half of all floats are tiny, and most of the others are beyond saturation. So
	// add some that are neither.
	x = append(x, scaled(uniform(random(1), n), 110)...)
	x = append(x, scaled(uniform(random(2), n), 10)...)
	for _, c := range []struct {
		kernel string
		exact  func(float64) float64
		units  float64
	}{
		{"sigmoid", func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 2.41},
		{"tanh_forward", math.Tanh, 2.5},
	} {
		t.Run(c.kernel, func(t *testing.T) {
			d := open(t, "activation")
			dst := room[float32](d, len(x))
			d.run(c.kernel, kernels.Elements(int64(len(x))), dst, put(d, x), int64(len(x)))
			for k, got := range get[float32](d, dst, len(x)) {
				want := c.exact(float64(x[k]))
				if math.IsNaN(want) && math.IsNaN(float64(got)) {
					continue
				}
				tolerance := c.units * unitOf(want)
				if !(math.Abs(float64(got)-want) <= tolerance) || math.Signbit(float64(got)) != math.Signbit(want) {
					t.Fatalf("seed 1,1 and 1,2: %s(%v) = %v, want %v, tolerance %.3g", c.kernel, x[k], got, want, tolerance)
				}
			}
		})
	}
}

// unitOf returns a unit in the last place of a float32 near y.
func unitOf(y float64) float64 {
	_, exponent := math.Frexp(y)
	return math.Ldexp(1, max(exponent-24, -149))
}

func scaled(x []float32, factor float32) []float32 {
	for k := range x {
		x[k] *= factor
	}
	return x
}
