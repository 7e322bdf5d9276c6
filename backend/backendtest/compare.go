package backendtest

import "math"

// Tolerances are absolute, one per element, of these classes:
//
//   - exact: moves, ReLU, arg max.
//   - ulps: single arithmetic operations and transcendental functions, in units
//     of the last place of the result.
//   - rounded: chains of operations. An operation rounds with a relative error
//     of at most 2⁻²⁴, so a result that sums terms, each of which has passed
//     through at most n roundings, is off by at most n·2⁻²⁴·Σ|term|.
//
// Below 2⁻¹²⁶ numbers are subnormal, at a distance of 2⁻¹⁴⁹, and a rounding is
// off by half of that. No class but unspecified results admits that a backend
// flushes them to zero.
const (
	unit = 0x1p-24
	tiny = 0x1p-149
)

// tolerance returns how far element k, which should be want, may be off. A nil
// tolerance is that of an unspecified result.
type tolerance func(k int, want float64) float64

func exact(int, float64) float64 { return 0 }

func ulps(n float64) tolerance {
	return func(_ int, want float64) float64 {
		if want == 0 {
			return n * tiny
		}
		_, exponent := math.Frexp(want)
		return n * math.Max(math.Ldexp(1, exponent-24), tiny)
	}
}

// rounded admits n roundings of terms of the given sum of magnitudes.
func rounded(n float64, magnitude []float64) tolerance {
	return func(k int, _ float64) float64 { return n * (unit*magnitude[k] + tiny) }
}

// proportional admits n roundings of the result itself.
func proportional(n float64) tolerance {
	return func(_ int, want float64) float64 { return n * (unit*math.Abs(want) + tiny) }
}

// within admits errors up to bound, and some roundings of subnormal numbers.
func within(bound []float64) tolerance {
	return func(k int, _ float64) float64 { return bound[k] + 8*tiny }
}

// distance returns the error of got, a float32 or int32, in units of the
// tolerance: at most 1 if got will do.
func distance(got, want, tolerance float64) float64 {
	target := float64(float32(want))
	if got == target || math.IsNaN(got) && math.IsNaN(target) {
		return 0
	}
	off := math.Abs(got-want) / tolerance
	if math.IsNaN(off) {
		return math.Inf(1)
	}
	return off
}

// largest returns max |x| but for NaN, 0 of none.
func largest(x []float64) float64 {
	var m float64
	for _, v := range x {
		if magnitude := math.Abs(v); magnitude > m {
			m = magnitude
		}
	}
	return m
}

// float32s rounds x.
func float32s(x []float64) []float32 {
	y := make([]float32, len(x))
	for k, v := range x {
		y[k] = float32(v)
	}
	return y
}

// absolutes returns |x|.
func absolutes(x []float32) []float32 {
	y := make([]float32, len(x))
	for k, v := range x {
		y[k] = float32(math.Abs(float64(v)))
	}
	return y
}
