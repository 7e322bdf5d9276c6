package emulator

import "math"

// A halfFormat is a floating-point format of 16 bits.
type halfFormat struct {
	precision int // bits, including the hidden one
	lowest    int // exponent of the smallest normal number
	largest   float64
}

var (
	float16  = halfFormat{11, -14, 65504}
	bfloat16 = halfFormat{8, -126, 0x1.fep127}
)

func formatOf(k kind) halfFormat {
	if k == f16 || k == f16x2 {
		return float16
	}
	return bfloat16
}

const nan16 = 0x7fff

// round returns the bits of v in the format. If v is a sum or a product, it must be
// exact or rounded to odd.
func (h halfFormat) round(v float64, mode rounding) uint64 {
	if v != v {
		return nan16
	}
	magnitude := math.Abs(v)
	negative := math.Signbit(v)
	if !math.IsInf(v, 0) && v != 0 {
		_, exponent := math.Frexp(magnitude)
		unit := max(exponent, h.lowest+1) - h.precision
		m := math.Ldexp(magnitude, -unit)
		switch {
		case mode == nearest:
			m = math.RoundToEven(m)
		case mode == upward && !negative || mode == downward && negative:
			m = math.Ceil(m)
		default:
			m = math.Floor(m)
		}
		magnitude = math.Ldexp(m, unit)
		if magnitude > h.largest {
			magnitude = math.Inf(1)
			if mode == zeroward || mode == downward && !negative || mode == upward && negative {
				magnitude = h.largest
			}
		}
	}
	u := h.encode(magnitude)
	if negative {
		u |= 1 << 15
	}
	return u
}

// encode returns the bits of a number that the format can represent.
func (h halfFormat) encode(v float64) uint64 {
	if h == bfloat16 {
		return uint64(math.Float32bits(float32(v)) >> 16)
	}
	switch {
	case math.IsInf(v, 0):
		return 0x7c00
	case v < 0x1p-14:
		return uint64(v * 0x1p24)
	}
	fraction, exponent := math.Frexp(v)
	return uint64(exponent+14)<<10 + uint64(fraction*0x1p11) - 1<<10
}

func (h halfFormat) decode(u uint64) float64 {
	if h == bfloat16 {
		return float64(math.Float32frombits(uint32(u) << 16))
	}
	exponent, fraction := int(u>>10&31), float64(u&1023)
	var v float64
	switch exponent {
	case 0:
		v = fraction * 0x1p-24
	case 31:
		v = math.Inf(1)
		if fraction != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(1+fraction/1024, exponent-15)
	}
	return math.Copysign(v, sign(u>>15&1 != 0))
}

// A halfForm holds the modifiers that all arithmetic on 16-bit floats shares.
type halfForm struct {
	kind           kind
	format         halfFormat
	packed         bool
	ftz, sat, relu bool
}

func (d *decoder) halfForm() halfForm {
	d.option("rn")
	f := halfForm{ftz: d.mod("ftz"), sat: d.mod("sat"), relu: d.mod("relu")}
	f.kind = d.kind(f16, bf16, f16x2, bf16x2)
	f.format = formatOf(f.kind)
	f.packed = f.kind.packed()
	if f.format == bfloat16 && (f.ftz || f.sat) {
		d.fail(".ftz and .sat exist only for .f16")
	}
	d.class = Float32
	return f
}

func (f halfForm) input(u uint64) float64 {
	if f.ftz {
		u = flushHalves(u)
	}
	return f.format.decode(u & 0xffff)
}

func (f halfForm) output(v float64) uint64 {
	u := f.format.round(v, nearest)
	if f.ftz {
		u = flushHalves(u)
	}
	if f.sat {
		u = f.format.round(float64(fromFloat32(saturate(float32(f.format.decode(u))))), nearest)
	}
	if f.relu && u != nan16 && u>>15 != 0 {
		return 0
	}
	return u
}

// flushHalves replaces subnormal float16 numbers by zeros of the same sign, in one
// or both halves.
func flushHalves(u uint64) uint64 {
	for at := 0; at < 32; at += 16 {
		if u>>at&0x7c00 == 0 {
			u &^= 0x3ff << at
		}
	}
	return u
}

// lift turns op into a function on registers. On packed operands it applies op to
// both halves.
func (f halfForm) lift(op func(a, b, c float64) float64) func(a, b, c uint64) uint64 {
	one := func(a, b, c uint64) uint64 { return f.output(op(f.input(a), f.input(b), f.input(c))) }
	if !f.packed {
		return one
	}
	return func(a, b, c uint64) uint64 { return one(a, b, c) | one(a>>16, b>>16, c>>16)<<16 }
}

func (d *decoder) halfBinary(op func(a, b float64) float64) runner {
	f := d.halfForm()
	d.count(3)
	lifted := f.lift(func(a, b, _ float64) float64 { return op(a, b) })
	return lanes2(d.dst(0, f.kind), d.src(1, f.kind), d.src(2, f.kind), func(a, b uint64) uint64 { return lifted(a, b, 0) })
}

func addHalf(d *decoder) runner { return d.halfBinary(sumOdd) }

func subHalf(d *decoder) runner {
	return d.halfBinary(func(a, b float64) float64 { return sumOdd(a, -b) })
}

func mulHalf(d *decoder) runner {
	return d.halfBinary(func(a, b float64) float64 { return a * b })
}

func fmaHalf(d *decoder) runner {
	f := d.halfForm()
	d.count(4)
	k := f.kind
	return lanes3(d.dst(0, k), d.src(1, k), d.src(2, k), d.src(3, k), f.lift(func(a, b, c float64) float64 {
		return sumOdd(a*b, c)
	}))
}

func minMaxHalf(greater bool) decoding {
	return func(d *decoder) runner {
		wantNaN := d.mod("NaN")
		return d.halfBinary(func(a, b float64) float64 { return extremum(a, b, greater, wantNaN) })
	}
}

func absHalf(d *decoder) runner {
	return halfSign(d, func(v, sign uint64) uint64 { return v &^ sign })
}

func negHalf(d *decoder) runner {
	return halfSign(d, func(v, sign uint64) uint64 { return v ^ sign })
}

func halfSign(d *decoder, op func(v, sign uint64) uint64) runner {
	f := d.halfForm()
	d.count(2)
	signs := uint64(0x8000)
	if f.packed {
		signs = 0x80008000
	}
	return lanes1(d.dst(0, f.kind), d.src(1, f.kind), func(a uint64) uint64 {
		if f.ftz {
			a = flushHalves(a)
		}
		return op(a, signs)
	})
}

// halfElementary is ex2.approx and tanh.approx of 16-bit floats.
func halfElementary(d *decoder, k kind, op func(float64) float64) runner {
	f := halfForm{kind: k, format: formatOf(k), packed: k.packed(), ftz: d.mod("ftz")}
	d.count(2)
	d.class = SpecialFunction
	lifted := f.lift(func(a, _, _ float64) float64 { return op(a) })
	return lanes1(d.dst(0, k), d.src(1, k), func(a uint64) uint64 { return lifted(a, 0, 0) })
}
