package emulator

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

var approximateOperations = []operation{
	op("rcp.rn.f32 %d, %a | f32 f32", in(bits32(0.125), bits32(8)), in(inf32|min32, min32)),
	op("sqrt.rn.f32 %d, %a | f32 f32", in(min32, min32), in(nan32, bits32(-1)), in(inf32, inf32)),
	op("rsqrt.approx.f32 %d, %a | f32 f32", in(bits32(0.5), bits32(4)), in(inf32, 0), in(0, inf32), in(nan32, bits32(-1))),
	op("rcp.approx.ftz.f64 %d, %a | f64 f64", in(bits64(0.25), bits64(4)), in(0xfff0000000000000, 1<<63|1), in(0, bits64(math.Inf(1))), in(0x7fffffff00000000, nan64)),
	op("rsqrt.approx.ftz.f64 %d, %a | f64 f64", in(bits64(0.5), bits64(4)), in(0x7ff0000000000000, 1), in(0x7fffffff00000000, bits64(-1))),
	op("rsqrt.approx.f64 %d, %a | f64 f64", in(bits64(0.5), bits64(4)), in(bits64(0x1p537), 1), in(0xfff0000000000000, 1<<63), in(nan64, bits64(-1)), in(0, bits64(math.Inf(1)))),
	op("ex2.approx.f32 %d, %a | f32 f32", in(bits32(8), bits32(3)), in(0, inf32|min32), in(inf32, inf32), in(bits32(1), 0), in(nan32, nan)),
	op("ex2.approx.ftz.f32 %d, %a | f32 f32", in(0, bits32(-140)), in(bits32(1), tiny)),
	op("lg2.approx.f32 %d, %a | f32 f32", in(bits32(3), bits32(8)), in(inf32|min32, 0), in(nan32, bits32(-1)), in(bits32(-149), tiny)),
	op("sin.approx.f32 %d, %a | f32 f32", in(min32, min32), in(nan32, inf32)),
	op("cos.approx.f32 %d, %a | f32 f32", in(bits32(1), 0)),
	op("tanh.approx.f32 %d, %a | f32 f32", in(bits32(1), inf32), in(0, 0)),
	op("div.approx.f32 %d, %a, %b | f32 f32 f32", in(bits32(2), bits32(6), bits32(3)), in(0, bits32(6), bits32(0x1.8p126)), in(nan32, inf32, bits32(0x1.8p126))),
	op("div.full.f32 %d, %a, %b | f32 f32 f32", in(bits32(1), bits32(0x1.8p126), bits32(0x1.8p126))),
}

// Every approximate instruction stays within its documented error, perturbed or
// not. The bounds are those of the PTX ISA 9.0.
func TestApproximationsKeepTheirBounds(t *testing.T) {
	for _, a := range []struct {
		text      string
		exact     func(x float64) float64
		bound     func(x, y float64) float64
		low, high float64
	}{
		{"ex2.approx.f32", math.Exp2, ulpBound(2), -140, 100},
		{"lg2.approx.f32 near 1", math.Log2, absoluteBound(-22), 0.51, 1.99},
		{"lg2.approx.f32", math.Log2, relativeBound(-22), 2, 9},
		{"rcp.approx.f32", func(x float64) float64 { return 1 / x }, ulpBound(1), 0.1, 50},
		{"rsqrt.approx.f32", func(x float64) float64 { return 1 / math.Sqrt(x) }, relativeBound(-22.9), 0.1, 50},
		{"sqrt.approx.f32", math.Sqrt, relativeBound(-23), 0.1, 50},
		{"sin.approx.f32", math.Sin, absoluteBound(-20.5), -2 * math.Pi, 2 * math.Pi},
		{"cos.approx.f32", math.Cos, absoluteBound(-20.5), -2 * math.Pi, 2 * math.Pi},
		{"sin.approx.f32 far from 0", math.Sin, absoluteBound(-14.7), 2.01 * math.Pi, 100 * math.Pi},
		{"cos.approx.f32 far from 0", math.Cos, absoluteBound(-14.7), 2.01 * math.Pi, 100 * math.Pi},
		{"tanh.approx.f32", math.Tanh, relativeBound(-11), -5, 5},
		{"div.approx.f32", func(x float64) float64 { return x / 3 }, ulpBound(2), -5, 5},
		{"div.full.f32", func(x float64) float64 { return x / 3 }, ulpBound(2), -5, 5},
	} {
		rng := rand.New(rand.NewPCG(1, 13))
		instruction, _, _ := strings.Cut(a.text, " ")
		operands := " %d, %a"
		if strings.HasPrefix(instruction, "div") {
			operands += ", 0f40400000"
		}
		plain := op(instruction + operands + " | f32 f32")
		for range 2000 {
			plain.cases = append(plain.cases, in(0, bits32(float32(a.low+(a.high-a.low)*rng.Float64()))))
		}
		for _, perturb := range []uint64{0, 1, 2} {
			plain.options.Perturb = perturb
			got, _ := plain.run(t)
			worst := 0.0
			for i, c := range plain.cases {
				x := float64(fromFloat32(c.in[0]))
				y := a.exact(x)
				worst = max(worst, math.Abs(float64(fromFloat32(got[i]))-y)/a.bound(x, y))
			}
			if worst > 1 {
				t.Errorf("%s, perturbed by %d: the error is %.3f of the bound", a.text, perturb, worst)
			}
			if perturb > 0 && worst < 0.8 {
				t.Errorf("%s, perturbed by %d: the error is only %.3f of the bound", a.text, perturb, worst)
			}
		}
	}
}

func relativeBound(exponent float64) func(x, y float64) float64 {
	return func(_, y float64) float64 { return math.Abs(y) * math.Exp2(exponent) }
}

func absoluteBound(exponent float64) func(x, y float64) float64 {
	return func(_, _ float64) float64 { return math.Exp2(exponent) }
}

// ulpBound is a bound of n units in the last place of the result as a float32.
func ulpBound(n float64) func(x, y float64) float64 {
	return func(_, y float64) float64 {
		lower := float32(math.Abs(y))
		if float64(lower) > math.Abs(y) {
			lower = math.Nextafter32(lower, 0)
		}
		return n * float64(math.Nextafter32(lower, math.MaxFloat32)-lower)
	}
}
