//go:build cuda && emulatorabi

package emulatorabi

// #include <cuda.h>
import "C"

import (
	"unsafe"

	"gputrain/cuda"
)

//export emulateMemAlloc
func emulateMemAlloc(out *C.CUdeviceptr, bytes C.size_t) C.CUresult {
	return with(func(c *context) error {
		p, err := c.Alloc(int64(bytes))
		*out = C.CUdeviceptr(p)
		return err
	})
}

//export emulateMemFree
func emulateMemFree(p C.CUdeviceptr) C.CUresult {
	return with(func(c *context) error { return c.Free(cuda.Pointer(p)) })
}

//export emulateMemGetInfo
func emulateMemGetInfo(free, total *C.size_t) C.CUresult {
	return with(func(c *context) error {
		f, t, err := c.MemInfo()
		*free, *total = C.size_t(f), C.size_t(t)
		return err
	})
}

// emulateMemHostAlloc returns memory that Go has allocated. The emulator keeps it alive
// until it is freed, because C does not.
//
//export emulateMemHostAlloc
func emulateMemHostAlloc(out *unsafe.Pointer, bytes C.size_t, flags C.uint) C.CUresult {
	return with(func(c *context) error {
		host, err := c.AllocHost(int(bytes))
		*out = unsafe.Pointer(unsafe.SliceData(host))
		return err
	})
}

//export emulateMemFreeHost
func emulateMemFreeHost(p unsafe.Pointer) C.CUresult {
	return with(func(c *context) error { return c.FreeHost(slice(p, 1)) })
}

//export emulateMemcpyHtoD
func emulateMemcpyHtoD(dst C.CUdeviceptr, src unsafe.Pointer, bytes C.size_t, s C.CUstream) C.CUresult {
	return with(func(c *context) error { return c.CopyToDevice(cuda.Pointer(dst), slice(src, bytes), stream(s)) })
}

//export emulateMemcpyDtoH
func emulateMemcpyDtoH(dst unsafe.Pointer, src C.CUdeviceptr, bytes C.size_t, s C.CUstream) C.CUresult {
	return with(func(c *context) error { return c.CopyToHost(slice(dst, bytes), cuda.Pointer(src), stream(s)) })
}

//export emulateMemcpyDtoD
func emulateMemcpyDtoD(dst, src C.CUdeviceptr, bytes C.size_t, s C.CUstream) C.CUresult {
	return with(func(c *context) error {
		return c.CopyOnDevice(cuda.Pointer(dst), cuda.Pointer(src), int64(bytes), stream(s))
	})
}

//export emulateMemsetD32
func emulateMemsetD32(dst C.CUdeviceptr, value C.uint, count C.size_t, s C.CUstream) C.CUresult {
	return with(func(c *context) error {
		return c.Fill32(cuda.Pointer(dst), uint32(value), int64(count), stream(s))
	})
}

func slice(p unsafe.Pointer, bytes C.size_t) []byte { return unsafe.Slice((*byte)(p), bytes) }
