package emulator

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"gputrain/cuda"
)

// sideBySide is the number of blocks that run side by side at first, if they talk to
// each other. When they wait for more, more join them, up to what the GPU holds.
const sideBySide = 32

// A launch is a kernel that is running.
type launch struct {
	program       *program
	memory        *deviceMemory
	grid, block   cuda.Dim3
	dynamicShared int
	params        memory
	workspace     uint64 // of a cooperative launch, or 0
	number        int    // number of the launch on the device, from 1
	firstID       uint32 // id of the first block
	seed          uint64
	workers       int
	budget        int64 // Options.Budget
	off           map[Check]bool

	watchGlobal, watchShared bool
	multiprocessors          int
	resident                 int    // blocks that the GPU holds at once
	visit                    *visit // of a node of a graph that others run beside, or nil

	schedule  *schedule // nil if the seed decides and nobody asks what
	decisions int       // made by the launch itself
	random    *rand.Rand

	ended      *sync.Pool // of blocks whose memory serves the next ones
	blocks     int
	stride     int   // step from one block to the next in the order of blocks
	flags      flags // in global memory
	sequential bool  // one goroutine runs all blocks
	spent      atomic.Int64
	next       atomic.Int64

	mu         sync.Mutex
	faultOrder atomic.Int64
	fault      *Report
	raced      *raceReport    // what the fault lacks
	printed    map[int][]byte // by block

	printedBytes int
}

// run executes the launch and returns what it measured, and its fault.
func (l *launch) run() (*stats, *Report) {
	l.blocks = l.grid.X * l.grid.Y * l.grid.Z
	l.random = rand.New(rand.NewPCG(l.seed^uint64(l.number)<<32, math.MaxUint64))
	l.stride = coprime(l.decide(decideOrder, l.random.IntN(l.blocks)), l.blocks)
	l.faultOrder.Store(math.MaxInt64)
	l.watchShared = !l.off[SharedRace]
	l.watchGlobal = !l.off[GlobalRace]
	workers := min(l.workers, l.blocks)
	side := 1
	if l.program.communicates {
		// The outcome may depend on the order of the blocks. With one worker, the seed
		// decides it.
		side = max(l.resident, 1)
	}
	// Whether writes are equal can only be seen while no other goroutine writes.
	l.sequential = workers == 1 || l.program.communicates || l.schedule != nil || l.off[EqualWrites] || l.visit != nil
	if l.sequential {
		workers = 1
	}
	results := make([]*stats, workers)
	var group sync.WaitGroup
	for i := range results {
		results[i] = newStats(l.program)
		if i == workers-1 {
			l.work(results[i], side)
			break
		}
		group.Add(1)
		go func() {
			defer group.Done()
			l.work(results[i], side)
		}()
	}
	group.Wait()
	for _, s := range results[1:] {
		results[0].add(s)
	}
	if l.raced != nil {
		l.raced.complete(l, l.fault)
	}
	return results[0], l.fault
}

// work runs blocks, up to side at a time, until none is left.
func (l *launch) work(s *stats, side int) {
	var running []*block
	at, limit := 0, min(side, sideBySide)
	still := standstill{due: firstWatch}
	exhausted := false
	clocks := endedClocks.Get().(*clocks)
	defer clocks.end()
	for {
		for len(running) < limit && !exhausted {
			order := int(l.next.Add(1) - 1)
			if exhausted = order >= l.blocks || int64(order) > l.faultOrder.Load(); exhausted {
				break
			}
			b := l.ended.Get().(*block)
			b.start(l, order, s, clocks)
			running = append(running, b)
		}
		if len(running) == 0 {
			return
		}
		if len(running) > 1 {
			at += l.decide(decideBlock, l.random.IntN(len(running)))
		}
		at %= len(running)
		b := running[at]
		waits := b.step()
		if len(clocks.used) >= clocks.due {
			clocks.collect(l, running)
		}
		if waits && l.program.communicates && (exhausted || len(running) == side) {
			still.waited(b, running, s)
		}
		switch {
		case b.fault != nil:
			l.failed(b)
			if l.program.communicates {
				for _, b := range running {
					l.ended.Put(b)
				}
				return // the others may wait for this one
			}
		case b.left > 0 && int64(b.order) < l.faultOrder.Load():
			if waits {
				at++
				limit = min(limit+1, side)
			}
			continue
		}
		running = slices.Delete(running, at, at+1)
		l.ended.Put(b)
	}
}

// failed records the fault of a block. If several blocks have faults, the one that
// started first counts. The blocks before it still run, so that the report does not
// depend on the goroutines. A spent budget counts only if nothing else is wrong.
func (l *launch) failed(b *block) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := int64(b.order) < l.faultOrder.Load()
	if l.fault != nil && (l.fault.Check == Endless) != (b.fault.Check == Endless) {
		first = l.fault.Check == Endless
	}
	if first {
		l.faultOrder.Store(int64(b.order))
		l.fault, l.raced = b.fault, b.raced
	}
}

// spend counts instructions against the budget.
func (l *launch) spend(b *block, n int) {
	if l.spent.Add(int64(n)) <= l.budget || b.fault != nil {
		return
	}
	if b.settle(); b.fault == nil {
		b.fault = b.report(Endless, fmt.Sprintf("the launch has executed %d warp instructions and has not ended; if it is not endless, raise Options.Budget", l.budget))
	}
}

// effort returns what the launch took, in warp instructions. A warp that starts counts as
// one for each of its registers, which it fills.
func (l *launch) effort() int64 {
	started := min(l.next.Load(), int64(l.blocks))
	warps := int64(l.block.X*l.block.Y*l.block.Z+31) / 32
	return l.spent.Load() + started*warps*int64(l.program.registers)
}

// permuted returns the number of the block that starts at position order.
func (l *launch) permuted(order int) int {
	hi, lo := bits.Mul64(uint64(order), uint64(l.stride))
	_, rest := bits.Div64(hi, lo, uint64(l.blocks))
	return int((rest + uint64(l.stride) - 1) % uint64(l.blocks))
}

// coprime returns the first number from v on that shares no factor with n.
func coprime(v, n int) int {
	for v = max(v, 1); ; v++ {
		a, b := v, n
		for b != 0 {
			a, b = b, a%b
		}
		if a == 1 {
			return v
		}
	}
}

func (l *launch) blockIndex(n int) cuda.Dim3 {
	return cuda.Dim3{X: n % l.grid.X, Y: n / l.grid.X % l.grid.Y, Z: n / (l.grid.X * l.grid.Y)}
}

func count32(v uint32) int { return bits.OnesCount32(v) }
