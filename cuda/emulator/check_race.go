package emulator

// A race: two threads touch the same bytes, one of them writes, and nothing orders the
// two accesses. check_order.go knows what orders accesses. Here is what memory
// remembers of those before. Two strong accesses do not race if the scope of each
// includes the other thread.

// A cell remembers who touched some bytes: program.granule of global memory, or
// program.sharedGranule of shared memory. The accesses before the last write are
// forgotten when they are ordered before it.
type cell struct{ write, read touch }

// A touch is an access, or a set of accesses that nothing orders, of which it names
// the last. 0 is none.
//
//	bits 0-9    the thread
//	bits 10-11  the spread of the set: one thread, or one of the constants below
//	bits 12-13  how strong the access is
//	bit  14     others of the set are stronger or weaker
//	bits 16-31  the site: the number of the instruction in program.sites, from 1
//	bits 32-63  the block's time
type touch uint64

const (
	spreadLanes  touch = 1 << 10 // over lanes of a warp
	spreadWarps  touch = 2 << 10 // over warps of a block
	spreadBlocks touch = 3 << 10
	spreadMask   touch = 3 << 10

	touchThread touch = 1<<10 - 1
	touchMixed  touch = 1 << 14

	touchStrength = 12
	touchSite     = 16
	touchTime     = 32
)

func (e touch) thread() int        { return int(e & touchThread) }
func (e touch) warp() int          { return int(e&touchThread) >> 5 }
func (e touch) strength() strength { return strength(e >> touchStrength & 3) }
func (e touch) time() uint32       { return uint32(e >> touchTime) }

// sameThread tells whether e has only accesses by the thread of the single access f.
func (e touch) sameThread(f touch) bool { return (e^f)&(touchThread|spreadMask) == 0 }

// settled tells whether the single access f does not race with e, because e was before
// the last barrier of the block or in the same thread.
func (e touch) settled(since uint32, f touch) bool {
	return e.time() < since && e&spreadMask != spreadBlocks || e.sameThread(f)
}

// readByAll tells whether the single weak read f adds nothing to the weak reads e: at
// the same time several warps have read, or several lanes of f's warp.
func (e touch) readByAll(f touch) bool {
	const anySite = 1<<touchTime - 1<<touchSite
	differ := e ^ f
	return differ&^(anySite|touchThread) == spreadWarps || differ&^(anySite|31) == spreadLanes
}

// newTouch returns an access of lane 0.
func (w *warp) newTouch(a *access) touch {
	return touch(w.block.time)<<touchTime | touch(a.site)<<touchSite | touch(a.strength)<<touchStrength | touch(w.first)
}

// A race is what an access races with.
type race struct {
	cell  *cell
	watch *watch // that has the cell, with its number, if others may still change it
	at    int
	block uint32 // the other's id
	touch touch  // the other; 0 if it can only be read when the launch has ended
	wrote bool
	equal bool // it wrote what the access would write
}

// claim notes the access e to data, unless it races. Then it returns the race and false.
// writer and reader are the blocks of the touches that the cell has, 0 where it has none
// that counts.
func (w *warp) claim(c *cell, a *access, lane int, e touch, writer, reader uint32, data []byte) (r race, ok bool) {
	var wrote, read touch
	if writer != 0 {
		wrote = c.write
	}
	if reader != 0 {
		read = c.read
	}
	if a.write && w.races(read, reader, a, lane) {
		return race{cell: c, block: reader, touch: read}, false
	}
	if w.races(wrote, writer, a, lane) {
		r = race{cell: c, block: writer, touch: wrote, wrote: true, equal: w.storeMatches(a, lane, data)}
		if !r.equal || !w.sameStore(a, lane, wrote) && !w.block.launch.off[EqualWrites] {
			return r, false
		}
	}
	switch {
	case !a.write:
		c.read = w.join(read, reader, e, lane)
	case a.strength == weak:
		c.write, c.read = e, 0
	default:
		c.write, c.read = w.join(wrote, writer, e, lane), read
	}
	return race{}, true
}

// sameStore tells whether the touch is another lane's part of the current store. CUDA
// lets lanes write the same value together.
func (w *warp) sameStore(a *access, lane int, e touch) bool {
	base, other := w.source(a.base), e.thread()&31
	return e.warp() == w.number && uint16(e>>touchSite) == a.site && w.storeMask>>other&1 != 0 && base[other] == base[lane]
}

// join adds the access e to a set of accesses, of which those that are ordered before
// it are forgotten.
func (w *warp) join(set touch, block uint32, e touch, lane int) touch {
	if set == 0 || block == w.block.id && set.settled(w.block.since, e) || w.followsAll(set, block, lane) {
		return e
	}
	spread := set & spreadMask
	switch b := w.block; {
	case block != b.id:
		spread = spreadBlocks
	case set.warp() != w.number:
		spread = max(spread, spreadWarps)
	case set.thread() != e.thread():
		spread = max(spread, spreadLanes)
	}
	return set.joined(e, spread)
}

// joined returns the set with the access e, which has this spread then.
func (e touch) joined(f touch, spread touch) touch {
	f |= spread | e&touchMixed
	if e.strength() != f.strength() {
		f |= touchMixed
	}
	return f
}

// followsAll tells whether all accesses of a set are ordered before what a lane does now.
func (w *warp) followsAll(set touch, block uint32, lane int) bool {
	spread := set & spreadMask
	switch {
	case spread == 0:
		return w.follows(block, set.thread(), set.time(), lane)
	case block != w.block.id || spread == spreadBlocks:
		return false
	}
	return set.time() < w.block.since || spread == spreadLanes && set.warp() == w.number && set.time() < w.since
}

// races tells whether an access of a lane certainly races with one of a set. Of the
// set only the last is known. Another is sure to be unordered only if the lane has
// learned nothing but from barriers of the block and of the warp.
func (w *warp) races(set touch, block uint32, a *access, lane int) bool {
	if set == 0 {
		return false
	}
	same := block == w.block.id
	if !a.strength.with(set.strength(), same) && !w.follows(block, set.thread(), set.time(), lane) {
		return true
	}
	spread := set & spreadMask
	same = same && spread != spreadBlocks
	if spread == 0 || set&touchMixed != 0 || a.strength.with(set.strength(), same) || w.followsAll(set, block, lane) {
		return false
	}
	known := w.knowledge(lane).known
	return known == nil || same && !known.about(block)
}

// A strength says how an access takes part in synchronization.
type strength uint8

const (
	weak         strength = iota
	strongBlock           // volatile, relaxed, atomic and so on, with the scope of a block
	strongDevice          // with a wider scope
)

// with tells whether two accesses are strong and each other's thread is in their scope.
func (s strength) with(t strength, sameBlock bool) bool {
	return s != weak && t != weak && (sameBlock || s == strongDevice && t == strongDevice)
}
