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
	m, at := w.globalWords(a, base[0]+a.offset, p)
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
	m, at := w.globalWords(a, base[0]+a.offset, p)
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

// sharedWord tells whether a lane's words lie in shared memory and are aligned.
func (w *warp) sharedWord(a *access, at uint64) bool {
	size := uint64(len(w.block.shared.data))
	n := uint64(a.bytes())
	return at&(n-1) == 0 && at < size && n <= size-at
}

func (w *warp) loadShared(a *access, base *lanes, dst []int32, mask uint32) bool {
	b := w.block
	data := b.shared.data
	watch := b.launch.watchShared
	if watch && w.program.sharedGranule != 4 {
		return false
	}
	for m := mask; m != 0; m &= m - 1 {
		at := base[bits.TrailingZeros32(m)&31] + a.offset
		if !w.sharedWord(a, at) || !b.shared.hasValue(at, uint64(a.bytes())) {
			return false
		}
	}
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m) & 31
		at := base[lane] + a.offset
		for i, r := range dst {
			word := at + uint64(4*i)
			if watch {
				// The usual case: several threads have read since the barrier, none has written.
				c := &b.cells[word/4]
				known := c.epoch == b.epoch && c.writer == 0 && !c.strongReads &&
					(c.readerWarp == several || c.readerWarp == int8(w.number)+1 && c.reader == several && c.readSync == w.sync)
				if !known && !w.claimShared(a, lane, word, 4) {
					return true
				}
			}
			w.registers[r][lane] = uint64(binary.LittleEndian.Uint32(data[word:]))
		}
	}
	return true
}

func (w *warp) storeShared(a *access, base *lanes, sources []int32, mask uint32) bool {
	b := w.block
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m) & 31
		at := base[lane] + a.offset
		if !w.sharedWord(a, at) {
			return false
		}
		if b.launch.watchShared && !w.claimShared(a, lane, at, uint64(a.bytes())) {
			return true
		}
		for i, r := range sources {
			word := at + uint64(4*i)
			binary.LittleEndian.PutUint32(b.shared.data[word:], uint32(w.source(r)[lane]))
			binary.LittleEndian.PutUint32(b.shared.written[word:], 0x01010101)
		}
	}
	return true
}
