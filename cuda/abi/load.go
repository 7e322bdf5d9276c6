//go:build cuda

package abi

// #cgo CFLAGS: -I${SRCDIR}/include
// #cgo LDFLAGS: -L${SRCDIR}/lib -ldl -lpthread
// #include "driver.h"
import "C"
import "errors"

// Load loads and initializes the driver if that has not been done yet. The error says
// in one line why there is no usable driver.
func Load() error {
	if reason := C.driver_failure(); reason != nil {
		return errors.New(C.GoString(reason))
	}
	return nil
}
