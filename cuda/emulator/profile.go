package emulator

import (
	"iter"

	"gputrain/cuda"
)

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

	FlopFloat32 uint64          // an fma counts as two
	FlopMatrix  [tensors]uint64 // of tensor cores, by Tensor

	// GlobalFootprint is how many different sectors of global memory a launch touched; of
	// several launches, the sum.
	GlobalFootprint uint64
}

// A Tensor is a type of numbers that tensor cores multiply.
type Tensor uint8

// The types that GPUs have different rates for.
const (
	TensorFP16 Tensor = iota
	TensorBF16
	TensorTF32
	TensorFP64
	TensorInt8
	tensors
)

// String returns the name that datasheets use.
func (t Tensor) String() string { return [tensors]string{"FP16", "BF16", "TF32", "FP64", "INT8"}[t] }

// tensorOf returns the type of the factors of a matrix product.
func tensorOf(k kind) Tensor {
	switch k {
	case bf16:
		return TensorBF16
	case tf32:
		return TensorTF32
	case f64:
		return TensorFP64
	case s8, u8:
		return TensorInt8
	}
	return TensorFP16
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

// Flop returns the floating-point operations, and those on bytes of tensor cores.
func (s *LaunchStats) Flop() uint64 {
	sum := s.FlopFloat32
	for _, flop := range s.FlopMatrix {
		sum += flop
	}
	return sum
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
	for i := range s.FlopMatrix {
		s.FlopMatrix[i] += t.FlopMatrix[i]
	}
	s.GlobalFootprint += t.GlobalFootprint
}

// stats holds what one worker measures in a launch.
type stats struct {
	counts    []executions // by instruction, of those executed one by one
	runs      []executions // of those in a row: counted at the first, taken back behind the last
	changed   uint64       // by atomic operations: values in memory
	events    Events
	footprint footprint
}

type executions struct{ warps, lanes uint64 }

func newStats(p *program) *stats {
	return &stats{counts: make([]executions, len(p.code)), runs: make([]executions, len(p.code)+1), footprint: footprint{touched: map[*region][]uint64{}}}
}

// ran counts n instructions in a row.
func (s *stats) ran(at, n int, lanes uint64) {
	first, behind := &s.runs[at], &s.runs[at+n]
	first.warps++
	first.lanes += lanes
	behind.warps--
	behind.lanes -= lanes
}

// all has the executions of each instruction.
func (s *stats) all() iter.Seq2[int, executions] {
	return func(yield func(int, executions) bool) {
		var run executions
		for i, c := range s.counts {
			run.warps += s.runs[i].warps
			run.lanes += s.runs[i].lanes
			if !yield(i, executions{c.warps + run.warps, c.lanes + run.lanes}) {
				return
			}
		}
	}
}

func (s *stats) add(t *stats) {
	for i, c := range t.all() {
		s.counts[i].warps += c.warps
		s.counts[i].lanes += c.lanes
	}
	s.events.add(t.events)
	s.footprint.add(t.footprint)
}

// summary turns the counts of a launch into its statistics.
func (s *stats) summary(l *launch) LaunchStats {
	r := LaunchStats{
		Kernel: l.program.name, Launches: 1, Grid: l.grid, Block: l.block, SharedBytes: l.program.sharedSize + l.dynamicShared,
		Events: s.events, GlobalFootprint: s.footprint.sectors(),
	}
	for i, c := range s.all() {
		in := &l.program.code[i]
		r.Instructions[in.class].Warps += c.warps
		r.Instructions[in.class].Threads += c.lanes
		switch in.class {
		case Float32:
			r.FlopFloat32 += c.lanes * uint64(in.flops)
		case Matrix:
			r.FlopMatrix[in.tensor] += c.warps * uint64(in.flops)
		}
	}
	return r
}
