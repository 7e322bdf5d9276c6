package emulator

import (
	"cmp"
	"math/bits"
	"slices"
	"sync"
)

// A clock says which accesses are ordered before something. It does not change.
type clock struct {
	spans []span // in order of block
	below *clock // more of them, in a clock that has nothing below
	mark  uint32 // the collection that has found it last
}

// A span is all accesses of some threads of a block up to some time.
type span struct {
	block  uint32 // id
	warp   int32  // or allWarps
	lanes  uint32
	before uint32
}

const allWarps = -1

// covers tells whether the span includes another.
func (s span) covers(t span) bool {
	return s.before >= t.before && (s.warp == allWarps || s.warp == t.warp && s.lanes&t.lanes == t.lanes)
}

// of returns the spans of a block and those after it.
func (c *clock) of(block uint32) []span {
	at, _ := slices.BinarySearchFunc(c.spans, block, func(s span, id uint32) int { return cmp.Compare(s.block, id) })
	return c.spans[at:]
}

// covers tells whether the clock includes a span.
func (c *clock) covers(t span) bool {
	for ; c != nil; c = c.below {
		if covers(c.of(t.block), t) {
			return true
		}
	}
	return false
}

// about tells whether the clock knows anything of a block.
func (c *clock) about(block uint32) bool {
	for ; c != nil; c = c.below {
		if spans := c.of(block); len(spans) > 0 && spans[0].block == block {
			return true
		}
	}
	return false
}

// includes tells whether the clock covers all of another.
func (c *clock) includes(d *clock) bool {
	var below []span
	if c.below != nil {
		below = c.below.spans
	}
	return includes(c.spans, below, d.spans) && (d.below == nil || d.below == c || d.below == c.below || includes(c.spans, below, d.below.spans))
}

// includes tells whether a and b together cover all spans of the other list.
func includes(a, b, others []span) bool {
	for _, s := range others {
		a, b = from(a, s.block), from(b, s.block)
		if !covers(a, s) && !covers(b, s) {
			return false
		}
	}
	return true
}

// from returns the spans of a block and those after it.
func from(all []span, block uint32) []span {
	for len(all) > 0 && all[0].block < block {
		all = all[1:]
	}
	return all
}

// covers tells whether one of the block's spans, which are the first, covers s.
func covers(all []span, s span) bool {
	for i := range all {
		if all[i].block != s.block {
			break
		}
		if all[i].covers(s) {
			return true
		}
	}
	return false
}

// flat returns the clock with nothing below.
func (k *clocks) flat(c *clock) *clock {
	if c == nil || c.below == nil {
		return c
	}
	return k.joined(c.below.spans, c.spans)
}

// without returns the clock without what it knows of a block.
func (k *clocks) without(c *clock, block uint32) *clock {
	if !c.about(block) {
		return c
	}
	c = k.flat(c)
	from := c.of(block)
	before, after := c.spans[:len(c.spans)-len(from)], from
	for len(after) > 0 && after[0].block == block {
		after = after[1:]
	}
	if len(before)+len(after) == 0 {
		return nil
	}
	return k.joined(before, after)
}

// merge returns a clock with all that a and b cover.
func (k *clocks) merge(a, b *clock) *clock {
	switch {
	case a == b || b == nil:
		return a
	case a == nil:
		return b
	case a.includes(b):
		return a
	case b.includes(a):
		return b
	case a.below == b.below:
		c := k.joined(a.spans, b.spans)
		c.below = a.below
		return c
	}
	return k.joined(k.flat(a).spans, k.flat(b).spans)
}

// joined returns a clock of the spans of a and b, with nothing below.
func (k *clocks) joined(a, b []span) *clock {
	all := k.spans[:0]
	start := 0 // of the block's spans
	add := func(s span) {
		if start < len(all) && all[start].block != s.block {
			start = len(all)
		}
		for i := start; i < len(all); i++ {
			t := &all[i]
			switch {
			case t.covers(s):
				return
			case s.covers(*t):
				all = slices.Delete(all, i, i+1)
				i--
			case t.warp == s.warp && t.before == s.before:
				t.lanes |= s.lanes
				return
			}
		}
		all = append(all, s)
	}
	for len(a) > 0 || len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].block <= b[0].block {
			add(a[0])
			a = a[1:]
		} else {
			add(b[0])
			b = b[1:]
		}
	}
	k.spans = all
	c := k.fresh(len(all))
	c.spans = append(c.spans, all...)
	return c
}

// Clocks are those of the blocks that a goroutine runs. Each fence makes some, and many strong
// accesses do, and soon nobody holds them any more. Then they serve again: else
// memory would grow with the time that a kernel runs.
type clocks struct {
	used  []*clock
	free  [32][]*clock // by the room they have: for 1<<i spans
	spans []span       // for joined
	due   int          // how many are used when those are looked for that nobody holds
	mark  uint32       // the number of times that this was done
}

// firstDue is how many clocks are made before it is worth while to look for free ones.
const firstDue = 1 << 10

var endedClocks = sync.Pool{New: func() any { return &clocks{due: firstDue} }}

// fresh returns a clock without spans that has room for n.
func (k *clocks) fresh(n int) *clock {
	room := bits.Len(uint(max(n, 1) - 1))
	var c *clock
	if free := k.free[room]; len(free) > 0 {
		c, k.free[room] = free[len(free)-1], free[:len(free)-1]
	} else {
		c = &clock{spans: make([]span, 0, 1<<room)}
	}
	k.used = append(k.used, c)
	return c
}

// collect frees the clocks that nobody holds. It is called while no warp runs.
func (k *clocks) collect(l *launch, running []*block) {
	k.mark++
	visits := 0
	hold := func(held ...*clock) {
		visits += len(held)
		for _, c := range held {
			for ; c != nil && c.mark != k.mark; c = c.below {
				c.mark = k.mark
			}
		}
	}
	learned := func(o *knowledge) {
		hold(o.known, o.fenced[0], o.fenced[1], o.pending[0], o.pending[1])
	}
	released := func(f *flags) {
		for _, at := range f.at {
			hold(at.released[0], at.released[1])
		}
	}
	released(&l.flags)
	for _, b := range running {
		released(&b.flags)
		learned(&b.common)
		for i := range b.barriers {
			learned(&b.barriers[i].brought)
		}
		for _, w := range b.warps {
			w.past = past{} // the clock may become another
			for i := range w.own {
				learned(&w.own[i])
			}
		}
	}
	k.release()
	k.due = 2*len(k.used) + visits + firstDue
}

// release frees the clocks that the last collection has not found.
func (k *clocks) release() {
	kept := k.used[:0]
	for _, c := range k.used {
		if c.mark == k.mark {
			kept = append(kept, c)
			continue
		}
		room := bits.Len(uint(cap(c.spans) - 1))
		c.spans, c.below = c.spans[:0], nil
		k.free[room] = append(k.free[room], c)
	}
	k.used = kept
}

// end frees all clocks, when no block is left, and lets others have their memory.
func (k *clocks) end() {
	k.mark++
	k.release()
	k.due = firstDue
	endedClocks.Put(k)
}
