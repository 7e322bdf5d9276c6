package emulator

import "math"

var convertDecoders = map[string]decoding{"cvt": convert}

// A conversion holds the modifiers of cvt.
type conversion struct {
	to, from       kind
	rounding       string // rn, rni, ... or ""
	ftz, sat, relu bool
}

func convert(d *decoder) runner {
	c := conversion{
		rounding: d.option("rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi", "rna"),
		ftz:      d.mod("ftz"), sat: d.mod("sat"), relu: d.mod("relu"),
	}
	c.to, c.from = d.kind(), d.kind()
	d.class = Conversion
	if c.to.untyped() || c.from.untyped() || c.to == pred || c.from == pred {
		d.fail("cvt from %v to %v does not exist", c.from, c.to)
	}
	switch c.to {
	case f16x2, bf16x2:
		return c.packed(d)
	case tf32:
		return c.tensorFloat(d)
	}
	d.count(2)
	dst := d.dstOperand(d.raw.args[0], c.to, true)
	a := d.srcOperand(d.raw.args[1], c.from, true)
	c.check(d)
	f := c.function()
	width := d.function.registers[d.raw.args[0].register].kind.size()
	if size := c.to.size(); width > size && c.to.signed() {
		narrow := f
		f = func(a uint64) uint64 { return truncate(uint64(extend(narrow(a), c.to)), width) }
	}
	if from := c.from.size(); from < 8 {
		exact := f
		f = func(a uint64) uint64 { return exact(truncate(a, from)) }
	}
	switch {
	case c.to.float() || c.from.float() || c.sat || width != c.to.size():
	case c.to.size() == 8 && c.from == s32:
		return fullWarp1(dst, a, vector.signExtend, f)
	case c.to.size() == 8 && c.from == u32, c.to.size() == 4 && c.from.size() == 8:
		return fullWarp1(dst, a, vector.low32, f)
	}
	return lanes1(dst, a, f)
}

// check refuses the combinations that the ISA does not have.
func (c conversion) check(d *decoder) {
	integerRounding := len(c.rounding) == 3 && c.rounding != "rna"
	toFloat, fromFloat := c.to.float(), c.from.float()
	halves := c.to == bf16 && c.from == f16 || c.to == f16 && c.from == bf16
	narrowing := toFloat && fromFloat && c.to.size() < c.from.size() || halves
	switch {
	case c.rounding == "rna", c.from == tf32, c.from == f16x2, c.from == bf16x2:
		d.fail("this conversion from %v to %v does not exist", c.from, c.to)
	case fromFloat && !toFloat && !integerRounding:
		d.fail("a conversion to an integer needs .rni, .rzi, .rmi or .rpi")
	case !fromFloat && toFloat && (c.rounding == "" || integerRounding), narrowing && (c.rounding == "" || integerRounding):
		d.fail("this conversion needs .rn, .rz, .rm or .rp")
	case !fromFloat && !toFloat && c.rounding != "", toFloat && fromFloat && !narrowing && c.rounding != "" && !(integerRounding && c.to == c.from):
		d.fail("this conversion has no rounding .%s", c.rounding)
	case c.relu && (c.to != f16 && c.to != bf16 || c.from != f32):
		d.fail(".relu does not fit this conversion")
	case c.ftz && c.to != f32 && c.from != f32:
		d.fail(".ftz needs a type .f32")
	}
}

func (c conversion) function() func(a uint64) uint64 {
	switch {
	case c.to.float():
		return func(a uint64) uint64 { return c.fromNumber(a) }
	case c.from.float():
		return c.toInteger
	case c.sat:
		return func(a uint64) uint64 { return c.clampInteger(a) }
	}
	size := c.to.size()
	return func(a uint64) uint64 { return truncate(uint64(extend(a, c.from)), size) }
}

// clampInteger is cvt.sat between integers.
func (c conversion) clampInteger(a uint64) uint64 {
	size := c.to.size()
	top := uint64(math.MaxUint64) >> (64 - 8*size)
	if c.to.signed() {
		top >>= 1
	}
	v := extend(a, c.from)
	switch {
	case c.from.signed() && v < 0:
		if !c.to.signed() {
			return 0
		}
		return truncate(uint64(max(v, -int64(top)-1)), size)
	case a > top:
		return top
	}
	return a
}

// float reads a number of any floating-point type.
func (c conversion) float(a uint64) float64 {
	switch c.from {
	case f32:
		f := fromFloat32(a)
		if c.ftz {
			f = flush32(f)
		}
		return float64(f)
	case f64:
		return math.Float64frombits(a)
	}
	return formatOf(c.from).decode(a)
}

func (c conversion) roundInteger(v float64) float64 {
	switch c.rounding {
	case "rni":
		return math.RoundToEven(v)
	case "rzi":
		return math.Trunc(v)
	case "rmi":
		return math.Floor(v)
	case "rpi":
		return math.Ceil(v)
	}
	return v
}

// toInteger clamps to the range of the type. NaN becomes 0. In conversions from .f64
// or to 64 bits it becomes the highest bit alone (PTX ISA 9.1, cvt, Integer Notes;
// older editions always say 0).
func (c conversion) toInteger(a uint64) uint64 {
	v := c.roundInteger(c.float(a))
	bits := 8 * c.to.size()
	low, high := 0.0, math.Ldexp(1, bits)
	if c.to.signed() {
		high = math.Ldexp(1, bits-1)
		low = -high
	}
	switch {
	case v != v && (c.from == f64 || bits == 64):
		return 1 << (bits - 1)
	case v != v || v == 0:
		return 0
	case v <= low:
		return truncate(uint64(int64(low)), c.to.size())
	case v >= high && c.to.signed():
		return 1<<(bits-1) - 1
	case v >= high:
		return truncate(math.MaxUint64, c.to.size())
	case v < 0:
		return truncate(uint64(int64(v)), c.to.size())
	}
	return uint64(v)
}

// fromNumber converts to a floating-point type.
func (c conversion) fromNumber(a uint64) uint64 {
	mode := roundings[c.rounding]
	if !c.from.float() {
		return c.fromInteger(a, mode)
	}
	v := c.roundInteger(c.float(a))
	var r uint64
	switch c.to {
	case f64:
		r = toFloat64(v)
	case f32:
		f := narrow(v, mode)
		if c.ftz {
			f = flush32(f)
		}
		r = toFloat32(f)
	default:
		r = formatOf(c.to).round(v, mode)
	}
	return c.clamped(r, v)
}

// clamped applies .sat or .relu to the result r. v is its value before rounding.
func (c conversion) clamped(r uint64, v float64) uint64 {
	switch {
	case c.relu && v != v:
		return nan16
	case c.relu && math.Signbit(v):
		return 0
	case !c.sat:
		return r
	case !(v > 0):
		return 0
	case v >= 1 && c.to == f64:
		return math.Float64bits(1)
	case v >= 1 && c.to == f32:
		return uint64(math.Float32bits(1))
	case v >= 1:
		return formatOf(c.to).encode(1)
	}
	return r
}

// fromInteger converts an integer of up to 64 bits. For the narrower formats it
// rounds to odd in float64 first, so that the second rounding is correct. For
// float64 it rounds directly.
func (c conversion) fromInteger(a uint64, mode rounding) uint64 {
	v := extend(a, c.from)
	negative := c.from.signed() && v < 0
	magnitude := a
	if c.from.signed() {
		magnitude = uint64(v)
	}
	if negative {
		magnitude = -magnitude
	}
	// The upper part is exact; only the lower 11 bits can be lost.
	high, low := float64(magnitude&^2047), float64(magnitude&2047)
	if negative {
		high, low = -high, -low
	}
	var r uint64
	switch c.to {
	case f64:
		r = toFloat64(addFloat64(high, low, mode))
	case f32:
		r = toFloat32(narrow(sumOdd(high, low), mode))
	default:
		r = formatOf(c.to).round(sumOdd(high, low), mode)
	}
	return c.clamped(r, high+low)
}

// packed is cvt.rn.f16x2.f32 d, a, b. a goes to the upper half.
func (c conversion) packed(d *decoder) runner {
	d.count(3)
	if c.from != f32 || c.rounding != "rn" && c.rounding != "rz" || c.sat || c.ftz {
		d.fail("this conversion from %v to %v does not exist", c.from, c.to)
	}
	one := conversion{to: f16, from: f32, rounding: c.rounding, relu: c.relu}
	if c.to == bf16x2 {
		one.to = bf16
	}
	return lanes2(d.dst(0, c.to), d.src(1, f32), d.src(2, f32), func(a, b uint64) uint64 {
		return one.fromNumber(a)<<16 | one.fromNumber(b)
	})
}

// tensorFloat is cvt.rna.tf32.f32. It keeps 10 bits after the point and rounds ties
// away from zero.
func (c conversion) tensorFloat(d *decoder) runner {
	d.count(2)
	if c.from != f32 || c.rounding != "rna" || c.sat || c.relu || c.ftz {
		d.fail("this conversion from %v to %v does not exist", c.from, c.to)
	}
	return lanes1(d.dst(0, b32), d.src(1, f32), func(a uint64) uint64 {
		if f := fromFloat32(a); f != f {
			return nan32
		} else if math.IsInf(float64(f), 0) {
			return a
		}
		return (a + 1<<12) &^ (1<<13 - 1)
	})
}
