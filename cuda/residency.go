package cuda

import "fmt"

// Residency is how many blocks of a kernel a device holds at once, and why not more.
type Residency struct {
	Blocks int    // on all multiprocessors together
	Limit  string // what a multiprocessor runs out of: threads, blocks, registers or shared memory

	// What a block takes.
	Threads   int
	Registers int // per thread; 0 if unknown
	Shared    int // bytes, static and dynamic
}

// GridTooLarge is the error of a cooperative launch of more blocks than the device
// holds at once.
type GridTooLarge struct {
	Grid Dim3
	Residency
}

func (e *GridTooLarge) Error() string {
	registers := ""
	if e.Registers > 0 {
		registers = fmt.Sprintf(" with %d registers each", e.Registers)
	}
	return fmt.Sprintf("a cooperative grid of %d blocks, but the device holds %d of them at once: its multiprocessors run out of %s (a block takes %d threads%s, and %d bytes of shared memory)",
		e.Grid.X*e.Grid.Y*e.Grid.Z, e.Blocks, e.Limit, e.Threads, registers, e.Shared)
}
