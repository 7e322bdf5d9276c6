package emulator

import (
	"runtime"
	"sync/atomic"
)

// A warp mostly accesses whole lines of global memory, whose cells are then all alike: they
// differ only in the lanes that they name. So what 32 cells in a row remember is kept once,
// in a line, until an access makes them differ.

// lineCells is the number of cells of a line.
const lineCells = 32

// A line is what a row of cells remembers, if whole. Else the cells do. But if it has not been
// used in this launch, neither counts.
type line struct {
	first                 uint32 // block of the launch that used it last
	entered               uint32 // see enter
	whole                 bool
	writeShift, readShift uint8  // cell i has the touch of cell 0, but i>>shift lanes further on
	write, read           touch  // of cell 0
	blocks                uint64 // see watch
}

// wholeLines is off in a test that looks whether lines find what cells find.
var wholeLines = true

// enter returns the line of cell at, and keeps other goroutines out of it until leave.
func (known *watch) enter(at int, l *launch) *line {
	entered := &known.lines[at/lineCells]
	if !l.sequential {
		for !atomic.CompareAndSwapUint32(&entered.entered, 0, 1) {
			runtime.Gosched()
		}
	}
	return entered
}

func (entered *line) leave(l *launch) {
	if !l.sequential {
		atomic.StoreUint32(&entered.entered, 0)
	}
}

// claimLines is claimQuickly for cells from number at on, with lines where it can.
func (w *warp) claimLines(known *watch, at, n, each int, write bool, e touch) bool {
	launch := w.block.launch
	for done := 0; done < n; {
		count := min(lineCells-(at+done)%lineCells, n-done)
		l := known.enter(at+done, launch)
		ok := w.claimCells(known, l, at+done, count, each, write, e+touch(done>>each))
		l.leave(launch)
		if !ok {
			return false
		}
		done += count
	}
	return true
}

// claimCells is claimQuickly for cells of one line, n from number at on.
func (w *warp) claimCells(known *watch, l *line, at, n, each int, write bool, e touch) bool {
	whole := n == lineCells && wholeLines
	if first := w.block.launch.firstID; whole && l.first != first {
		l.first, l.whole, l.blocks = first, true, 0
	}
	if whole && l.whole && w.claimLine(l, uint8(each), write, e) {
		return true
	}
	known.spread(at, w.block.launch.firstID)
	cells, blocks := known.cells[at:at+n], known.blocks[at:at+n]
	if !w.claimQuickly(cells, blocks, each, write, e) {
		return false
	}
	if whole {
		l.gather(cells, blocks)
	}
	return true
}

// spread lets the cells count, and gives them what the line of cell at remembers.
func (known *watch) spread(at int, first uint32) {
	l := &known.lines[at/lineCells]
	before := l.first == first && l.whole
	if l.first, l.whole = first, false; !before {
		return
	}
	at -= at % lineCells
	for i := range lineCells {
		known.cells[at+i] = cell{l.write + touch(i>>l.writeShift), l.read + touch(i>>l.readShift)}
		known.blocks[at+i] = l.blocks
	}
}

// gather lets the line count instead of its cells, if they are alike.
func (l *line) gather(cells []cell, blocks []uint64) {
	l.blocks = blocks[0]
	for _, b := range blocks {
		if b != l.blocks {
			return
		}
	}
	var reads, writes bool
	l.read, l.readShift, reads = alike(uint32(l.blocks) != 0, func(i int) touch { return cells[i].read })
	l.write, l.writeShift, writes = alike(l.blocks>>32 != 0 || l.blocks&readBySeveral != 0, func(i int) touch { return cells[i].write })
	l.whole = reads && writes
}

// alike returns the first touch of a line and by which shift the others follow from it, or
// false. Those that do not count are alike.
func alike(count bool, at func(i int) touch) (first touch, shift uint8, ok bool) {
	if !count {
		return 0, 5, true
	}
	first, shift = at(0), 5
	for shift > 0 && at(1<<(shift-1)) != first {
		shift--
	}
	for i := range lineCells {
		if at(i) != first+touch(i>>shift) {
			return 0, 0, false
		}
	}
	const last = lineCells - 1
	return first, shift, first&last+last>>shift <= last // not of two warps
}

// claimLine is claimQuickly for a whole line: it returns false if cells would, and also where
// it is not sure that all cells of the line come out alike. Then it has noted nothing.
func (w *warp) claimLine(l *line, each uint8, write bool, e touch) bool {
	b := w.block
	first, sequential := b.launch.firstID, b.launch.sequential
	writer, reader := uint32(l.blocks>>32), uint32(l.blocks)
	switch {
	case writer == b.id:
		if !l.write.settled(b.since, e) || l.write.time() >= b.since && l.writeShift != each {
			return false
		}
	case writer < first:
		writer = 0
	case !sequential:
		return false
	default:
		if follows, _ := w.followsBlock(writer, l.write.time()); !follows || l.write&spreadMask != 0 {
			return false
		}
	}
	switch {
	case reader&^readBySeveral < first:
		reader = 0
	case reader == b.id && l.read.time() < b.since && l.read&spreadMask != spreadBlocks:
	case reader == b.id && l.read.sameThread(e) && l.readShift == each:
	case reader == b.id && !write && l.read.readByAll(e):
		return true
	case reader == b.id:
		return false
	case !sequential:
		if write || writer == b.id {
			return false
		}
		if reader&readBySeveral == 0 {
			l.write, l.writeShift, l.blocks = e.readToo(b.id), each, l.blocks|readBySeveral
		}
		return true
	case l.read&spreadMask != 0:
		if write {
			return false
		}
		e = l.read.joined(e, spreadBlocks)
	default:
		follows, sure := w.followsBlock(reader, l.read.time())
		switch {
		case write && follows:
			reader = 0
		case write || !sure:
			return false
		case !follows && l.read != 0:
			e = l.read.joined(e, spreadBlocks)
		}
	}
	if write {
		l.write, l.writeShift, l.blocks = e, each, uint64(b.id)<<32|uint64(reader)
	} else {
		l.read, l.readShift, l.blocks = e, each, uint64(writer)<<32|uint64(b.id)
	}
	return true
}

// followsBlock tells whether all that another block did up to a time is ordered before what
// any lane does now. If it is not sure, that depends on the threads.
func (w *warp) followsBlock(block uint32, time uint32) (follows, sure bool) {
	known := w.block.common.known
	switch {
	case len(w.own) > 0:
		return false, false
	case known == nil:
		return false, true
	case time < w.knows(known, block):
		return true, true
	}
	return false, !known.about(block)
}
