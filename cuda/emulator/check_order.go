package emulator

// What orders two accesses, by the memory model of the PTX ISA ("causality order"):
//   - the order of a thread's program;
//   - barriers of the block and of the warp;
//   - a release pattern and the acquire pattern that observes it. A release pattern is a
//     strong write with .release, or a fence and then a strong write; an acquire pattern
//     is a strong read with .acquire, or a strong read and then a fence. Between them
//     there may be atomic operations. Each pattern's scope must include the other thread.
//
// In four points this is milder than the model, because NVIDIA's own libraries and
// samples count on it. The thread with the fence and the one with the strong access
// may be different if a barrier lies between them, which only fence.sc allows. An
// atomic operation that returns a value acquires without a fence. An access that
// passes by the first cache (.cg, .cv, .wt) is strong. So is a load at the very address
// of an atom.cas of its function: the first read of a loop that swaps.
//
// Time is counted for each block: it goes on by one at whatever may order something.
// After a barrier of the whole block, only its time need be known (block.since), after
// one of a whole warp the warp's (warp.since). All else a thread has learned is its
// knowledge.

// Knowledge is what a thread has learned beyond barriers. The arrays have what holds
// within the block, and what holds on the whole device.
type knowledge struct {
	known   *clock    // ordered before what the thread does now
	fenced  [2]*clock // known before the last fence: a strong write releases it
	pending [2]*clock // observed by strong reads: a fence acquires it
}

const (
	withinBlock = iota
	onDevice
)

// together returns what a and b have learned together.
func (k *clocks) together(a, b knowledge) knowledge {
	a.known = k.merge(a.known, b.known)
	for i := range a.fenced {
		a.fenced[i], a.pending[i] = k.merge(a.fenced[i], b.fenced[i]), k.merge(a.pending[i], b.pending[i])
	}
	return a
}

// knowledge returns what a lane has learned.
func (w *warp) knowledge(lane int) *knowledge {
	if len(w.own) == 0 {
		return &w.block.common
	}
	return &w.own[lane]
}

// ownKnowledge is like knowledge, for a lane that is about to learn more than others of the block.
func (w *warp) ownKnowledge(lane int) *knowledge {
	if len(w.own) == 0 {
		w.own = resized(w.own, 32)
		for i := range w.own {
			w.own[i] = w.block.common
		}
	}
	return &w.own[lane]
}

// learned merges what the lanes of the mask have learned.
func (w *warp) learned(mask uint32) knowledge {
	o := *w.knowledge(lowest(mask))
	if len(w.own) > 0 {
		last := o
		w.eachLane(mask&(mask-1), func(lane int) {
			if w.own[lane] != last {
				last = w.own[lane]
				o = w.block.clocks.together(o, last)
			}
		})
	}
	return o
}

// follows tells whether what a thread did at a time is ordered before what a lane does now.
func (w *warp) follows(block uint32, thread int, time uint32, lane int) bool {
	if b := w.block; block == b.id {
		if thread == w.first+lane || time < b.since || thread>>5 == w.number && time < w.since {
			return true
		}
	}
	known := w.knowledge(lane).known
	if known == nil {
		return false
	}
	return time < w.knows(known, block) || known.covers(span{block, int32(thread >> 5), 1 << (thread & 31), time + 1})
}

// knows returns the time up to which a clock knows all of a block.
func (w *warp) knows(known *clock, block uint32) uint32 {
	if w.past.known != known || w.past.block != block {
		w.past = past{known, block, known.whole(block)}
	}
	return w.past.before
}

// A past is up to which time a clock knows all of a block. A warp keeps the last, because
// it mostly asks for the same again.
type past struct {
	known  *clock
	block  uint32
	before uint32
}

// whole returns the time up to which the clock covers all threads of a block.
func (c *clock) whole(block uint32) (before uint32) {
	for ; c != nil; c = c.below {
		for _, s := range c.of(block) {
			if s.block != block {
				break
			}
			if s.warp == allWarps {
				before = max(before, s.before)
			}
		}
	}
	return before
}

// snapshot returns all that is ordered before what the lanes of the mask do from now on.
// They know of each other.
func (w *warp) snapshot(mask uint32, known *clock) *clock {
	b := w.block
	c := b.clocks.fresh(3)
	if b.since > b.began {
		c.spans = append(c.spans, span{b.id, allWarps, allLanes, b.since})
	}
	if w.since > b.since {
		c.spans = append(c.spans, span{b.id, int32(w.number), allLanes, w.since})
	}
	c.spans = append(c.spans, span{b.id, int32(w.number), mask, b.time + 1})
	c.below = b.clocks.flat(known)
	return c
}

// syncBlock orders the block at a barrier where all its warps wait.
func (b *block) syncBlock() {
	o := b.common
	split := false
	for _, w := range b.warps {
		if len(w.own) > 0 {
			split = true
			o = b.clocks.together(o, w.learned(allLanes))
			w.own = w.own[:0]
		}
	}
	b.time++
	b.since = b.time
	if split {
		o.known = b.clocks.without(o.known, b.id) // the barrier has made it known
		b.common = o
	}
}

// syncSome orders the warps that wait at a barrier after all that have arrived there.
func (b *block) syncSome(n int) {
	o := b.barriers[n].brought
	var waits []*warp
	for _, w := range b.warps {
		if w.state == waiting && w.arrival.barrier == n {
			waits = append(waits, w)
			o = b.clocks.together(o, w.depart())
		}
	}
	b.time++
	for _, w := range waits {
		w.learn(^w.exited, o)
	}
}

// depart returns what a warp lets others know at a barrier that is not for all.
func (w *warp) depart() knowledge {
	live := ^w.exited
	o := w.learned(live)
	o.known = w.snapshot(live, o.known)
	return o
}

// learn gives the lanes of the mask what they have learned together.
func (w *warp) learn(mask uint32, o knowledge) {
	w.eachLane(mask, func(lane int) { *w.ownKnowledge(lane) = o })
}

// syncWarp orders the lanes of a bar.warp.sync.
func (w *warp) syncWarp(group uint32) {
	o := w.learned(group)
	whole := group == ^w.exited
	if !whole {
		o.known = w.snapshot(group, o.known)
	}
	if !whole || len(w.own) > 0 {
		w.learn(group, o)
	}
	w.block.time++
	if whole {
		w.since = w.block.time
	}
}

// fence lets lanes acquire what they have observed, and release what they know with
// the next strong write.
func (w *warp) fence(mask uint32, s strength) {
	w.eachLane(mask, func(lane int) {
		o := w.ownKnowledge(lane)
		w.acquire(o, s, o.pending)
		o.known = w.block.clocks.flat(o.known)
		now := w.snapshot(1<<lane, o.known)
		o.fenced[withinBlock] = now
		if s == strongDevice {
			o.fenced[onDevice] = now
		}
	})
	w.block.time++
}

// acquire adds to what is known what was observed, as far as the scope allows.
func (w *warp) acquire(o *knowledge, s strength, observed [2]*clock) {
	o.known = w.block.clocks.merge(o.known, observed[withinBlock])
	if s == strongDevice {
		o.known = w.block.clocks.merge(o.known, observed[onDevice])
	}
}

// A flag is an address through which threads synchronize.
type flag struct {
	block    uint32    // id of the block whose strong writes are observed here, or severalBlocks
	thread   int       // that wrote last
	released [2]*clock // with them, within the block and on the device
}

const severalBlocks = 1<<32 - 1

// Flags are those of a memory. All lie from the first address to the last.
type flags struct {
	at          map[uint64]flag
	first, last uint64
}

func (f *flags) set(address uint64, v flag) {
	if f.at == nil {
		f.at = map[uint64]flag{}
	}
	if len(f.at) == 0 {
		f.first, f.last = address, address
	}
	f.first, f.last = min(f.first, address), max(f.last, address)
	f.at[address] = v
}

// apart tells whether no flag lies at the address of a lane.
func (f *flags) apart(a *access, base *lanes, mask uint32) bool {
	for m := mask; m != 0 && len(f.at) > 0; m &= m - 1 {
		if at := a.at(base[lowest(m)]); at >= f.first && at <= f.last {
			return false
		}
	}
	return true
}

// synchronize lets a lane observe and release at an address what its strong access does.
// After the last lane of an access, the time must go on: see released.
func (w *warp) synchronize(a *access, lane int, address uint64) {
	b := w.block
	flags := &b.launch.flags
	switch s, _ := a.resolve(address); s {
	case global:
	case shared:
		flags = &b.flags
	default:
		return
	}
	at, known := flags.at[address]
	if known && (a.atomic || !a.write) {
		w.observe(a, lane, at)
	}
	if !a.write {
		return
	}
	var released [2]*clock
	switch o := w.knowledge(lane); {
	case a.release:
		released[withinBlock] = w.snapshot(1<<lane, o.known)
		released[onDevice] = released[withinBlock]
	default:
		released = o.fenced
	}
	if a.strength != strongDevice {
		released[onDevice] = nil
	}
	fresh := flag{b.id, w.first + lane, released}
	if known && (a.atomic || at.block == fresh.block && at.thread == fresh.thread) {
		// What was released here before can still be observed.
		if at.block != b.id {
			fresh.block = severalBlocks
		}
		for i := range released {
			fresh.released[i] = w.block.clocks.merge(at.released[i], released[i])
		}
	}
	switch {
	case fresh.released != [2]*clock{}:
		flags.set(address, fresh)
	case known:
		delete(flags.at, address)
	}
}

// released ends an access that may have released something. The time goes on once for
// all its lanes, so that clocks can hold them as one span.
func (w *warp) released(a *access) {
	if a.release {
		w.block.time++
	}
}

// observe lets a lane observe what was released at a flag.
func (w *warp) observe(a *access, lane int, at flag) {
	var observed [2]*clock
	if at.block == w.block.id {
		observed[withinBlock] = at.released[withinBlock]
	} else if a.strength == strongDevice {
		observed[onDevice] = at.released[onDevice]
	}
	if observed == [2]*clock{} {
		return
	}
	o := w.ownKnowledge(lane)
	if a.acquire {
		w.acquire(o, a.strength, observed)
		return
	}
	for i := range observed {
		o.pending[i] = w.block.clocks.merge(o.pending[i], observed[i])
	}
}
