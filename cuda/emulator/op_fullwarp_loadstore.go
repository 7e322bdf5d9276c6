package emulator

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// A warp mostly accesses words in one of a few ways. loadWords and storeWords handle
// those fast, with the same checks. They return the lanes that are left: those whose
// access is of another kind, or that have something to report. Then load and store go
// lane by lane. They may record an access that has been recorded already, which does no
// harm.

// A pattern says how the addresses of a warp's lanes lie: at a stride in bytes, or
// irregularly. A warp that is not full is irregular.
type pattern uint64

const irregular pattern = 1 << 63

func patternOf(base *lanes, mask uint32) pattern {
	if mask != allLanes || !vector.strided(base) {
		return irregular
	}
	return pattern(base[1] - base[0])
}

func (w *warp) loadWords(a *access, base *lanes, dst []int32, mask uint32, g *gather) (left uint32) {
	switch a.space {
	case shared:
		return w.loadShared(a, base, dst, mask, g)
	case global, constant:
	default:
		return mask
	}
	for left = mask; left != 0; {
		r := runOf(a, base, left, g.pattern)
		data, _ := w.globalWords(a, base, r)
		if data == nil {
			return left
		}
		w.scatter(data, dst, r)
		left &^= r.mask()
	}
	return 0
}

func (w *warp) storeWords(a *access, base *lanes, sources []int32, mask uint32, p pattern) (left uint32) {
	switch a.space {
	case shared:
		return w.storeShared(a, base, sources, mask, p)
	case global:
	default:
		return mask
	}
	for left = mask; left != 0; {
		r := runOf(a, base, left, p)
		data, written := w.globalWords(a, base, r)
		if data == nil {
			return left
		}
		w.collect(data, sources, r)
		fill(written, 1)
		left &^= r.mask()
	}
	return 0
}

// scatter puts the words of a run into the registers of its lanes.
func (w *warp) scatter(data []byte, dst []int32, lanes run) {
	if lanes.count == 32 && len(dst) == 1 {
		vector.widen(&w.registers[dst[0]], (*[128]byte)(data))
		return
	}
	if lanes.count == 32 && len(dst) == 4 {
		vector.widen4(&w.registers[dst[0]], &w.registers[dst[1]], &w.registers[dst[2]], &w.registers[dst[3]], (*[512]byte)(data))
		return
	}
	for word, register := range dst {
		d, rest := w.registers[register][lanes.first:][:lanes.count], data[4*word:]
		for i := range d {
			d[i] = uint64(binary.LittleEndian.Uint32(rest[4*len(dst)*i:]))
		}
	}
}

// collect gathers the words of a run from the registers of its lanes.
func (w *warp) collect(data []byte, sources []int32, lanes run) {
	if lanes.count == 32 && len(sources) == 1 {
		vector.narrow((*[128]byte)(data), w.source(sources[0]))
		return
	}
	if lanes.count == 32 && len(sources) == 4 {
		vector.narrow4((*[512]byte)(data), w.source(sources[0]), w.source(sources[1]), w.source(sources[2]), w.source(sources[3]))
		return
	}
	for word, register := range sources {
		s, rest := w.source(register)[lanes.first:][:lanes.count], data[4*word:]
		for i := range s {
			binary.LittleEndian.PutUint32(rest[4*len(sources)*i:], uint32(s[i]))
		}
	}
}

// A run is lanes next to each other whose words lie next to each other.
type run struct{ first, count int }

func (r run) mask() uint32 { return (1<<r.count - 1) << r.first }

// runOf returns the run that begins at the lowest lane of the mask.
func runOf(a *access, base *lanes, mask uint32, p pattern) run {
	n := uint64(a.bytes())
	if p == pattern(n) {
		return run{0, 32}
	}
	r := run{lowest(mask), 1}
	for at := r.first + 1; at < 32 && mask>>at&1 != 0 && base[at] == base[at-1]+n; at++ {
		r.count++
	}
	return r
}

// globalWords returns the global memory of a run, or nil.
func (w *warp) globalWords(a *access, base *lanes, lanes run) (data, written []byte) {
	address, n := a.at(base[lanes.first]), uint64(lanes.count*a.bytes())
	r := w.regionOf(address)
	if r == nil || address&uint64(a.bytes()-1) != 0 || n > r.size-(address-r.base) || a.write && r.readOnly || w.block.launch.visit != nil {
		return nil, nil
	}
	at := address - r.base
	// The claim comes first. Until it succeeds, another block may be writing there.
	if w.block.launch.watchGlobal && !r.readOnly && !w.claimWords(a, r, at, n, lanes.first) {
		return nil, nil
	}
	data, written = r.data[at:at+n], r.written[at:at+n]
	if !a.write && !allWritten(written) {
		return nil, nil
	}
	return data, written
}

// claimWords is claimGlobal for the words of a run. It returns false if there may
// be a race. Then claimGlobal looks at the same cells again and reports it.
func (w *warp) claimWords(a *access, r *region, at, n uint64, first int) bool {
	shift := bits.TrailingZeros(uint(w.program.granule))
	known := r.watch(w.program.granule)
	each := bits.TrailingZeros(uint(a.bytes())) - shift // the cells of a lane are 1<<each
	return w.claimLines(known, int(at>>shift), int(n>>shift), each, a.write, w.newTouch(a)+touch(first))
}

// inShared tells whether a lane's words at this address lie in shared memory of this size, and are aligned.
func (a *access) inShared(at, size uint64) bool {
	n := uint64(a.bytes())
	return at&(n-1) == 0 && at < size && n <= size-at
}

// A gather says which lanes of a warp have the same address in a register. Accesses that
// follow each other often use one register with several offsets. So a warp keeps the last
// gathers.
type gather struct {
	register int32 // as long as it stays as it is
	mask     uint32
	pattern  pattern
	filled   bool // the rest is about this register too, which not all patterns need

	base      lanes
	based     uint32     // the mask
	count     int        // how many different addresses there are; 0 if nobody has asked
	lanes     [32]uint32 // that have each address
	index     [32]uint8  // of each lane's address
	conflicts [3]int16   // of banks, for accesses of 1, 2 and 4 words; -1 if nobody has asked
}

// gatherOf returns the gather of the register that has the addresses.
func (w *warp) gatherOf(a *access, base *lanes, mask uint32) *gather {
	g := &w.gathers[int(a.base)&(len(w.gathers)-1)]
	if !a.again || g.register != a.base || g.mask != mask {
		g.register, g.mask, g.pattern, g.filled = a.base, mask, patternOf(base, mask), false
	}
	if !g.filled && a.space != global && g.pattern != 0 && g.pattern != pattern(a.bytes()) {
		g.fill(base, mask)
	}
	return g
}

// gatherEach is gatherOf for addresses that no register has.
func (w *warp) gatherEach(a *access, base *lanes, mask uint32) *gather {
	g := &w.gathers[int(a.base)&(len(w.gathers)-1)]
	g.register, g.mask, g.pattern = math.MinInt32, mask, irregular
	g.fill(base, mask)
	return g
}

func (g *gather) fill(base *lanes, mask uint32) {
	if g.filled = true; g.based != mask || g.base != *base {
		g.base, g.based, g.count, g.conflicts = *base, mask, 0, [3]int16{-1, -1, -1}
	}
}

// group finds the different addresses.
func (g *gather) group() {
	var seen [64]uint8 // by a hash of the address: its index, plus 1
	for m := g.based; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m) & 31
		slot := g.base[lane] >> 2
		for {
			slot &= 63
			i := int(seen[slot]) - 1
			if i < 0 {
				i = g.count
				g.count++
				seen[slot] = uint8(g.count)
				g.lanes[i] = 0
			} else if g.base[lowest(g.lanes[i])] != g.base[lane] {
				slot++
				continue
			}
			g.lanes[i] |= 1 << lane
			g.index[lane] = uint8(i)
			break
		}
	}
}

// bankConflicts is bankConflicts of an access by these addresses.
func (g *gather) bankConflicts(a *access) uint64 {
	words := a.bytes() / 4
	if words == 0 || a.offset&3 != 0 {
		return bankConflicts(a, &g.base, g.based)
	}
	known := &g.conflicts[words>>1] // any offset only changes the banks
	if *known < 0 {
		*known = int16(bankConflicts(a, &g.base, g.mask))
	}
	return uint64(*known)
}

func (w *warp) loadShared(a *access, base *lanes, dst []int32, mask uint32, g *gather) (left uint32) {
	b := w.block
	watch := b.launch.watchShared
	if watch && w.program.sharedGranule != 4 {
		return mask
	}
	switch g.pattern {
	case 0:
		return w.loadSharedOnce(a, base, dst)
	case pattern(a.bytes()):
		return w.loadSharedRun(a, base, dst)
	}
	if g.count == 0 {
		g.group()
	}
	size, n := uint64(len(b.shared.data)), uint64(a.bytes())
	for _, same := range g.lanes[:g.count] {
		at := a.at(base[lowest(same)])
		if !a.inShared(at, size) || !b.shared.hasValue(at, n) {
			return mask
		}
	}
	values := &w.gathered
	e := w.newTouch(a)
	for i, same := range g.lanes[:g.count] {
		at := a.at(base[lowest(same)])
		if watch && !w.claimReads(a, e, at, len(dst), same) {
			return 0
		}
		words := b.shared.data[at : at+n]
		for j := range dst {
			values[j&3][i] = uint64(binary.LittleEndian.Uint32(words[4*j:]))
		}
	}
	for j, r := range dst {
		d, v := &w.registers[r], &values[j&3]
		if mask == allLanes {
			vector.pick(d, v, &g.index)
			continue
		}
		for m := mask; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m) & 31
			d[lane] = v[g.index[lane]&31]
		}
	}
	return 0
}

// loadSharedOnce is loadShared if all lanes read the same words.
func (w *warp) loadSharedOnce(a *access, base *lanes, dst []int32) (left uint32) {
	b := w.block
	at, n := a.at(base[0]), uint64(a.bytes())
	if !a.inShared(at, uint64(len(b.shared.data))) || !b.shared.hasValue(at, n) {
		return allLanes
	}
	if b.launch.watchShared && !w.claimReads(a, w.newTouch(a), at, len(dst), allLanes) {
		return 0
	}
	words := b.shared.data[at : at+n]
	for i, register := range dst {
		vector.broadcast(&w.registers[register], uint64(binary.LittleEndian.Uint32(words[4*i:])))
	}
	return 0
}

// loadSharedRun is loadShared if the words of the lanes lie next to each other.
func (w *warp) loadSharedRun(a *access, base *lanes, dst []int32) (left uint32) {
	b := w.block
	at, n := a.at(base[0]), 32*uint64(a.bytes())
	if !a.runInShared(at, uint64(len(b.shared.data))) || !allWritten(b.shared.written[at:at+n]) {
		return allLanes
	}
	if b.launch.watchShared {
		e, since, each := w.newTouch(a), b.since, bits.TrailingZeros(uint(len(dst)))
		cells := b.cells[at/4:][:n/4]
		for i := range cells {
			c, lane := &cells[i], i>>each
			settled := c.write.time() < since
			switch read := e + touch(lane); {
			case settled && c.read.settled(since, read):
				c.read = read
			case settled && c.read.readByAll(read):
			case settled:
				c.read = w.join(c.read, b.id, read, lane)
			case !w.claimShared(a, lane, at+uint64(4*i), 4):
				return 0
			}
		}
	}
	w.scatter(b.shared.data[at:at+n], dst, run{0, 32})
	return 0
}

// runInShared tells whether the words of a whole warp, from this address on, lie in
// shared memory of this size, and are aligned.
func (a *access) runInShared(at, size uint64) bool {
	n := uint64(a.bytes())
	return at&(n-1) == 0 && at < size && 32*n <= size-at
}

// claimReads is claimShared for lanes that read the same words. The touch e is of lane 0.
func (w *warp) claimReads(a *access, e touch, at uint64, words int, same uint32) bool {
	b := w.block
	first := e + touch(lowest(same))
	read := first
	if others := same & (same - 1); others != 0 {
		read = e + touch(lowest(others)) | spreadLanes
	}
	cells, since := b.cells[at/4:][:words], b.since
	var before, after cell // of the last word that was settled; the next is mostly the same
	known := false
	for i := range cells {
		c := &cells[i]
		if c.write.time() >= since {
			for m := same; m != 0; m &= m - 1 {
				if !w.claimShared(a, lowest(m), at+uint64(4*i), 4) {
					return false
				}
			}
			continue
		}
		if known && *c == before {
			*c = after
			continue
		}
		before, known = *c, true
		switch {
		case c.read.time() < since:
			c.read = read
		case c.read.readByAll(first): // and the other lanes add nothing either
		default:
			for m := same; m != 0 && !c.read.readByAll(e+touch(lowest(m))); m &= m - 1 {
				c.read = w.join(c.read, b.id, e+touch(lowest(m)), lowest(m))
			}
		}
		after = *c
	}
	return true
}

func (w *warp) storeShared(a *access, base *lanes, sources []int32, mask uint32, p pattern) (left uint32) {
	b := w.block
	watch := b.launch.watchShared
	size, n := uint64(len(b.shared.data)), uint64(a.bytes())
	if at := a.at(base[0]); p == pattern(n) && a.runInShared(at, size) && (!watch || w.claimSettled(w.newTouch(a), at, 32*n, a)) {
		w.collect(b.shared.data[at:at+32*n], sources, run{0, 32})
		fill(b.shared.written[at:at+32*n], 1)
		return 0
	}
	quick := watch && n == 4 && w.program.sharedGranule == 4
	e := w.newTouch(a)
	var values [4]*lanes
	for i, r := range sources {
		values[i&3] = w.source(r)
	}
	for left = mask; left != 0; left &= left - 1 {
		lane := bits.TrailingZeros32(left) & 31
		at := a.at(base[lane])
		if !a.inShared(at, size) {
			return left
		}
		switch mine := e + touch(lane); {
		case quick && b.cells[at/4].untouched(b.since):
			b.cells[at/4].write = mine
		case watch && !w.claimSettled(mine, at, n, a) && !w.claimShared(a, lane, at, n):
			return 0
		}
		words, written := b.shared.data[at:at+n], b.shared.written[at:at+n]
		for i := range sources {
			binary.LittleEndian.PutUint32(words[4*i:], uint32(values[i&3][lane]))
			binary.LittleEndian.PutUint32(written[4*i:], 0x01010101)
		}
	}
	return 0
}

// untouched tells whether nobody has accessed the cell of shared memory since the barrier.
func (c *cell) untouched(since uint32) bool { return max(c.write, c.read) < touch(since)<<touchTime }

// claimSettled is claimShared for a store of n bytes, by one lane or several, to words
// that no other thread has accessed since the barrier. It returns false if they are not
// such. e is the touch of the first lane.
func (w *warp) claimSettled(e touch, at, n uint64, a *access) bool {
	if w.program.sharedGranule != 4 {
		return false
	}
	cells, since := w.block.cells[at/4:(at+n)/4], w.block.since
	each := bits.TrailingZeros(uint(a.count))
	for i := range cells {
		c, mine := &cells[i], e+touch(i>>each)
		if !c.untouched(since) && !(c.write.settled(since, mine) && c.read.settled(since, mine)) {
			return false
		}
	}
	for i := range cells {
		cells[i].write = e + touch(i>>each)
	}
	return true
}
