//go:build cuda && emulatorabi

package emulatorabi

/*
#include <cuda.h>

static size_t shared_of(CUoccupancyB2DSize f, int threads) { return f(threads); }
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"gputrain/cuda"
)

func function(f C.CUfunction) cuda.Function { return cuda.Function(number(f)) }

//export emulateLaunchKernel
func emulateLaunchKernel(f C.CUfunction, gridX, gridY, gridZ, blockX, blockY, blockZ, shared C.uint, s C.CUstream,
	arguments, extra *unsafe.Pointer) C.CUresult {
	return with(func(c *context) error {
		args, err := c.arguments(f, arguments, extra)
		if err != nil {
			return err
		}
		return c.LaunchBytes(function(f), dim(gridX, gridY, gridZ), dim(blockX, blockY, blockZ), int(shared), stream(s), args)
	})
}

//export emulateLaunchCooperativeKernel
func emulateLaunchCooperativeKernel(f C.CUfunction, gridX, gridY, gridZ, blockX, blockY, blockZ, shared C.uint, s C.CUstream,
	arguments *unsafe.Pointer) C.CUresult {
	return with(func(c *context) error {
		args, err := c.arguments(f, arguments, nil)
		if err != nil {
			return err
		}
		return c.LaunchCooperativeBytes(function(f), dim(gridX, gridY, gridZ), dim(blockX, blockY, blockZ), int(shared), stream(s), args)
	})
}

func dim(x, y, z C.uint) cuda.Dim3 { return cuda.Dim3{X: int(x), Y: int(y), Z: int(z)} }

// arguments returns the bytes of each argument, which are given as pointers to them or,
// in extra, as a buffer that holds all.
func (c *context) arguments(f C.CUfunction, pointers, extra *unsafe.Pointer) ([][]byte, error) {
	k, err := c.Kernel(function(f))
	if err != nil {
		return nil, err
	}
	args := make([][]byte, len(k.Parameters))
	if extra == nil {
		if pointers == nil && len(args) > 0 {
			return nil, fmt.Errorf("cuda emulator: kernel %s: no arguments for %d parameters", k.Name, len(args))
		}
		for i, p := range unsafe.Slice(pointers, len(args)) {
			args[i] = slice(p, C.size_t(k.Parameters[i]))
		}
		return args, nil
	}
	buffer, err := launchBuffer(extra)
	if err != nil {
		return nil, err
	}
	for i, size := range k.Parameters {
		end := k.Offsets[i] + size
		if end > len(buffer) {
			return nil, fmt.Errorf("cuda emulator: kernel %s: the buffer of its arguments has %d bytes, but it needs %d", k.Name, len(buffer), end)
		}
		args[i] = buffer[k.Offsets[i]:end]
	}
	return args, nil
}

// launchBuffer reads extra: names, each followed by a value, until the name 0.
func launchBuffer(extra *unsafe.Pointer) ([]byte, error) {
	const end, buffer, size = 0, 1, 2 // CU_LAUNCH_PARAM_END, _BUFFER_POINTER, _BUFFER_SIZE
	var p unsafe.Pointer
	var n C.size_t
	for {
		pair := (*[2]unsafe.Pointer)(unsafe.Pointer(extra))
		switch name := uintptr(pair[0]); name {
		case end:
			return slice(p, n), nil
		case buffer:
			p = pair[1]
		case size:
			n = *(*C.size_t)(pair[1])
		default:
			return nil, fmt.Errorf("cuda emulator: extra of a launch has a name %d", name)
		}
		extra = (*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(extra), unsafe.Sizeof(*pair)))
	}
}

//export emulateFuncGetAttribute
func emulateFuncGetAttribute(out *C.int, attribute C.CUfunction_attribute, f C.CUfunction) C.CUresult {
	return with(func(c *context) error {
		k, err := c.Kernel(function(f))
		if err != nil {
			return err
		}
		i := c.Info()
		value := 0
		switch attribute {
		case C.CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
			value = k.Threads
		case C.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
			value = k.Shared
		case C.CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
			value = k.Local
		case C.CU_FUNC_ATTRIBUTE_NUM_REGS:
			r, err := c.Residency(function(f), cuda.Dim3{X: 1, Y: 1, Z: 1}, 0)
			if err != nil {
				return err
			}
			value = r.Registers
		case C.CU_FUNC_ATTRIBUTE_PTX_VERSION:
			value = k.Target
		case C.CU_FUNC_ATTRIBUTE_BINARY_VERSION:
			value = 10*i.Major + i.Minor
		case C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
			value = k.DynamicShared
		case C.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
			value = -1
		}
		*out = C.int(value)
		return nil
	})
}

//export emulateFuncSetAttribute
func emulateFuncSetAttribute(f C.CUfunction, attribute C.CUfunction_attribute, value C.int) C.CUresult {
	if attribute != C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES {
		return C.CUDA_SUCCESS // a hint
	}
	return with(func(c *context) error { return c.AllowShared(function(f), int(value)) })
}

//export emulateOccupancyMaxActiveBlocksPerMultiprocessor
func emulateOccupancyMaxActiveBlocksPerMultiprocessor(out *C.int, f C.CUfunction, threads C.int, shared C.size_t, flags C.uint) C.CUresult {
	return with(func(c *context) error {
		r, err := c.Residency(function(f), cuda.Dim3{X: int(threads), Y: 1, Z: 1}, int(shared))
		*out = C.int(r.Blocks / c.Info().Multiprocessors)
		return err
	})
}

// emulateOccupancyMaxPotentialBlockSize finds the block that fills a multiprocessor best,
// the largest of them.
//
//export emulateOccupancyMaxPotentialBlockSize
func emulateOccupancyMaxPotentialBlockSize(grid, block *C.int, f C.CUfunction, sharedOf C.CUoccupancyB2DSize, shared C.size_t, limit C.int, flags C.uint) C.CUresult {
	return with(func(c *context) error {
		k, err := c.Kernel(function(f))
		if err != nil {
			return err
		}
		most := k.Threads
		if limit > 0 {
			most = min(most, int(limit))
		}
		best := 0
		for threads := (most + 31) / 32 * 32; threads > 0; threads -= 32 {
			n := min(threads, most)
			bytes := int(shared)
			if sharedOf != nil {
				bytes = int(C.shared_of(sharedOf, C.int(n)))
			}
			r, err := c.Residency(function(f), cuda.Dim3{X: n, Y: 1, Z: 1}, bytes)
			if err == nil && r.Blocks*n > best {
				best = r.Blocks * n
				*block, *grid = C.int(n), C.int(r.Blocks)
			}
		}
		if best == 0 {
			return errors.New("cuda emulator: no block of the kernel fits on a multiprocessor")
		}
		return nil
	})
}
