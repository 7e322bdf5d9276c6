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

// claimWords is claimGlobal for n bytes. It returns false if there may be a race.
// Then claimGlobal looks at the same cells again and reports it.
func (w *warp) claimWords(a *access, r *region, at, n uint64) bool {
	granule := uint64(w.program.granule)
	cells := r.watch(w.program.granule)[at/granule : (at+n)/granule]
	me := uint64(w.block.number+1) & cellBlock
	mark := w.block.launch.mark
	for i := range cells {
		cell := &cells[i]
		old := cell.Load()
		state := old
		if old>>cellLaunch != mark {
			state = mark<<cellLaunch | cellStrongRead | cellStrongWrite
		}
		fresh, other := claim(state, me, a)
		if other != 0 || fresh != old && !cell.CompareAndSwap(old, fresh) {
			return false
		}
	}
	if a.write && !a.strong {
		w.fenced = false
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
	first, sync, mine := w.firstAccess(a), w.sync, int8(w.number)+1
	known := ^uint64(0) // an address where one more read by this warp changes no cell
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m) & 31
		at := a.at(base[lane])
		if watch && at != known {
			known = at
			first.reader = int16(w.first+lane) + 1
			for i := range dst {
				// Often, several threads have read since the barrier, and none has written.
				c := &cells[at/4+uint64(i)]
				if c.epoch == first.epoch && c.writer == 0 && !c.strongReads &&
					(c.readerWarp == several || c.readerWarp == mine && c.reader == several && c.readSync == sync) {
					continue
				}
				known = ^uint64(0)
				if c.epoch != first.epoch {
					*c = first
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
	first := w.firstAccess(a)
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m) & 31
		at := a.at(base[lane])
		if !a.inShared(at, size) {
			return false
		}
		if b.launch.watchShared {
			first.writer = int16(w.first+lane) + 1
			if !w.claimFirst(first, at, n) && !w.claimShared(a, lane, at, n) {
				return true
			}
		}
		words, written := b.shared.data[at:at+n], b.shared.written[at:at+n]
		for i, r := range sources {
			binary.LittleEndian.PutUint32(words[4*i:], uint32(w.source(r)[lane]))
			binary.LittleEndian.PutUint32(written[4*i:], 0x01010101)
		}
	}
	return true
}

// claimFirst is claimShared for words that nobody has accessed since the barrier. It
// returns false if they are not such.
func (w *warp) claimFirst(first sharedCell, at, n uint64) bool {
	if w.program.sharedGranule != 4 {
		return false
	}
	cells := w.block.cells[at/4 : (at+n)/4]
	for i := range cells {
		if cells[i].epoch == first.epoch {
			return false
		}
	}
	for i := range cells {
		cells[i] = first
	}
	return true
}
