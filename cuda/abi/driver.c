//go:build cuda

#include "driver.h"

#include <pthread.h>
#include <stdio.h>

enum {
#define FUNCTION(symbol, parameters, arguments) index_##symbol,
#include "functions.h"
#undef FUNCTION
	function_count
};

static const char *const names[] = {
#define FUNCTION(symbol, parameters, arguments) #symbol,
#include "functions.h"
#undef FUNCTION
};

/* load writes these once. After that they are only read. */
static void *functions[function_count];
static CUresult status;
static char reason[512];

static void load(void)
{
	if (!driver_open(reason, sizeof reason)) {
		status = CUDA_ERROR_NO_DEVICE;
		return;
	}
	for (int i = 0; i < function_count; i++)
		functions[i] = driver_symbol(names[i]);

	CUresult (*init)(unsigned) = driver_symbol("cuInit");
	CUresult (*error_string)(CUresult, const char **) = functions[index_cuGetErrorString];
	if (init == NULL || error_string == NULL) {
		status = CUDA_ERROR_NO_DEVICE;
		snprintf(reason, sizeof reason, "the library libcuda.so.1 is not a CUDA driver: it has no cuInit or no cuGetErrorString");
		return;
	}
	status = init(0);
	if (status != CUDA_SUCCESS) {
		const char *text;
		if (error_string(status, &text) != CUDA_SUCCESS)
			text = "unknown error";
		snprintf(reason, sizeof reason, "the NVIDIA driver does not start: cuInit: %s (CUDA error %d)", text, status);
	}
}

static CUresult ready(int index)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load);
	if (status != CUDA_SUCCESS)
		return status;
	return functions[index] != NULL ? CUDA_SUCCESS : CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND;
}

const char *driver_failure(void)
{
	ready(0);
	return status != CUDA_SUCCESS ? reason : NULL;
}

/* These names must not be exported. Otherwise the library's calls to its own functions
 * could end up here. */
#define HIDDEN __attribute__((visibility("hidden")))

#define FUNCTION(symbol, parameters, arguments)                                           \
	HIDDEN CUresult symbol parameters                                                 \
	{                                                                                 \
		CUresult readiness = ready(index_##symbol);                               \
		if (readiness != CUDA_SUCCESS)                                            \
			return readiness;                                                 \
		return ((CUresult(*) parameters)functions[index_##symbol])arguments;      \
	}
#include "functions.h"

/* cu calls cuInit when the program starts, and ends the program if it fails. So it
 * always succeeds, and load initializes the driver. */
HIDDEN CUresult cuInit(unsigned flags)
{
	(void)flags;
	return CUDA_SUCCESS;
}
