package emulator

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"

	"gputrain/cuda"
)

// A block is a thread block while it runs. When it has ended, its memory serves
// another block, of the same launch or a later one.
type block struct {
	launch *launch
	order  int // position in the order in which blocks start
	number int // in the grid, x fastest
	index  cuda.Dim3
	warps  []*warp
	left   int    // warps that have not ended
	ready  uint32 // those that run, a bit for each

	shared   memory
	cells    []cell
	barriers [barriers]barrierState

	id           uint32    // of all blocks on the device
	began, since uint32    // the time when the block began, and after its last barrier
	time         uint32    // see check_order.go; it goes on where a block before it has left off
	common       knowledge // what all threads have learned
	clocks       *clocks
	flags        flags // in shared memory
	raced        *raceReport

	random    *rand.Rand
	decisions int // made so far
	current   int // the warp that ran last
	fault     *Report
	pending   *Report // a fault that may still turn out to be a race
	stats     *stats
}

// maxTime is the time after which a block forgets what shared memory has noted.
const maxTime = 1 << 31

// A barrierState is a barrier at which some warps have arrived.
type barrierState struct {
	arrived uint32    // warps that have arrived, a bit for each
	threads int       // threads that have arrived
	need    int       // threads to wait for; 0 for all that have not ended
	used    bool      // some warp waits or has arrived
	brought knowledge // what those have let known that have arrived and do not wait
}

// start prepares the block at this position in the launch's order.
func (b *block) start(l *launch, order int, s *stats, k *clocks) {
	p := l.program
	b.launch, b.order, b.stats, b.clocks = l, order, s, k
	b.number = l.permuted(order)
	b.index = l.blockIndex(b.number)
	b.random = rand.New(rand.NewPCG(l.seed^uint64(l.number)<<32, uint64(b.number)))
	b.fault, b.pending, b.raced = nil, nil, nil
	b.decisions, b.current = 0, 0
	b.barriers = [barriers]barrierState{}
	if b.time++; b.time > maxTime {
		b.cells, b.time = nil, 1
	}
	b.id, b.began, b.since = l.firstID+uint32(b.number), b.time, b.time
	b.common = knowledge{}
	clear(b.flags.at)

	size := p.sharedSize + l.dynamicShared
	b.shared.data, b.shared.written = resized(b.shared.data, size), resized(b.shared.written, size)
	clear(b.shared.data)
	clear(b.shared.written)
	if need := size/p.sharedGranule + 1; len(b.cells) < need && l.watchShared {
		b.cells = make([]cell, need)
	}

	threads := l.block.X * l.block.Y * l.block.Z
	count := (threads + 31) / 32
	for len(b.warps) < count {
		b.warps = append(b.warps, &warp{})
	}
	b.warps = b.warps[:count]
	b.left, b.ready = count, 1<<count-1
	for i, w := range b.warps {
		live := uint32(allLanes)
		if rest := threads - 32*i; rest < 32 {
			live = 1<<rest - 1
		}
		w.start(b, i, live)
	}
}

func (l *launch) threadIndex(thread int) cuda.Dim3 {
	d := l.block
	return cuda.Dim3{X: thread % d.X, Y: thread / d.X % d.Y, Z: thread / (d.X * d.Y)}
}

func (b *block) report(check Check, detail string) *Report {
	l := b.launch
	return &Report{
		Check: check, Kernel: l.program.name, Grid: l.grid, Block: b.index, Detail: detail, Launch: l.number, Seed: l.seed,
	}
}

// maxSlice is the number of instructions after which another warp has its turn.
const maxSlice = 1 << 12

// step lets one warp run for a while. The warp and the time are decided: mostly up to
// the next barrier, often only a few instructions. It returns whether the warp seems
// to wait for something.
func (b *block) step() (waits bool) {
	if b.ready == 0 {
		b.deadlock()
		return false
	}
	at := b.current
	for skip := b.choose(decideWarp, bits.OnesCount32(b.ready)); ; at++ {
		if at >= len(b.warps) {
			at = 0
		}
		if b.ready>>at&1 != 0 {
			if skip == 0 {
				break
			}
			skip--
		}
	}
	w := b.warps[at]
	n := b.decide(decideStop, drawStop(b.random))
	if n == 0 {
		n = maxSlice
	}
	ran := w.run(n)
	switch w.state {
	case pausing:
		w.state = running
		waits = true
	case running:
		waits = ran == maxSlice
	case waiting:
		b.ready &^= 1 << at
	case done:
		b.ready &^= 1 << at
		b.left--
		for n := range b.barriers {
			if b.barriers[n].used {
				b.release(n)
			}
		}
		if b.left == 0 {
			b.settle()
		}
	}
	if b.current = at; waits {
		b.current++
	}
	b.launch.spend(b, ran)
	return waits
}

// suspect puts off the fault, which is a read of shared memory without a value. If
// another thread writes there before the next barrier, the fault is a race.
func (b *block) suspect() {
	if b.launch.watchShared {
		b.pending, b.fault = b.fault, nil
	}
}

// settle makes the pending fault the fault of the block.
func (b *block) settle() {
	if b.pending != nil {
		b.fault, b.pending = b.pending, nil
	}
}

// arrive brings a warp to barrier n for the given number of threads, 0 for all.
func (b *block) arrive(w *warp, n, threads int) {
	s := &b.barriers[n]
	if s.used && s.need != threads {
		w.fail(DivergentBarrier, 0, 0, "barrier %d is for %s here, but for %s where other warps wait", n, describeThreads(threads), describeThreads(s.need))
		return
	}
	s.used, s.need = true, threads
	s.threads += 32
	s.arrived |= 1 << w.number
	if w.state != waiting {
		s.brought = b.clocks.together(s.brought, w.depart())
		b.time++
	}
	b.release(n)
}

// describeThreads says how many threads a barrier is for.
func describeThreads(threads int) string {
	if threads == 0 {
		return "all threads"
	}
	return fmt.Sprintf("%d threads", threads)
}

// release lets the warps at barrier n go on if all have arrived. As on GPUs since
// sm_70, nobody waits for a warp that has ended.
func (b *block) release(n int) {
	s := &b.barriers[n]
	if s.need > 0 && s.threads < s.need {
		return
	}
	if s.need == 0 {
		for _, w := range b.warps {
			if w.state != done && s.arrived>>w.number&1 == 0 {
				return
			}
		}
	}
	b.settle()
	votes, lanes, whole := 0, 0, true
	for _, w := range b.warps {
		if w.state == waiting && w.arrival.barrier == n {
			votes += count32(w.vote)
			lanes += count32(^w.exited)
		} else if w.state != done {
			whole = false
		}
	}
	if whole {
		b.syncBlock()
	} else {
		b.syncSome(n)
	}
	for _, w := range b.warps {
		if w.state == waiting && w.arrival.barrier == n {
			w.state = running
			b.ready |= 1 << w.number
			for _, d := range w.deliveries {
				d.deliver(w, d.mask, votes, lanes)
			}
			w.deliveries, w.vote = w.deliveries[:0], 0
		}
	}
	*s = barrierState{}
	b.stats.events.Barriers++
}

// deadlock reports that all remaining warps wait at barriers.
func (b *block) deadlock() {
	var where []string
	var first *warp
	for _, w := range b.warps {
		if w.state != waiting {
			continue
		}
		if first == nil {
			first = w
		}
		if len(where) < 4 {
			where = append(where, fmt.Sprintf("warp %d at barrier %d (PTX line %d)", w.number, w.arrival.barrier, w.program.code[w.at].line))
		}
	}
	first.fail(Deadlock, 0, 0, "all %d remaining warps wait: %s", b.left, strings.Join(where, ", "))
	if b.fault == nil {
		// The launch cannot go on, even with the check switched off.
		b.fault = b.report(Deadlock, "all remaining warps wait at barriers")
	}
}
