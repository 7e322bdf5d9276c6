package emulator

import (
	"math/bits"
	"slices"
)

// A warp is 32 threads that execute together. Where they diverge, one path runs to the
// point where the paths meet again, and then the other.
type warp struct {
	block   *block
	program *program
	number  int // in the block
	first   int // its first thread

	registers  []lanes
	predicates []uint32 // a bit for each lane
	carry      uint32   // the flag CC.CF
	local      memory   // local memory, lane after lane
	calls      memory   // parameters of calls, lane after lane

	at         int    // the current instruction
	pc         int    // the next one
	active     uint32 // lanes that execute
	reconverge int    // where the active lanes wait for the others, or absent
	stack      []path
	calling    []frame
	exited     uint32 // lanes that have ended or never existed
	state      warpState

	arrival    arrival    // at the barrier that the warp waits at
	parked     uint32     // lanes that have arrived there and wait for the rest of the warp
	vote       uint32     // predicates brought to bar.red
	deliveries []delivery // who gets its result

	tick      uint64      // instructions executed
	since     uint32      // the block's time after the last barrier of the whole warp
	own       []knowledge // what each lane has learned; empty if no more than the block
	region    *region
	gathers   [4]gather
	gathered  [4]lanes // words of the current load, by address
	past      past
	polled    poll
	storing   *storing
	storeMask uint32 // lanes of the current store
	copies    []pendingCopy
	arrivals  []pendingArrival
	groups    [32]int // groups of copies that each lane has committed
}

type warpState uint8

const (
	running warpState = iota
	waiting           // at a barrier
	pausing           // until others have had their turn
	done
)

// A path says where some lanes go on later.
type path struct {
	pc, reconverge int
	mask           uint32
	depth          int  // calls that have not returned
	yielded        bool // it has let the path of lanes go first that it waits for
}

// garbage is what registers hold at first. As a float of either size it is a NaN, and
// it is not an address. So a sum that was never set to zero is noticed.
var garbage = func() (r lanes) {
	for lane := range r {
		r[lane] = 0x7ff8bad07ff8bad0
	}
	return r
}()

// start prepares the warp for its first instruction. live has the lanes that exist.
func (w *warp) start(b *block, number int, live uint32) {
	p := b.launch.program
	w.block, w.program = b, p
	w.number, w.first = number, 32*number
	w.registers, w.predicates = resized(w.registers, p.registers), resized(w.predicates, p.predicates)
	for i := range w.registers {
		w.registers[i] = garbage
	}
	clear(w.predicates)
	w.local.data, w.local.written = resized(w.local.data, 32*p.localStride), resized(w.local.written, 32*p.localStride)
	clear(w.local.written)
	w.calls.data = resized(w.calls.data, 32*p.callSize)
	w.at, w.pc, w.active, w.reconverge = 0, 0, live, absent
	w.stack, w.calling = w.stack[:0], w.calling[:0]
	w.exited, w.state = ^live, running
	w.parked, w.vote, w.deliveries = 0, 0, w.deliveries[:0]
	w.copies, w.arrivals, w.groups = w.copies[:0], w.arrivals[:0], [32]int{}
	w.tick, w.since, w.region, w.storing, w.carry = 0, b.since, nil, nil, 0
	w.own = w.own[:0]
	w.polled, w.past = poll{}, past{}
	for m := p.specials; m != 0; m &= m - 1 {
		w.setSpecial(bits.TrailingZeros32(m))
	}
}

// resized returns s with n elements, in the same memory if it has room for them.
// What they hold is unspecified.
func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// run executes up to n instructions and returns how many it has executed. It stops
// early if the warp must wait or has ended.
func (w *warp) run(n int) int {
	code := w.program.code
	counts := w.block.stats.counts
	for i := 0; i < n; i++ {
		in := &code[w.pc]
		if in.join && w.pc == w.reconverge {
			w.pop()
			if w.state != running {
				return i
			}
			continue
		}
		if many := min(in.straight, n-i); many > 1 {
			w.runStraight(code[w.pc:][:many])
			i += many - 1
			continue
		}
		w.at = w.pc
		w.pc++
		mask := w.active
		if in.guard != absent {
			p := w.predicates[in.guard]
			if in.guardNot {
				p = ^p
			}
			mask &= p
		}
		w.tick++
		c := &counts[w.at]
		c.warps++
		c.lanes += uint64(bits.OnesCount32(mask))
		if mask == 0 {
			continue
		}
		in.run(w, mask)
		if w.state != running || w.block.fault != nil {
			return i + 1
		}
	}
	return n
}

// runStraight executes plain instructions, the next ones.
func (w *warp) runStraight(code []instruction) {
	mask := w.active
	w.block.stats.ran(w.pc, len(code), uint64(bits.OnesCount32(mask)))
	for i := 0; i < len(code); i++ {
		if chain := code[i].chain; len(chain) > 1 && mask == allLanes {
			if i += vector.fmas(w.registers, chain[:min(len(chain), len(code)-i)]); i == len(code) {
				break
			}
		}
		code[i].run(w, mask)
	}
	w.pc += len(code)
	w.at = w.pc - 1
	w.tick += uint64(len(code))
}

// pop continues with the next path that has lanes left. Lanes that are parked at a
// barrier keep their places on the stack, and the others go on without them. If all
// are parked, the warp has arrived.
func (w *warp) pop() {
	w.active = 0
	for i := len(w.stack) - 1; i >= 0 && w.active == 0; i-- {
		p := &w.stack[i]
		p.mask &^= w.exited
		if free := p.mask &^ w.parked; free != 0 {
			w.pc, w.reconverge, w.active = p.pc, p.reconverge, free
			w.calling = w.calling[:p.depth]
			p.mask &= w.parked
		}
		if p.mask == 0 {
			w.stack = slices.Delete(w.stack, i, i+1)
		}
	}
	switch {
	case w.active != 0:
	case w.parked&^w.exited != 0:
		w.parked = 0
		w.pop()
		w.arrived()
	default:
		w.state = done
	}
}

// diverge splits the active lanes over paths that meet again at reconverge. The
// scheduler chooses which path goes first.
func (w *warp) diverge(paths []path, reconverge int) {
	w.block.stats.events.Divergent++
	if reconverge != w.reconverge && reconverge != absent {
		w.stack = append(w.stack, path{reconverge, w.reconverge, w.active, len(w.calling), false})
	}
	first := w.block.choose(decidePath, len(paths))
	for i := range paths {
		p := paths[(first+i)%len(paths)]
		if p.pc != reconverge || reconverge == absent {
			w.stack = append(w.stack, path{p.pc, reconverge, p.mask, len(w.calling), false})
		}
	}
	w.pop()
}

// yieldTo lets another path with missing lanes go first, until it ends or waits where
// the paths meet. Then the current instruction is executed again. yieldTo returns
// false if there is no such path, or if it has done so itself.
func (w *warp) yieldTo(missing uint32) bool {
	for i := len(w.stack) - 1; i >= 0; i-- {
		p := w.stack[i]
		if p.mask&missing == 0 {
			continue
		}
		if p.mask&(w.active|w.parked) != 0 || p.yielded || p.depth != len(w.calling) {
			return false
		}
		w.stack = append(slices.Delete(w.stack, i, i+1), path{w.at, w.reconverge, w.active, p.depth, true}, p)
		w.pop()
		return true
	}
	return false
}

// A poll is what an instruction has read that may wait for another thread.
type poll struct {
	at    int
	value uint64
}

// poll notes what a strong read or an atomic operation has read. A warp that reads
// the same value in the same place again lets others have their turn.
func (w *warp) poll(value uint64) {
	p := poll{w.at, value}
	if p == w.polled && w.state == running {
		w.state = pausing
	}
	w.polled = p
}

// end ends the lanes of the mask.
func (w *warp) end(mask uint32) {
	w.exited |= mask
	w.active &^= mask
	if w.active == 0 {
		w.pop()
	}
}
