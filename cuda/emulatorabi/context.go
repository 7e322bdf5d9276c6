//go:build cuda && emulatorabi

package emulatorabi

// #include <cuda.h>
import "C"

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/ianlancetaylor/demangle"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// These may be set until the first use of the emulated machine.
var (
	Options           = emulator.Options{Devices: 2}
	Reports io.Writer = io.Discard // is told what the codes of the driver cannot say: the errors of the emulator
	Profile io.Writer = io.Discard // is told what kernels did, when their device is closed
)

// library is the state of the C library. A process has only one.
var library = struct {
	sync.Mutex
	contexts  map[C.CUcontext]*context
	primary   map[C.CUdevice]C.CUcontext
	stacks    map[int][]C.CUcontext // by thread; the last context is the current one
	texts     map[C.CUresult]string
	constants map[string]*C.char
}{
	contexts:  map[C.CUcontext]*context{},
	primary:   map[C.CUdevice]C.CUcontext{},
	stacks:    map[int][]C.CUcontext{},
	texts:     map[C.CUresult]string{},
	constants: map[string]*C.char{},
}

// A context is an open device. One call at a time uses it.
type context struct {
	sync.Mutex
	*emulator.Device // nil while nobody retains a primary context
	ordinal          C.CUdevice
	retained         int
	hosted           map[uintptr]hosted // by address
	idle             *time.Timer
}

// patience is how long the host may be silent before the work that is queued goes on
// without it. A program may wait for a function of its own that a stream is to call.
const patience = 100 * time.Millisecond

// current returns the context of this thread, or NULL.
func current() C.CUcontext {
	library.Lock()
	defer library.Unlock()
	stack := library.stacks[syscall.Gettid()]
	if len(stack) == 0 {
		return nil
	}
	return stack[len(stack)-1]
}

// with calls f with the current context of this thread.
func with(f func(*context) error) C.CUresult {
	c := find(current())
	if c == nil {
		return C.CUDA_ERROR_INVALID_CONTEXT
	}
	c.Lock()
	defer c.Unlock()
	if c.Device == nil {
		return C.CUDA_ERROR_CONTEXT_IS_DESTROYED
	}
	c.idle.Reset(patience)
	return result(f(c))
}

// goOn does the work that is queued.
func (c *context) goOn() {
	c.Lock()
	defer c.Unlock()
	if c.Device == nil {
		return
	}
	c.Finish()
}

func find(handle C.CUcontext) *context {
	library.Lock()
	defer library.Unlock()
	return library.contexts[handle]
}

// add gives a context its handle.
func add(c *context) C.CUcontext {
	handle := C.CUcontext(C.malloc(1)) // an address that nothing else has
	library.Lock()
	defer library.Unlock()
	library.contexts[handle] = c
	return handle
}

// open opens the device of a context.
func (c *context) open() error {
	d, err := driver()
	if err != nil {
		return err
	}
	device, err := d.Open(int(c.ordinal))
	if err != nil {
		return err
	}
	c.Device, c.hosted = device.(*emulator.Device), map[uintptr]hosted{}
	c.idle = time.AfterFunc(patience, c.goOn)
	return nil
}

// close closes the device and frees the memory of the host that belongs to it.
func (c *context) close() error {
	c.idle.Stop()
	c.account()
	err := c.Close()
	c.Device = nil
	for _, h := range c.hosted {
		h.free()
	}
	return err
}

//export emulateCtxCreate
func emulateCtxCreate(out *C.CUcontext, flags C.uint, ordinal C.CUdevice) C.CUresult {
	c := &context{ordinal: ordinal}
	if err := c.open(); err != nil {
		return result(err)
	}
	*out = add(c)
	return emulateCtxPushCurrent(*out)
}

//export emulateCtxDestroy
func emulateCtxDestroy(handle C.CUcontext) C.CUresult {
	library.Lock()
	c := library.contexts[handle]
	delete(library.contexts, handle)
	thread := syscall.Gettid()
	if stack := library.stacks[thread]; len(stack) > 0 && stack[len(stack)-1] == handle {
		library.stacks[thread] = stack[:len(stack)-1]
	}
	library.Unlock()
	if c == nil {
		return C.CUDA_ERROR_INVALID_CONTEXT
	}
	C.free(unsafe.Pointer(handle))
	c.Lock()
	defer c.Unlock()
	return result(c.close())
}

//export emulateCtxPushCurrent
func emulateCtxPushCurrent(handle C.CUcontext) C.CUresult {
	library.Lock()
	defer library.Unlock()
	if library.contexts[handle] == nil {
		return C.CUDA_ERROR_INVALID_CONTEXT
	}
	thread := syscall.Gettid()
	library.stacks[thread] = append(library.stacks[thread], handle)
	return C.CUDA_SUCCESS
}

//export emulateCtxPopCurrent
func emulateCtxPopCurrent(out *C.CUcontext) C.CUresult {
	library.Lock()
	defer library.Unlock()
	thread := syscall.Gettid()
	stack := library.stacks[thread]
	if len(stack) == 0 {
		return C.CUDA_ERROR_INVALID_CONTEXT
	}
	if out != nil {
		*out = stack[len(stack)-1]
	}
	library.stacks[thread] = stack[:len(stack)-1]
	return C.CUDA_SUCCESS
}

// emulateCtxSetCurrent replaces the context on top of the stack. NULL only removes it.
//
//export emulateCtxSetCurrent
func emulateCtxSetCurrent(handle C.CUcontext) C.CUresult {
	if handle != nil && find(handle) == nil {
		return C.CUDA_ERROR_INVALID_CONTEXT
	}
	emulateCtxPopCurrent(nil)
	if handle == nil {
		return C.CUDA_SUCCESS
	}
	return emulateCtxPushCurrent(handle)
}

//export emulateCtxGetCurrent
func emulateCtxGetCurrent(out *C.CUcontext) C.CUresult {
	*out = current()
	return C.CUDA_SUCCESS
}

//export emulateCtxGetDevice
func emulateCtxGetDevice(out *C.CUdevice) C.CUresult {
	return with(func(c *context) error {
		*out = c.ordinal
		return nil
	})
}

//export emulateCtxSynchronize
func emulateCtxSynchronize() C.CUresult {
	return with(func(c *context) error { return c.SyncStream(0) })
}

// The primary context of a device keeps its handle. Its device is open while somebody
// retains it.
//
//export emulateDevicePrimaryCtxRetain
func emulateDevicePrimaryCtxRetain(out *C.CUcontext, ordinal C.CUdevice) C.CUresult {
	if _, err := info(ordinal); err != nil {
		return C.CUDA_ERROR_INVALID_DEVICE
	}
	handle, ok := primary(ordinal)
	if !ok {
		handle = add(&context{ordinal: ordinal})
		library.Lock()
		library.primary[ordinal] = handle
		library.Unlock()
	}
	c := find(handle)
	c.Lock()
	defer c.Unlock()
	if c.Device == nil {
		if err := c.open(); err != nil {
			return result(err)
		}
	}
	c.retained++
	*out = handle
	return C.CUDA_SUCCESS
}

func primary(ordinal C.CUdevice) (C.CUcontext, bool) {
	library.Lock()
	defer library.Unlock()
	handle, ok := library.primary[ordinal]
	return handle, ok
}

//export emulateDevicePrimaryCtxRelease
func emulateDevicePrimaryCtxRelease(ordinal C.CUdevice) C.CUresult {
	return leavePrimary(ordinal, 1)
}

//export emulateDevicePrimaryCtxReset
func emulateDevicePrimaryCtxReset(ordinal C.CUdevice) C.CUresult {
	return leavePrimary(ordinal, 1<<30)
}

// leavePrimary takes away so many who retain the primary context, if there are as many.
func leavePrimary(ordinal C.CUdevice, n int) C.CUresult {
	handle, ok := primary(ordinal)
	if !ok {
		return C.CUDA_SUCCESS
	}
	c := find(handle)
	c.Lock()
	defer c.Unlock()
	c.retained = max(0, c.retained-n)
	if c.retained > 0 || c.Device == nil {
		return C.CUDA_SUCCESS
	}
	return result(c.close())
}

//export emulateDevicePrimaryCtxGetState
func emulateDevicePrimaryCtxGetState(ordinal C.CUdevice, flags *C.uint, active *C.int) C.CUresult {
	*flags, *active = 0, 0
	handle, ok := primary(ordinal)
	if !ok {
		return C.CUDA_SUCCESS
	}
	c := find(handle)
	c.Lock()
	defer c.Unlock()
	if c.Device != nil {
		*active = 1
	}
	return C.CUDA_SUCCESS
}

// account writes what the kernels of a device did.
func (c *context) account() {
	for _, s := range emulator.Aggregate(c.Profile()) {
		fmt.Fprintf(Profile, "%s: %d launches, %d instructions of threads\n", demangle.Filter(s.Kernel), s.Launches, s.Total().Threads)
	}
}

// Finish does what is left to do when the process ends: it waits for all work, and writes
// the faults that nobody has asked for.
func Finish() {
	library.Lock()
	contexts := slices.Collect(maps.Values(library.contexts))
	library.Unlock()
	for _, c := range contexts {
		if !c.TryLock() {
			continue // another thread is in a call, which ends with the process
		}
		if c.Device != nil {
			c.Finish() // also during a capture
			if report, ok := c.SyncStream(0).(*emulator.Report); ok {
				say(report)
			}
			c.account()
		}
		c.Unlock()
	}
}

var driver = sync.OnceValues(func() (cuda.Driver, error) { return emulator.New(Options) })

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
