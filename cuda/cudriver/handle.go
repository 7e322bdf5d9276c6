//go:build cuda

package cudriver

// #include <cuda.h>
import "C"

import (
	"unsafe"

	"gorgonia.org/cu"
)

// handle is a handle of the driver: as a C pointer, or as one of cu's structs,
// which hold nothing but such a pointer and do not let it out.
type handle interface {
	C.CUstream | C.CUmodule | C.CUfunction | C.CUgraph | C.CUgraphExec |
		cu.Stream | cu.Event | cu.Module | cu.Function | cu.Graph | cu.ExecGraph
}

// number returns a handle as package cuda passes it around.
func number[H handle](h H) uintptr { return *(*uintptr)(unsafe.Pointer(&h)) }

// hold is the inverse of number.
func hold[H handle, N ~uintptr](n N) H { return *(*H)(unsafe.Pointer(&n)) }
