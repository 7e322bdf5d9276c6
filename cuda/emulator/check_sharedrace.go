package emulator

import "math/bits"

// A race in shared memory: two threads of a block touch the same bytes between two
// barriers, and one of them writes. bar.warp.sync also orders the threads of a
// warp, and the lanes of one instruction may write the same value.
//
// A barrier for only some warps, or for part of a warp, counts as a barrier for
// all. So a race may be missed, but none is invented.

// A sharedCell tells who touched program.sharedGranule bytes since the last barrier.
type sharedCell struct {
	epoch        uint32 // barriers passed before
	writeSync    uint32 // bar.warp.syncs that the writing warp had passed
	readSync     uint32
	writeTick    uint32 // instructions that the writing warp had executed
	writeLine    int32
	readLine     int32
	writer       int16 // the thread, plus 1; or several; or 0 for none
	reader       int16
	writerWarp   int8 // the warp, plus 1; or several; or 0 for none
	readerWarp   int8
	strongWrites bool
	strongReads  bool
}

const several = -1

// claimShared records the access and reports a race. It returns false after a fault.
func (w *warp) claimShared(a *access, lane int, address, n uint64) bool {
	shift := bits.TrailingZeros(uint(w.program.sharedGranule)) // faster than a division
	for i := address >> shift; i<<shift < address+n; i++ {
		c := &w.block.cells[i]
		if c.epoch != w.block.epoch {
			*c = sharedCell{epoch: w.block.epoch, strongReads: true, strongWrites: true}
		}
		if why, line := w.conflict(c, a, lane); why != "" && !w.sameValue(c, a, address, lane) {
			does := "reads"
			if a.write {
				does = "writes"
			}
			w.fail(SharedRace, lane, address, "%s %d bytes at address %d of shared memory, which %s since the last barrier (PTX line %d)",
				does, a.bytes(), address, why, line)
			return w.block.fault == nil
		}
		w.note(c, a, lane)
	}
	return true
}

// conflict says what an earlier access did that races with this one, and its line.
func (w *warp) conflict(c *sharedCell, a *access, lane int) (why string, line int32) {
	me := int16(w.first+lane) + 1
	if c.writer != 0 && c.writer != me && !(a.strong && c.strongWrites) {
		if c.writerWarp != int8(w.number)+1 || c.writeSync == w.sync {
			return w.who(c.writer) + " wrote", c.writeLine
		}
	}
	if !a.write || c.reader == 0 || c.reader == me || a.strong && c.strongReads {
		return "", 0
	}
	if c.readerWarp != int8(w.number)+1 || c.readSync == w.sync {
		return w.who(c.reader) + " read", c.readLine
	}
	return "", 0
}

func (w *warp) who(thread int16) string {
	if thread == several {
		return "other threads"
	}
	return "thread " + index(w.block.threadIndex(int(thread-1)))
}

// sameValue tells whether the conflict is another lane of this very instruction
// that wrote the same value.
func (w *warp) sameValue(c *sharedCell, a *access, address uint64, lane int) bool {
	if !a.write || a.strong || c.writeTick != uint32(w.tick) || c.writerWarp != int8(w.number)+1 {
		return false
	}
	if c.reader != 0 && c.readerWarp != int8(w.number)+1 {
		return false
	}
	return w.storeMatches(lane, w.block.shared.data[address:address+uint64(a.bytes())])
}

// firstAccess returns a cell after its first access since the barrier, by lane 0 of the warp.
// No such access races.
func (w *warp) firstAccess(a *access) sharedCell {
	c := sharedCell{epoch: w.block.epoch, strongReads: true, strongWrites: true}
	w.note(&c, a, 0)
	return c
}

// note records the access.
func (w *warp) note(c *sharedCell, a *access, lane int) {
	me := int16(w.first+lane) + 1
	line := w.program.code[w.at].line
	if a.write {
		switch mine := int8(w.number) + 1; {
		case c.writerWarp == 0 || c.writerWarp == mine && c.writeSync != w.sync:
			c.writer, c.writerWarp, c.strongWrites = me, mine, a.strong
		case c.writerWarp != mine:
			c.writer, c.writerWarp = several, several
		case c.writer != me:
			c.writer = several
		}
		c.strongWrites = c.strongWrites && a.strong
		c.writeSync, c.writeTick, c.writeLine = w.sync, uint32(w.tick), line
		return
	}
	c.strongReads = c.strongReads && a.strong
	c.readLine = line
	switch {
	case c.readerWarp == 0 || c.readerWarp == int8(w.number)+1 && c.readSync != w.sync:
		c.reader, c.readerWarp = me, int8(w.number)+1
	case c.readerWarp != int8(w.number)+1:
		c.reader, c.readerWarp = several, several
	case c.reader != me:
		c.reader = several
	}
	c.readSync = w.sync
}
