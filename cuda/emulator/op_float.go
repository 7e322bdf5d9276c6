package emulator

import "math"

var floatDecoders = map[string]decoding{
	"copysign": copysign,
	"testp":    testProperty,
}

// A floatForm holds the modifiers that all arithmetic on float32 and float64 shares.
type floatForm struct {
	kind     kind
	mode     rounding
	ftz, sat bool
}

// floatForm reads the rounding, .ftz, .sat and the type. The rounding may be left
// out where the ISA has a default.
func (d *decoder) floatForm(needRounding bool) floatForm {
	var f floatForm
	name := d.option("rn", "rz", "rm", "rp")
	if name == "" && needRounding {
		d.fail("the rounding is missing")
	}
	f.mode = roundings[name]
	f.ftz = d.mod("ftz")
	f.sat = d.mod("sat")
	f.kind = d.kind(f32, f64)
	d.class, d.flops = Float64, 1
	if f.kind == f32 {
		d.class = Float32
	}
	if f.kind == f64 && (f.ftz || f.sat) {
		d.fail(".ftz and .sat exist only for .f32")
	}
	return f
}

// plain tells whether the form is float32 with the usual rounding and nothing else.
func (f floatForm) plain() bool { return f.kind == f32 && f.mode == nearest && !f.ftz && !f.sat }

func (f floatForm) input(v uint64) float32 {
	x := fromFloat32(v)
	if f.ftz {
		return flush32(x)
	}
	return x
}

func (f floatForm) output(x float32) uint64 {
	if f.ftz {
		x = flush32(x)
	}
	if f.sat {
		return saturate(x)
	}
	return toFloat32(x)
}

// saturate clamps to [0, 1]. NaN and -0 become +0.
func saturate(x float32) uint64 {
	switch {
	case x >= 1:
		return uint64(math.Float32bits(1))
	case x > 0:
		return toFloat32(x)
	}
	return 0
}

func (f floatForm) binary(single func(a, b float32, mode rounding) float32, double func(a, b float64, mode rounding) float64) func(a, b uint64) uint64 {
	if f.kind == f64 {
		return func(a, b uint64) uint64 {
			return toFloat64(double(math.Float64frombits(a), math.Float64frombits(b), f.mode))
		}
	}
	return func(a, b uint64) uint64 { return f.output(single(f.input(a), f.input(b), f.mode)) }
}

func addFloat(d *decoder) runner {
	f := d.floatForm(false)
	d.count(3)
	dst, a, b := d.dst(0, f.kind), d.src(1, f.kind), d.src(2, f.kind)
	add := f.binary(addFloat32, addFloat64)
	if f.plain() {
		return fullWarp2(dst, a, b, vector.two["addFloat32"], add)
	}
	return lanes2(dst, a, b, add)
}

func subFloat(d *decoder) runner {
	f := d.floatForm(false)
	d.count(3)
	dst, a, b := d.dst(0, f.kind), d.src(1, f.kind), d.src(2, f.kind)
	sub := f.binary(
		func(a, b float32, mode rounding) float32 { return addFloat32(a, -b, mode) },
		func(a, b float64, mode rounding) float64 { return addFloat64(a, -b, mode) })
	if f.plain() {
		return fullWarp2(dst, a, b, vector.two["subFloat32"], sub)
	}
	return lanes2(dst, a, b, sub)
}

func mulFloat(d *decoder) runner {
	f := d.floatForm(false)
	d.count(3)
	dst, a, b := d.dst(0, f.kind), d.src(1, f.kind), d.src(2, f.kind)
	mul := f.binary(mulFloat32, mulFloat64)
	if f.plain() {
		return fullWarp2(dst, a, b, vector.two["mulFloat32"], mul)
	}
	return lanes2(dst, a, b, mul)
}

// fmaFloat is fma and mad, which have been the same on every GPU since sm_20.
func fmaFloat(d *decoder) runner {
	f := d.floatForm(true)
	d.flops = 2
	d.count(4)
	dst, a, b, c := d.dst(0, f.kind), d.src(1, f.kind), d.src(2, f.kind), d.src(3, f.kind)
	switch {
	case f.plain():
		partial := lanes3(dst, a, b, c, fmaFloat32)
		if f, ok := newFma(dst, a, b, c); ok {
			d.chain = []fma{f}
		}
		return func(w *warp, mask uint32) { // without fullWarp3, because this is the most common instruction of all
			if mask != allLanes {
				partial(w, mask)
				return
			}
			if d, x, y, z := &w.registers[dst], w.source(a), w.source(b), w.source(c); !vector.fma(d, x, y, z) {
				fullFma(d, x, y, z)
			}
		}
	case f.kind == f32:
		return lanes3(dst, a, b, c, func(a, b, c uint64) uint64 {
			return f.output(fma32(f.input(a), f.input(b), f.input(c), f.mode))
		})
	}
	return lanes3(dst, a, b, c, func(a, b, c uint64) uint64 {
		return toFloat64(fma64(math.Float64frombits(a), math.Float64frombits(b), math.Float64frombits(c), f.mode))
	})
}

func divFloat(d *decoder) runner {
	if approximate := d.option("approx", "full"); approximate != "" {
		return approximateDivision(d, approximate == "approx")
	}
	f := d.floatForm(true)
	d.count(3)
	return lanes2(d.dst(0, f.kind), d.src(1, f.kind), d.src(2, f.kind), f.binary(divFloat32, divFloat64))
}

// absFloat and negFloat change the sign bit, even that of a NaN.
func absFloat(d *decoder) runner {
	return signOperation(d, func(v, sign uint64) uint64 { return v &^ sign })
}

func negFloat(d *decoder) runner {
	return signOperation(d, func(v, sign uint64) uint64 { return v ^ sign })
}

func signOperation(d *decoder, f func(v, sign uint64) uint64) runner {
	form := d.floatForm(false)
	d.count(2)
	dst, a := d.dst(0, form.kind), d.src(1, form.kind)
	switch {
	case form.kind == f64:
		return lanes1(dst, a, func(a uint64) uint64 { return f(a, 1<<63) })
	case form.ftz:
		return lanes1(dst, a, func(a uint64) uint64 { return f(uint64(math.Float32bits(flush32(fromFloat32(a)))), 1<<31) })
	}
	return lanes1(dst, a, func(a uint64) uint64 { return f(a, 1<<31) })
}

// minMaxFloat is min and max. If one operand is NaN, the result is the other one, or
// NaN with .NaN. -0 is less than +0.
func minMaxFloat(greater bool) decoding {
	return func(d *decoder) runner {
		wantNaN := d.mod("NaN")
		xorSign := d.mod("xorsign")
		if xorSign && !d.mod("abs") {
			d.fail(".xorsign without .abs")
		}
		f := d.floatForm(false)
		d.count(3)
		dst, a, b := d.dst(0, f.kind), d.src(1, f.kind), d.src(2, f.kind)
		if f.kind == f64 {
			return lanes2(dst, a, b, func(a, b uint64) uint64 {
				return toFloat64(extremum(math.Float64frombits(a), math.Float64frombits(b), greater, false))
			})
		}
		return lanes2(dst, a, b, func(a, b uint64) uint64 {
			x, y := float64(f.input(a)), float64(f.input(b))
			if !xorSign {
				return toFloat32(float32(extremum(x, y, greater, wantNaN)))
			}
			r := extremum(math.Abs(x), math.Abs(y), greater, wantNaN)
			if r != r {
				return nan32
			}
			return toFloat32(float32(math.Copysign(r, sign(math.Signbit(x) != math.Signbit(y)))))
		})
	}
}

func extremum(a, b float64, greater, wantNaN bool) float64 {
	switch {
	case a != a && (b != b || wantNaN):
		return a
	case a != a:
		return b
	case b != b && wantNaN:
		return b
	case b != b:
		return a
	case greater:
		return math.Max(a, b)
	}
	return math.Min(a, b)
}

// copysign gives b the sign of a.
func copysign(d *decoder) runner {
	f := d.floatForm(false)
	d.count(3)
	top := uint64(1) << (8*f.kind.size() - 1)
	return lanes2(d.dst(0, f.kind), d.src(1, f.kind), d.src(2, f.kind), func(a, b uint64) uint64 { return b&^top | a&top })
}

func testProperty(d *decoder) runner {
	property := d.choice("finite", "infinite", "number", "notanumber", "normal", "subnormal")
	f := d.floatForm(false)
	d.count(2)
	dst, a := d.predicateDst(d.raw.args[0]), d.src(1, f.kind)
	exponentBits, fractionBits := 8, 23
	if f.kind == f64 {
		exponentBits, fractionBits = 11, 52
	}
	highest := uint64(1)<<exponentBits - 1
	outcome := test(a, a, func(v, _ uint64) bool {
		exponent, fraction := v>>fractionBits&highest, v&(1<<fractionBits-1)
		switch property {
		case "finite":
			return exponent != highest
		case "infinite":
			return exponent == highest && fraction == 0
		case "number":
			return exponent != highest || fraction == 0
		case "notanumber":
			return exponent == highest && fraction != 0
		case "normal":
			return exponent != highest && exponent != 0
		}
		return exponent == 0 && fraction != 0
	})
	return func(w *warp, mask uint32) { w.setPredicate(dst, mask, outcome(w, mask)) }
}
