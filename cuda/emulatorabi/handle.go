//go:build cuda && emulatorabi

package emulatorabi

// #include <cuda.h>
import "C"

import (
	"unsafe"

	"gputrain/cuda"
)

// handle is a handle of the driver: a pointer in C, a number to the emulator.
type handle interface {
	C.CUmodule | C.CUfunction | C.CUstream | C.CUevent | C.CUgraph | C.CUgraphExec
}

// Handles are spread out, because 1 and 2 are names of the default stream:
// CU_STREAM_LEGACY and CU_STREAM_PER_THREAD.
const spread = 4

// number returns the emulator's number of a handle.
func number[H handle](h H) uintptr { return *(*uintptr)(unsafe.Pointer(&h)) / spread }

// store is the inverse of number.
func store[H handle, N ~uintptr](out *H, n N) { *(*N)(unsafe.Pointer(out)) = spread * n }

func stream(s C.CUstream) cuda.Stream { return cuda.Stream(number(s)) }
func event(e C.CUevent) cuda.Event    { return cuda.Event(number(e)) }
