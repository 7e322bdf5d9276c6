package emulator

import "gputrain/cuda"

// A Class is a kind of work that instructions do.
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

// String returns the name of the class.
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

// A Count counts executed instructions, once per warp and once per thread.
type Count struct{ Warps, Threads uint64 }

// LaunchStats holds the measurements of one launch, or of several launches of one
// kernel.
type LaunchStats struct {
	Kernel      string
	Launches    int
	Grid, Block cuda.Dim3 // of the last launch
	SharedBytes int       // per block, static and dynamic
	Registers   int       // per thread, from Options.Registers; 0 if unknown

	Instructions [classes]Count
	Events

	FlopFloat32 uint64 // an fma counts as two
	FlopMatrix  uint64
}

// Events counts everything other than instructions.
type Events struct {
	GlobalRequests uint64 // requests of warps to global memory
	GlobalBytes    uint64 // bytes that their lanes asked for
	GlobalSectors  uint64 // sectors of 32 bytes that they touched
	SharedRequests uint64
	BankConflicts  uint64 // extra wavefronts of shared memory, caused by conflicts
	Barriers       uint64 // barriers that a block passed
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

// Total sums the instructions of all classes.
func (s *LaunchStats) Total() Count {
	var t Count
	for _, c := range s.Instructions {
		t.Warps += c.Warps
		t.Threads += c.Threads
	}
	return t
}

// Coalescing returns the bytes asked for, divided by the bytes of the sectors
// touched. 1 is perfect, 1/8 is a stride, and more than 1 is a broadcast. Without
// requests it is 0.
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

// stats holds what one worker measures in a launch.
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
