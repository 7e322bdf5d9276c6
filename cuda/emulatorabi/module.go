//go:build cuda && emulatorabi

package emulatorabi

// #include <cuda.h>
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"gputrain/cuda"
	"gputrain/cuda/fatbinary"
)

//export emulateModuleLoad
func emulateModuleLoad(out *C.CUmodule, image unsafe.Pointer, count C.uint, options *C.CUjit_option, values *unsafe.Pointer) C.CUresult {
	var refused error
	code := with(func(c *context) error {
		m, err := c.load(image)
		if err != nil {
			refused = err
			return nil
		}
		store(out, m)
		return nil
	})
	if refused != nil {
		write(errorLog(unsafe.Slice(options, count), values), refused.Error())
		say(refused)
		if errors.Is(refused, errNoPTX) {
			return C.CUDA_ERROR_NO_BINARY_FOR_GPU
		}
		return C.CUDA_ERROR_INVALID_PTX
	}
	return code
}

var errNoPTX = errors.New("only PTX can be emulated")

// load loads PTX, which may be in a fat binary of nvcc, to which a wrapper may point.
func (c *context) load(image unsafe.Pointer) (cuda.Module, error) {
	const wrapper = 0x466243b1
	begin := *(*[4]byte)(image)
	switch magic := binary.LittleEndian.Uint32(begin[:]); {
	case string(begin[:]) == "\x7fELF":
		return 0, fmt.Errorf("%w: the module is machine code", errNoPTX)
	case magic == wrapper:
		return c.load(*(*unsafe.Pointer)(unsafe.Add(image, 8)))
	case magic == fatbinary.Magic:
		size, err := fatbinary.Size(slice(image, fatbinary.HeaderSize))
		if err != nil {
			return 0, err
		}
		i := c.Info()
		ptx, err := fatbinary.PTX(slice(image, C.size_t(size)), 10*i.Major+i.Minor)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", errNoPTX, err)
		}
		return c.Load(ptx)
	}
	return c.Load(C.GoString((*C.char)(image)))
}

// errorLog returns the buffer that the options provide for the compiler's errors. The
// value of an option is a pointer, or an integer stored in place of one.
func errorLog(options []C.CUjit_option, values *unsafe.Pointer) []byte {
	integers := unsafe.Slice((*uintptr)(unsafe.Pointer(values)), len(options))
	var buffer *byte
	var size uintptr
	for i, option := range options {
		switch option {
		case C.CU_JIT_ERROR_LOG_BUFFER:
			buffer = *(**byte)(unsafe.Pointer(&integers[i]))
		case C.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
			size = integers[i]
		}
	}
	return unsafe.Slice(buffer, size)
}

//export emulateModuleLoadFile
func emulateModuleLoadFile(out *C.CUmodule, path *C.char) C.CUresult {
	image, err := os.ReadFile(C.GoString(path))
	if err != nil {
		say(err)
		return C.CUDA_ERROR_FILE_NOT_FOUND
	}
	p := C.CBytes(append(image, 0))
	defer C.free(p)
	return emulateModuleLoad(out, p, 0, nil, nil)
}

//export emulateModuleUnload
func emulateModuleUnload(m C.CUmodule) C.CUresult {
	return with(func(c *context) error { return c.Unload(cuda.Module(number(m))) })
}

//export emulateModuleGetFunction
func emulateModuleGetFunction(out *C.CUfunction, m C.CUmodule, name *C.char) C.CUresult {
	return with(func(c *context) error {
		f, err := c.Function(cuda.Module(number(m)), C.GoString(name))
		store(out, f)
		return err
	})
}

//export emulateModuleGetGlobal
func emulateModuleGetGlobal(out *C.CUdeviceptr, bytes *C.size_t, m C.CUmodule, name *C.char) C.CUresult {
	return with(func(c *context) error {
		p, size, err := c.Variable(cuda.Module(number(m)), C.GoString(name))
		if out != nil {
			*out = C.CUdeviceptr(p)
		}
		if bytes != nil {
			*bytes = C.size_t(size)
		}
		return err
	})
}
