package emulator

import "math"

var mbarrierDecoders = map[string]decoding{"mbarrier": mbarrier}

// An mbarrier is 8 bytes of shared memory, whose layout the ISA leaves open. Here bits 0
// to 19 are the arrivals that the phase still waits for, bits 20 to 39 those that each
// phase expects, and bit 63 is the parity of the phase.
const (
	mbarrierCount    = 1<<20 - 1
	mbarrierExpected = 20
	mbarrierPhase    = 63
)

// mbarrier decodes what threads do at an mbarrier. PTX ISA 9.0, "mbarrier".
func mbarrier(d *decoder) runner {
	d.class = Barrier
	switch d.choice("init", "inval", "arrive", "arrive_drop", "test_wait", "pending_count", "expect_tx", "complete_tx", "try_wait") {
	case "init":
		return mbarrierInit(d)
	case "inval":
		return mbarrierInvalidate(d)
	case "arrive":
		return mbarrierArrive(d, false)
	case "arrive_drop":
		return mbarrierArrive(d, true)
	case "test_wait":
		return mbarrierTest(d)
	case "pending_count":
		d.kind(b64)
		d.count(2)
		return lanes1(d.dst(0, u32), d.src(1, b64), func(state uint64) uint64 { return state & mbarrierCount })
	}
	d.fail("mbarriers that count bytes, and waiting without a loop, are not supported")
	return nil
}

// mbarrierAddress reads operand i, the address of an mbarrier.
func (d *decoder) mbarrierAddress(i int, a access) *access {
	if a.space = d.space(); a.space != shared && a.space != generic {
		d.fail("an mbarrier lies in shared memory")
	}
	a.size, a.count = 8, 1
	d.kind(b64)
	d.address(i, &a)
	d.class = Barrier
	return &a
}

// eachBarrier does something at the mbarrier of each lane, until there is a fault.
func (w *warp) eachBarrier(mask uint32, a *access, do func(lane int, address uint64, m *memory, at uint64)) {
	base := *w.source(a.base)
	w.storing = nil
	w.eachLane(mask, func(lane int) {
		address := a.at(base[lane])
		s, offset := a.resolve(address)
		if w.block.fault != nil {
			return
		}
		if s != shared {
			w.fail(WrongSpace, lane, address, "0x%x is not an address of shared memory, where mbarriers lie", address)
			return
		}
		if m, at := w.reach(a, lane, address); m != nil {
			do(lane, offset, m, at)
		}
	})
	w.released(a)
}

func mbarrierInit(d *decoder) runner {
	d.count(2)
	a := d.mbarrierAddress(0, access{write: true})
	counts := d.src(1, u32)
	return func(w *warp, mask uint32) {
		expected := *w.source(counts)
		w.eachBarrier(mask, a, func(lane int, _ uint64, m *memory, at uint64) {
			n := expected[lane]
			if n == 0 || n > mbarrierCount {
				w.fail(MisusedBarrier, lane, 0, "an mbarrier for %d arrivals; the limits are 1 and %d", n, mbarrierCount)
				return
			}
			putLittle(m.data[at:], 8, n<<mbarrierExpected|n)
		})
	}
}

// mbarrierInvalidate leaves the memory without a value.
func mbarrierInvalidate(d *decoder) runner {
	d.count(1)
	a := d.mbarrierAddress(0, access{write: true})
	return func(w *warp, mask uint32) {
		w.eachBarrier(mask, a, func(_ int, _ uint64, m *memory, at uint64) { fill(m.written[at:at+8], 0) })
	}
}

// mbarrierArrive returns the state before the arrival, by which test_wait knows the phase.
func mbarrierArrive(d *decoder, drop bool) runner {
	completes := !d.mod("noComplete")
	release := d.option("release", "relaxed") != "relaxed"
	a := access{write: true, atomic: true, release: release, strength: d.scope(strongBlock)}
	given := d.program.constant(1)
	if d.countBetween(2, 3); len(d.raw.args) == 3 {
		given = d.src(2, u32)
	}
	dst := int32(absent)
	if d.raw.args[0].kind != operandSink {
		dst = d.dst(0, b64)
	}
	at := d.mbarrierAddress(1, a)
	return func(w *warp, mask uint32) {
		counts := *w.source(given)
		w.eachBarrier(mask, at, func(lane int, _ uint64, m *memory, offset uint64) {
			before := w.arriveAt(at, lane, m, offset, counts[lane], drop)
			if dst != absent {
				w.registers[dst][lane] = before
			}
			if !completes && w.block.fault == nil && before&mbarrierCount == counts[lane] {
				w.fail(MisusedBarrier, lane, 0, "completes the phase of an mbarrier, which .noComplete must not")
			}
		})
	}
}

// arriveAt counts arrivals, and returns the state before. The last one of a phase begins
// the next.
func (w *warp) arriveAt(a *access, lane int, m *memory, at, n uint64, drop bool) uint64 {
	if !m.hasValue(at, 8) {
		w.fail(Uninitialised, lane, 0, "arrives at an mbarrier that has not been initialised")
		return 0
	}
	before := little(m.data[at:], 8)
	pending, expected := before&mbarrierCount, before>>mbarrierExpected&mbarrierCount
	if n > pending || n == 0 {
		w.fail(MisusedBarrier, lane, 0, "%d arrivals at an mbarrier whose phase waits for %d", n, pending)
		return 0
	}
	if drop {
		expected -= n
	}
	phase := before >> mbarrierPhase
	if pending -= n; pending == 0 {
		pending, phase = expected, phase^1
	}
	putLittle(m.data[at:], 8, phase<<mbarrierPhase|expected<<mbarrierExpected|pending)
	w.synchronize(a, lane, sharedWindow+at)
	return before
}

// mbarrierTest tells whether a phase is over: the one of a state that an arrival returned,
// or the last one of a parity.
func mbarrierTest(d *decoder) runner {
	parity := d.mod("parity")
	acquire := d.option("acquire", "relaxed") != "relaxed"
	a := d.mbarrierAddress(1, access{acquire: acquire, strength: d.scope(strongBlock)})
	d.count(3)
	kind := b64
	if parity {
		kind = u32
	}
	dst, state := d.predicateDst(d.raw.args[0]), d.src(2, kind)
	return func(w *warp, mask uint32) {
		phases := *w.source(state)
		over := uint32(0)
		w.eachBarrier(mask, a, func(lane int, address uint64, m *memory, at uint64) {
			w.block.arriveAfterCopies(address)
			if w.block.fault != nil {
				return
			}
			w.synchronize(a, lane, sharedWindow+at)
			phase := phases[lane] >> mbarrierPhase
			if parity {
				phase = phases[lane] & 1
			}
			if little(m.data[at:], 8)>>mbarrierPhase != phase {
				over |= 1 << lane
			}
		})
		w.setPredicate(dst, mask, over)
		if over != mask {
			w.poll(math.MaxUint64)
		}
	}
}

// A pendingArrival is one of a thread at an mbarrier, once its copies are there.
type pendingArrival struct {
	lane    int
	address uint64 // in shared memory
	access  *access
}

// arriveWithCopies is cp.async.mbarrier.arrive. Unless .noinc, the phase waits for one
// more arrival, so that this one does not count.
func arriveWithCopies(d *decoder) runner {
	d.choice("arrive")
	more := !d.mod("noinc")
	d.count(1)
	a := d.mbarrierAddress(0, access{write: true, atomic: true, release: true, strength: strongBlock})
	return func(w *warp, mask uint32) {
		var barriers [32]uint64 // the address for each lane, plus 1
		w.eachBarrier(mask, a, func(lane int, address uint64, m *memory, at uint64) {
			if !m.hasValue(at, 8) {
				w.fail(Uninitialised, lane, 0, "arrives at an mbarrier that has not been initialised")
				return
			}
			if more {
				putLittle(m.data[at:], 8, little(m.data[at:], 8)+1)
			}
			barriers[lane] = address + 1
			w.arrivals = append(w.arrivals, pendingArrival{lane, address, a})
		})
		for i := range w.copies {
			if c := &w.copies[i]; c.barrier == 0 {
				c.barrier = barriers[c.lane]
			}
		}
		if len(w.arrivals) > maxPending {
			w.block.arriveAfterCopies(w.arrivals[0].address)
		}
	}
}

// arriveAfterCopies lets the copies arrive that an mbarrier waits for, as late as it can:
// when somebody asks whether its phase is over.
func (b *block) arriveAfterCopies(address uint64) {
	for _, w := range b.warps {
		kept := w.arrivals[:0]
		for _, p := range w.arrivals {
			if p.address != address || b.fault != nil {
				kept = append(kept, p)
				continue
			}
			w.finishWhere(func(c *pendingCopy) bool { return c.lane == p.lane && c.barrier == address+1 })
			w.arriveAt(p.access, p.lane, &b.shared, address, 1, false)
		}
		w.arrivals = kept
	}
	b.time++ // as in released
}
