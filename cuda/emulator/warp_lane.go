package emulator

import "math/bits"

const allLanes = 1<<32 - 1

// source returns the 32 values of an operand.
func (w *warp) source(operand int32) *lanes {
	if operand >= 0 {
		return &w.registers[operand]
	}
	return &w.program.constants[^operand]
}

// uniform tells whether all lanes have the same value.
func uniform(x *lanes) bool { return patternOf(x, allLanes) == 0 }

// A result may share its register with an operand. So all operands of a lane are read
// before its result is written.

// lanes1 runs f in each lane: dst = f(a).
func lanes1(dst, a int32, f func(a uint64) uint64) runner {
	return func(w *warp, mask uint32) {
		d, x := &w.registers[dst], w.source(a)
		if mask == allLanes {
			for i := range d {
				d[i] = f(x[i])
			}
			return
		}
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			d[i] = f(x[i])
		}
	}
}

// lanes2 runs f in each lane: dst = f(a, b).
func lanes2(dst, a, b int32, f func(a, b uint64) uint64) runner {
	return func(w *warp, mask uint32) {
		d, x, y := &w.registers[dst], w.source(a), w.source(b)
		if mask == allLanes {
			for i := range d {
				d[i] = f(x[i], y[i])
			}
			return
		}
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			d[i] = f(x[i], y[i])
		}
	}
}

// lanes3 runs f in each lane: dst = f(a, b, c).
func lanes3(dst, a, b, c int32, f func(a, b, c uint64) uint64) runner {
	return func(w *warp, mask uint32) {
		d, x, y, z := &w.registers[dst], w.source(a), w.source(b), w.source(c)
		if mask == allLanes {
			for i := range d {
				d[i] = f(x[i], y[i], z[i])
			}
			return
		}
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			d[i] = f(x[i], y[i], z[i])
		}
	}
}

// test runs f in each lane and returns the mask of the lanes where it is true.
func test(a, b int32, f func(a, b uint64) bool) func(w *warp, mask uint32) uint32 {
	return func(w *warp, mask uint32) uint32 {
		x, y := w.source(a), w.source(b)
		result := uint32(0)
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			if f(x[i], y[i]) {
				result |= 1 << i
			}
		}
		return result
	}
}

// eachLane calls do with the number of each lane of the mask.
func (w *warp) eachLane(mask uint32, do func(lane int)) {
	for m := mask; m != 0; m &= m - 1 {
		do(bits.TrailingZeros32(m))
	}
}

// setPredicate writes the lanes of the mask.
func (w *warp) setPredicate(dst int32, mask, value uint32) {
	if dst != absent {
		w.predicates[dst] = w.predicates[dst]&^mask | value&mask
	}
}
