// A program of the CUDA runtime API. It does what its argument says.

#include <cstdio>
#include <cstring>

enum { blocks = 4, threads = 32, count = 100 };

struct settings {
	double scale;
	int n;
	char tag[5];
};

__constant__ float offset;
__device__ int calls;

__global__ void add(float *x, const float *y, settings s)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;
	if (i < s.n)
		x[i] = s.scale * x[i] + y[i] + offset;
	if (i == 0) {
		atomicAdd(&calls, 1);
		printf("kernel %s\n", s.tag);
	}
}

template <typename T> __global__ void reverse(T *x)
{
	extern __shared__ char bytes[];
	T *copy = (T *)bytes;
	copy[threadIdx.x] = x[threadIdx.x];
	__syncthreads();
	x[threadIdx.x] = copy[blockDim.x - 1 - threadIdx.x];
}

// The barrier is missing.
__global__ void reverse_broken(int *x)
{
	__shared__ int copy[64];
	copy[threadIdx.x] = x[threadIdx.x];
	x[threadIdx.x] = copy[blockDim.x - 1 - threadIdx.x];
}

static int error()
{
	cudaError_t e = cudaGetLastError();
	if (e != cudaSuccess)
		printf("%s: %s\n", cudaGetErrorName(e), cudaGetErrorString(e));
	return e != cudaSuccess;
}

static int run_add(bool managed)
{
	float *x, *y, three = 3, host[count];
	if (managed)
		cudaMallocManaged(&x, sizeof host);
	else
		cudaMalloc(&x, sizeof host);
	cudaHostAlloc(&y, sizeof host, cudaHostAllocMapped);
	for (int i = 0; i < count; i++)
		host[i] = i, y[i] = 1;
	cudaMemcpy(x, host, sizeof host, cudaMemcpyDefault);
	cudaMemcpyToSymbol(offset, &three, sizeof three);
	printf("before\n");
	add<<<blocks, threads>>>(x, y, settings{2, count, "tag"});
	cudaDeviceSynchronize();
	printf("after\n");
	cudaMemcpy(host, x, sizeof host, cudaMemcpyDefault);
	int called;
	cudaMemcpyFromSymbol(&called, calls, sizeof called);
	printf("x[99] = %g, %d call\n", host[99], called);
	cudaFree(x);
	cudaFreeHost(y);
	return error();
}

static int run_stream()
{
	cudaStream_t s;
	cudaEvent_t from, to;
	int x[threads], *d, *pitched;
	size_t pitch;
	float milliseconds;
	cudaStreamCreate(&s);
	cudaEventCreate(&from);
	cudaEventCreate(&to);
	for (int i = 0; i < threads; i++)
		x[i] = i;
	cudaMalloc(&d, sizeof x);
	cudaMallocPitch(&pitched, &pitch, 4 * 8, 4);
	cudaMemcpyAsync(d, x, sizeof x, cudaMemcpyHostToDevice, s);
	memset(x, 0, sizeof x);
	cudaEventRecord(from, s);
	cudaFuncSetAttribute(reverse<int>, cudaFuncAttributeMaxDynamicSharedMemorySize, 64 << 10);
	reverse<<<1, threads, 64 << 10, s>>>(d);
	cudaEventRecord(to, s);
	cudaMemcpy2DAsync(pitched, pitch, d, 32, 32, 4, cudaMemcpyDeviceToDevice, s);
	cudaMemcpy2DAsync(x, 32, pitched, pitch, 32, 4, cudaMemcpyDeviceToHost, s);
	cudaEventElapsedTime(&milliseconds, from, to);
	printf("x[1] = %d, time has passed: %d\n", x[1], milliseconds > 0);
	return error();
}

static int run_device()
{
	cudaDeviceProp p;
	cudaFuncAttributes a;
	int grid, block;
	cudaGetDeviceProperties(&p, 0);
	cudaFuncGetAttributes(&a, reverse_broken);
	cudaOccupancyMaxPotentialBlockSize(&grid, &block, reverse_broken);
	printf("%s, sm_%d%d, %zu bytes of shared memory, PTX for %d, %d blocks of %d\n", p.name, p.major, p.minor, a.sharedSizeBytes,
	       a.ptxVersion, grid, block);
	return error();
}

static int run_broken()
{
	int *x;
	cudaMalloc(&x, 64 * sizeof *x);
	cudaMemset(x, 0, 64 * sizeof *x);
	reverse_broken<<<1, 64>>>(x);
	cudaDeviceSynchronize();
	return error();
}

static int run_configuration()
{
	reverse_broken<<<1, 2048>>>(NULL);
	return error();
}

static int run_texture()
{
	cudaTextureObject_t t;
	cudaCreateTextureObject(&t, NULL, NULL, NULL);
	return error();
}

int main(int, char **arguments)
{
	const char *what = arguments[1];
	return !strcmp(what, "add")             ? run_add(false)
	       : !strcmp(what, "managed")       ? run_add(true)
	       : !strcmp(what, "stream")        ? run_stream()
	       : !strcmp(what, "device")        ? run_device()
	       : !strcmp(what, "broken")        ? run_broken()
	       : !strcmp(what, "configuration") ? run_configuration()
	       : !strcmp(what, "texture")       ? run_texture()
						: 2;
}
