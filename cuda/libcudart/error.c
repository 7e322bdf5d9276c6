#include "runtime.h"

static __thread cudaError_t last;

cudaError_t record(CUresult code)
{
	if (code != CUDA_SUCCESS && code != CUDA_ERROR_NOT_READY)
		last = (cudaError_t)code;
	return (cudaError_t)code;
}

cudaError_t cudaGetLastError(void)
{
	cudaError_t error = last;
	last = cudaSuccess;
	return error;
}

cudaError_t cudaPeekAtLastError(void) { return last; }

#define ERRORS                                                                            \
	ERROR(cudaSuccess, "no error")                                                    \
	ERROR(cudaErrorInvalidValue, "invalid argument")                                  \
	ERROR(cudaErrorMemoryAllocation, "out of memory")                                 \
	ERROR(cudaErrorInitializationError, "initialization error")                       \
	ERROR(cudaErrorInvalidConfiguration, "invalid configuration argument")            \
	ERROR(cudaErrorInvalidSymbol, "invalid device symbol")                            \
	ERROR(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy")       \
	ERROR(cudaErrorInvalidDeviceFunction, "invalid device function")                  \
	ERROR(cudaErrorNoDevice, "no CUDA-capable device is detected")                    \
	ERROR(cudaErrorInvalidDevice, "invalid device ordinal")                           \
	ERROR(cudaErrorDeviceUninitialized, "invalid device context")                     \
	ERROR(cudaErrorNoKernelImageForDevice, "no kernel image is available for execution on the device") \
	ERROR(cudaErrorUnsupportedLimit, "limit is not supported on this architecture")   \
	ERROR(cudaErrorInvalidPtx, "a PTX JIT compilation failed")                        \
	ERROR(cudaErrorInvalidResourceHandle, "invalid resource handle")                  \
	ERROR(cudaErrorSymbolNotFound, "named symbol not found")                          \
	ERROR(cudaErrorNotReady, "device not ready")                                      \
	ERROR(cudaErrorIllegalAddress, "an illegal memory access was encountered")        \
	ERROR(cudaErrorLaunchTimeout, "the launch timed out and was terminated")          \
	ERROR(cudaErrorContextIsDestroyed, "context is destroyed")                        \
	ERROR(cudaErrorAssert, "device-side assert triggered")                            \
	ERROR(cudaErrorMisalignedAddress, "misaligned address")                           \
	ERROR(cudaErrorLaunchFailure, "unspecified launch failure")                       \
	ERROR(cudaErrorCooperativeLaunchTooLarge, "too many blocks in cooperative launch") \
	ERROR(cudaErrorNotSupported, "operation not supported")                           \
	ERROR(cudaErrorIllegalState, "the operation cannot be performed in the present state") \
	ERROR(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing") \
	ERROR(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture") \
	ERROR(cudaErrorStreamCaptureMerge, "operation would result in a merge of separate capture sequences") \
	ERROR(cudaErrorStreamCaptureUnmatched, "capture was not ended in the same stream as it began") \
	ERROR(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work")        \
	ERROR(cudaErrorStreamCaptureIsolation, "dependency created on uncaptured work in another stream") \
	ERROR(cudaErrorStreamCaptureImplicit, "operation would make the legacy stream depend on a capturing blocking stream") \
	ERROR(cudaErrorCapturedEvent, "operation not permitted on an event last recorded in a capturing stream")

const char *cudaGetErrorName(cudaError_t error)
{
#define ERROR(name, text)        \
	if (error == name)       \
		return #name;
	ERRORS
#undef ERROR
	return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error)
{
#define ERROR(name, text)        \
	if (error == name)       \
		return text;
	ERRORS
#undef ERROR
	return "unrecognized error code";
}
