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

// number returns the emulator's number of a handle.
func number[H handle](h H) uintptr { return *(*uintptr)(unsafe.Pointer(&h)) }

// store is the inverse of number.
func store[H handle, N ~uintptr](out *H, n N) { *(*N)(unsafe.Pointer(out)) = n }

func stream(s C.CUstream) cuda.Stream { return cuda.Stream(number(s)) }
func event(e C.CUevent) cuda.Event    { return cuda.Event(number(e)) }
