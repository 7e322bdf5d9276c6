//go:build cuda

package abi

// #cgo CFLAGS: -I${SRCDIR}/include
// #cgo LDFLAGS: -L${SRCDIR}/lib -ldl -lpthread
// #include "driver.h"
import "C"
import "errors"

// Load loads and initializes the driver unless that has been done, and says in
// one line why there is none to use.
func Load() error {
	if reason := C.driver_failure(); reason != nil {
		return errors.New(C.GoString(reason))
	}
	return nil
}
