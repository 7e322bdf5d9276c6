package emulator

import "sync/atomic"

// A race in global memory: two blocks of a launch touch the same bytes, one of
// them writes, and nothing orders the two accesses. A cell stands for
// program.granule bytes and tells who touched them in this launch:
//
//	bits 0-21   the block that read, plus 1; all ones: several blocks
//	bits 22-43  the block that wrote, plus 1; all ones: several blocks
//	bit  44     all reads were strong (volatile or atomic)
//	bit  45     all writes were strong
//	bits 46-63  the launch
//
// A block claims the cell before it touches the memory. So two blocks that race
// never touch the memory at the same time, whatever goroutines they run on.
const (
	cellBlock       = 1<<22 - 1
	cellWriter      = 22
	cellStrongRead  = 1 << 44
	cellStrongWrite = 1 << 45
	cellLaunch      = 46
	launchNumbers   = 1<<18 - 1
)

// watch returns the cells of a region, one for each granule.
func (r *region) watch(granule int) []atomic.Uint64 {
	need := (int(r.size) + granule - 1) / granule
	if cells := r.cells.Load(); cells != nil && len(*cells) >= need {
		return *cells
	}
	r.cellsMu.Lock()
	defer r.cellsMu.Unlock()
	cells := r.cells.Load()
	if cells == nil || len(*cells) < need {
		fresh := make([]atomic.Uint64, need)
		cells = &fresh
		r.cells.Store(cells)
	}
	return *cells
}

// claimGlobal records the access and reports a race. It returns false after a fault.
func (w *warp) claimGlobal(a *access, lane int, r *region, at, n uint64) bool {
	l := w.block.launch
	granule := uint64(w.program.granule)
	cells := r.watch(w.program.granule)
	me := uint64(w.block.number+1) & cellBlock
	for i := at / granule; i*granule < at+n; i++ {
		cell := &cells[i]
		for {
			old := cell.Load()
			state := old
			if old>>cellLaunch != l.mark {
				state = l.mark<<cellLaunch | cellStrongRead | cellStrongWrite
			}
			fresh, other := claim(state, me, a)
			if other != 0 && !w.ordered(other) {
				w.reportGlobalRace(a, lane, r, at, state, other)
				return w.block.fault == nil
			}
			if fresh == old || cell.CompareAndSwap(old, fresh) {
				break
			}
		}
	}
	if a.write && !a.strong {
		w.fenced = false
	}
	return true
}

// claim returns the state of a cell after an access by block me. other is the block
// that the access conflicts with, or 0.
func claim(state, me uint64, a *access) (fresh, other uint64) {
	reader, writer := state&cellBlock, state>>cellWriter&cellBlock
	if writer != 0 && writer != me && !(a.strong && state&cellStrongWrite != 0) {
		other = writer
	}
	if a.write {
		if reader != 0 && reader != me && !(a.strong && state&cellStrongRead != 0) {
			other = reader
		}
		if writer != 0 && writer != me {
			me = cellBlock
		}
		state = state&^(cellBlock<<cellWriter) | me<<cellWriter
		if !a.strong {
			state &^= cellStrongWrite
		}
		return state, other
	}
	if reader != 0 && reader != me {
		me = cellBlock
	}
	state = state&^cellBlock | me
	if !a.strong {
		state &^= cellStrongRead
	}
	return state, other
}

func (w *warp) reportGlobalRace(a *access, lane int, r *region, at, state, other uint64) {
	did := "read"
	if state>>cellWriter&cellBlock == other {
		did = "wrote"
	}
	does := "reads"
	if a.write {
		does = "writes"
	}
	who := "several other blocks"
	if other != cellBlock {
		who = "block " + index(w.block.launch.blockIndex(int(other-1)))
	}
	w.fail(GlobalRace, lane, r.base+at, "%s %d bytes %s, which %s %s in the same launch; nothing orders the two",
		does, a.bytes(), w.place(global, r.base+at), who, did)
}

// One block is ordered before another if it executes a fence and then an atomic
// operation, and the other executes an atomic operation on the same address. The
// order is tracked by block, not by thread. So a race may be missed, but none is
// invented.

// ordered tells whether the other block's accesses are ordered before ours.
func (w *warp) ordered(other uint64) bool {
	if other == cellBlock {
		return len(w.block.acquired) > 0
	}
	_, ok := w.block.acquired[other]
	return ok
}

// synchronize records an atomic operation on a global address.
func (w *warp) synchronize(address uint64) {
	l, b := w.block.launch, w.block
	released := l.released[address]
	if b.acquired == nil {
		b.acquired = map[uint64]struct{}{}
	}
	for other := range released {
		b.acquired[other] = struct{}{}
	}
	if !w.fenced {
		return
	}
	if released == nil {
		released = map[uint64]struct{}{}
		l.released[address] = released
	}
	released[uint64(b.number+1)&cellBlock] = struct{}{}
	for other := range b.acquired {
		released[other] = struct{}{}
	}
}
