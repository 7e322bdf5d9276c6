//go:build cuda && emulatorabi

package emulatorabi

// #include <cuda.h>
import "C"

import (
	"unsafe"

	"gputrain/cuda/emulator"
)

//export emulateInitialize
func emulateInitialize(flags C.uint) C.CUresult { return C.CUDA_SUCCESS }

//export emulateDriverGetVersion
func emulateDriverGetVersion(out *C.int) C.CUresult {
	*out = 11080
	return C.CUDA_SUCCESS
}

//export emulateDeviceGetCount
func emulateDeviceGetCount(out *C.int) C.CUresult {
	*out = devices
	return C.CUDA_SUCCESS
}

//export emulateDeviceGet
func emulateDeviceGet(out *C.CUdevice, ordinal C.int) C.CUresult {
	if _, err := info(C.CUdevice(ordinal)); err != nil {
		return C.CUDA_ERROR_INVALID_DEVICE
	}
	*out = C.CUdevice(ordinal)
	return C.CUDA_SUCCESS
}

//export emulateDeviceGetName
func emulateDeviceGetName(out *C.char, size C.int, device C.CUdevice) C.CUresult {
	i, err := info(device)
	if err != nil {
		return C.CUDA_ERROR_INVALID_DEVICE
	}
	write(unsafe.Slice((*byte)(unsafe.Pointer(out)), size), i.Name)
	return C.CUDA_SUCCESS
}

//export emulateDeviceTotalMem
func emulateDeviceTotalMem(out *C.size_t, device C.CUdevice) C.CUresult {
	i, err := info(device)
	if err != nil {
		return C.CUDA_ERROR_INVALID_DEVICE
	}
	*out = C.size_t(i.Memory)
	return C.CUDA_SUCCESS
}

//export emulateDeviceGetAttribute
func emulateDeviceGetAttribute(out *C.int, attribute C.CUdevice_attribute, device C.CUdevice) C.CUresult {
	i, err := info(device)
	if err != nil {
		return C.CUDA_ERROR_INVALID_DEVICE
	}
	gpu := emulator.DefaultGPU()
	switch attribute {
	case C.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
		*out = C.int(i.Major)
	case C.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
		*out = C.int(i.Minor)
	case C.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
		*out = C.int(i.Multiprocessors)
	case C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK:
		*out = C.int(i.SharedPerBlock)
	case C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
		*out = C.int(i.SharedAllowed)
	case C.CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH:
		*out = 1
	case C.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR:
		*out = C.int(gpu.Threads)
	case C.CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR:
		*out = C.int(gpu.Blocks)
	case C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
		*out = C.int(gpu.Shared)
	case C.CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK:
		*out = C.int(gpu.SharedReserved)
	default:
		return C.CUDA_ERROR_INVALID_VALUE
	}
	return C.CUDA_SUCCESS
}

// write stores as much of a text as fits, followed by a zero.
func write(out []byte, text string) {
	if len(out) > 0 {
		out[copy(out[:len(out)-1], text)] = 0
	}
}
