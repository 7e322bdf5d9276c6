package emulator

var dotProductDecoders = map[string]decoding{"dp4a": dotProduct4, "dp2a": dotProduct2}

// dotProduct4 adds the products of the four bytes of a and b to c.
func dotProduct4(d *decoder) runner {
	ka, kb, k := dotKinds(d)
	d.count(4)
	return lanes3(d.dst(0, k), d.src(1, b32), d.src(2, b32), d.src(3, k), func(a, b, c uint64) uint64 {
		sum := int64(c)
		for i := 0; i < 32; i += 8 {
			sum += part(a, i, 8, ka) * part(b, i, 8, kb)
		}
		return uint64(uint32(sum))
	})
}

// dotProduct2 adds to c the products of the two halves of a with the two low or the
// two high bytes of b.
func dotProduct2(d *decoder) runner {
	half := 0
	if d.choice("lo", "hi") == "hi" {
		half = 16
	}
	ka, kb, k := dotKinds(d)
	d.count(4)
	return lanes3(d.dst(0, k), d.src(1, b32), d.src(2, b32), d.src(3, k), func(a, b, c uint64) uint64 {
		sum := int64(c)
		for i := range 2 {
			sum += part(a, 16*i, 16, ka) * part(b, half+8*i, 8, kb)
		}
		return uint64(uint32(sum))
	})
}

// dotKinds reads the types of the two factors. The accumulator is signed if either
// factor is.
func dotKinds(d *decoder) (a, b, result kind) {
	a, b = d.kind(u32, s32), d.kind(u32, s32)
	if a == s32 || b == s32 {
		return a, b, s32
	}
	return a, b, u32
}

// part returns n bits of v, starting at bit at, as a number of the 32-bit kind k.
func part(v uint64, at, n int, k kind) int64 {
	shifted := uint32(v) << (32 - n - at)
	if k == s32 {
		return int64(int32(shifted) >> (32 - n))
	}
	return int64(shifted >> (32 - n))
}
