//go:build cuda && emulatorabi

#include "../abi/driver.h"
#include "_cgo_export.h"

#include <stdio.h>
#include <string.h>

#include "variants.h"

int driver_open(char *reason, size_t size)
{
	(void)reason, (void)size;
	return 1;
}

void *driver_symbol(const char *name)
{
	static const struct {
		const char *name;
		void *function;
	} symbols[] = {
#define SYMBOL(name, function) {#name, function},
		SYMBOL(cuInit, emulateInitialize)
		SYMBOL(cuGetErrorName, emulateGetErrorName)
		SYMBOL(cuGetErrorString, emulateGetErrorString)
		SYMBOL(cuDriverGetVersion, emulateDriverGetVersion)
		SYMBOL(cuGetProcAddress, getProcAddress)

		SYMBOL(cuDeviceGetCount, emulateDeviceGetCount)
		SYMBOL(cuDeviceGet, emulateDeviceGet)
		SYMBOL(cuDeviceGetName, emulateDeviceGetName)
		SYMBOL(cuDeviceTotalMem_v2, emulateDeviceTotalMem)
		SYMBOL(cuDeviceGetAttribute, emulateDeviceGetAttribute)
		SYMBOL(cuDeviceComputeCapability, deviceComputeCapability)
		SYMBOL(cuDeviceCanAccessPeer, deviceCanAccessPeer)
		SYMBOL(cuDeviceGetUuid, deviceGetUuid)
		SYMBOL(cuDeviceGetUuid_v2, deviceGetUuid)
		SYMBOL(cuDeviceGetPCIBusId, deviceGetPCIBusId)
		SYMBOL(cuDevicePrimaryCtxRetain, emulateDevicePrimaryCtxRetain)
		SYMBOL(cuDevicePrimaryCtxRelease_v2, emulateDevicePrimaryCtxRelease)
		SYMBOL(cuDevicePrimaryCtxReset_v2, emulateDevicePrimaryCtxReset)
		SYMBOL(cuDevicePrimaryCtxGetState, emulateDevicePrimaryCtxGetState)
		SYMBOL(cuDevicePrimaryCtxSetFlags_v2, succeed)

		SYMBOL(cuCtxCreate_v2, emulateCtxCreate)
		SYMBOL(cuCtxDestroy_v2, emulateCtxDestroy)
		SYMBOL(cuCtxPushCurrent_v2, emulateCtxPushCurrent)
		SYMBOL(cuCtxPopCurrent_v2, emulateCtxPopCurrent)
		SYMBOL(cuCtxSetCurrent, emulateCtxSetCurrent)
		SYMBOL(cuCtxGetCurrent, emulateCtxGetCurrent)
		SYMBOL(cuCtxGetDevice, emulateCtxGetDevice)
		SYMBOL(cuCtxSynchronize, emulateCtxSynchronize)
		SYMBOL(cuCtxGetApiVersion, ctxGetApiVersion)
		SYMBOL(cuCtxGetStreamPriorityRange, ctxGetStreamPriorityRange)
		SYMBOL(cuCtxGetFlags, ctxGetFlags)
		SYMBOL(cuCtxGetCacheConfig, ctxGetCacheConfig)
		SYMBOL(cuCtxSetCacheConfig, succeed)
		SYMBOL(cuCtxGetSharedMemConfig, ctxGetSharedMemConfig)
		SYMBOL(cuCtxSetSharedMemConfig, succeed)
		SYMBOL(cuCtxGetLimit, ctxGetLimit)
		SYMBOL(cuCtxSetLimit, succeed)
		SYMBOL(cuCtxResetPersistingL2Cache, succeed)

		SYMBOL(cuMemAlloc_v2, emulateMemAlloc)
		SYMBOL(cuMemAllocPitch_v2, emulateMemAllocPitch)
		SYMBOL(cuMemAllocAsync, memAllocAsync)
		SYMBOL(cuMemFree_v2, emulateMemFree)
		SYMBOL(cuMemFreeAsync, memFreeAsync)
		SYMBOL(cuMemGetInfo_v2, emulateMemGetInfo)
		SYMBOL(cuMemGetAddressRange_v2, emulateMemGetAddressRange)
		SYMBOL(cuPointerGetAttribute, emulatePointerGetAttribute)
		SYMBOL(cuMemAllocManaged, emulateMemAllocManaged)
		SYMBOL(cuMemAdvise, memAdvise)
		SYMBOL(cuMemPrefetchAsync, memPrefetch)
		SYMBOL(cuStreamAttachMemAsync, succeed)
		SYMBOL(cuMemHostAlloc, emulateMemHostAlloc)
		SYMBOL(cuMemAllocHost_v2, memAllocHost)
		SYMBOL(cuMemFreeHost, emulateMemFreeHost)
		SYMBOL(cuMemHostRegister_v2, emulateMemHostRegister)
		SYMBOL(cuMemHostUnregister, emulateMemFreeHost)
		SYMBOL(cuMemHostGetDevicePointer_v2, emulateMemHostGetDevicePointer)
		SYMBOL(cuMemHostGetFlags, memHostGetFlags)

		SYMBOL(cuMemcpy, memcpy_)
		SYMBOL(cuMemcpyAsync, emulateMemcpy)
		SYMBOL(cuMemcpyHtoD_v2, memcpyHtoD)
		SYMBOL(cuMemcpyHtoDAsync_v2, emulateMemcpyHtoD)
		SYMBOL(cuMemcpyDtoH_v2, memcpyDtoH)
		SYMBOL(cuMemcpyDtoHAsync_v2, emulateMemcpyDtoH)
		SYMBOL(cuMemcpyDtoD_v2, memcpyDtoD)
		SYMBOL(cuMemcpyDtoDAsync_v2, emulateMemcpyDtoD)
		SYMBOL(cuMemcpy2D_v2, memcpy2D)
		SYMBOL(cuMemcpy2DUnaligned_v2, memcpy2D)
		SYMBOL(cuMemcpy2DAsync_v2, memcpy2DAsync)
		SYMBOL(cuMemcpy3D_v2, memcpy3D)
		SYMBOL(cuMemcpy3DAsync_v2, emulateMemcpy3D)
		SYMBOL(cuMemsetD8_v2, memsetD8)
		SYMBOL(cuMemsetD8Async, emulateMemsetD8)
		SYMBOL(cuMemsetD16_v2, memsetD16)
		SYMBOL(cuMemsetD16Async, emulateMemsetD16)
		SYMBOL(cuMemsetD32_v2, memsetD32)
		SYMBOL(cuMemsetD32Async, emulateMemsetD32)
		SYMBOL(cuMemsetD2D8_v2, memsetD2D8)
		SYMBOL(cuMemsetD2D8Async, memsetD2D8Async)
		SYMBOL(cuMemsetD2D16_v2, memsetD2D16)
		SYMBOL(cuMemsetD2D16Async, memsetD2D16Async)
		SYMBOL(cuMemsetD2D32_v2, memsetD2D32)
		SYMBOL(cuMemsetD2D32Async, memsetD2D32Async)

		SYMBOL(cuModuleLoadData, moduleLoadData)
		SYMBOL(cuModuleLoadDataEx, emulateModuleLoad)
		SYMBOL(cuModuleLoadFatBinary, moduleLoadData)
		SYMBOL(cuModuleLoad, emulateModuleLoadFile)
		SYMBOL(cuModuleUnload, emulateModuleUnload)
		SYMBOL(cuModuleGetFunction, emulateModuleGetFunction)
		SYMBOL(cuModuleGetGlobal_v2, emulateModuleGetGlobal)
		SYMBOL(cuLaunchKernel, emulateLaunchKernel)
		SYMBOL(cuLaunchCooperativeKernel, emulateLaunchCooperativeKernel)
		SYMBOL(cuLaunchHostFunc, emulateLaunchHostFunc)
		SYMBOL(cuFuncGetAttribute, emulateFuncGetAttribute)
		SYMBOL(cuFuncSetAttribute, emulateFuncSetAttribute)
		SYMBOL(cuFuncSetCacheConfig, succeed)
		SYMBOL(cuFuncSetSharedMemConfig, succeed)
		SYMBOL(cuOccupancyMaxActiveBlocksPerMultiprocessor, occupancyMaxActiveBlocks)
		SYMBOL(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags, emulateOccupancyMaxActiveBlocksPerMultiprocessor)
		SYMBOL(cuOccupancyMaxPotentialBlockSize, occupancyMaxPotentialBlockSize)
		SYMBOL(cuOccupancyMaxPotentialBlockSizeWithFlags, emulateOccupancyMaxPotentialBlockSize)

		SYMBOL(cuStreamCreate, emulateStreamCreate)
		SYMBOL(cuStreamCreateWithPriority, streamCreateWithPriority)
		SYMBOL(cuStreamDestroy_v2, emulateStreamDestroy)
		SYMBOL(cuStreamSynchronize, emulateStreamSynchronize)
		SYMBOL(cuStreamQuery, emulateStreamQuery)
		SYMBOL(cuStreamWaitEvent, emulateStreamWaitEvent)
		SYMBOL(cuStreamAddCallback, emulateStreamAddCallback)
		SYMBOL(cuStreamGetFlags, streamGetFlags)
		SYMBOL(cuStreamGetPriority, streamGetPriority)
		SYMBOL(cuEventCreate, emulateEventCreate)
		SYMBOL(cuEventDestroy_v2, emulateEventDestroy)
		SYMBOL(cuEventRecord, emulateEventRecord)
		SYMBOL(cuEventRecordWithFlags, eventRecordWithFlags)
		SYMBOL(cuEventSynchronize, emulateEventSynchronize)
		SYMBOL(cuEventQuery, emulateEventQuery)
		SYMBOL(cuEventElapsedTime, emulateEventElapsedTime)
		SYMBOL(cuStreamBeginCapture_v2, emulateStreamBeginCapture)
		SYMBOL(cuStreamEndCapture, emulateStreamEndCapture)
		SYMBOL(cuGraphInstantiate_v2, graphInstantiate)
		SYMBOL(cuGraphInstantiateWithFlags, emulateGraphInstantiate)
		SYMBOL(cuGraphDestroy, emulateGraphDestroy)
		SYMBOL(cuGraphExecDestroy, emulateGraphExecDestroy)
		SYMBOL(cuGraphLaunch, emulateGraphLaunch)
	};
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
		if (strcmp(symbols[i].name, name) == 0)
			return symbols[i].function;
	return NULL;
}
