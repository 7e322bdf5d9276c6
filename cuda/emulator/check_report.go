package emulator

import (
	"fmt"
	"strings"

	"github.com/ianlancetaylor/demangle"

	"gputrain/cuda"
)

// A Check is a rule that the emulator holds a program to.
type Check string

// The checks of kernels and of driver calls.
const (
	OutOfBounds       Check = "out of bounds"
	NullPointer       Check = "null pointer"
	Misaligned        Check = "misaligned"
	UseAfterFree      Check = "use after free"
	DoubleFree        Check = "double free"
	InvalidFree       Check = "invalid free"
	Leak              Check = "leak"
	Uninitialised     Check = "uninitialised read"
	UninitialisedCopy Check = "copy of uninitialised memory"
	ReadOnly          Check = "write to read-only memory"
	WrongSpace        Check = "wrong state space"
	SharedRace        Check = "race in shared memory"
	GlobalRace        Check = "race in global memory"
	EqualWrites       Check = "race of equal writes"
	DivergentBarrier  Check = "divergent barrier"
	InactiveLane      Check = "inactive lane"
	MisusedBarrier    Check = "misused mbarrier"
	Deadlock          Check = "deadlock"
	Endless           Check = "instruction budget spent"
	Trap              Check = "trap"
	StackOverflow     Check = "stack overflow"
	Assertion         Check = "assertion"
	BadBranch         Check = "branch index"
	PageableMemory    Check = "pageable host memory"
)

// Checks returns all checks.
func Checks() []Check {
	return []Check{
		OutOfBounds, NullPointer, Misaligned, UseAfterFree, DoubleFree, InvalidFree, Leak, Uninitialised, UninitialisedCopy, ReadOnly, WrongSpace,
		SharedRace, GlobalRace, EqualWrites, DivergentBarrier, InactiveLane, MisusedBarrier, Deadlock, Endless, Trap,
		StackOverflow, Assertion, BadBranch, PageableMemory,
	}
}

// A Report says what a check found. The device returns it as an error. As on a GPU, a
// fault in a kernel loses the context, so that all later calls return it too.
type Report struct {
	Check   Check
	Kernel  string // "" if a driver call is at fault
	Call    string // the driver call, such as CopyToHost; "" if a kernel is at fault
	Line    int    // in the PTX of the module, from 1; 0 if no single instruction is at fault
	Text    string // the instruction
	Source  string // file and line in the source, if the PTX tells; see nvcc -lineinfo
	Grid    cuda.Dim3
	Block   cuda.Dim3 // index of the block
	Thread  cuda.Dim3 // index of the thread in its block
	Address uint64    // 0 if no address is at fault
	Other   *Side     // the other side of a race
	Detail  string
	Launch  int    // number of the launch on the device, from 1
	Seed    uint64 // of the scheduler; the same seed repeats the run

	// Schedule has the few decisions that the fault needs, if Options.Shrink asks for
	// them. As Options.Schedule they replay it.
	Schedule string
}

// A Side is one of the two accesses of a race.
type Side struct {
	Node          string // kernel or driver call, if it is another node of a graph; then Block and Thread are not known
	Block, Thread cuda.Dim3
	Line          int // 0 if it is not known
	Text, Source  string
}

// Error returns a summary of one line, followed by lines that say where the fault is.
func (r *Report) Error() string {
	var b strings.Builder
	b.WriteString("cuda emulator: ")
	where := func(line int, text, source string) {
		if source != "" {
			fmt.Fprintf(&b, "\n  %s", source)
		}
		if line > 0 {
			fmt.Fprintf(&b, "\n  PTX line %d: %s", line, text)
		}
	}
	if r.Kernel == "" {
		fmt.Fprintf(&b, "%s: %s: %s", r.Call, r.Check, r.Detail)
	} else {
		fmt.Fprintf(&b, "kernel %s: %s: %s", demangle.Filter(r.Kernel), r.Check, r.Detail)
		fmt.Fprintf(&b, "\n  block %s of %s, thread %s", index(r.Block), index(r.Grid), index(r.Thread))
		where(r.Line, r.Text, r.Source)
	}
	switch o := r.Other; {
	case o == nil:
	case o.Node != "":
		fmt.Fprintf(&b, "\n  the other: %s", demangle.Filter(o.Node))
		where(o.Line, o.Text, o.Source)
	default:
		fmt.Fprintf(&b, "\n  the other: block %s, thread %s", index(o.Block), index(o.Thread))
		where(o.Line, o.Text, o.Source)
	}
	if r.Kernel == "" {
		return b.String()
	}
	fmt.Fprintf(&b, "\n  launch %d, seed %d", r.Launch, r.Seed)
	if r.Schedule != "" {
		fmt.Fprintf(&b, "\n  schedule %q, for Options.Schedule with this seed", r.Schedule)
	}
	return b.String()
}

func index(d cuda.Dim3) string { return fmt.Sprintf("(%d,%d,%d)", d.X, d.Y, d.Z) }

// fail reports a fault of the current instruction in a lane and stops the launch.
func (w *warp) fail(check Check, lane int, address uint64, format string, args ...any) {
	if w.block.fault != nil || w.block.launch.off[check] {
		return
	}
	if check != SharedRace && check != EqualWrites && w.block.pending != nil {
		w.block.settle() // this fault only follows from the missing value
		return
	}
	line := int(w.program.code[w.at].line)
	r := w.block.report(check, fmt.Sprintf(format, args...))
	r.Line, r.Text, r.Source = line, w.program.module.line(line), w.program.module.source(line)
	r.Thread = w.block.launch.threadIndex(w.first + lane)
	r.Address = address
	w.block.fault = r
}
