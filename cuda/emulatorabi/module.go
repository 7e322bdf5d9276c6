//go:build cuda && emulatorabi

package emulatorabi

// #include <cuda.h>
import "C"

import (
	"fmt"
	"unsafe"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

//export emulateModuleLoad
func emulateModuleLoad(out *C.CUmodule, image unsafe.Pointer, count C.uint, options *C.CUjit_option, values *unsafe.Pointer) C.CUresult {
	var refused error
	code := with(func(c *context) error {
		ptx := C.GoString((*C.char)(image))
		m, err := c.Load(ptx)
		if err != nil {
			refused = err
			return nil
		}
		store(out, m)
		return nil
	})
	if refused != nil {
		write(errorLog(unsafe.Slice(options, count), values), refused.Error())
		return C.CUDA_ERROR_INVALID_PTX
	}
	return code
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

//export emulateModuleUnload
func emulateModuleUnload(m C.CUmodule) C.CUresult {
	return with(func(c *context) error { return c.Unload(cuda.Module(number(m))) })
}

//export emulateModuleGetFunction
func emulateModuleGetFunction(out *C.CUfunction, m C.CUmodule, name *C.char) C.CUresult {
	var missing bool
	code := with(func(c *context) error {
		f, err := c.Function(cuda.Module(number(m)), C.GoString(name))
		if missing = err != nil; missing {
			return nil
		}
		store(out, f)
		return nil
	})
	if missing {
		return C.CUDA_ERROR_NOT_FOUND
	}
	return code
}

//export emulateModuleGetGlobal
func emulateModuleGetGlobal(out *C.CUdeviceptr, bytes *C.size_t, m C.CUmodule, name *C.char) C.CUresult {
	var missing bool
	code := with(func(c *context) error {
		p, size, err := c.Variable(cuda.Module(number(m)), C.GoString(name))
		if missing = err != nil; missing {
			return nil
		}
		if out != nil {
			*out = C.CUdeviceptr(p)
		}
		if bytes != nil {
			*bytes = C.size_t(size)
		}
		return nil
	})
	if missing {
		return C.CUDA_ERROR_NOT_FOUND
	}
	return code
}

//export emulateFuncGetAttribute
func emulateFuncGetAttribute(out *C.int, attribute C.CUfunction_attribute, f C.CUfunction) C.CUresult {
	return with(func(c *context) error {
		r, err := c.Residency(cuda.Function(number(f)), cuda.Dim3{X: 1, Y: 1, Z: 1}, 0)
		switch attribute {
		case C.CU_FUNC_ATTRIBUTE_NUM_REGS:
			*out = C.int(r.Registers)
		case C.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
			*out = C.int(r.Shared)
		default:
			return fmt.Errorf("no attribute %d", attribute)
		}
		return err
	})
}

//export emulateFuncSetAttribute
func emulateFuncSetAttribute(f C.CUfunction, attribute C.CUfunction_attribute, value C.int) C.CUresult {
	return with(func(c *context) error {
		if attribute != C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES {
			return fmt.Errorf("no attribute %d", attribute)
		}
		return c.AllowShared(cuda.Function(number(f)), int(value))
	})
}

//export emulateOccupancy
func emulateOccupancy(out *C.int, f C.CUfunction, threads C.int, shared C.size_t) C.CUresult {
	return with(func(c *context) error {
		r, err := c.Residency(cuda.Function(number(f)), cuda.Dim3{X: int(threads), Y: 1, Z: 1}, int(shared))
		*out = C.int(r.Blocks / c.Info().Multiprocessors)
		return err
	})
}

//export emulateLaunchKernel
func emulateLaunchKernel(f C.CUfunction, gridX, gridY, gridZ, blockX, blockY, blockZ, shared C.uint, s C.CUstream,
	arguments, extra *unsafe.Pointer) C.CUresult {
	return launch((*emulator.Device).LaunchBytes, f, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, s, arguments)
}

//export emulateLaunchCooperativeKernel
func emulateLaunchCooperativeKernel(f C.CUfunction, gridX, gridY, gridZ, blockX, blockY, blockZ, shared C.uint, s C.CUstream,
	arguments *unsafe.Pointer) C.CUresult {
	return launch((*emulator.Device).LaunchCooperativeBytes, f, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, s, arguments)
}

func launch(queue func(*emulator.Device, cuda.Function, cuda.Dim3, cuda.Dim3, int, cuda.Stream, [][]byte) error,
	f C.CUfunction, gridX, gridY, gridZ, blockX, blockY, blockZ, shared C.uint, s C.CUstream, arguments *unsafe.Pointer) C.CUresult {
	return with(func(c *context) error {
		function := cuda.Function(number(f))
		sizes, err := c.Parameters(function)
		if err != nil {
			return err
		}
		args := make([][]byte, len(sizes))
		for i, p := range unsafe.Slice(arguments, len(sizes)) {
			args[i] = slice(p, C.size_t(sizes[i]))
		}
		return queue(c.Device, function,
			cuda.Dim3{X: int(gridX), Y: int(gridY), Z: int(gridZ)},
			cuda.Dim3{X: int(blockX), Y: int(blockY), Z: int(blockZ)},
			int(shared), stream(s), args)
	})
}
