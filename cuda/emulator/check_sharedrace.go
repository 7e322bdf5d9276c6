package emulator

import "math/bits"

// In shared memory all cells are of one block, and what was before the last barrier
// does not count.

// claimShared records the access and reports a race. It returns false after a fault.
func (w *warp) claimShared(a *access, lane int, address, n uint64) bool {
	shift := bits.TrailingZeros(uint(w.program.sharedGranule)) // faster than a division
	e := w.newTouch(a) + touch(lane)
	b := w.block
	for i := address >> shift; i<<shift < address+n; i++ {
		c := &b.cells[i]
		var writer, reader uint32
		if c.write.time() >= b.since {
			writer = b.id
		}
		if c.read.time() >= b.since {
			reader = b.id
		}
		if found, ok := w.claim(c, a, lane, e, writer, reader, b.shared.data[address:address+n]); !ok {
			w.reportRace(SharedRace, a, lane, b.shared.data[address:address+n], address, found)
			if b.fault != nil {
				return false
			}
		}
	}
	return true
}
