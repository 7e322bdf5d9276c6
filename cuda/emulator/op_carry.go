package emulator

import "math/bits"

// Arithmetic on numbers longer than a register. Instructions with .cc set the carry
// flag of a thread. Those whose names end in c add it.

var carryDecoders = map[string]decoding{
	"addc": func(d *decoder) runner { return addCarry(d, false, true, d.mod("cc")) },
	"subc": func(d *decoder) runner { return addCarry(d, true, true, d.mod("cc")) },
	"madc": func(d *decoder) runner { return madCarry(d, true, d.mod("cc")) },
}

// addCarry is add.cc, addc, sub.cc and subc. In a subtraction the carry flag holds
// the borrow.
func addCarry(d *decoder, subtract, in, out bool) runner {
	k := d.kind(u32, s32, u64, s64)
	d.count(3)
	dst, a, b := d.dst(0, k), d.src(1, k), d.src(2, k)
	add := bits.Add64
	if subtract {
		add = bits.Sub64
	}
	return func(w *warp, mask uint32) {
		r, x, y := &w.registers[dst], w.source(a), w.source(b)
		w.eachLane(mask, func(i int) {
			r[i] = w.carried(i, k, in, out, x[i], y[i], add)
		})
	}
}

// madCarry is mad.cc and madc.
func madCarry(d *decoder, in, out bool) runner {
	part := d.choice("lo", "hi")
	k := d.kind(u32, s32, u64, s64)
	d.count(4)
	dst, a, b, c := d.dst(0, k), d.src(1, k), d.src(2, k), d.src(3, k)
	f := product(k, part)
	return func(w *warp, mask uint32) {
		r, x, y, z := &w.registers[dst], w.source(a), w.source(b), w.source(c)
		w.eachLane(mask, func(i int) {
			r[i] = w.carried(i, k, in, out, f(x[i], y[i]), z[i], bits.Add64)
		})
	}
}

// carried adds or subtracts in a lane. It reads the carry flag if in is set and
// writes it if out is set.
func (w *warp) carried(lane int, k kind, in, out bool, x, y uint64, add func(x, y, carry uint64) (sum, over uint64)) uint64 {
	carry := uint64(0)
	if in {
		carry = uint64(w.carry >> lane & 1)
	}
	sum, over := add(x, y, carry)
	if k.size() == 4 {
		over = sum >> 32 & 1
		sum = uint64(uint32(sum))
	}
	if out {
		w.carry = w.carry&^(1<<lane) | uint32(over)<<lane
	}
	return sum
}
