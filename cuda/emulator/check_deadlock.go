package emulator

import (
	"hash/maphash"
	"unsafe"
)

// Blocks that wait for each other may wait for ever. This is proven, not guessed. Only
// other threads can change what a warp reads. So if a warp comes back to a state in which
// it was before, and no memory has changed in between, it will come back again and again.
// If all warps do, nobody is left to change anything. A loop that counts, or that looks at
// a clock, never comes back to a state.

// A standstill watches the blocks of a launch that run side by side.
type standstill struct {
	waits, due int // of warps; the number at which the next watch begins

	watching bool
	changes  uint64 // of memory, when the watch began
	states   map[warpHash]struct{}
	stuck    map[*warp]struct{} // those that have come back to a state
}

// A warpHash is a state of a warp: a hash of all that decides what it does next.
type warpHash struct {
	warp *warp
	hash uint64
}

const (
	firstWatch = 1 << 10 // waits until blocks are watched, and twice as many each time
	statesEach = 16      // states of a warp that are remembered, on average
)

var hashSeed = maphash.MakeSeed()

// waited is called when the warp of b that ran last has waited. It makes a report if all
// warps of all blocks wait for ever.
func (s *standstill) waited(b *block, all []*block, measured *stats) {
	w := b.warps[b.current-1]
	if s.waits++; s.waits < s.due || b.fault != nil {
		return
	}
	switch changes := w.program.changes(measured); {
	case s.watching && changes != s.changes:
		s.watching, s.due = false, 2*s.waits
		return
	case !s.watching:
		s.watching, s.changes = true, changes
		s.states, s.stuck = map[warpHash]struct{}{}, map[*warp]struct{}{}
	}
	state := warpHash{w, w.hash()}
	if _, before := s.states[state]; before {
		s.stuck[w] = struct{}{}
	}
	s.states[state] = struct{}{}
	left := 0
	for _, b := range all {
		for _, w := range b.warps {
			if w.state == running {
				left++
			}
		}
	}
	switch {
	case len(s.stuck) == left:
		w.at = w.polled.at
		w.fail(Deadlock, lowest(w.active), 0, "waits for a value that nobody writes: all %d warps of %d blocks wait, and no memory changes any more", left, len(all))
		s.watching, s.due = false, 2*s.waits
	case len(s.states) > statesEach*left:
		s.watching, s.due = false, 2*s.waits
	}
}

// changes counts what may have changed memory: atomic operations that did, and all else
// that writes.
func (p *program) changes(s *stats) uint64 {
	n := s.changed
	for i, c := range s.all() {
		if p.code[i].writes {
			n += c.warps
		}
	}
	return n
}

// hash returns a hash of what the warp has in registers, in its own memory and before it.
func (w *warp) hash() uint64 {
	var h maphash.Hash
	h.SetSeed(hashSeed)
	h.Write(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w.registers))), len(w.registers)*int(unsafe.Sizeof(lanes{}))))
	h.Write(w.local.data)
	h.Write(w.calls.data)
	for _, p := range w.predicates {
		maphash.WriteComparable(&h, p)
	}
	for _, p := range w.stack {
		maphash.WriteComparable(&h, p)
	}
	if w.program.timed {
		maphash.WriteComparable(&h, w.tick) // what was read of it may be in no register any more
	}
	maphash.WriteComparable(&h, [...]int{w.pc, w.reconverge, int(w.active), int(w.exited), int(w.parked), int(w.carry), len(w.calling)})
	return h.Sum64()
}
