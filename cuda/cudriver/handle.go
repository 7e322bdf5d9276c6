//go:build cuda

package cudriver

// #include <cuda.h>
import "C"

import (
	"unsafe"

	"gorgonia.org/cu"
)

// handle is a handle of the driver. It is a C pointer, or one of cu's structs, which
// hold only such a pointer and do not export it.
type handle interface {
	C.CUstream | C.CUmodule | C.CUfunction | C.CUgraph | C.CUgraphExec |
		cu.Stream | cu.Event | cu.Module | cu.Function | cu.Graph | cu.ExecGraph
}

// number returns a handle in the form that package cuda passes around.
func number[H handle](h H) uintptr { return *(*uintptr)(unsafe.Pointer(&h)) }

// hold is the inverse of number.
func hold[H handle, N ~uintptr](n N) H { return *(*H)(unsafe.Pointer(&n)) }
