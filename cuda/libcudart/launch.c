#include "runtime.h"

/* f<<<grid, block, shared, stream>>>(...) pushes the four, and pops them in the function
 * that nvcc writes in place of the kernel. */

struct configuration {
	dim3 grid, block;
	size_t shared;
	cudaStream_t stream;
};

static __thread struct configuration pushed[16];
static __thread int depth;

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, cudaStream_t stream)
{
	if (depth == sizeof pushed / sizeof *pushed)
		return 1; /* and nvcc's code does not launch */
	pushed[depth++] = (struct configuration){grid, block, shared, stream};
	return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void *stream)
{
	if (depth == 0)
		return record((CUresult)cudaErrorMissingConfiguration);
	struct configuration c = pushed[--depth];
	*grid = c.grid;
	*block = c.block;
	*shared = c.shared;
	*(cudaStream_t *)stream = c.stream;
	return cudaSuccess;
}

/* WITH defines a function that is a call of the driver with the kernel f. */
#define WITH(name, parameters, call)                     \
	cudaError_t name parameters                      \
	{                                                \
		CUfunction f;                            \
		CUresult code = ready();                 \
		if (code == CUDA_SUCCESS)                \
			code = find_function(&f, host);  \
		if (code == CUDA_SUCCESS)                \
			code = call;                     \
		return record(code);                     \
	}

/* The runtime has a code of its own for a grid or block that cannot be. */
static CUresult configured(CUresult code)
{
	return code == CUDA_ERROR_INVALID_VALUE ? (CUresult)cudaErrorInvalidConfiguration : code;
}

WITH(cudaLaunchKernel, (const void *host, dim3 grid, dim3 block, void **arguments, size_t shared, cudaStream_t stream),
	configured(cuLaunchKernel(f, grid.x, grid.y, grid.z, block.x, block.y, block.z, shared, stream, arguments, NULL)))
WITH(cudaLaunchCooperativeKernel,
	(const void *host, dim3 grid, dim3 block, void **arguments, size_t shared, cudaStream_t stream),
	configured(cuLaunchCooperativeKernel(f, grid.x, grid.y, grid.z, block.x, block.y, block.z, shared, stream, arguments)))
WITH(cudaFuncSetAttribute, (const void *host, enum cudaFuncAttribute attribute, int value),
	cuFuncSetAttribute(f, (CUfunction_attribute)attribute, value))
WITH(cudaFuncSetCacheConfig, (const void *host, enum cudaFuncCache config), cuFuncSetCacheConfig(f, (CUfunc_cache)config))
WITH(cudaFuncSetSharedMemConfig, (const void *host, enum cudaSharedMemConfig config),
	cuFuncSetSharedMemConfig(f, (CUsharedconfig)config))
WITH(cudaOccupancyMaxActiveBlocksPerMultiprocessor, (int *blocks, const void *host, int threads, size_t shared),
	cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, f, threads, shared))
WITH(cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags,
	(int *blocks, const void *host, int threads, size_t shared, unsigned flags),
	cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, f, threads, shared, flags))

static CUresult attributes(struct cudaFuncAttributes *a, CUfunction f)
{
	CUresult code = CUDA_SUCCESS;
	int value;
#define ATTRIBUTE(field, name)                                                      \
	if (code == CUDA_SUCCESS)                                                   \
		code = cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_##name, f);     \
	if (code == CUDA_SUCCESS)                                                   \
		a->field = value;
	ATTRIBUTE(maxThreadsPerBlock, MAX_THREADS_PER_BLOCK)
	ATTRIBUTE(sharedSizeBytes, SHARED_SIZE_BYTES)
	ATTRIBUTE(constSizeBytes, CONST_SIZE_BYTES)
	ATTRIBUTE(localSizeBytes, LOCAL_SIZE_BYTES)
	ATTRIBUTE(numRegs, NUM_REGS)
	ATTRIBUTE(ptxVersion, PTX_VERSION)
	ATTRIBUTE(binaryVersion, BINARY_VERSION)
	ATTRIBUTE(cacheModeCA, CACHE_MODE_CA)
	ATTRIBUTE(maxDynamicSharedSizeBytes, MAX_DYNAMIC_SHARED_SIZE_BYTES)
	ATTRIBUTE(preferredShmemCarveout, PREFERRED_SHARED_MEMORY_CARVEOUT)
	return code;
}

WITH(cudaFuncGetAttributes, (struct cudaFuncAttributes *a, const void *host), attributes(a, f))
