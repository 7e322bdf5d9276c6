package emulator

import (
	"encoding/binary"
	"math/bits"
)

// A warp mostly accesses words in one of a few ways. loadWords and storeWords handle
// those fast, with the same checks. They return false if the access is of another
// kind or if there is something to report. Then load and store go lane by lane. They
// may record an access that has been recorded already, which does no harm.

// A pattern says how the addresses of a warp's lanes lie: at a stride in bytes, or
// irregularly. A warp that is not full is irregular.
type pattern uint64

const irregular pattern = 1 << 63

func patternOf(base *lanes, mask uint32) pattern {
	if mask != allLanes {
		return irregular
	}
	stride := base[1] - base[0]
	for i := 2; i < 32; i++ {
		if base[i]-base[i-1] != stride {
			return irregular
		}
	}
	return pattern(stride)
}

func (w *warp) loadWords(a *access, base *lanes, dst []int32, mask uint32, p pattern) bool {
	if a.space == shared {
		return w.loadShared(a, base, dst, mask)
	}
	m, at := w.globalWords(a, a.at(base[0]), p)
	if m == nil {
		return false
	}
	data := m.data[at : at+uint64(32*a.bytes())]
	for word, r := range dst {
		d := &w.registers[r]
		for i := range d {
			d[i] = uint64(binary.LittleEndian.Uint32(data[4*(i*len(dst)+word):]))
		}
	}
	return true
}

func (w *warp) storeWords(a *access, base *lanes, sources []int32, mask uint32, p pattern) bool {
	if a.space == shared {
		return w.storeShared(a, base, sources, mask)
	}
	m, at := w.globalWords(a, a.at(base[0]), p)
	if m == nil {
		return false
	}
	data := m.data[at : at+uint64(32*a.bytes())]
	for word, r := range sources {
		s := w.source(r)
		for i := range s {
			binary.LittleEndian.PutUint32(data[4*(i*len(sources)+word):], uint32(s[i]))
		}
	}
	fill(m.written[at:at+uint64(32*a.bytes())], 1)
	return true
}

// globalWords finds the global memory where the consecutive words of a full warp lie.
func (w *warp) globalWords(a *access, address uint64, p pattern) (*memory, uint64) {
	if p != pattern(a.bytes()) || a.space != global && a.space != constant || address&uint64(a.bytes()-1) != 0 {
		return nil, 0
	}
	r := w.regionOf(address)
	n := uint64(32 * a.bytes())
	if r == nil || n > r.size-(address-r.base) || a.write && r.readOnly {
		return nil, 0
	}
	at := address - r.base
	// The claim comes first. Until it succeeds, another block may be writing there.
	if w.block.launch.watchGlobal && !r.readOnly && !w.claimWords(a, r, at, n) {
		return nil, 0
	}
	if !a.write && !allWritten(r.written[at:at+n]) {
		return nil, 0
	}
	return &r.memory, at
}

// claimWords is claimGlobal for the words of a full warp. It returns false if there may
// be a race. Then claimGlobal looks at the same cells again and reports it.
func (w *warp) claimWords(a *access, r *region, at, n uint64) bool {
	shift := bits.TrailingZeros(uint(w.program.granule))
	cells := r.watch(w.program.granule)[at>>shift : (at+n)>>shift]
	each := bits.TrailingZeros(uint(len(cells) / 32)) // the cells of a lane are 1<<each
	e := w.newTouch(a)
	for i := range cells {
		if !w.claimQuickly(&cells[i], a.write, e+touch(i>>each)) {
			return false
		}
	}
	return true
}

// inShared tells whether a lane's words at this address lie in shared memory of this size, and are aligned.
func (a *access) inShared(at, size uint64) bool {
	n := uint64(a.bytes())
	return at&(n-1) == 0 && at < size && n <= size-at
}

func (w *warp) loadShared(a *access, base *lanes, dst []int32, mask uint32) bool {
	b := w.block
	data, cells := b.shared.data, b.cells
	watch := b.launch.watchShared
	if watch && w.program.sharedGranule != 4 {
		return false
	}
	size, n := uint64(len(data)), uint64(a.bytes())
	for m := mask; m != 0; m &= m - 1 {
		at := a.at(base[bits.TrailingZeros32(m)&31])
		if !a.inShared(at, size) || !b.shared.hasValue(at, n) {
			return false
		}
	}
	e := w.newTouch(a)
	known := ^uint64(0) // an address where one more read by this warp changes no cell
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m) & 31
		at := a.at(base[lane])
		if watch && at != known {
			known = at
			mine := e + touch(lane)
			for i := range dst {
				c := &cells[at/4+uint64(i)]
				settled := c.write.settled(b.since, mine)
				if settled && c.read.readByAll(mine) {
					continue
				}
				known = ^uint64(0)
				if settled {
					c.read = w.join(c.read, b.id, mine, lane)
				} else if !w.claimShared(a, lane, at+uint64(4*i), 4) {
					return true
				}
			}
		}
		words := data[at : at+n]
		for i, r := range dst {
			w.registers[r][lane] = uint64(binary.LittleEndian.Uint32(words[4*i:]))
		}
	}
	return true
}

func (w *warp) storeShared(a *access, base *lanes, sources []int32, mask uint32) bool {
	b := w.block
	size, n := uint64(len(b.shared.data)), uint64(a.bytes())
	e := w.newTouch(a)
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m) & 31
		at := a.at(base[lane])
		if !a.inShared(at, size) {
			return false
		}
		if b.launch.watchShared && !w.claimSettled(e+touch(lane), at, n) && !w.claimShared(a, lane, at, n) {
			return true
		}
		words, written := b.shared.data[at:at+n], b.shared.written[at:at+n]
		for i, r := range sources {
			binary.LittleEndian.PutUint32(words[4*i:], uint32(w.source(r)[lane]))
			binary.LittleEndian.PutUint32(written[4*i:], 0x01010101)
		}
	}
	return true
}

// claimSettled is claimShared for a store to words that no other thread has accessed
// since the barrier. It returns false if they are not such.
func (w *warp) claimSettled(e touch, at, n uint64) bool {
	if w.program.sharedGranule != 4 {
		return false
	}
	cells, since := w.block.cells[at/4:(at+n)/4], w.block.since
	for i := range cells {
		if c := &cells[i]; !c.write.settled(since, e) || !c.read.settled(since, e) {
			return false
		}
	}
	for i := range cells {
		cells[i].write = e
	}
	return true
}
