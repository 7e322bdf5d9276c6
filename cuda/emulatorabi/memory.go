//go:build cuda && emulatorabi

package emulatorabi

// #include <cuda.h>
import "C"

import (
	"bytes"
	"errors"
	"fmt"
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

// emulateMemAllocPitch pads rows to the alignment of an allocation.
//
//export emulateMemAllocPitch
func emulateMemAllocPitch(out *C.CUdeviceptr, pitch *C.size_t, width, height C.size_t, element C.uint) C.CUresult {
	*pitch = (width + pitchAlignment - 1) / pitchAlignment * pitchAlignment
	return emulateMemAlloc(out, *pitch*height)
}

const pitchAlignment = 512

//export emulateMemFree
func emulateMemFree(p C.CUdeviceptr) C.CUresult {
	return with(func(c *context) error {
		if h, ok := c.hosted[uintptr(p)]; ok && h.managed {
			return c.freeHost(uintptr(p))
		}
		if p == 0 {
			return nil
		}
		return c.Free(cuda.Pointer(p))
	})
}

//export emulateMemGetInfo
func emulateMemGetInfo(free, total *C.size_t) C.CUresult {
	return with(func(c *context) error {
		f, t, err := c.MemInfo()
		*free, *total = C.size_t(f), C.size_t(t)
		return err
	})
}

//export emulateMemGetAddressRange
func emulateMemGetAddressRange(base *C.CUdeviceptr, size *C.size_t, p C.CUdeviceptr) C.CUresult {
	found := C.CUresult(C.CUDA_ERROR_NOT_FOUND)
	code := with(func(c *context) error {
		at, bytes := c.Range(cuda.Pointer(p))
		if bytes == 0 {
			return nil
		}
		found = C.CUDA_SUCCESS
		if base != nil {
			*base = C.CUdeviceptr(at)
		}
		if size != nil {
			*size = C.size_t(bytes)
		}
		return nil
	})
	return firstError(code, found)
}

//export emulateMemcpyHtoD
func emulateMemcpyHtoD(dst C.CUdeviceptr, src unsafe.Pointer, bytes C.size_t, s C.CUstream) C.CUresult {
	return with(func(c *context) error { return c.toDevice(dst, src, bytes, s) })
}

//export emulateMemcpyDtoH
func emulateMemcpyDtoH(dst unsafe.Pointer, src C.CUdeviceptr, bytes C.size_t, s C.CUstream) C.CUresult {
	return with(func(c *context) error { return c.toHost(dst, src, bytes, s) })
}

//export emulateMemcpyDtoD
func emulateMemcpyDtoD(dst, src C.CUdeviceptr, bytes C.size_t, s C.CUstream) C.CUresult {
	return with(func(c *context) error { return c.onDevice(dst, src, bytes, s) })
}

// emulateMemcpy copies between any two addresses: what the device does not know is memory
// of the host.
//
//export emulateMemcpy
func emulateMemcpy(dst, src C.CUdeviceptr, bytes C.size_t, s C.CUstream) C.CUresult {
	return with(func(c *context) error {
		_, to := c.Range(cuda.Pointer(dst))
		_, from := c.Range(cuda.Pointer(src))
		switch {
		case to > 0 && from > 0:
			return c.onDevice(dst, src, bytes, s)
		case to > 0:
			return c.toDevice(dst, pointer(src), bytes, s)
		case from > 0:
			return c.toHost(pointer(dst), src, bytes, s)
		}
		return c.onHost(pointer(dst), pointer(src), bytes, s)
	})
}

// The driver has read pageable memory when a copy from it returns, and has written it when
// a copy to it returns.

func (c *context) toDevice(dst C.CUdeviceptr, src unsafe.Pointer, size C.size_t, s C.CUstream) error {
	host, err := hostMemory(src, size)
	if err != nil {
		return err
	}
	if stream(s) != 0 && !c.PageLocked(host) {
		host = bytes.Clone(host)
	}
	return c.CopyToDevice(cuda.Pointer(dst), host, stream(s))
}

func (c *context) toHost(dst unsafe.Pointer, src C.CUdeviceptr, size C.size_t, s C.CUstream) error {
	host, err := hostMemory(dst, size)
	if err != nil {
		return err
	}
	err = c.CopyToHost(host, cuda.Pointer(src), stream(s))
	if err == nil && stream(s) != 0 && !c.PageLocked(host) {
		err = c.SyncStream(stream(s))
	}
	return err
}

func (c *context) onDevice(dst, src C.CUdeviceptr, size C.size_t, s C.CUstream) error {
	return c.CopyOnDevice(cuda.Pointer(dst), cuda.Pointer(src), int64(size), stream(s))
}

func (c *context) onHost(dst, src unsafe.Pointer, size C.size_t, s C.CUstream) error {
	if err := c.SyncStream(stream(s)); err != nil {
		return err
	}
	to, toErr := hostMemory(dst, size)
	from, fromErr := hostMemory(src, size)
	copy(to, from)
	return errors.Join(toErr, fromErr)
}

// hostMemory is slice for an address that the program chose.
func hostMemory(p unsafe.Pointer, size C.size_t) ([]byte, error) {
	if p == nil && size > 0 {
		return nil, fmt.Errorf("cuda emulator: a copy of %d bytes from or to the host's address 0", size)
	}
	return slice(p, size), nil
}

//export emulateMemcpy3D
func emulateMemcpy3D(p *C.CUDA_MEMCPY3D, s C.CUstream) C.CUresult {
	if p.srcMemoryType == C.CU_MEMORYTYPE_ARRAY || p.dstMemoryType == C.CU_MEMORYTYPE_ARRAY {
		return unsupported("copies of arrays")
	}
	from := C.CUdeviceptr(uintptr(p.srcHost))
	if p.srcMemoryType != C.CU_MEMORYTYPE_HOST {
		from = p.srcDevice
	}
	to := C.CUdeviceptr(uintptr(p.dstHost))
	if p.dstMemoryType != C.CU_MEMORYTYPE_HOST {
		to = p.dstDevice
	}
	for z := range p.Depth {
		for y := range p.Height {
			src := from + C.CUdeviceptr(p.srcXInBytes+p.srcPitch*(p.srcY+y+p.srcHeight*(p.srcZ+z)))
			dst := to + C.CUdeviceptr(p.dstXInBytes+p.dstPitch*(p.dstY+y+p.dstHeight*(p.dstZ+z)))
			var code C.CUresult
			switch {
			case p.srcMemoryType == C.CU_MEMORYTYPE_UNIFIED || p.dstMemoryType == C.CU_MEMORYTYPE_UNIFIED:
				code = emulateMemcpy(dst, src, p.WidthInBytes, s)
			case p.srcMemoryType == C.CU_MEMORYTYPE_DEVICE && p.dstMemoryType == C.CU_MEMORYTYPE_DEVICE:
				code = emulateMemcpyDtoD(dst, src, p.WidthInBytes, s)
			case p.dstMemoryType == C.CU_MEMORYTYPE_DEVICE:
				code = emulateMemcpyHtoD(dst, pointer(src), p.WidthInBytes, s)
			case p.srcMemoryType == C.CU_MEMORYTYPE_DEVICE:
				code = emulateMemcpyDtoH(pointer(dst), src, p.WidthInBytes, s)
			default:
				code = emulateMemcpy(dst, src, p.WidthInBytes, s)
			}
			if code != C.CUDA_SUCCESS {
				return code
			}
		}
	}
	return C.CUDA_SUCCESS
}

//export emulateMemsetD8
func emulateMemsetD8(dst C.CUdeviceptr, value C.uchar, count C.size_t, s C.CUstream) C.CUresult {
	return with(func(c *context) error { return c.Fill8(cuda.Pointer(dst), byte(value), int64(count), stream(s)) })
}

//export emulateMemsetD16
func emulateMemsetD16(dst C.CUdeviceptr, value C.ushort, count C.size_t, s C.CUstream) C.CUresult {
	return with(func(c *context) error {
		return c.Fill16(cuda.Pointer(dst), uint16(value), int64(count), stream(s))
	})
}

//export emulateMemsetD32
func emulateMemsetD32(dst C.CUdeviceptr, value C.uint, count C.size_t, s C.CUstream) C.CUresult {
	return with(func(c *context) error {
		return c.Fill32(cuda.Pointer(dst), uint32(value), int64(count), stream(s))
	})
}

func slice(p unsafe.Pointer, bytes C.size_t) []byte { return unsafe.Slice((*byte)(p), bytes) }

// pointer is the inverse of the conversion to an address.
func pointer(address C.CUdeviceptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}
