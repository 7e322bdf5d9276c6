#include "runtime.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static CUcontext primary;

CUresult ready(void)
{
	CUcontext current;
	CUresult code = cuCtxGetCurrent(&current);
	if (code != CUDA_SUCCESS || current != NULL)
		return code;
	pthread_mutex_lock(&lock);
	if (primary == NULL) {
		code = cuInit(0);
		if (code == CUDA_SUCCESS)
			code = cuDevicePrimaryCtxRetain(&primary, 0);
	}
	pthread_mutex_unlock(&lock);
	return code != CUDA_SUCCESS ? code : cuCtxSetCurrent(primary);
}

cudaError_t cudaDeviceReset(void)
{
	pthread_mutex_lock(&lock);
	primary = NULL;
	forget_modules();
	pthread_mutex_unlock(&lock);
	cuCtxSetCurrent(NULL);
	return record(cuDevicePrimaryCtxReset(0));
}

cudaError_t cudaThreadExit(void) { return cudaDeviceReset(); }

cudaError_t cudaSetDevice(int device)
{
	if (device != 0)
		return record(CUDA_ERROR_INVALID_DEVICE);
	return record(ready());
}

CALL(cudaGetDevice, (int *device), (*device = 0, CUDA_SUCCESS))
CALL(cudaGetDeviceCount, (int *count), cuDeviceGetCount(count))
CALL(cudaChooseDevice, (int *device, const struct cudaDeviceProp *wanted), ((void)wanted, *device = 0, CUDA_SUCCESS))
CALL(cudaSetValidDevices, (int *devices, int count), ((void)devices, (void)count, CUDA_SUCCESS))
CALL(cudaSetDeviceFlags, (unsigned flags), ((void)flags, CUDA_SUCCESS))
CALL(cudaGetDeviceFlags, (unsigned *flags), (*flags = 0, CUDA_SUCCESS))
CALL(cudaDeviceSynchronize, (void), cuCtxSynchronize())
CALL(cudaThreadSynchronize, (void), cuCtxSynchronize())
CALL(cudaDeviceGetAttribute, (int *value, enum cudaDeviceAttr attribute, int device),
	cuDeviceGetAttribute(value, (CUdevice_attribute)attribute, device))
CALL(cudaDeviceGetLimit, (size_t *value, enum cudaLimit limit), cuCtxGetLimit(value, (CUlimit)limit))
CALL(cudaDeviceSetLimit, (enum cudaLimit limit, size_t value), cuCtxSetLimit((CUlimit)limit, value))
CALL(cudaDeviceGetCacheConfig, (enum cudaFuncCache *config), cuCtxGetCacheConfig((CUfunc_cache *)config))
CALL(cudaDeviceSetCacheConfig, (enum cudaFuncCache config), cuCtxSetCacheConfig((CUfunc_cache)config))
CALL(cudaThreadSetCacheConfig, (enum cudaFuncCache config), cuCtxSetCacheConfig((CUfunc_cache)config))
CALL(cudaDeviceGetSharedMemConfig, (enum cudaSharedMemConfig *config), cuCtxGetSharedMemConfig((CUsharedconfig *)config))
CALL(cudaDeviceSetSharedMemConfig, (enum cudaSharedMemConfig config), cuCtxSetSharedMemConfig((CUsharedconfig)config))
CALL(cudaDeviceGetStreamPriorityRange, (int *least, int *greatest), cuCtxGetStreamPriorityRange(least, greatest))
CALL(cudaDeviceCanAccessPeer, (int *can, int device, int peer), cuDeviceCanAccessPeer(can, device, peer))
CALL(cudaDeviceGetPCIBusId, (char *id, int size, int device), cuDeviceGetPCIBusId(id, size, device))
CALL(cudaDriverGetVersion, (int *version), cuDriverGetVersion(version))
CALL(cudaRuntimeGetVersion, (int *version), (*version = CUDART_VERSION, CUDA_SUCCESS))
CALL(cudaProfilerStart, (void), CUDA_SUCCESS)
CALL(cudaProfilerStop, (void), CUDA_SUCCESS)

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device)
{
	CUresult code = ready();
	memset(p, 0, sizeof *p);
	if (code == CUDA_SUCCESS)
		code = cuDeviceGetName(p->name, sizeof p->name, device);
	if (code == CUDA_SUCCESS)
		code = cuDeviceTotalMem(&p->totalGlobalMem, device);

	int value;
#define ATTRIBUTE(field, name)                                                                     \
	if (code == CUDA_SUCCESS)                                                                  \
		code = cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_##name, device);           \
	if (code == CUDA_SUCCESS)                                                                  \
		p->field = value;
	ATTRIBUTE(major, COMPUTE_CAPABILITY_MAJOR)
	ATTRIBUTE(minor, COMPUTE_CAPABILITY_MINOR)
	ATTRIBUTE(multiProcessorCount, MULTIPROCESSOR_COUNT)
	ATTRIBUTE(warpSize, WARP_SIZE)
	ATTRIBUTE(maxThreadsPerBlock, MAX_THREADS_PER_BLOCK)
	ATTRIBUTE(maxThreadsDim[0], MAX_BLOCK_DIM_X)
	ATTRIBUTE(maxThreadsDim[1], MAX_BLOCK_DIM_Y)
	ATTRIBUTE(maxThreadsDim[2], MAX_BLOCK_DIM_Z)
	ATTRIBUTE(maxGridSize[0], MAX_GRID_DIM_X)
	ATTRIBUTE(maxGridSize[1], MAX_GRID_DIM_Y)
	ATTRIBUTE(maxGridSize[2], MAX_GRID_DIM_Z)
	ATTRIBUTE(maxThreadsPerMultiProcessor, MAX_THREADS_PER_MULTIPROCESSOR)
	ATTRIBUTE(maxBlocksPerMultiProcessor, MAX_BLOCKS_PER_MULTIPROCESSOR)
	ATTRIBUTE(sharedMemPerBlock, MAX_SHARED_MEMORY_PER_BLOCK)
	ATTRIBUTE(sharedMemPerBlockOptin, MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)
	ATTRIBUTE(sharedMemPerMultiprocessor, MAX_SHARED_MEMORY_PER_MULTIPROCESSOR)
	ATTRIBUTE(reservedSharedMemPerBlock, RESERVED_SHARED_MEMORY_PER_BLOCK)
	ATTRIBUTE(regsPerBlock, MAX_REGISTERS_PER_BLOCK)
	ATTRIBUTE(regsPerMultiprocessor, MAX_REGISTERS_PER_MULTIPROCESSOR)
	ATTRIBUTE(totalConstMem, TOTAL_CONSTANT_MEMORY)
	ATTRIBUTE(l2CacheSize, L2_CACHE_SIZE)
	ATTRIBUTE(memPitch, MAX_PITCH)
	ATTRIBUTE(textureAlignment, TEXTURE_ALIGNMENT)
	ATTRIBUTE(texturePitchAlignment, TEXTURE_PITCH_ALIGNMENT)
	ATTRIBUTE(surfaceAlignment, SURFACE_ALIGNMENT)
	ATTRIBUTE(clockRate, CLOCK_RATE)
	ATTRIBUTE(memoryClockRate, MEMORY_CLOCK_RATE)
	ATTRIBUTE(memoryBusWidth, GLOBAL_MEMORY_BUS_WIDTH)
	ATTRIBUTE(singleToDoublePrecisionPerfRatio, SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO)
	ATTRIBUTE(deviceOverlap, GPU_OVERLAP)
	ATTRIBUTE(asyncEngineCount, ASYNC_ENGINE_COUNT)
	ATTRIBUTE(concurrentKernels, CONCURRENT_KERNELS)
	ATTRIBUTE(canMapHostMemory, CAN_MAP_HOST_MEMORY)
	ATTRIBUTE(unifiedAddressing, UNIFIED_ADDRESSING)
	ATTRIBUTE(managedMemory, MANAGED_MEMORY)
	ATTRIBUTE(concurrentManagedAccess, CONCURRENT_MANAGED_ACCESS)
	ATTRIBUTE(pageableMemoryAccess, PAGEABLE_MEMORY_ACCESS)
	ATTRIBUTE(canUseHostPointerForRegisteredMem, CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM)
	ATTRIBUTE(cooperativeLaunch, COOPERATIVE_LAUNCH)
	ATTRIBUTE(computePreemptionSupported, COMPUTE_PREEMPTION_SUPPORTED)
	ATTRIBUTE(streamPrioritiesSupported, STREAM_PRIORITIES_SUPPORTED)
	ATTRIBUTE(globalL1CacheSupported, GLOBAL_L1_CACHE_SUPPORTED)
	ATTRIBUTE(localL1CacheSupported, LOCAL_L1_CACHE_SUPPORTED)
	ATTRIBUTE(ECCEnabled, ECC_ENABLED)
	return record(code);
}
