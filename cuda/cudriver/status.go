//go:build cuda

package cudriver

// #cgo CFLAGS: -I${SRCDIR}/../abi/include
// #include <cuda.h>
import "C"

import (
	"fmt"
	"reflect"

	"gputrain/cuda"
)

// status is a result of the driver that is not success.
type status C.CUresult

func (s status) Error() string {
	var name, text *C.char
	if C.cuGetErrorName(C.CUresult(s), &name) != C.CUDA_SUCCESS || C.cuGetErrorString(C.CUresult(s), &text) != C.CUDA_SUCCESS {
		return fmt.Sprintf("CUDA error %d", int(s))
	}
	return fmt.Sprintf("%s (%s)", C.GoString(text), C.GoString(name))
}

// Is reports the driver's CUDA_ERROR_OUT_OF_MEMORY as an ErrOutOfMemory.
func (s status) Is(target error) bool {
	return s == C.CUDA_ERROR_OUT_OF_MEMORY && target == cuda.ErrOutOfMemory
}

// result returns the error of a driver function that this package calls itself.
func result(r C.CUresult) error {
	if r == C.CUDA_SUCCESS {
		return nil
	}
	return status(r)
}

// failed adds the name of the driver's function to err. It turns an error of cu into a
// status, because cu's own type is an integer that it does not export, and its texts
// stop at CUDA 11.0.
func failed(call string, err error) error {
	if code := reflect.ValueOf(err); code.CanInt() {
		err = status(code.Int())
	}
	return fmt.Errorf("%s: %w", call, err)
}
