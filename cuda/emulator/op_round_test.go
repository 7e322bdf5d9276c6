package emulator

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

// A format is a binary floating-point format, for the oracle of these tests:
// rational arithmetic, rounded by the definition of IEEE 754.
type format struct {
	kind      kind
	precision int
	lowest    int     // exponent of the unit of subnormal numbers
	largest   float64 // finite number
}

var formats = []format{
	{f32, 24, -149, math.MaxFloat32},
	{f64, 53, -1074, math.MaxFloat64},
}

// round gives the number of the format that the mode chooses for x ≠ 0.
func (f format) round(x *big.Rat, mode string) float64 {
	negative := x.Sign() < 0
	magnitude := new(big.Rat).Abs(x)
	unit := max(exponentOf(magnitude)-f.precision, f.lowest)
	scaled := new(big.Rat).Mul(magnitude, power(-unit))
	whole, rest := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	half := new(big.Int).Lsh(rest, 1).Cmp(scaled.Denom())
	up := false
	switch mode {
	case "rn":
		up = half > 0 || half == 0 && whole.Bit(0) == 1
	case "rp":
		up = rest.Sign() > 0 && !negative
	case "rm":
		up = rest.Sign() > 0 && negative
	}
	if up {
		whole.Add(whole, big.NewInt(1))
	}
	result := new(big.Rat).Mul(new(big.Rat).SetInt(whole), power(unit))
	v, _ := result.Float64()
	if result.Cmp(new(big.Rat).SetFloat64(f.largest)) > 0 {
		v = math.Inf(1)
		if mode == "rz" || mode == "rm" && !negative || mode == "rp" && negative {
			v = f.largest
		}
	}
	if negative {
		v = -v
	}
	return v
}

// exponentOf returns the e with 2^(e-1) <= x < 2^e.
func exponentOf(x *big.Rat) int {
	e := x.Num().BitLen() - x.Denom().BitLen()
	if x.Cmp(power(e)) >= 0 {
		e++
	}
	return e
}

func power(e int) *big.Rat {
	one := big.NewInt(1)
	if e >= 0 {
		return new(big.Rat).SetInt(new(big.Int).Lsh(one, uint(e)))
	}
	return new(big.Rat).SetFrac(one, new(big.Int).Lsh(one, uint(-e)))
}

func (f format) bits(v float64) uint64 {
	if f.kind == f32 {
		return bits32(float32(v))
	}
	return bits64(v)
}

// random draws a finite number, often with an awkward mantissa or exponent.
func (f format) random(rng *rand.Rand) float64 {
	var v float64
	if f.kind == f32 {
		u := rng.Uint32()
		switch rng.IntN(4) {
		case 0:
			u = u&^(255<<23) | uint32(120+rng.IntN(16))<<23
		case 1:
			u &= 1<<31 | 0xff<<23 | 3 | 3<<20
		}
		v = float64(math.Float32frombits(u))
	} else {
		u := rng.Uint64()
		switch rng.IntN(4) {
		case 0:
			u = u&^(2047<<52) | uint64(1015+rng.IntN(16))<<52
		case 1:
			u &= 1<<63 | 2047<<52 | 3 | 3<<50
		}
		v = math.Float64frombits(u)
	}
	if v == 0 || math.IsInf(v, 0) || v != v {
		return f.random(rng)
	}
	return v
}

func rat(v float64) *big.Rat { return new(big.Rat).SetFloat64(v) }

// squareRoot is the root of x, or a number strictly between it and the next
// one of 200 bits if it is irrational.
func squareRoot(x *big.Rat) *big.Rat {
	const bits = 1300
	scaled := new(big.Rat).Mul(x, power(2*bits))
	whole, rest := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	root := new(big.Int).Sqrt(whole)
	inexact := rest.Sign() != 0 || new(big.Int).Mul(root, root).Cmp(whole) != 0
	root.Lsh(root, 1)
	if inexact {
		root.Add(root, big.NewInt(1))
	}
	return new(big.Rat).Mul(new(big.Rat).SetInt(root), power(-bits-1))
}

func TestRoundings(t *testing.T) {
	operations := []struct {
		name     string
		operands int
		exact    func(x []*big.Rat) *big.Rat
	}{
		{"add", 2, func(x []*big.Rat) *big.Rat { return new(big.Rat).Add(x[0], x[1]) }},
		{"sub", 2, func(x []*big.Rat) *big.Rat { return new(big.Rat).Sub(x[0], x[1]) }},
		{"mul", 2, func(x []*big.Rat) *big.Rat { return new(big.Rat).Mul(x[0], x[1]) }},
		{"fma", 3, func(x []*big.Rat) *big.Rat {
			return new(big.Rat).Add(new(big.Rat).Mul(x[0], x[1]), x[2])
		}},
		{"div", 2, func(x []*big.Rat) *big.Rat { return new(big.Rat).Quo(x[0], x[1]) }},
		{"rcp", 1, func(x []*big.Rat) *big.Rat { return new(big.Rat).Inv(x[0]) }},
		{"sqrt", 1, func(x []*big.Rat) *big.Rat { return squareRoot(x[0]) }},
	}
	const cases = 320
	for _, f := range formats {
		for _, o := range operations {
			for i, mode := range []string{"rn", "rz", "rm", "rp"} {
				seed := uint64(100*i + o.operands)
				rng := rand.New(rand.NewPCG(1, seed))
				name := fmt.Sprintf("%s.%s%v", o.name, mode, f.kind)
				spec := fmt.Sprintf("%s %%d%s |", name, [...]string{"", ", %a", ", %a, %b", ", %a, %b, %c"}[o.operands])
				for range o.operands + 1 {
					spec += " " + f.kind.String()[1:]
				}
				test := op(spec)
				for len(test.cases) < cases {
					values, operands := make([]uint64, o.operands), make([]*big.Rat, o.operands)
					for j := range operands {
						v := f.random(rng)
						if o.name == "sqrt" {
							v = math.Abs(v)
						}
						if j == 2 && rng.IntN(2) == 0 {
							// Close to the product, so that much cancels, or near a tie of it.
							product, _ := new(big.Rat).Mul(operands[0], operands[1]).Float64()
							if v = -product * math.Exp2(float64(rng.IntN(60)-30)); f.kind == f32 {
								v = float64(float32(v))
							}
							if v == 0 || math.IsInf(v, 0) {
								v = 1
							}
						}
						values[j], operands[j] = f.bits(v), rat(v)
					}
					exact := o.exact(operands)
					if exact.Sign() == 0 {
						continue
					}
					test.cases = append(test.cases, in(f.bits(f.round(exact, mode)), values...))
				}
				test.test(t)
			}
		}
	}
}

// (1+2^-23)·(1-2^-23) is 1-2^-46. Scaled to just below half a unit of c, and c
// odd, the sum must stay c; in float64 it becomes the tie, which rounds away from c.
func TestFmaIsRoundedOnce(t *testing.T) {
	a, b := float32(1+0x1p-23), float32(1-0x1p-23)
	var cases []opCase
	for _, c := range []float32{1 + 0x1p-23, 1 + 3*0x1p-23, 1 - 0x1p-24, 0x1.000002p60, 0x1.000002p-90, 0x1p-149, 3 * 0x1p-149} {
		_, exponent := math.Frexp(float64(c))
		half := float32(math.Ldexp(1, max(exponent-24, -149)-1))
		if half == 0 {
			// Half a unit of the subnormal numbers is the product of two others.
			cases = append(cases, in(bits32(c), bits32(0x1.000002p-75), bits32(0x1.fffffcp-76), bits32(c)))
			continue
		}
		cases = append(cases, in(bits32(c), bits32(a), bits32(b*half), bits32(c)), in(bits32(-c), bits32(-a), bits32(b*half), bits32(-c)))
	}
	// Fill a whole warp, for which there is a loop of its own, and start another.
	for len(cases) < 40 {
		cases = append(cases, cases...)
	}
	op("fma.rn.f32 %d, %a, %b, %c | f32 f32 f32 f32", cases...).test(t)
}

func TestHalfConversionsAgainstOracle(t *testing.T) {
	for _, h := range []struct {
		name   string
		format format
	}{{"f16", format{f16, 11, -24, 65504}}, {"bf16", format{bf16, 8, -133, 0x1.fep127}}} {
		rng := rand.New(rand.NewPCG(1, 7))
		test := op("cvt.rn." + h.name + ".f32 %d, %a | " + h.name + " f32")
		back := op("{ .reg .b16 %h; cvt.rn." + h.name + ".f32 %h, %a; mov.b16 %d, %h; } | b16 f32")
		for len(test.cases) < 500 {
			v := formats[0].random(rng)
			if h.name == "f16" && rng.IntN(4) > 0 {
				v = float64(float32(math.Copysign(math.Exp2(float64(rng.IntN(46)-28))*(1+rng.Float64()), v)))
			}
			want := h.format.round(rat(v), "rn")
			var bits uint64
			if h.name == "bf16" {
				bits = bits32(float32(want)) >> 16
			} else {
				bits = encodeHalf(want)
			}
			test.cases = append(test.cases, in(bits, bits32(float32(v))))
		}
		back.cases = test.cases
		test.test(t)
		back.test(t)
	}
}

// encodeHalf writes a float16 number as its definition says.
func encodeHalf(v float64) uint64 {
	sign := uint64(0)
	if math.Signbit(v) {
		sign = 0x8000
	}
	v = math.Abs(v)
	if math.IsInf(v, 0) {
		return sign | 0x7c00
	}
	for e := uint64(1); e < 31; e++ {
		unit := math.Ldexp(1, int(e)-25)
		if v < 1024*unit && e == 1 {
			return sign | uint64(v/unit)
		}
		if v < 2048*unit {
			return sign + e<<10 + uint64(v/unit) - 1024
		}
	}
	panic("no float16")
}

// A hot loop must do what its twin for single lanes does. The guard selects the
// twin: it switches a lane off.
func TestFullAndPartialWarpsAgree(t *testing.T) {
	for _, spec := range []string{
		"add.s32 %d, %a, %b | s32 s32 s32", "add.s64 %d, %a, %b | s64 s64 s64", "sub.s32 %d, %a, %b | s32 s32 s32",
		"mul.lo.s32 %d, %a, %b | s32 s32 s32", "mul.wide.s32 %d, %a, %b | s64 s32 s32", "mul.wide.u32 %d, %a, %b | u64 u32 u32",
		"mad.lo.s32 %d, %a, %b, %c | s32 s32 s32 s32", "and.b32 %d, %a, %b | b32 b32 b32", "or.b32 %d, %a, %b | b32 b32 b32",
		"xor.b64 %d, %a, %b | b64 b64 b64", "shl.b32 %d, %a, %b | b32 b32 u32", "shr.u32 %d, %a, %b | u32 u32 u32",
		"add.f32 %d, %a, %b | f32 f32 f32", "mul.f32 %d, %a, %b | f32 f32 f32", "fma.rn.f32 %d, %a, %b, %c | f32 f32 f32 f32",
		"cvt.s64.s32 %d, %a | s64 s32", "cvt.u64.u32 %d, %a | u64 u32", "cvt.u32.u64 %d, %a | u32 u64", "mov.b32 %d, %a | b32 b32",
		"setp.ge.s32 %d, %a, %b | pred s32 s32", "setp.lt.s32 %d, %a, %b | pred s32 s32", "setp.eq.s32 %d, %a, %b | pred s32 s32",
		"setp.ne.s64 %d, %a, %b | pred s64 s64",
	} {
		full := op(spec)
		rng := rand.New(rand.NewPCG(1, 11))
		for range 320 {
			c := opCase{in: make([]uint64, 3)}
			for i := range c.in {
				c.in[i] = rng.Uint64()
				if rng.IntN(4) == 0 {
					c.in[i] = uint64(rng.IntN(4)) * 0x4000000080000000
				}
			}
			full.cases = append(full.cases, c)
		}
		partial := op(spec)
		for i := range full.cases {
			if i%31 == 0 {
				partial.cases = append(partial.cases, opCase{in: []uint64{0, 0, 0}})
			}
			partial.cases = append(partial.cases, full.cases[i])
		}
		partial.text = "{ .reg .pred %on; .reg .u32 %lane; mov.u32 %lane, %laneid; setp.ne.u32 %on, %lane, 0; @%on " + partial.text + "; }"
		want, _ := full.run(t)
		got, _ := partial.run(t)
		var kept []uint64
		for i, v := range got {
			if i%32 != 0 {
				kept = append(kept, v)
			}
		}
		compareExactly(t, spec, kept, want)
	}
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
