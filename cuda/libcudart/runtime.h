/*
 * The CUDA runtime, on top of the CUDA driver: what programs in CUDA C call, and what
 * nvcc calls in their name. It uses one device, by its primary context.
 */
#ifndef GPUTRAIN_RUNTIME_H
#define GPUTRAIN_RUNTIME_H

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <stddef.h>

/* ready makes the primary context current if this thread has none. */
CUresult ready(void);

/* record remembers an error of this thread for cudaGetLastError, and returns it. The codes
 * of the driver are those of the runtime. */
cudaError_t record(CUresult code);

/* find_function and find_variable load the module of a kernel or variable at its first use. */
CUresult find_function(CUfunction *function, const void *host);
CUresult find_variable(CUdeviceptr *pointer, size_t *bytes, const void *host);

/* forget_modules forgets what was loaded: the context is gone. */
void forget_modules(void);

/* CALL defines a function that is a call of the driver. */
#define CALL(name, parameters, call)                                \
	cudaError_t name parameters                                 \
	{                                                           \
		CUresult code = ready();                            \
		return record(code != CUDA_SUCCESS ? code : (call)); \
	}

#endif
