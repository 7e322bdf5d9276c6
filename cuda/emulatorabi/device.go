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

//export emulateInitialize
func emulateInitialize(flags C.uint) C.CUresult {
	_, err := driver()
	return result(err)
}

//export emulateDriverGetVersion
func emulateDriverGetVersion(out *C.int) C.CUresult {
	*out = 11080
	return C.CUDA_SUCCESS
}

//export emulateDeviceGetCount
func emulateDeviceGetCount(out *C.int) C.CUresult {
	*out = C.int(max(1, Options.Devices))
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
	value, ok := attributes(i, model())[attribute]
	if !ok {
		fmt.Fprintf(Reports, "cuda emulator: device attribute %d is not known, and said to be 0\n", attribute)
	}
	*out = C.int(value)
	return C.CUDA_SUCCESS
}

// model returns the GPU of the table whose estimates count.
func model() emulator.GPU {
	name := Options.GPU
	if name == "" {
		name = emulator.DefaultGPU().Name
	}
	g, err := emulator.FindGPU(name)
	if err != nil {
		panic(err) // the driver was made with it
	}
	return g
}

// attributes has those that a program may rely on. What a model does not tell, such as
// clock rates, is about that of an H100.
func attributes(i cuda.DeviceInfo, g emulator.GPU) map[C.CUdevice_attribute]int {
	return map[C.CUdevice_attribute]int{
		C.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: i.Major,
		C.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: i.Minor,
		C.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:     i.Multiprocessors,
		C.CU_DEVICE_ATTRIBUTE_WARP_SIZE:                32,

		C.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:          1024,
		C.CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:                1024,
		C.CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y:                1024,
		C.CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z:                64,
		C.CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X:                 1<<31 - 1,
		C.CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:                 65535,
		C.CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z:                 65535,
		C.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: g.Threads,
		C.CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR:  g.Blocks,

		C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK:          i.SharedPerBlock,
		C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:    i.SharedAllowed,
		C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: g.Shared,
		C.CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK:     g.SharedReserved,
		C.CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK:              g.Registers,
		C.CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR:     g.Registers,
		C.CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY:                64 << 10,
		C.CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:                        int(g.L2),
		C.CU_DEVICE_ATTRIBUTE_MAX_PITCH:                            1<<31 - 1,
		C.CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT:                    pitchAlignment,
		C.CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT:              32,
		C.CU_DEVICE_ATTRIBUTE_SURFACE_ALIGNMENT:                    pitchAlignment,

		C.CU_DEVICE_ATTRIBUTE_CLOCK_RATE:                            1_830_000,
		C.CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE:                     2_619_000,
		C.CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH:               5120,
		C.CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO: 2,

		C.CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT:                      2,
		C.CU_DEVICE_ATTRIBUTE_GPU_OVERLAP:                             1,
		C.CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS:                      1,
		C.CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:                     1,
		C.CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:                      1,
		C.CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY:                          1,
		C.CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS:               0, // kernels end before the host goes on
		C.CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS:                  0,
		C.CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM: 1,
		C.CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH:                      1,
		C.CU_DEVICE_ATTRIBUTE_COOPERATIVE_MULTI_DEVICE_LAUNCH:         0,
		C.CU_DEVICE_ATTRIBUTE_COMPUTE_MODE:                            0,
		C.CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED:            1,
		C.CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED:             1,
		C.CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED:               1,
		C.CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED:                1,
		C.CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED:                  1,

		C.CU_DEVICE_ATTRIBUTE_INTEGRATED:                   0,
		C.CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT:          0,
		C.CU_DEVICE_ATTRIBUTE_ECC_ENABLED:                  1,
		C.CU_DEVICE_ATTRIBUTE_TCC_DRIVER:                   0,
		C.CU_DEVICE_ATTRIBUTE_PCI_BUS_ID:                   0,
		C.CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID:                0,
		C.CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID:                0,
		C.CU_DEVICE_ATTRIBUTE_MULTI_GPU_BOARD:              0,
		C.CU_DEVICE_ATTRIBUTE_MULTI_GPU_BOARD_GROUP_ID:     0,
		C.CU_DEVICE_ATTRIBUTE_HOST_NATIVE_ATOMIC_SUPPORTED: 0,
	}
}

// write stores as much of a text as fits, followed by a zero.
func write(out []byte, text string) {
	if len(out) > 0 {
		out[copy(out[:len(out)-1], text)] = 0
	}
}
