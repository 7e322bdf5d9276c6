package emulator

import (
	"math/bits"
	"slices"

	"gputrain/cuda"
)

// A Class is what kind of work an instruction does.
type Class uint8

// The classes of instructions.
const (
	Integer Class = iota
	Float32
	Float64
	SpecialFunction
	Matrix
	Conversion
	Move
	LoadGlobal
	StoreGlobal
	LoadShared
	StoreShared
	LocalMemory
	Parameter
	Atomic
	Shuffle
	Barrier
	Control
	classes
)

func (c Class) String() string {
	return [classes]string{
		"integer", "float32", "float64", "special function", "matrix", "conversion", "move", "global load", "global store",
		"shared load", "shared store", "local memory", "parameter", "atomic", "shuffle", "barrier", "control",
	}[c]
}

func accessClass(a *access) Class {
	switch a.space {
	case local:
		return LocalMemory
	case parameter, constant:
		return Parameter
	case shared:
		if a.write {
			return StoreShared
		}
		return LoadShared
	}
	if a.write {
		return StoreGlobal
	}
	return LoadGlobal
}

// A Count counts instructions by warps and by threads.
type Count struct{ Warps, Threads uint64 }

// LaunchStats is what was measured in a launch, or in several of one kernel.
type LaunchStats struct {
	Kernel      string
	Launches    int
	Grid, Block cuda.Dim3 // of the last launch
	SharedBytes int       // per block, static and dynamic
	Registers   int       // per thread, from Options.Registers; 0 if unknown

	Instructions [classes]Count
	Events

	FlopFloat32 uint64 // an fma counts two
	FlopMatrix  uint64
}

// Events are what is counted beside instructions.
type Events struct {
	GlobalRequests uint64 // of warps
	GlobalBytes    uint64 // that their lanes asked for
	GlobalSectors  uint64 // of 32 bytes that they touched
	SharedRequests uint64
	BankConflicts  uint64 // wavefronts of shared memory beyond those without conflicts
	Barriers       uint64 // that a block passed
	Divergent      uint64 // branches that split a warp
}

func (e *Events) add(other Events) {
	e.GlobalRequests += other.GlobalRequests
	e.GlobalBytes += other.GlobalBytes
	e.GlobalSectors += other.GlobalSectors
	e.SharedRequests += other.SharedRequests
	e.BankConflicts += other.BankConflicts
	e.Barriers += other.Barriers
	e.Divergent += other.Divergent
}

// Total sums the instructions.
func (s *LaunchStats) Total() Count {
	var t Count
	for _, c := range s.Instructions {
		t.Warps += c.Warps
		t.Threads += c.Threads
	}
	return t
}

// Coalescing is the bytes asked for over the bytes of the sectors touched: 1 is
// perfect, 1/8 a stride, and more than 1 a broadcast. It is 0 without requests.
func (s *LaunchStats) Coalescing() float64 {
	if s.GlobalSectors == 0 {
		return 0
	}
	return float64(s.GlobalBytes) / float64(32*s.GlobalSectors)
}

// Aggregate joins the statistics of each kernel, in order of first appearance.
func Aggregate(launches []LaunchStats) []LaunchStats {
	var all []LaunchStats
	at := map[string]int{}
	for _, s := range launches {
		i, ok := at[s.Kernel]
		if !ok {
			at[s.Kernel] = len(all)
			all = append(all, s)
			continue
		}
		all[i].join(s)
	}
	return all
}

func (s *LaunchStats) join(t LaunchStats) {
	s.Launches += t.Launches
	s.Grid, s.Block, s.SharedBytes = t.Grid, t.Block, t.SharedBytes
	for i := range s.Instructions {
		s.Instructions[i].Warps += t.Instructions[i].Warps
		s.Instructions[i].Threads += t.Instructions[i].Threads
	}
	s.Events.add(t.Events)
	s.FlopFloat32 += t.FlopFloat32
	s.FlopMatrix += t.FlopMatrix
}

// stats is what one worker measures in a launch.
type stats struct {
	counts []executions // by instruction
	events Events
}

type executions struct{ warps, lanes uint64 }

func newStats(p *program) *stats { return &stats{counts: make([]executions, len(p.code))} }

func (s *stats) add(t *stats) {
	for i, c := range t.counts {
		s.counts[i].warps += c.warps
		s.counts[i].lanes += c.lanes
	}
	s.events.add(t.events)
}

// summary turns the counts of a launch into its statistics.
func (s *stats) summary(l *launch) LaunchStats {
	r := LaunchStats{
		Kernel: l.program.name, Launches: 1, Grid: l.grid, Block: l.block, SharedBytes: l.program.sharedSize + l.dynamicShared,
		Events: s.events,
	}
	for i, c := range s.counts {
		in := &l.program.code[i]
		r.Instructions[in.class].Warps += c.warps
		r.Instructions[in.class].Threads += c.lanes
		switch in.class {
		case Float32:
			r.FlopFloat32 += c.lanes * uint64(in.flops)
		case Matrix:
			r.FlopMatrix += c.warps * uint64(in.flops)
		}
	}
	return r
}

// measure counts what a request of a warp does to the memory system.
func (w *warp) measure(a *access, base *lanes, mask uint32, p pattern) {
	e := &w.block.stats.events
	at := a.space
	if at == generic {
		at, _ = spaceOf(base[lowest(mask)] + a.offset)
	}
	switch at {
	case global:
		e.GlobalRequests++
		e.GlobalBytes += uint64(bits.OnesCount32(mask) * a.bytes())
		if n := uint64(a.bytes()); p == pattern(n) {
			first := base[0] + a.offset
			e.GlobalSectors += (first+32*n-1)>>5 - first>>5 + 1
		} else {
			e.GlobalSectors += sectors(a, base, mask)
		}
	case shared:
		e.SharedRequests++
		if p != 0 && p != pattern(a.bytes()) {
			e.BankConflicts += bankConflicts(a, base, mask)
		}
	}
}

// sectors counts the distinct sectors of 32 bytes that the lanes touch.
func sectors(a *access, base *lanes, mask uint32) uint64 {
	var seen [64]uint64
	n := 0
	last := ^uint64(0)
	sorted := true
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m) & 31
		sector := (base[lane] + a.offset) >> 5
		if sector == last {
			continue
		}
		sorted = sorted && (n == 0 || sector > last)
		last = sector
		seen[n] = sector
		n++
	}
	if !sorted {
		slices.Sort(seen[:n])
		return uint64(len(slices.Compact(seen[:n])))
	}
	return uint64(n)
}

// bankConflicts counts the wavefronts of a shared-memory request beyond those
// that it would take without conflicts. Memory has 32 banks of 4 bytes. A
// request of 8 bytes a lane is served in two halves of the warp, one of 16 bytes
// in four quarters; lanes that want the same word share it.
func bankConflicts(a *access, base *lanes, mask uint32) uint64 {
	words := max(a.bytes()/4, 1)
	group := 32 / words
	extra := uint64(0)
	for first := 0; first < 32; first += group {
		part := mask >> first << first
		if first+group < 32 {
			part &= 1<<(first+group) - 1
		}
		if part != 0 {
			extra += uint64(wavefronts(a, base, part, words) - 1)
		}
	}
	return extra
}

// wavefronts is how often the busiest bank must be read.
func wavefronts(a *access, base *lanes, mask uint32, words int) int {
	var (
		first  [32]uint64 // the first word wanted from each bank, plus 1
		others [32]uint64 // further ones
		count  [32]int    // by bank
		n      int
		most   = 1
	)
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m) & 31
		start := (base[lane] + a.offset) >> 2
		for word := start; word < start+uint64(words); word++ {
			bank := word & 31
			switch {
			case first[bank] == word+1:
			case first[bank] == 0:
				first[bank] = word + 1
			case !slices.Contains(others[:n], word):
				others[n] = word
				n++
				count[bank]++
				most = max(most, count[bank]+1)
			}
		}
	}
	return most
}
