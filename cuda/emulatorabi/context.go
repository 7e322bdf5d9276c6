//go:build cuda && emulatorabi

package emulatorabi

// #include <cuda.h>
import "C"

import (
	"fmt"
	"sync"
	"syscall"
	"unsafe"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// devices is the number of devices of the emulated machine.
const devices = 2

// library is the state of the C library. A process has only one.
var library = struct {
	sync.Mutex
	contexts  map[C.CUcontext]*context
	current   map[int]C.CUcontext // by thread
	texts     map[C.CUresult]string
	constants map[string]*C.char
}{
	contexts:  map[C.CUcontext]*context{},
	current:   map[int]C.CUcontext{},
	texts:     map[C.CUresult]string{},
	constants: map[string]*C.char{},
}

// A context is an open device.
type context struct{ *emulator.Device }

// with calls f with the current context of this thread.
func with(f func(*context) error) C.CUresult {
	library.Lock()
	c := library.contexts[library.current[syscall.Gettid()]]
	library.Unlock()
	if c == nil {
		return C.CUDA_ERROR_INVALID_CONTEXT
	}
	return result(f(c))
}

//export emulateCtxCreate
func emulateCtxCreate(out *C.CUcontext, flags C.uint, ordinal C.CUdevice) C.CUresult {
	d, err := driver()
	if err != nil {
		return result(err)
	}
	device, err := d.Open(int(ordinal))
	if err != nil {
		return result(err)
	}
	c := &context{device.(*emulator.Device)}
	handle := C.CUcontext(C.malloc(1)) // an address that nothing else has
	library.Lock()
	defer library.Unlock()
	library.contexts[handle] = c
	library.current[syscall.Gettid()] = handle
	*out = handle
	return C.CUDA_SUCCESS
}

//export emulateCtxDestroy
func emulateCtxDestroy(handle C.CUcontext) C.CUresult {
	library.Lock()
	c := library.contexts[handle]
	delete(library.contexts, handle)
	library.Unlock()
	if c == nil {
		return C.CUDA_ERROR_INVALID_CONTEXT
	}
	C.free(unsafe.Pointer(handle))
	return result(c.Close())
}

// emulateCtxPopCurrent pops from a stack of one: cudriver pushes no second context.
//
//export emulateCtxPopCurrent
func emulateCtxPopCurrent(out *C.CUcontext) C.CUresult {
	library.Lock()
	defer library.Unlock()
	thread := syscall.Gettid()
	*out = library.current[thread]
	delete(library.current, thread)
	return C.CUDA_SUCCESS
}

//export emulateCtxSetCurrent
func emulateCtxSetCurrent(handle C.CUcontext) C.CUresult {
	library.Lock()
	defer library.Unlock()
	if library.contexts[handle] == nil {
		return C.CUDA_ERROR_INVALID_CONTEXT
	}
	library.current[syscall.Gettid()] = handle
	return C.CUDA_SUCCESS
}

//export emulateCtxSynchronize
func emulateCtxSynchronize() C.CUresult {
	return with(func(c *context) error { return c.SyncStream(0) })
}

var driver = sync.OnceValues(func() (cuda.Driver, error) {
	return emulator.New(emulator.Options{Devices: devices})
})

func info(ordinal C.CUdevice) (cuda.DeviceInfo, error) {
	d, err := driver()
	if err != nil {
		return cuda.DeviceInfo{}, err
	}
	all, err := d.Devices()
	if err != nil {
		return cuda.DeviceInfo{}, err
	}
	if ordinal < 0 || int(ordinal) >= len(all) {
		return cuda.DeviceInfo{}, fmt.Errorf("no device %d", ordinal)
	}
	return all[ordinal], nil
}
