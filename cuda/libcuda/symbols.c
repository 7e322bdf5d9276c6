//go:build cuda && emulatorabi

/* The functions that the library exports, under their own names. */

#include "../abi/driver.h"
#include "_cgo_export.h"

#include <stdio.h>

static CUresult missing(int *said, const char *name)
{
	if (!__atomic_exchange_n(said, 1, __ATOMIC_RELAXED))
		fprintf(stderr, "cuda emulator: %s: not supported\n", name);
	return CUDA_ERROR_NOT_SUPPORTED;
}

#define FUNCTION(symbol, parameters, arguments)                        \
	CUresult symbol parameters                                     \
	{                                                              \
		static CUresult(*emulated) parameters;                 \
		static int said;                                       \
		if (emulated == NULL)                                  \
			emulated = driver_symbol(#symbol);             \
		if (emulated == NULL)                                  \
			return missing(&said, #symbol);                \
		return emulated arguments;                             \
	}
FUNCTION(cuInit, (unsigned flags), (flags))
#include "functions.h"

/* Of the others only the name is known. */
#define UNSUPPORTED(symbol)                         \
	CUresult symbol(void)                       \
	{                                           \
		static int said;                    \
		return missing(&said, #symbol);     \
	}
#include "unsupported.h"

CUresult cuProfilerStart(void) { return CUDA_SUCCESS; }
CUresult cuProfilerStop(void) { return CUDA_SUCCESS; }

__attribute__((destructor)) static void finish(void) { finishEmulation(); }
