package emulator

import "math/bits"

var bitwiseDecoders = map[string]decoding{
	"and":   logic(vector.two["and"], func(a, b uint64) uint64 { return a & b }, func(a, b uint32) uint32 { return a & b }),
	"or":    logic(vector.two["or"], func(a, b uint64) uint64 { return a | b }, func(a, b uint32) uint32 { return a | b }),
	"xor":   logic(vector.two["xor"], func(a, b uint64) uint64 { return a ^ b }, func(a, b uint32) uint32 { return a ^ b }),
	"not":   not,
	"cnot":  cnot,
	"lop3":  lop3,
	"shl":   shl,
	"shr":   shr,
	"shf":   funnelShift,
	"popc":  countBits(bits.OnesCount64),
	"clz":   clz,
	"bfind": bfind,
	"fns":   fns,
	"brev":  brev,
	"bfe":   bfe,
	"bfi":   bfi,
	"szext": szext,
	"bmsk":  bmsk,
	"prmt":  prmt,
}

func logic(full func(d, a, b *lanes), f func(a, b uint64) uint64, predicates func(a, b uint32) uint32) decoding {
	return func(d *decoder) runner {
		k := d.kind(pred, b16, b32, b64)
		d.count(3)
		if k != pred {
			return fullWarp2(d.dst(0, k), d.src(1, k), d.src(2, k), full, f)
		}
		dst, a, b := d.predicateDst(d.raw.args[0]), d.predicateSrc(d.raw.args[1]), d.predicateSrc(d.raw.args[2])
		return func(w *warp, mask uint32) { w.setPredicate(dst, mask, predicates(a.value(w), b.value(w))) }
	}
}

func not(d *decoder) runner {
	k := d.kind(pred, b16, b32, b64)
	d.count(2)
	if k == pred {
		dst, a := d.predicateDst(d.raw.args[0]), d.predicateSrc(d.raw.args[1])
		return func(w *warp, mask uint32) { w.setPredicate(dst, mask, ^a.value(w)) }
	}
	size := k.size()
	return lanes1(d.dst(0, k), d.src(1, k), func(a uint64) uint64 { return truncate(^a, size) })
}

func cnot(d *decoder) runner {
	k := d.kind(b16, b32, b64)
	d.count(2)
	return lanes1(d.dst(0, k), d.src(1, k), func(a uint64) uint64 {
		if a == 0 {
			return 1
		}
		return 0
	})
}

// lop3 looks up each bit of the result in a table of 8 bits. The bits of a, b and c
// at that place form the index, with a as its highest bit.
func lop3(d *decoder) runner {
	d.kind(b32)
	d.count(5)
	table := d.immediateArg(4, 255)
	return lanes3(d.dst(0, b32), d.src(1, b32), d.src(2, b32), d.src(3, b32), func(a, b, c uint64) uint64 {
		r := uint64(0)
		for n := range 8 {
			if table>>n&1 == 0 {
				continue
			}
			t := uint64(1<<32 - 1)
			for _, x := range [3]uint64{a ^ (uint64(n)>>2&1 - 1), b ^ (uint64(n)>>1&1 - 1), c ^ (uint64(n)&1 - 1)} {
				t &= x
			}
			r |= t
		}
		return r
	})
}

// Shift amounts larger than the width are clamped to it.

func shl(d *decoder) runner {
	k := d.kind(b16, b32, b64)
	d.count(3)
	dst, a, b := d.dst(0, k), d.src(1, k), d.src(2, u32)
	size := k.size()
	f := func(a, b uint64) uint64 { return truncate(a<<b, size) }
	switch size {
	case 4:
		return fullWarp2(dst, a, b, vector.two["shl32"], f)
	case 8:
		return fullWarp2(dst, a, b, vector.two["shl64"], f)
	}
	return lanes2(dst, a, b, f)
}

func shr(d *decoder) runner {
	k := d.kind()
	if k.size() < 2 || k.float() {
		d.fail("type %v does not fit the instruction", k)
	}
	d.count(3)
	dst, a, b := d.dst(0, k), d.src(1, k), d.src(2, u32)
	if !k.signed() {
		return fullWarp2(dst, a, b, vector.two["shr"], func(a, b uint64) uint64 { return a >> b })
	}
	size := k.size()
	return lanes2(dst, a, b, func(a, b uint64) uint64 { return truncate(uint64(extend(a, k)>>b), size) })
}

// funnelShift shifts the 64 bits b:a. A left shift takes the upper half of the
// result, a right shift the lower half.
func funnelShift(d *decoder) runner {
	left := d.choice("l", "r") == "l"
	wrap := d.choice("wrap", "clamp") == "wrap"
	d.kind(b32)
	d.count(4)
	return lanes3(d.dst(0, b32), d.src(1, b32), d.src(2, b32), d.src(3, u32), func(a, b, c uint64) uint64 {
		n := min(c, 32)
		if wrap {
			n = c & 31
		}
		v := b<<32 | a
		if left {
			return v << n >> 32
		}
		return uint64(uint32(v >> n))
	})
}

func countBits(count func(uint64) int) decoding {
	return func(d *decoder) runner {
		k := d.kind(b32, b64)
		d.count(2)
		return lanes1(d.dst(0, u32), d.src(1, k), func(a uint64) uint64 { return uint64(count(a)) })
	}
}

func clz(d *decoder) runner {
	k := d.kind(b32, b64)
	d.count(2)
	extra := 64 - 8*k.size()
	return lanes1(d.dst(0, u32), d.src(1, k), func(a uint64) uint64 { return uint64(bits.LeadingZeros64(a) - extra) })
}

// bfind is the position of the highest bit that differs from the sign, or all ones.
func bfind(d *decoder) runner {
	shiftAmount := d.mod("shiftamt")
	k := d.kind(u32, s32, u64, s64)
	d.count(2)
	highest := 8*k.size() - 1
	return lanes1(d.dst(0, u32), d.src(1, k), func(a uint64) uint64 {
		if v := extend(a, k); k.signed() && v < 0 {
			a = truncate(uint64(^v), k.size())
		}
		at := bits.Len64(a) - 1
		if shiftAmount && at >= 0 {
			at = highest - at
		}
		return uint64(uint32(int32(at)))
	})
}

// fns finds the n-th set bit, counting upward or downward from a base.
func fns(d *decoder) runner {
	d.kind(b32)
	d.count(4)
	return lanes3(d.dst(0, b32), d.src(1, b32), d.src(2, b32), d.src(3, s32), func(mask, base, offset uint64) uint64 {
		const notFound = 1<<32 - 1
		n := int64(int32(offset))
		at := int64(uint32(base))
		if at > 31 {
			return notFound
		}
		step, count := int64(1), n-1
		switch {
		case n == 0:
			if mask>>at&1 != 0 {
				return uint64(at)
			}
			return notFound
		case n < 0:
			step, count = -1, -n-1
		}
		for ; at >= 0 && at < 32; at += step {
			if mask>>at&1 == 0 {
				continue
			}
			if count == 0 {
				return uint64(at)
			}
			count--
		}
		return notFound
	})
}

func brev(d *decoder) runner {
	k := d.kind(b32, b64)
	d.count(2)
	shift := 64 - 8*k.size()
	return lanes1(d.dst(0, k), d.src(1, k), func(a uint64) uint64 { return bits.Reverse64(a) >> shift })
}

// bfe extracts c bits, starting at bit b. Bits beyond the top of the register are
// filled with the sign, which is the highest bit of the field.
func bfe(d *decoder) runner {
	k := d.kind(u32, s32, u64, s64)
	d.count(4)
	size := k.size()
	highest := uint64(8*size - 1)
	return lanes3(d.dst(0, k), d.src(1, k), d.src(2, u32), d.src(3, u32), func(a, b, c uint64) uint64 {
		at, n := b&255, c&255
		if n == 0 {
			return 0
		}
		filled := uint64(0)
		if k.signed() && a>>min(at+n-1, highest)&1 != 0 {
			filled = ^uint64(0)
		}
		kept := min(n, highest+1-min(at, highest+1)) // bits of the field that exist
		ones := uint64(1)<<kept - 1
		return truncate(a>>at&ones|filled&^ones, size)
	})
}

// bfi puts the low d bits of a into b, starting at bit c.
func bfi(d *decoder) runner {
	k := d.kind(b32, b64)
	d.count(5)
	dst, a, b, c, e := d.dst(0, k), d.src(1, k), d.src(2, k), d.src(3, u32), d.src(4, u32)
	size := k.size()
	return func(w *warp, mask uint32) {
		r, x, y, at, n := &w.registers[dst], w.source(a), w.source(b), w.source(c), w.source(e)
		w.eachLane(mask, func(i int) {
			field := uint64(1)<<(n[i]&255) - 1 // a shift by 64 or more gives 0, so all ones
			field <<= at[i] & 255
			r[i] = truncate(y[i]&^field|x[i]<<(at[i]&255)&field, size)
		})
	}
}

func szext(d *decoder) runner {
	clamp := d.choice("clamp", "wrap") == "clamp"
	k := d.kind(u32, s32)
	d.count(3)
	return lanes2(d.dst(0, k), d.src(1, k), d.src(2, u32), func(a, b uint64) uint64 {
		n := uint32(b) & 31
		upper := ^uint32(0) << n
		if clamp && b >= 32 {
			upper = 0
		}
		r := uint32(a) &^ upper
		if k == s32 && n > 0 && uint32(a)>>(n-1)&1 != 0 {
			r |= upper
		}
		return uint64(r)
	})
}

// bmsk makes a mask of b ones, starting at bit a.
func bmsk(d *decoder) runner {
	clamp := d.choice("clamp", "wrap") == "clamp"
	d.kind(b32)
	d.count(3)
	return lanes2(d.dst(0, b32), d.src(1, u32), d.src(2, u32), func(a, b uint64) uint64 {
		if clamp {
			return uint64(uint32((1<<min(b, 32) - 1) << min(a, 32)))
		}
		return uint64(uint32((1<<(b&31) - 1) << (a & 31)))
	})
}

// prmt picks four of the eight bytes of b:a. The selectors in c or the mode say which.
func prmt(d *decoder) runner {
	d.kind(b32)
	mode := d.option("f4e", "b4e", "rc8", "ecl", "ecr", "rc16")
	d.count(4)
	return lanes3(d.dst(0, b32), d.src(1, b32), d.src(2, b32), d.src(3, b32), func(a, b, c uint64) uint64 {
		v := b<<32 | a
		r := uint64(0)
		for i := range uint64(4) {
			selector := permuteSelector(mode, i, c)
			b := v >> (8 * (selector & 7)) & 255
			if selector&8 != 0 {
				b = b >> 7 * 255 // the sign, replicated
			}
			r |= b << (8 * i)
		}
		return r
	})
}

// permuteSelector returns which byte goes to place i.
func permuteSelector(mode string, i, c uint64) uint64 {
	n := c & 3
	switch mode {
	case "f4e":
		return n + i
	case "b4e":
		return (n - i) & 7
	case "rc8":
		return n
	case "ecl":
		return max(i, n)
	case "ecr":
		return min(i, n)
	case "rc16":
		return 2*(n&1) + i&1
	}
	return c >> (4 * i) & 15
}
