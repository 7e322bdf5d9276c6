package emulator

var copyAsyncDecoders = map[string]decoding{"cp": copyAsync}

// A pendingCopy is a cp.async whose data is still on its way. The data is read when
// the instruction is executed. It arrives when the thread waits for it, which is as
// late as the ISA allows. Until then its destination has no value.
type pendingCopy struct {
	lane    int
	group   int    // of the lane, from 1; 0 before it is committed
	barrier uint64 // the address of the mbarrier that waits for it, plus 1; or 0
	line    int    // of the PTX
	access  *access
	address uint64
	data    [16]byte
}

// maxPending is how many copies of a warp may be on their way, and how many of its arrivals
// at mbarriers. The ISA lets them arrive at any time.
const maxPending = 1 << 13

// copyAsync is cp.async, and the instructions that wait for it.
func copyAsync(d *decoder) runner {
	d.choice("async")
	d.class = Control
	switch d.option("commit_group", "wait_group", "wait_all", "mbarrier") {
	case "mbarrier":
		return arriveWithCopies(d)
	case "commit_group":
		d.count(0)
		return (*warp).commitCopies
	case "wait_all":
		d.count(0)
		return func(w *warp, mask uint32) {
			w.commitCopies(mask)
			w.finishCopies(mask, 0)
		}
	case "wait_group":
		d.count(1)
		n := d.immediateArg(0, 1<<30)
		return func(w *warp, mask uint32) { w.finishCopies(mask, n) }
	}
	return startCopies(d)
}

// startCopies is cp.async itself.
func startCopies(d *decoder) runner {
	if !d.mod("shared") && !d.mod("shared::cta") || !d.mod("global") {
		d.fail("cp.async copies from global to shared memory")
	}
	cached := d.choice("ca", "cg")
	d.cacheHints("L2::")
	d.countBetween(3, 4)
	size := d.immediateArg(2, 16)
	if size != 16 && (cached == "cg" || size != 4 && size != 8) {
		d.fail("cp.async.%s does not copy %d bytes", cached, size)
	}
	read := &access{space: global, size: 1, count: 1} // byte by byte: fewer than size may exist
	write := &access{space: shared, size: size, count: 1, write: true}
	d.address(0, write)
	d.address(1, read)
	d.class = LoadGlobal
	copies := &storing{access: write}
	requested := *read
	requested.size = size
	given := d.program.constant(uint64(size))
	if len(d.raw.args) == 4 {
		given = d.src(3, u32)
	}
	return func(w *warp, mask uint32) {
		dst, src, n := w.source(write.base), w.source(read.base), w.source(given)
		var reads uint32 // a copy of no bytes only sets zeros
		w.eachLane(mask, func(lane int) {
			if n[lane] > 0 {
				reads |= 1 << lane
			}
		})
		if reads != 0 {
			w.measure(&requested, src, reads, nil)
		}
		w.measure(write, dst, mask, nil)
		w.storing = copies
		w.eachLane(mask, func(lane int) {
			if w.block.fault == nil {
				w.startCopy(lane, write, write.at(dst[lane]), read, read.at(src[lane]), n[lane])
			}
		})
		if len(w.copies) > maxPending {
			first := maxPending / 2
			w.finishWhere(func(*pendingCopy) bool { first--; return first >= 0 })
		}
	}
}

// startCopy reads n bytes and sets the rest to zero.
func (w *warp) startCopy(lane int, write *access, to uint64, read *access, from, n uint64) {
	size := uint64(write.size)
	if from&(size-1) != 0 {
		w.fail(Misaligned, lane, from, "copies %d bytes from 0x%x, which is not a multiple of %d", size, from, size)
		return
	}
	c := pendingCopy{lane: lane, access: write, address: to, line: int(w.program.code[w.at].line)}
	for i := range min(n, size) {
		m, at := w.reach(read, lane, from+i)
		if m == nil {
			return
		}
		c.data[i] = m.data[at]
	}
	if m, at := w.reach(write, lane, to); m != nil {
		fill(m.written[at:at+size], 0)
		w.copies = append(w.copies, c)
	}
}

// commitCopies makes a group of each lane's copies since its last commit.
func (w *warp) commitCopies(mask uint32) {
	w.eachLane(mask, func(lane int) { w.groups[lane]++ })
	for i := range w.copies {
		if c := &w.copies[i]; c.group == 0 && mask>>c.lane&1 != 0 {
			c.group = w.groups[c.lane]
		}
	}
}

// finishCopies lets all copies arrive except those of the last n groups.
func (w *warp) finishCopies(mask uint32, n int) {
	w.finishWhere(func(c *pendingCopy) bool {
		return c.group > 0 && mask>>c.lane&1 != 0 && c.group <= w.groups[c.lane]-n
	})
}

// finishWhere lets some copies arrive.
func (w *warp) finishWhere(arrives func(c *pendingCopy) bool) {
	kept := w.copies[:0]
	for i := range w.copies {
		c := &w.copies[i]
		if !arrives(c) {
			kept = append(kept, *c)
			continue
		}
		to, at := w.block.shared, c.address
		copy(to.data[at:], c.data[:c.access.size])
		fill(to.written[at:at+uint64(c.access.size)], 1)
	}
	w.copies = kept
}

// racesWithCopy reports a read of shared memory for which a copy is still on its way. It
// returns whether there is one.
func (w *warp) racesWithCopy(lane int, address, n uint64) bool {
	b := w.block
	for _, other := range b.warps {
		for _, c := range other.copies {
			if c.address >= address+n || address >= c.address+uint64(c.access.size) {
				continue
			}
			thread := b.launch.threadIndex(other.first + c.lane)
			w.fail(SharedRace, lane, address, "reads %d bytes %s, which cp.async of thread %s still copies; nothing orders the two",
				n, w.place(shared, address), index(thread))
			if b.fault != nil {
				m := w.program.module
				b.fault.Other = &Side{Block: b.index, Thread: thread, Line: c.line, Text: m.line(c.line), Source: m.source(c.line)}
			}
			return b.fault != nil
		}
	}
	return false
}
