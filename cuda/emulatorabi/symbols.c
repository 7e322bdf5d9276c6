//go:build cuda && emulatorabi

#include "../abi/driver.h"
#include "_cgo_export.h"

#include <string.h>

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
		SYMBOL(cuDeviceGetCount, emulateDeviceGetCount)
		SYMBOL(cuDeviceGet, emulateDeviceGet)
		SYMBOL(cuDeviceGetName, emulateDeviceGetName)
		SYMBOL(cuDeviceTotalMem_v2, emulateDeviceTotalMem)
		SYMBOL(cuDeviceGetAttribute, emulateDeviceGetAttribute)
		SYMBOL(cuCtxCreate_v2, emulateCtxCreate)
		SYMBOL(cuCtxDestroy_v2, emulateCtxDestroy)
		SYMBOL(cuCtxPopCurrent_v2, emulateCtxPopCurrent)
		SYMBOL(cuCtxSetCurrent, emulateCtxSetCurrent)
		SYMBOL(cuCtxSynchronize, emulateCtxSynchronize)
		SYMBOL(cuMemAlloc_v2, emulateMemAlloc)
		SYMBOL(cuMemFree_v2, emulateMemFree)
		SYMBOL(cuMemGetInfo_v2, emulateMemGetInfo)
		SYMBOL(cuMemHostAlloc, emulateMemHostAlloc)
		SYMBOL(cuMemFreeHost, emulateMemFreeHost)
		SYMBOL(cuMemcpyHtoDAsync_v2, emulateMemcpyHtoD)
		SYMBOL(cuMemcpyDtoHAsync_v2, emulateMemcpyDtoH)
		SYMBOL(cuMemcpyDtoDAsync_v2, emulateMemcpyDtoD)
		SYMBOL(cuMemsetD32Async, emulateMemsetD32)
		SYMBOL(cuModuleLoadDataEx, emulateModuleLoad)
		SYMBOL(cuModuleUnload, emulateModuleUnload)
		SYMBOL(cuModuleGetFunction, emulateModuleGetFunction)
		SYMBOL(cuModuleGetGlobal_v2, emulateModuleGetGlobal)
		SYMBOL(cuFuncGetAttribute, emulateFuncGetAttribute)
		SYMBOL(cuFuncSetAttribute, emulateFuncSetAttribute)
		SYMBOL(cuOccupancyMaxActiveBlocksPerMultiprocessor, emulateOccupancy)
		SYMBOL(cuLaunchKernel, emulateLaunchKernel)
		SYMBOL(cuLaunchCooperativeKernel, emulateLaunchCooperativeKernel)
		SYMBOL(cuStreamCreate, emulateStreamCreate)
		SYMBOL(cuStreamDestroy_v2, emulateStreamDestroy)
		SYMBOL(cuStreamSynchronize, emulateStreamSynchronize)
		SYMBOL(cuStreamWaitEvent, emulateStreamWaitEvent)
		SYMBOL(cuEventCreate, emulateEventCreate)
		SYMBOL(cuEventDestroy_v2, emulateEventDestroy)
		SYMBOL(cuEventRecord, emulateEventRecord)
		SYMBOL(cuEventSynchronize, emulateEventSynchronize)
		SYMBOL(cuEventElapsedTime, emulateEventElapsedTime)
		SYMBOL(cuStreamBeginCapture_v2, emulateStreamBeginCapture)
		SYMBOL(cuStreamEndCapture, emulateStreamEndCapture)
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
