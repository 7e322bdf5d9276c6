#include "runtime.h"

#include <string.h>

static CUresult allocate(void **p, size_t bytes)
{
	*p = NULL;
	return bytes == 0 ? CUDA_SUCCESS : cuMemAlloc((CUdeviceptr *)p, bytes);
}

CALL(cudaMalloc, (void **p, size_t bytes), allocate(p, bytes))
CALL(cudaMallocAsync, (void **p, size_t bytes, cudaStream_t s), ((void)s, allocate(p, bytes)))
CALL(cudaMallocPitch, (void **p, size_t *pitch, size_t width, size_t height),
	cuMemAllocPitch((CUdeviceptr *)p, pitch, width, height, 16))
CALL(cudaMalloc3D, (struct cudaPitchedPtr *p, struct cudaExtent e),
	(p->xsize = e.width, p->ysize = e.height,
	 cuMemAllocPitch((CUdeviceptr *)&p->ptr, &p->pitch, e.width, e.height * e.depth, 16)))
CALL(cudaMallocManaged, (void **p, size_t bytes, unsigned flags), cuMemAllocManaged((CUdeviceptr *)p, bytes, flags))
CALL(cudaFree, (void *p), p == NULL ? CUDA_SUCCESS : cuMemFree((CUdeviceptr)p))
CALL(cudaFreeAsync, (void *p, cudaStream_t s), p == NULL ? CUDA_SUCCESS : cuMemFreeAsync((CUdeviceptr)p, s))
CALL(cudaMemGetInfo, (size_t *free, size_t *total), cuMemGetInfo(free, total))

CALL(cudaMallocHost, (void **p, size_t bytes), cuMemHostAlloc(p, bytes, 0))
CALL(cudaHostAlloc, (void **p, size_t bytes, unsigned flags), cuMemHostAlloc(p, bytes, flags))
CALL(cudaFreeHost, (void *p), p == NULL ? CUDA_SUCCESS : cuMemFreeHost(p))
CALL(cudaHostRegister, (void *p, size_t bytes, unsigned flags), cuMemHostRegister(p, bytes, flags))
CALL(cudaHostUnregister, (void *p), cuMemHostUnregister(p))
CALL(cudaHostGetFlags, (unsigned *flags, void *p), cuMemHostGetFlags(flags, p))
CALL(cudaHostGetDevicePointer, (void **device, void *p, unsigned flags),
	cuMemHostGetDevicePointer((CUdeviceptr *)device, p, flags))
CALL(cudaMemAdvise, (const void *p, size_t bytes, enum cudaMemoryAdvise advice, int device),
	cuMemAdvise((CUdeviceptr)p, bytes, (CUmem_advise)advice, device))
CALL(cudaMemPrefetchAsync, (const void *p, size_t bytes, int device, cudaStream_t s),
	cuMemPrefetchAsync((CUdeviceptr)p, bytes, device, s))

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *a, const void *p)
{
	unsigned type;
	char managed = 0;
	CUresult code = ready();
	memset(a, 0, sizeof *a);
	if (code != CUDA_SUCCESS)
		return record(code);
	if (cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (CUdeviceptr)p) != CUDA_SUCCESS) {
		a->type = cudaMemoryTypeUnregistered;
		a->hostPointer = (void *)p;
		return cudaSuccess;
	}
	cuPointerGetAttribute(&managed, CU_POINTER_ATTRIBUTE_IS_MANAGED, (CUdeviceptr)p);
	a->type = managed ? cudaMemoryTypeManaged : type == CU_MEMORYTYPE_HOST ? cudaMemoryTypeHost : cudaMemoryTypeDevice;
	a->devicePointer = (void *)p;
	if (a->type != cudaMemoryTypeDevice)
		a->hostPointer = (void *)p;
	return cudaSuccess;
}

/* Copies. The kind says on which side each address is. */

static CUresult copy(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t s)
{
	switch (kind) {
	case cudaMemcpyHostToDevice:
		return cuMemcpyHtoDAsync((CUdeviceptr)dst, src, bytes, s);
	case cudaMemcpyDeviceToHost:
		return cuMemcpyDtoHAsync(dst, (CUdeviceptr)src, bytes, s);
	case cudaMemcpyDeviceToDevice:
		return cuMemcpyDtoDAsync((CUdeviceptr)dst, (CUdeviceptr)src, bytes, s);
	case cudaMemcpyHostToHost:
	case cudaMemcpyDefault:
		return cuMemcpyAsync((CUdeviceptr)dst, (CUdeviceptr)src, bytes, s);
	}
	return (CUresult)cudaErrorInvalidMemcpyDirection;
}

CALL(cudaMemcpy, (void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind), copy(dst, src, bytes, kind, NULL))
CALL(cudaMemcpyAsync, (void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t s),
	copy(dst, src, bytes, kind, s))
CALL(cudaMemcpyPeer, (void *dst, int to, const void *src, int from, size_t bytes),
	((void)to, (void)from, copy(dst, src, bytes, cudaMemcpyDeviceToDevice, NULL)))
CALL(cudaMemcpyPeerAsync, (void *dst, int to, const void *src, int from, size_t bytes, cudaStream_t s),
	((void)to, (void)from, copy(dst, src, bytes, cudaMemcpyDeviceToDevice, s)))

/* Strided copies. The kind is that of cudaMemcpy. */

static CUresult copy3D(const struct cudaMemcpy3DParms *p, cudaStream_t s)
{
	if (p->srcArray != NULL || p->dstArray != NULL)
		return CUDA_ERROR_NOT_SUPPORTED;
	static const CUmemorytype from[] = {
		CU_MEMORYTYPE_HOST, CU_MEMORYTYPE_HOST, CU_MEMORYTYPE_DEVICE, CU_MEMORYTYPE_DEVICE, CU_MEMORYTYPE_UNIFIED};
	static const CUmemorytype to[] = {
		CU_MEMORYTYPE_HOST, CU_MEMORYTYPE_DEVICE, CU_MEMORYTYPE_HOST, CU_MEMORYTYPE_DEVICE, CU_MEMORYTYPE_UNIFIED};
	if ((unsigned)p->kind >= sizeof from / sizeof *from)
		return (CUresult)cudaErrorInvalidMemcpyDirection;
	CUDA_MEMCPY3D c = {
		.srcMemoryType = from[p->kind], .srcHost = p->srcPtr.ptr, .srcDevice = (CUdeviceptr)p->srcPtr.ptr,
		.srcPitch = p->srcPtr.pitch, .srcHeight = p->srcPtr.ysize,
		.srcXInBytes = p->srcPos.x, .srcY = p->srcPos.y, .srcZ = p->srcPos.z,
		.dstMemoryType = to[p->kind], .dstHost = p->dstPtr.ptr, .dstDevice = (CUdeviceptr)p->dstPtr.ptr,
		.dstPitch = p->dstPtr.pitch, .dstHeight = p->dstPtr.ysize,
		.dstXInBytes = p->dstPos.x, .dstY = p->dstPos.y, .dstZ = p->dstPos.z,
		.WidthInBytes = p->extent.width, .Height = p->extent.height, .Depth = p->extent.depth,
	};
	return cuMemcpy3DAsync(&c, s);
}

static CUresult copy2D(void *dst, size_t dst_pitch, const void *src, size_t src_pitch, size_t width, size_t height,
	enum cudaMemcpyKind kind, cudaStream_t s)
{
	if (width > dst_pitch || width > src_pitch)
		return (CUresult)cudaErrorInvalidPitchValue;
	struct cudaMemcpy3DParms p = {
		.srcPtr = {(void *)src, src_pitch, width, height}, .dstPtr = {dst, dst_pitch, width, height},
		.extent = {width, height, 1}, .kind = kind,
	};
	return copy3D(&p, s);
}

CALL(cudaMemcpy2D, (void *dst, size_t dpitch, const void *src, size_t spitch, size_t width, size_t height, enum cudaMemcpyKind kind),
	copy2D(dst, dpitch, src, spitch, width, height, kind, NULL))
CALL(cudaMemcpy2DAsync,
	(void *dst, size_t dpitch, const void *src, size_t spitch, size_t width, size_t height, enum cudaMemcpyKind kind, cudaStream_t s),
	copy2D(dst, dpitch, src, spitch, width, height, kind, s))
CALL(cudaMemcpy3D, (const struct cudaMemcpy3DParms *p), copy3D(p, NULL))
CALL(cudaMemcpy3DAsync, (const struct cudaMemcpy3DParms *p, cudaStream_t s), copy3D(p, s))

/* Variables */

static CUresult within(CUdeviceptr *p, const void *symbol, size_t bytes, size_t offset)
{
	size_t size;
	CUresult code = find_variable(p, &size, symbol);
	if (code == CUDA_SUCCESS && (bytes > size || offset > size - bytes))
		code = CUDA_ERROR_INVALID_VALUE;
	*p += offset;
	return code;
}

static CUresult to_symbol(const void *symbol, const void *src, size_t bytes, size_t offset, enum cudaMemcpyKind kind, cudaStream_t s)
{
	CUdeviceptr p;
	CUresult code = within(&p, symbol, bytes, offset);
	return code != CUDA_SUCCESS ? code : copy((void *)p, src, bytes, kind, s);
}

static CUresult from_symbol(void *dst, const void *symbol, size_t bytes, size_t offset, enum cudaMemcpyKind kind, cudaStream_t s)
{
	CUdeviceptr p;
	CUresult code = within(&p, symbol, bytes, offset);
	return code != CUDA_SUCCESS ? code : copy(dst, (void *)p, bytes, kind, s);
}

CALL(cudaMemcpyToSymbol, (const void *symbol, const void *src, size_t bytes, size_t offset, enum cudaMemcpyKind kind),
	to_symbol(symbol, src, bytes, offset, kind, NULL))
CALL(cudaMemcpyToSymbolAsync,
	(const void *symbol, const void *src, size_t bytes, size_t offset, enum cudaMemcpyKind kind, cudaStream_t s),
	to_symbol(symbol, src, bytes, offset, kind, s))
CALL(cudaMemcpyFromSymbol, (void *dst, const void *symbol, size_t bytes, size_t offset, enum cudaMemcpyKind kind),
	from_symbol(dst, symbol, bytes, offset, kind, NULL))
CALL(cudaMemcpyFromSymbolAsync,
	(void *dst, const void *symbol, size_t bytes, size_t offset, enum cudaMemcpyKind kind, cudaStream_t s),
	from_symbol(dst, symbol, bytes, offset, kind, s))
CALL(cudaGetSymbolAddress, (void **p, const void *symbol), find_variable((CUdeviceptr *)p, NULL, symbol))
CALL(cudaGetSymbolSize, (size_t *bytes, const void *symbol), find_variable(NULL, bytes, symbol))

/* Fills */

CALL(cudaMemset, (void *p, int value, size_t bytes), cuMemsetD8((CUdeviceptr)p, value, bytes))
CALL(cudaMemsetAsync, (void *p, int value, size_t bytes, cudaStream_t s), cuMemsetD8Async((CUdeviceptr)p, value, bytes, s))
CALL(cudaMemset2D, (void *p, size_t pitch, int value, size_t width, size_t height),
	cuMemsetD2D8((CUdeviceptr)p, pitch, value, width, height))
CALL(cudaMemset2DAsync, (void *p, size_t pitch, int value, size_t width, size_t height, cudaStream_t s),
	cuMemsetD2D8Async((CUdeviceptr)p, pitch, value, width, height, s))

static CUresult fill3D(struct cudaPitchedPtr p, int value, struct cudaExtent e, cudaStream_t s)
{
	CUresult code = CUDA_SUCCESS;
	for (size_t z = 0; z < e.depth && code == CUDA_SUCCESS; z++)
		code = cuMemsetD2D8Async((CUdeviceptr)p.ptr + z * p.pitch * p.ysize, p.pitch, value, e.width, e.height, s);
	return code;
}

CALL(cudaMemset3D, (struct cudaPitchedPtr p, int value, struct cudaExtent e), fill3D(p, value, e, NULL))
CALL(cudaMemset3DAsync, (struct cudaPitchedPtr p, int value, struct cudaExtent e, cudaStream_t s), fill3D(p, value, e, s))

struct cudaChannelFormatDesc cudaCreateChannelDesc(int x, int y, int z, int w, enum cudaChannelFormatKind kind)
{
	return (struct cudaChannelFormatDesc){x, y, z, w, kind};
}
