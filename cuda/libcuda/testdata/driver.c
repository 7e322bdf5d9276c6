/* A program of the CUDA driver API. It does what its argument says, and prints the error
 * of the first call that fails. */

#include <cuda.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { blocks = 4, threads = 32, count = 100 };

static CUmodule module;

static int failed(CUresult code, const char *call)
{
	if (code == CUDA_SUCCESS)
		return 0;
	const char *name = "?";
	cuGetErrorName(code, &name);
	const char *end = strchr(call, '(');
	printf("%.*s: %s\n", (int)(end - call), call, name);
	return 1;
}

#define TRY(call)                \
	if (failed(call, #call)) \
		return 1;

static CUfunction kernel(const char *name)
{
	CUfunction f = NULL;
	failed(cuModuleGetFunction(&f, module, name), "cuModuleGetFunction(");
	return f;
}

/* Every size of a parameter: pointers, and a struct by value. */
struct settings {
	double scale;
	int n;
	char tag[5];
};

static int add(int by_buffer)
{
	float x[count], y[count];
	for (int i = 0; i < count; i++)
		x[i] = i, y[i] = 1;
	CUdeviceptr dx, dy;
	TRY(cuMemAlloc(&dx, sizeof x))
	TRY(cuMemAlloc(&dy, sizeof y))
	TRY(cuMemcpyHtoD(dx, x, sizeof x))
	TRY(cuMemsetD32(dy, 0x3f800000, count))
	struct settings s = {2, count, "tag"};
	if (by_buffer) {
		struct {
			CUdeviceptr x, y;
			struct settings s;
		} buffer = {dx, dy, s};
		size_t size = sizeof buffer;
		void *extra[] = {(void *)1, &buffer, (void *)2, &size, NULL};
		TRY(cuLaunchKernel(kernel("add"), blocks, 1, 1, threads, 1, 1, 0, NULL, NULL, extra))
	} else {
		void *arguments[] = {&dx, &dy, &s};
		TRY(cuLaunchKernel(kernel("add"), blocks, 1, 1, threads, 1, 1, 0, NULL, arguments, NULL))
	}
	TRY(cuMemcpyDtoH(x, dx, sizeof x))
	for (int i = 0; i < count; i++)
		if (x[i] != 2 * i + 1) {
			printf("x[%d] = %g\n", i, x[i]);
			return 1;
		}
	TRY(cuMemFree(dx))
	TRY(cuMemFree(dy))
	return 0;
}

static int global(void)
{
	CUdeviceptr factor, x;
	size_t bytes;
	float sum, more = 40;
	TRY(cuModuleGetGlobal(&factor, &bytes, module, "factor"))
	TRY(cuMemcpyHtoD(factor + 4, &more, sizeof more))
	TRY(cuMemAlloc(&x, sizeof sum))
	void *arguments[] = {&x};
	TRY(cuLaunchKernel(kernel("factors"), 1, 1, 1, 1, 1, 1, 0, NULL, arguments, NULL))
	TRY(cuMemcpyDtoH(&sum, x, sizeof sum))
	printf("%zu bytes, sum %g\n", bytes, sum);
	TRY(cuModuleGetGlobal(&factor, &bytes, module, "nothing"))
	return 0;
}

static int cooperative(int n)
{
	CUdeviceptr x;
	unsigned met[2];
	TRY(cuMemAlloc(&x, sizeof met))
	TRY(cuMemsetD32(x, 0, 2))
	void *arguments[] = {&x};
	TRY(cuLaunchCooperativeKernel(kernel("meet"), n, 1, 1, 1, 1, 1, 0, NULL, arguments))
	TRY(cuMemcpyDtoH(met, x, sizeof met))
	printf("%u blocks met\n", met[1]);
	return 0;
}

/* Kernels reach memory of the host at its own address. */
static int managed(void)
{
	float *x, *y;
	CUdeviceptr dx, dy;
	TRY(cuMemAllocManaged(&dx, count * sizeof *x, CU_MEM_ATTACH_GLOBAL))
	TRY(cuMemHostAlloc((void **)&y, count * sizeof *y, 0))
	TRY(cuMemHostGetDevicePointer(&dy, y, 0))
	x = (float *)dx;
	for (int i = 0; i < count; i++)
		x[i] = i, y[i] = 1;
	struct settings s = {2, count, "tag"};
	void *arguments[] = {&dx, &dy, &s};
	TRY(cuLaunchKernel(kernel("add"), blocks, 1, 1, threads, 1, 1, 0, NULL, arguments, NULL))
	TRY(cuCtxSynchronize())
	printf("x[99] = %g\n", x[99]);
	TRY(cuMemFree(dx))
	TRY(cuMemFreeHost(y))
	return 0;
}

/* A copy has read pageable memory when it returns, on any stream. */
static int stream(void)
{
	CUstream s;
	CUevent from, to;
	CUdeviceptr x;
	CUgraph graph;
	CUgraphExec exec;
	float milliseconds;
	TRY(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING))
	TRY(cuEventCreate(&from, 0))
	TRY(cuEventCreate(&to, 0))
	TRY(cuMemAlloc(&x, 4))
	TRY(cuEventRecord(from, s))
	for (int i = 0; i < 100; i++)
		TRY(cuMemcpyHtoDAsync(x, &i, sizeof i, s))
	TRY(cuEventRecord(to, s))
	int last = -1;
	TRY(cuMemcpyDtoHAsync(&last, x, sizeof last, s))
	TRY(cuEventElapsedTime(&milliseconds, from, to))
	printf("the last is %d, and time has passed: %d\n", last, milliseconds > 0);

	TRY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_GLOBAL))
	void *arguments[] = {&x};
	TRY(cuLaunchKernel(kernel("factors"), 1, 1, 1, 1, 1, 1, 0, s, arguments, NULL))
	TRY(cuStreamEndCapture(s, &graph))
	TRY(cuGraphInstantiateWithFlags(&exec, graph, 0))
	TRY(cuGraphLaunch(exec, s))
	float sum;
	TRY(cuMemcpyDtoHAsync(&sum, x, sizeof sum, s))
	printf("the graph says %g\n", sum);
	return 0;
}

/* Another stream is a branch of the graph: without a wait at the end, without one at the
 * beginning, and with both waits, but writing what the first branch reads. */
static int branches(int fork, int join, int apart)
{
	CUstream s, branch;
	CUevent e;
	CUdeviceptr x, y;
	CUgraph graph;
	CUgraphExec exec;
	TRY(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING))
	TRY(cuStreamCreate(&branch, CU_STREAM_NON_BLOCKING))
	TRY(cuEventCreate(&e, CU_EVENT_DISABLE_TIMING))
	TRY(cuMemAlloc(&x, 4))
	TRY(cuMemAlloc(&y, 4))
	TRY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED))
	TRY(cuEventRecord(e, s))
	if (fork)
		TRY(cuStreamWaitEvent(branch, e, 0))
	void *of_x[] = {&x}, *of_y[] = {&y};
	TRY(cuLaunchKernel(kernel("factors"), 1, 1, 1, 1, 1, 1, 0, s, of_x, NULL))
	TRY(cuLaunchKernel(kernel("factors"), 1, 1, 1, 1, 1, 1, 0, branch, apart ? of_y : of_x, NULL))
	TRY(cuEventRecord(e, branch))
	if (join)
		TRY(cuStreamWaitEvent(s, e, 0))
	TRY(cuStreamEndCapture(s, &graph))
	TRY(cuGraphInstantiateWithFlags(&exec, graph, 0))
	TRY(cuGraphLaunch(exec, s))
	TRY(cuStreamSynchronize(s))
	float sums[2];
	TRY(cuMemcpyDtoH(&sums[0], x, 4))
	TRY(cuMemcpyDtoH(&sums[1], y, 4))
	printf("the branches say %g and %g\n", sums[0], sums[1]);
	TRY(cuEventRecord(e, s))
	TRY(cuStreamBeginCapture(branch, CU_STREAM_CAPTURE_MODE_RELAXED))
	TRY(cuStreamWaitEvent(branch, e, 0))
	return 0;
}

/* A thread has a stack of contexts, and each of them a device of its own. */
static int contexts(void)
{
	CUcontext primary, second, current;
	CUdevice d;
	CUdeviceptr x;
	unsigned flags;
	int active;
	TRY(cuCtxGetCurrent(&primary))
	TRY(cuCtxCreate(&second, 0, 0))
	TRY(cuCtxGetCurrent(&current))
	printf("the second is current: %d\n", current == second);
	TRY(cuMemAlloc(&x, 4))
	TRY(cuCtxPopCurrent(&current))
	TRY(cuCtxGetCurrent(&current))
	printf("the first is again: %d\n", current == primary);
	failed(cuMemcpyHtoD(x, &active, 4), "cuMemcpyHtoD(");
	TRY(cuCtxDestroy(second))
	failed(cuCtxSetCurrent(second), "cuCtxSetCurrent(");
	TRY(cuDevicePrimaryCtxReset(0))
	TRY(cuDevicePrimaryCtxGetState(0, &flags, &active))
	printf("active: %d\n", active);
	TRY(cuCtxGetDevice(&d))
	return 0;
}

static int memory(void)
{
	enum { pitch = 512 };
	unsigned char host[4][8], *registered = aligned_alloc(4096, 1 << 20);
	CUdeviceptr x, base, same;
	size_t got, bytes, free, total;
	unsigned type;
	TRY(cuMemAllocPitch(&x, &got, sizeof *host, 4, 4))
	TRY(cuMemGetAddressRange(&base, &bytes, x + 1000))
	TRY(cuMemGetInfo(&free, &total))
	printf("pitch %zu, %d bytes before, %zu in all, %zu taken\n", got, (int)(x - base), bytes, total - free);
	TRY(cuMemsetD2D8(x, pitch, 1, sizeof *host, 4))
	TRY(cuMemsetD2D16(x + 2, pitch, 0x0203, 1, 4))
	CUDA_MEMCPY2D copy = {
		.srcMemoryType = CU_MEMORYTYPE_DEVICE, .srcDevice = x, .srcPitch = pitch, .srcY = 1,
		.dstMemoryType = CU_MEMORYTYPE_HOST, .dstHost = host, .dstPitch = sizeof *host,
		.WidthInBytes = sizeof *host, .Height = 3,
	};
	TRY(cuMemcpy2D(&copy))
	printf("row 2: %d %d %d %d %d\n", host[2][0], host[2][1], host[2][2], host[2][3], host[2][4]);
	TRY(cuMemHostRegister(registered, 1 << 20, 0))
	TRY(cuMemHostGetDevicePointer(&same, registered + 5, 0))
	TRY(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, same))
	registered[5] = 42;
	TRY(cuMemcpy(x, same, 1))
	TRY(cuMemcpy((CUdeviceptr)host, x, 1))
	printf("the same address: %d, of the host: %d, copied %d\n", same == (CUdeviceptr)(registered + 5), type == CU_MEMORYTYPE_HOST,
		host[0][0]);
	TRY(cuMemHostUnregister(registered))
	TRY(cuMemHostUnregister(registered))
	return 0;
}

static void set(void *flag) { *(volatile int *)flag = 1; }

/* Work that is queued is done although the host only waits. */
static int callback(void)
{
	CUstream s;
	volatile int flag = 0;
	TRY(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING))
	TRY(cuLaunchHostFunc(s, set, (void *)&flag))
	while (!flag)
		usleep(1000);
	printf("called\n");
	return 0;
}

static int device(void)
{
	CUdevice d;
	char name[64];
	int count, processors, grid, block, per_processor;
	TRY(cuDeviceGetCount(&count))
	TRY(cuDeviceGet(&d, 0))
	TRY(cuDeviceGetName(name, sizeof name, d))
	TRY(cuDeviceGetAttribute(&processors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, d))
	TRY(cuOccupancyMaxPotentialBlockSize(&grid, &block, kernel("add"), NULL, 0, 0))
	TRY(cuOccupancyMaxActiveBlocksPerMultiprocessor(&per_processor, kernel("add"), block, 0))
	printf("%d device, %s, %d multiprocessors with %d blocks of %d threads, grid %d\n", count, name, processors, per_processor,
		block, grid);
	return 0;
}

static int launch(const char *name, int grid, int block)
{
	CUdeviceptr x;
	TRY(cuMemAlloc(&x, 4 * threads))
	void *arguments[] = {&x};
	TRY(cuLaunchKernel(kernel(name), grid, 1, 1, block, 1, 1, 0, NULL, arguments, NULL))
	TRY(cuCtxSynchronize())
	return 0;
}

static int unsupported(void)
{
	CUarray array;
	cuArrayCreate(&array, NULL);
	TRY(cuArrayCreate(&array, NULL))
	return 0;
}

static int handle(void)
{
	TRY(cuLaunchKernel((CUfunction)100, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL))
	return 0;
}

static int nowhere(void)
{
	CUdeviceptr x;
	TRY(cuMemAlloc(&x, 4))
	TRY(cuMemcpyHtoD(x, NULL, 4))
	return 0;
}

static int refused(void)
{
	CUfunction f;
	TRY(cuModuleGetFunction(&f, module, "textured"))
	return 0;
}

static int machine_code(void)
{
	TRY(cuModuleLoadData(&module, "\177ELF"))
	return 0;
}

/* driver CASE KERNELS.ptx */
int main(int argument_count, char **arguments)
{
	if (argument_count != 3)
		return 2;
	CUcontext context;
	const char *what = arguments[1];
	TRY(cuInit(0))
	TRY(cuDevicePrimaryCtxRetain(&context, 0))
	TRY(cuCtxPushCurrent(context))
	TRY(cuModuleLoad(&module, arguments[2]))
	return strcmp(what, "add") == 0                ? add(0)
	       : strcmp(what, "buffer") == 0           ? add(1)
	       : strcmp(what, "global") == 0           ? global()
	       : strcmp(what, "cooperative") == 0      ? cooperative(100)
	       : strcmp(what, "too many") == 0         ? cooperative(100000)
	       : strcmp(what, "managed") == 0          ? managed()
	       : strcmp(what, "stream") == 0           ? stream()
	       : strcmp(what, "branches") == 0         ? branches(1, 1, 1)
	       : strcmp(what, "unjoined") == 0         ? branches(1, 0, 1)
	       : strcmp(what, "not forked") == 0       ? branches(0, 1, 1)
	       : strcmp(what, "one word") == 0         ? branches(1, 1, 0)
	       : strcmp(what, "contexts") == 0         ? contexts()
	       : strcmp(what, "memory") == 0           ? memory()
	       : strcmp(what, "callback") == 0         ? callback()
	       : strcmp(what, "device") == 0           ? device()
	       : strcmp(what, "beyond") == 0           ? launch("beyond", 1, threads + 1)
	       : strcmp(what, "within") == 0           ? launch("beyond", 1, threads)
	       : strcmp(what, "race") == 0             ? launch("race", 2, 1)
	       : strcmp(what, "equal") == 0            ? launch("equal", 2, 1)
	       : strcmp(what, "unsupported") == 0      ? unsupported()
	       : strcmp(what, "handle") == 0           ? handle()
	       : strcmp(what, "nowhere") == 0          ? nowhere()
	       : strcmp(what, "refused") == 0          ? refused()
	       : strcmp(what, "machine code") == 0     ? machine_code()
						       : 2;
}
