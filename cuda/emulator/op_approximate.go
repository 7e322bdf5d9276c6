package emulator

import (
	"math"
	"slices"
)

var approximateDecoders = map[string]decoding{
	"rcp":   inverse(func(x float64) float64 { return 1 / x }, ulps(1), reciprocal32, reciprocal64),
	"sqrt":  inverse(math.Sqrt, relative(-23), sqrtFloat32, sqrtFloat64),
	"rsqrt": inverse(reciprocalRoot, relative(-22.9), nil, nil),
	"sin":   elementary(math.Sin, angleError),
	"cos":   elementary(math.Cos, angleError),
	"lg2":   elementary(math.Log2, logarithmError),
	"ex2":   elementary(math.Exp2, ulps(2)),
	"tanh":  elementary(math.Tanh, relative(-11)),
}

// The PTX ISA (9.0, "Floating Point Instructions") gives an error bound for each
// approximate instruction. The emulator computes in float64 and rounds to float32.
// With Options.Perturb it also adds an error from the whole range of the bound. A
// hash of the operands draws the error, so that an operation gives the same result
// whenever it is repeated.

// An errorBound returns the largest absolute error of an instruction whose
// operand is x and whose exact result is y.
type errorBound func(x, y float64) float64

// ulps returns a bound of n units in the last place of the result.
func ulps(n float64) errorBound {
	return func(_, y float64) float64 { return n * ulp(y) }
}

func ulp(y float64) float64 {
	_, e := math.Frexp(y)
	return math.Ldexp(1, max(e-1, -126)-23)
}

// relative returns a bound of 2^exponent times the result.
func relative(exponent float64) errorBound {
	bound := math.Exp2(exponent)
	return func(_, y float64) float64 { return math.Abs(y) * bound }
}

// angleError is the bound of sin and cos. It is absolute, and larger far from 0. The
// ISA gives none beyond 100π; there the bound that holds up to 100π is used.
func angleError(x, _ float64) float64 {
	if math.Abs(x) <= 2*math.Pi {
		return math.Exp2(-20.5)
	}
	return math.Exp2(-14.7)
}

// logarithmError is the bound of lg2: absolute for x near 1 and relative elsewhere.
func logarithmError(x, y float64) float64 {
	if x > 0.5 && x < 2 {
		return 0x1p-22
	}
	return math.Abs(y) * 0x1p-22
}

// perturbed rounds y to float32. If the program is perturbed, it first moves y within
// its bound.
func (p *program) perturbed(bound errorBound, x, y float64, operands uint64) float32 {
	if p.perturb == 0 || y == 0 || math.IsInf(y, 0) || y != y {
		return float32(y)
	}
	h := mix(p.perturb ^ mix(operands))
	// Rounding uses up half a unit of the bound.
	most := bound(x, y)
	room := max(0, most-ulp(math.Abs(y)+most)/2)
	shift := float64(int64(h)) / (1 << 63) * room
	return float32(y + shift)
}

// mix scrambles its argument: the finaliser of splitmix64.
func mix(v uint64) uint64 {
	v += 0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// elementary decodes an instruction that exists only as .approx, for float32 and for
// 16-bit floats.
func elementary(f func(float64) float64, bound errorBound) decoding {
	return func(d *decoder) runner {
		d.choice("approx")
		half := d.option("f16", "bf16", "f16x2", "bf16x2")
		if half != "" {
			return halfElementary(d, kinds[half], f)
		}
		form := d.floatForm(false)
		d.only(form.kind, f32, "approx")
		d.class = SpecialFunction
		d.count(2)
		p := d.program
		return lanes1(d.dst(0, f32), d.src(1, f32), func(a uint64) uint64 {
			x := float64(form.input(a))
			return form.output(p.perturbed(bound, x, f(x), a))
		})
	}
}

// inverse decodes rcp, sqrt and rsqrt. All have an approximate form. Those for which
// single and double are not nil also have a correctly rounded one.
func inverse(f func(float64) float64, bound errorBound, single func(float32, rounding) float32, double func(float64, rounding) float64) decoding {
	return func(d *decoder) runner {
		approximate := d.mod("approx")
		if approximate && d.mod("f64") {
			return inverse64(d, f)
		}
		form := d.floatForm(!approximate)
		d.count(2)
		dst, a := d.dst(0, form.kind), d.src(1, form.kind)
		p := d.program
		switch {
		case approximate:
			d.class = SpecialFunction
			return lanes1(dst, a, func(a uint64) uint64 {
				x := float64(form.input(a))
				return form.output(p.perturbed(bound, x, f(x), a))
			})
		case single == nil:
			d.fail("the instruction exists only as .approx")
		case form.kind == f64:
			return lanes1(dst, a, func(a uint64) uint64 { return toFloat64(double(math.Float64frombits(a), form.mode)) })
		}
		return lanes1(dst, a, func(a uint64) uint64 { return form.output(single(form.input(a), form.mode)) })
	}
}

// inverse64 is rcp.approx.ftz.f64 and rsqrt.approx.ftz.f64. They use only the upper
// half of the operand and set only the upper half of the result. rsqrt.approx.f64, for
// which the ISA gives no bound, is rounded correctly but for the last bit.
func inverse64(d *decoder, f func(float64) float64) runner {
	if d.raw.name != "rsqrt" || slices.Contains(d.mods, "ftz") {
		d.choice("ftz")
	} else {
		d.count(2)
		d.class = Float64
		return lanes1(d.dst(0, f64), d.src(1, f64), func(a uint64) uint64 { return toFloat64(f(math.Float64frombits(a))) })
	}
	d.count(2)
	d.class = SpecialFunction
	return lanes1(d.dst(0, f64), d.src(1, f64), func(a uint64) uint64 {
		const (
			upper = 0xffffffff00000000
			nan   = 0x7fffffff00000000 // the NaN that these instructions give
		)
		y := f(math.Float64frombits(flush64(a & upper)))
		if y != y {
			return nan
		}
		return flush64(math.Float64bits(y)) & upper
	})
}

func flush64(u uint64) uint64 {
	if u&(2047<<52) == 0 {
		return u & (1 << 63)
	}
	return u
}

func reciprocal32(x float32, mode rounding) float32 { return divFloat32(1, x, mode) }

func reciprocal64(x float64, mode rounding) float64 { return divFloat64(1, x, mode) }

func reciprocalRoot(x float64) float64 { return 1 / math.Sqrt(x) }

// approximateDivision is div.approx and div.full, within 2 units in the last place.
// If the divisor is finite and beyond ±2^126, div.approx gives zero, or NaN if the
// dividend is infinite.
func approximateDivision(d *decoder, approx bool) runner {
	form := d.floatForm(false)
	d.only(form.kind, f32, "approx")
	d.class = SpecialFunction
	d.count(3)
	p := d.program
	return lanes2(d.dst(0, f32), d.src(1, f32), d.src(2, f32), func(a, b uint64) uint64 {
		x, y := float64(form.input(a)), float64(form.input(b))
		if approx && math.Abs(y) > 0x1p126 && !math.IsInf(y, 0) {
			return form.output(float32(x * math.Copysign(0, y)))
		}
		return form.output(p.perturbed(ulps(2), x, x/y, a<<32|b))
	})
}
