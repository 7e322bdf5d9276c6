//go:build cuda && emulatorabi

package emulatorabi

// #include <cuda.h>
import "C"

import (
	"syscall"
	"unsafe"

	"gputrain/cuda"
)

// A hosted is memory of the host that kernels can reach, at its own address: page-locked
// or managed, or registered by its owner.
type hosted struct {
	bytes   []byte
	mapped  bool // by us, so that it must be unmapped
	managed bool
}

func (h hosted) free() {
	if h.mapped {
		syscall.Munmap(h.bytes)
	}
}

// allocateHost maps memory far from the addresses of the device, where malloc of some
// programs would take it.
func (c *context) allocateHost(size C.size_t, managed bool) (unsafe.Pointer, error) {
	b, err := syscall.Mmap(-1, 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return nil, err
	}
	h := hosted{b, true, managed}
	p, err := c.ShareHost(b)
	if err != nil {
		h.free()
		return nil, err
	}
	c.hosted[uintptr(p)] = h
	return unsafe.Pointer(unsafe.SliceData(b)), nil
}

// freeHost ends what allocateHost or a registration began.
func (c *context) freeHost(address uintptr) error {
	h := c.hosted[address]
	if h.bytes == nil {
		h.bytes = slice(pointer(C.CUdeviceptr(address)), 1) // FreeHost reports it
	}
	if err := c.FreeHost(h.bytes); err != nil {
		return err
	}
	delete(c.hosted, address)
	h.free()
	return nil
}

//export emulateMemHostAlloc
func emulateMemHostAlloc(out *unsafe.Pointer, bytes C.size_t, flags C.uint) C.CUresult {
	return with(func(c *context) (err error) {
		*out, err = c.allocateHost(bytes, false)
		return err
	})
}

//export emulateMemAllocManaged
func emulateMemAllocManaged(out *C.CUdeviceptr, bytes C.size_t, flags C.uint) C.CUresult {
	return with(func(c *context) error {
		p, err := c.allocateHost(bytes, true)
		*out = C.CUdeviceptr(uintptr(p))
		return err
	})
}

//export emulateMemFreeHost
func emulateMemFreeHost(p unsafe.Pointer) C.CUresult {
	return with(func(c *context) error {
		if p == nil {
			return nil
		}
		return c.freeHost(uintptr(p))
	})
}

//export emulateMemHostRegister
func emulateMemHostRegister(p unsafe.Pointer, bytes C.size_t, flags C.uint) C.CUresult {
	return with(func(c *context) error {
		b := slice(p, bytes)
		_, err := c.ShareHost(b)
		if err == nil {
			c.hosted[uintptr(p)] = hosted{bytes: b}
		}
		return err
	})
}

// emulateMemHostGetDevicePointer returns the address itself.
//
//export emulateMemHostGetDevicePointer
func emulateMemHostGetDevicePointer(out *C.CUdeviceptr, p unsafe.Pointer, flags C.uint) C.CUresult {
	code := emulateMemGetAddressRange(nil, nil, C.CUdeviceptr(uintptr(p)))
	if code != C.CUDA_SUCCESS {
		return C.CUDA_ERROR_INVALID_VALUE
	}
	*out = C.CUdeviceptr(uintptr(p))
	return code
}

//export emulatePointerGetAttribute
func emulatePointerGetAttribute(out unsafe.Pointer, attribute C.CUpointer_attribute, p C.CUdeviceptr) C.CUresult {
	answer := C.CUresult(C.CUDA_ERROR_INVALID_VALUE)
	code := with(func(c *context) error {
		base, size := c.Range(cuda.Pointer(p))
		if size == 0 {
			return nil
		}
		answer = C.CUDA_SUCCESS
		h, host := c.hosted[uintptr(base)]
		switch attribute {
		case C.CU_POINTER_ATTRIBUTE_CONTEXT:
			*(*C.CUcontext)(out) = current()
		case C.CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
			*(*C.uint)(out) = C.CU_MEMORYTYPE_DEVICE
			if host && !h.managed {
				*(*C.uint)(out) = C.CU_MEMORYTYPE_HOST
			}
		case C.CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
			*(*C.CUdeviceptr)(out) = p
		case C.CU_POINTER_ATTRIBUTE_HOST_POINTER:
			if answer = C.CUDA_ERROR_INVALID_VALUE; host {
				answer, *(*C.CUdeviceptr)(out) = C.CUDA_SUCCESS, p
			}
		case C.CU_POINTER_ATTRIBUTE_IS_MANAGED:
			*(*C.char)(out) = 0
			if h.managed {
				*(*C.char)(out) = 1
			}
		case C.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
			*(*C.int)(out) = C.int(c.ordinal)
		case C.CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
			*(*C.CUdeviceptr)(out) = C.CUdeviceptr(base)
		case C.CU_POINTER_ATTRIBUTE_RANGE_SIZE:
			*(*C.size_t)(out) = C.size_t(size)
		default:
			answer = unsupported("cuPointerGetAttribute of this attribute")
		}
		return nil
	})
	return firstError(code, answer)
}
