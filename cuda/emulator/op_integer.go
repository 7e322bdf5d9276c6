package emulator

import (
	"math"
	"math/bits"
)

var integerDecoders = map[string]decoding{
	"rem":   remInteger,
	"sad":   sad,
	"mul24": multiply24(false),
	"mad24": multiply24(true),
}

// extend reads a register as a number of the kind and widens it to 64 bits.
func extend(v uint64, k kind) int64 {
	switch k {
	case s8:
		return int64(int8(v))
	case s16:
		return int64(int16(v))
	case s32:
		return int64(int32(v))
	}
	return int64(v)
}

// less tells whether a < b, reading both registers as numbers of the kind.
func (k kind) less(a, b uint64) bool {
	if k.signed() {
		return extend(a, k) < extend(b, k)
	}
	return a < b
}

func (d *decoder) integerKind() kind { return d.kind(u16, s16, u32, s32, u64, s64) }

func addInteger(d *decoder) runner {
	if d.mod("cc") {
		return addCarry(d, false, false, true)
	}
	sat := d.mod("sat")
	k := d.integerKind()
	d.count(3)
	dst, a, b := d.dst(0, k), d.src(1, k), d.src(2, k)
	switch {
	case sat:
		d.only(k, s32, "sat")
		return lanes2(dst, a, b, func(a, b uint64) uint64 { return clampInt32(extend(a, s32) + extend(b, s32)) })
	case k.size() == 4:
		return fullWarp2(dst, a, b, vector.two["add32"], func(a, b uint64) uint64 { return uint64(uint32(a + b)) })
	case k.size() == 8:
		return fullWarp2(dst, a, b, vector.two["add64"], func(a, b uint64) uint64 { return a + b })
	}
	return lanes2(dst, a, b, func(a, b uint64) uint64 { return uint64(uint16(a + b)) })
}

// only fails unless k is want, the only kind for which the modifier exists.
func (d *decoder) only(k, want kind, mod string) {
	if k != want {
		d.fail(".%s exists only for %v", mod, want)
	}
}

func clampInt32(v int64) uint64 {
	return uint64(uint32(int32(min(max(v, math.MinInt32), math.MaxInt32))))
}

func subInteger(d *decoder) runner {
	if d.mod("cc") {
		return addCarry(d, true, false, true)
	}
	sat := d.mod("sat")
	k := d.integerKind()
	d.count(3)
	dst, a, b := d.dst(0, k), d.src(1, k), d.src(2, k)
	size := k.size()
	switch {
	case sat:
		d.only(k, s32, "sat")
		return lanes2(dst, a, b, func(a, b uint64) uint64 { return clampInt32(extend(a, s32) - extend(b, s32)) })
	case size == 4:
		return fullWarp2(dst, a, b, vector.two["sub32"], func(a, b uint64) uint64 { return uint64(uint32(a - b)) })
	}
	return lanes2(dst, a, b, func(a, b uint64) uint64 { return truncate(a-b, size) })
}

// product returns the multiplication for .lo, .hi or .wide.
func product(k kind, part string) func(a, b uint64) uint64 {
	size := k.size()
	switch {
	case part == "lo":
		return func(a, b uint64) uint64 { return truncate(a*b, size) }
	case part == "wide":
		return func(a, b uint64) uint64 { return truncate(uint64(extend(a, k)*extend(b, k)), 2*size) }
	case size < 8:
		return func(a, b uint64) uint64 { return truncate(uint64(extend(a, k)*extend(b, k))>>(8*size), size) }
	case k == u64:
		return func(a, b uint64) uint64 { hi, _ := bits.Mul64(a, b); return hi }
	}
	return func(a, b uint64) uint64 {
		hi, _ := bits.Mul64(a, b)
		// The signed product is smaller by b if a is negative, and by a if b is
		// negative.
		return hi - uint64(int64(a)>>63)&b - uint64(int64(b)>>63)&a
	}
}

func wider(k kind) kind {
	switch k {
	case u16:
		return u32
	case s16:
		return s32
	case u32:
		return u64
	}
	return s64
}

// partAndKinds reads .lo, .hi or .wide and the type. It also returns the type of the
// result.
func (d *decoder) partAndKinds() (part string, k, result kind) {
	part = d.choice("lo", "hi", "wide")
	k = d.integerKind()
	if part != "wide" {
		return part, k, k
	}
	if k.size() == 8 {
		d.fail(".wide does not exist for 64 bits")
	}
	return part, k, wider(k)
}

func mulInteger(d *decoder) runner {
	part, k, result := d.partAndKinds()
	d.count(3)
	dst, a, b := d.dst(0, result), d.src(1, k), d.src(2, k)
	f := product(k, part)
	switch {
	case part == "lo" && k.size() == 4:
		return fullWarp2(dst, a, b, vector.two["mul32"], f)
	case part == "wide" && k == s32:
		return fullWarp2(dst, a, b, vector.two["mulWideS32"], f)
	case part == "wide" && k == u32, part == "lo" && k.size() == 8:
		return fullWarp2(dst, a, b, vector.two["mul64"], f)
	}
	return lanes2(dst, a, b, f)
}

func madInteger(d *decoder) runner {
	if d.mod("cc") {
		return madCarry(d, false, true)
	}
	sat := d.mod("sat")
	part, k, result := d.partAndKinds()
	d.count(4)
	dst, a, b, c := d.dst(0, result), d.src(1, k), d.src(2, k), d.src(3, result)
	f := product(k, part)
	size := result.size()
	switch {
	case sat:
		d.only(k, s32, "sat")
		if part != "hi" {
			d.fail(".sat exists only for .hi")
		}
		return lanes3(dst, a, b, c, func(a, b, c uint64) uint64 {
			return clampInt32(extend(f(a, b), s32) + extend(c, s32))
		})
	case part == "lo" && size == 4:
		return fullWarp3(dst, a, b, c, vector.mad32, func(a, b, c uint64) uint64 { return uint64(uint32(a*b + c)) })
	}
	return lanes3(dst, a, b, c, func(a, b, c uint64) uint64 { return truncate(f(a, b)+c, size) })
}

// Division by zero gives an unspecified value. Here, as on GPUs, it gives all ones.

func divInteger(d *decoder) runner {
	k := d.integerKind()
	d.count(3)
	dst, a, b := d.dst(0, k), d.src(1, k), d.src(2, k)
	size := k.size()
	if !k.signed() {
		return lanes2(dst, a, b, func(a, b uint64) uint64 {
			if b == 0 {
				return truncate(math.MaxUint64, size)
			}
			return a / b
		})
	}
	return lanes2(dst, a, b, func(a, b uint64) uint64 {
		divisor := extend(b, k) // of a register that nothing has written, what is above may not be 0
		if divisor == 0 {
			return truncate(math.MaxUint64, size)
		}
		return truncate(uint64(extend(a, k)/divisor), size)
	})
}

func remInteger(d *decoder) runner {
	k := d.integerKind()
	d.count(3)
	dst, a, b := d.dst(0, k), d.src(1, k), d.src(2, k)
	size := k.size()
	if !k.signed() {
		return lanes2(dst, a, b, func(a, b uint64) uint64 {
			if b == 0 {
				return a
			}
			return a % b
		})
	}
	return lanes2(dst, a, b, func(a, b uint64) uint64 {
		divisor := extend(b, k)
		if divisor == 0 {
			return a
		}
		return truncate(uint64(extend(a, k)%divisor), size)
	})
}

func absInteger(d *decoder) runner {
	k := d.kind(s16, s32, s64)
	d.count(2)
	size := k.size()
	return lanes1(d.dst(0, k), d.src(1, k), func(a uint64) uint64 {
		if v := extend(a, k); v < 0 {
			return truncate(uint64(-v), size)
		}
		return a
	})
}

func negInteger(d *decoder) runner {
	k := d.kind(s16, s32, s64)
	d.count(2)
	size := k.size()
	return lanes1(d.dst(0, k), d.src(1, k), func(a uint64) uint64 { return truncate(-a, size) })
}

func minMaxInteger(greater bool) decoding {
	return func(d *decoder) runner {
		k := d.integerKind()
		d.count(3)
		dst, a, b := d.dst(0, k), d.src(1, k), d.src(2, k)
		f := func(a, b uint64) uint64 {
			if k.less(a, b) != greater {
				return a
			}
			return b
		}
		switch {
		case k == s32 && greater:
			return fullWarp2(dst, a, b, vector.two["maxS32"], f)
		case k == s32:
			return fullWarp2(dst, a, b, vector.two["minS32"], f)
		}
		return lanes2(dst, a, b, f)
	}
}

// sad adds |a - b| to c.
func sad(d *decoder) runner {
	k := d.integerKind()
	d.count(4)
	size := k.size()
	return lanes3(d.dst(0, k), d.src(1, k), d.src(2, k), d.src(3, k), func(a, b, c uint64) uint64 {
		if k.less(a, b) {
			a, b = b, a
		}
		return truncate(c+a-b, size)
	})
}

// multiply24 is mul24 and mad24. The product of the low 24 bits is 48 bits wide; .lo
// takes its low 32 bits, .hi its bits 16 to 47.
func multiply24(add bool) decoding {
	return func(d *decoder) runner {
		part := d.choice("lo", "hi")
		sat := add && d.mod("sat")
		k := d.kind(u32, s32)
		f := func(a, b uint64) uint64 {
			p := uint64(uint32(a)<<8>>8) * uint64(uint32(b)<<8>>8)
			if k == s32 {
				p = uint64(int64(int32(a)<<8>>8) * int64(int32(b)<<8>>8))
			}
			if part == "hi" {
				p >>= 16
			}
			return uint64(uint32(p))
		}
		if !add {
			d.count(3)
			return lanes2(d.dst(0, k), d.src(1, k), d.src(2, k), f)
		}
		d.count(4)
		if sat {
			d.only(k, s32, "sat")
			return lanes3(d.dst(0, k), d.src(1, k), d.src(2, k), d.src(3, k), func(a, b, c uint64) uint64 {
				return clampInt32(extend(f(a, b), s32) + extend(c, s32))
			})
		}
		return lanes3(d.dst(0, k), d.src(1, k), d.src(2, k), d.src(3, k), func(a, b, c uint64) uint64 {
			return uint64(uint32(f(a, b) + c))
		})
	}
}
