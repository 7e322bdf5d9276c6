package emulator

import "math/bits"

// A watch is what global memory remembers, for each granule: its cell, and the ids of two
// blocks: of the one that wrote last in bits 32-63, and of one that read in bits 0-31. A device gives each block of each
// launch an id of its own. So what an earlier launch has left does not count.
//
// If the blocks of a launch cannot talk to each other, they run on several goroutines.
// Then a cell belongs to the block that claims it first. A second block may read what
// the first reads. It sets readBySeveral, and cell.write becomes its touch, with its id
// as the time. Anything else that two blocks do there is a race. A block claims a cell
// before it touches the memory, so that two blocks that race never touch the memory at
// the same time. Who looks at a cell has entered its line, which keeps others out.
type watch struct {
	cells  []cell
	blocks []uint64
	lines  []line
}

const readBySeveral = 1 << 31

// maxBlockID is the largest id of a block.
const maxBlockID = readBySeveral - 1

// watch returns what is remembered of a region.
func (r *region) watch(granule int) *watch {
	need := (int(r.size) + granule - 1) / granule
	if known := r.watched.Load(); known != nil && len(known.cells) >= need {
		return known
	}
	r.watchMu.Lock()
	defer r.watchMu.Unlock()
	known := r.watched.Load()
	if known == nil || len(known.cells) < need {
		known = &watch{make([]cell, need), make([]uint64, need), make([]line, need/lineCells+1)}
		r.watched.Store(known)
	}
	return known
}

// claimGlobal records the access and reports a race. It returns false after a fault.
func (w *warp) claimGlobal(a *access, lane int, r *region, at, n uint64) bool {
	shift := bits.TrailingZeros(uint(w.program.granule)) // faster than a division
	known := r.watch(w.program.granule)
	e := w.newTouch(a) + touch(lane)
	for i := int(at >> shift); uint64(i)<<shift < at+n; i++ {
		l := known.enter(i, w.block.launch)
		known.spread(i, w.block.launch.firstID)
		found, ok := race{}, (a.strength == weak || !a.write) && w.claimQuickly(known.cells[i:i+1], known.blocks[i:i+1], 0, a.write, e)
		if !ok {
			found, ok = w.claimGlobalCell(known, i, a, lane, e, r.data[at:at+n])
		}
		l.leave(w.block.launch)
		if !ok {
			w.reportRace(GlobalRace, a, lane, r.data[at:at+n], r.base+at, found)
			if w.block.fault != nil {
				return false
			}
		}
	}
	return true
}

// claimQuickly notes a weak access, or a strong read, in most cases where it does not
// race. In others it returns false, and may have noted a part. The cells are of lanes
// next to each other, of which each has 1<<each; e is the touch of the first.
func (w *warp) claimQuickly(cells []cell, blocks []uint64, each int, write bool, e touch) bool {
	b := w.block
	first, sequential := b.launch.firstID, b.launch.sequential
	blocks = blocks[:len(cells)]
	for i := range cells {
		c, e := &cells[i], e+touch(i>>each)
		writer, reader := uint32(blocks[i]>>32), uint32(blocks[i])
		switch {
		case writer == b.id:
			if !c.write.settled(b.since, e) {
				return false
			}
		case writer < first:
			writer = 0
		case !sequential || !w.followsOther(writer, c.write, e):
			return false
		}
		switch {
		case reader == b.id:
			if r := c.read; !r.settled(b.since, e) {
				if write || !r.readByAll(e) {
					return false
				}
				continue
			}
		case reader&^readBySeveral < first:
			reader = 0
		case sequential && !write:
			e = w.join(c.read, reader, e, e.thread()&31)
		case sequential && w.followsOther(reader, c.read, e):
			reader = 0
		case write || sequential || writer == b.id:
			return false
		case reader&readBySeveral == 0:
			blocks[i] |= readBySeveral
			c.write = e.readToo(b.id)
			continue
		default:
			continue
		}
		if write {
			c.write, blocks[i] = e, uint64(b.id)<<32|uint64(reader)
		} else {
			c.read, blocks[i] = e, uint64(writer)<<32|uint64(b.id)
		}
	}
	return true
}

// followsOther tells whether the access f follows the access e of another block. Of a set
// of accesses it does not know.
func (w *warp) followsOther(block uint32, e, f touch) bool {
	return e&spreadMask == 0 && w.follows(block, e.thread(), e.time(), f.thread()&31)
}

// readToo returns the read e with its block instead of its time.
func (e touch) readToo(block uint32) touch {
	return e&(1<<touchTime-1) | touch(block)<<touchTime
}

// claimGlobalCell notes the access e to cell i, or returns what it races with and false.
func (w *warp) claimGlobalCell(known *watch, i int, a *access, lane int, e touch, data []byte) (race, bool) {
	b, c, blocks := w.block, &known.cells[i], &known.blocks[i]
	first := b.launch.firstID
	writer, reader, several := uint32(*blocks>>32), uint32(*blocks)&^readBySeveral, *blocks&readBySeveral != 0
	if writer < first {
		writer = 0
	}
	if reader < first {
		reader, several = 0, false
	}
	if !b.launch.sequential {
		switch {
		case writer != 0 && writer != b.id:
			return race{cell: c, watch: known, at: i, block: writer, wrote: true}, false
		case a.write && reader != 0 && (reader != b.id || several):
			return race{cell: c, watch: known, at: i, block: reader}, false
		case reader != 0 && reader != b.id || several:
			if !several {
				*blocks |= readBySeveral
				c.write = e.readToo(b.id)
			}
			return race{}, true
		}
	}
	if a.write {
		*blocks = uint64(b.id)<<32 | uint64(reader)
	} else {
		*blocks = uint64(writer)<<32 | uint64(b.id)
	}
	return w.claim(c, a, lane, e, writer, reader, data)
}

// other returns the id and the touch of the other side of a race. If the blocks run on
// several goroutines, it may be called only after they have ended.
func (r race) other(me uint32, l *launch) (uint32, touch) {
	if r.watch != nil {
		r.watch.spread(r.at, l.firstID)
	}
	switch {
	case r.touch != 0:
		return r.block, r.touch
	case r.wrote:
		return r.block, r.cell.write
	case r.block == me:
		return r.cell.write.time(), r.cell.write // another that reads too
	}
	return r.block, r.cell.read
}
