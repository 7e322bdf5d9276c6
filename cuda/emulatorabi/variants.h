/*
 * Functions of the driver that are another one with a fixed argument, and those whose
 * answer never changes. symbols.c includes this.
 */

#define VARIANT(name, parameters, call) \
	static CUresult name parameters { return call; }

VARIANT(memAllocAsync, (CUdeviceptr *p, size_t bytes, CUstream s), ((void)s, emulateMemAlloc(p, bytes)))
VARIANT(memFreeAsync, (CUdeviceptr p, CUstream s), ((void)s, emulateMemFree(p)))
VARIANT(memAllocHost, (void **p, size_t bytes), emulateMemHostAlloc(p, bytes, 0))
VARIANT(memHostGetFlags, (unsigned *flags, void *p), ((void)p, *flags = 2, CUDA_SUCCESS))

VARIANT(memcpy_, (CUdeviceptr dst, CUdeviceptr src, size_t bytes), emulateMemcpy(dst, src, bytes, NULL))
VARIANT(memcpyHtoD, (CUdeviceptr dst, void *src, size_t bytes), emulateMemcpyHtoD(dst, src, bytes, NULL))
VARIANT(memcpyDtoH, (void *dst, CUdeviceptr src, size_t bytes), emulateMemcpyDtoH(dst, src, bytes, NULL))
VARIANT(memcpyDtoD, (CUdeviceptr dst, CUdeviceptr src, size_t bytes), emulateMemcpyDtoD(dst, src, bytes, NULL))
VARIANT(memcpy3D, (CUDA_MEMCPY3D *copy), emulateMemcpy3D(copy, NULL))

static CUresult memcpy2DAsync(const CUDA_MEMCPY2D *c, CUstream s)
{
	CUDA_MEMCPY3D copy = {
		.srcXInBytes = c->srcXInBytes, .srcY = c->srcY, .srcMemoryType = c->srcMemoryType,
		.srcHost = c->srcHost, .srcDevice = c->srcDevice, .srcPitch = c->srcPitch,
		.dstXInBytes = c->dstXInBytes, .dstY = c->dstY, .dstMemoryType = c->dstMemoryType,
		.dstHost = c->dstHost, .dstDevice = c->dstDevice, .dstPitch = c->dstPitch,
		.WidthInBytes = c->WidthInBytes, .Height = c->Height, .Depth = 1,
	};
	return emulateMemcpy3D(&copy, s);
}
VARIANT(memcpy2D, (const CUDA_MEMCPY2D *copy), memcpy2DAsync(copy, NULL))

VARIANT(memsetD8, (CUdeviceptr dst, unsigned char value, size_t count), emulateMemsetD8(dst, value, count, NULL))
VARIANT(memsetD16, (CUdeviceptr dst, unsigned short value, size_t count), emulateMemsetD16(dst, value, count, NULL))
VARIANT(memsetD32, (CUdeviceptr dst, unsigned value, size_t count), emulateMemsetD32(dst, value, count, NULL))

#define MEMSET_2D(bits, type)                                                                                          \
	static CUresult memsetD2D##bits##Async(CUdeviceptr dst, size_t pitch, type value, size_t width, size_t height, CUstream s) \
	{                                                                                                              \
		CUresult code = CUDA_SUCCESS;                                                                          \
		for (size_t y = 0; y < height && code == CUDA_SUCCESS; y++)                                            \
			code = emulateMemsetD##bits(dst + y * pitch, value, width, s);                                 \
		return code;                                                                                           \
	}                                                                                                              \
	VARIANT(memsetD2D##bits, (CUdeviceptr dst, size_t pitch, type value, size_t width, size_t height),              \
		memsetD2D##bits##Async(dst, pitch, value, width, height, NULL))
MEMSET_2D(8, unsigned char)
MEMSET_2D(16, unsigned short)
MEMSET_2D(32, unsigned)

VARIANT(moduleLoadData, (CUmodule *module, void *image), emulateModuleLoad(module, image, 0, NULL, NULL))
VARIANT(occupancyMaxActiveBlocks, (int *blocks, CUfunction f, int threads, size_t shared),
	emulateOccupancyMaxActiveBlocksPerMultiprocessor(blocks, f, threads, shared, 0))
VARIANT(occupancyMaxPotentialBlockSize,
	(int *grid, int *block, CUfunction f, CUoccupancyB2DSize sharedOf, size_t shared, int limit),
	emulateOccupancyMaxPotentialBlockSize(grid, block, f, sharedOf, shared, limit, 0))
VARIANT(streamCreateWithPriority, (CUstream *s, unsigned flags, int priority), ((void)priority, emulateStreamCreate(s, flags)))
VARIANT(eventRecordWithFlags, (CUevent e, CUstream s, unsigned flags), ((void)flags, emulateEventRecord(e, s)))
VARIANT(graphInstantiate, (CUgraphExec *exec, CUgraph graph, CUgraphNode *node, char *log, size_t size),
	((void)node, (void)log, (void)size, emulateGraphInstantiate(exec, graph, 0)))

/* Hints, and what all devices have in common. */
VARIANT(succeed, (void), CUDA_SUCCESS)
VARIANT(memAdvise, (CUdeviceptr p, size_t bytes, CUmem_advise advice, CUdevice d),
	((void)advice, (void)d, (void)bytes, emulateMemGetAddressRange(NULL, NULL, p)))
VARIANT(memPrefetch, (CUdeviceptr p, size_t bytes, CUdevice d, CUstream s),
	((void)d, (void)s, (void)bytes, emulateMemGetAddressRange(NULL, NULL, p)))
VARIANT(deviceCanAccessPeer, (int *can, CUdevice d, CUdevice peer), ((void)d, (void)peer, *can = 0, CUDA_SUCCESS))
VARIANT(deviceGetUuid, (CUuuid *uuid, CUdevice d), (memset(uuid, 0, sizeof *uuid), uuid->bytes[15] = d, CUDA_SUCCESS))
VARIANT(deviceGetPCIBusId, (char *id, int size, CUdevice d), (snprintf(id, size, "0000:%02x:00.0", d), CUDA_SUCCESS))
VARIANT(deviceComputeCapability, (int *major, int *minor, CUdevice d),
	(emulateDeviceGetAttribute(minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, d),
	 emulateDeviceGetAttribute(major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, d)))
VARIANT(ctxGetApiVersion, (CUcontext c, unsigned *version), ((void)c, *version = 3020, CUDA_SUCCESS))
VARIANT(ctxGetStreamPriorityRange, (int *least, int *greatest), (*least = 0, *greatest = 0, CUDA_SUCCESS))
VARIANT(ctxGetFlags, (unsigned *flags), (*flags = 0, CUDA_SUCCESS))
VARIANT(ctxGetCacheConfig, (CUfunc_cache *config), (*config = CU_FUNC_CACHE_PREFER_NONE, CUDA_SUCCESS))
VARIANT(ctxGetSharedMemConfig, (CUsharedconfig *config), (*config = CU_SHARED_MEM_CONFIG_FOUR_BYTE_BANK_SIZE, CUDA_SUCCESS))
VARIANT(streamGetFlags, (CUstream s, unsigned *flags), ((void)s, *flags = 0, CUDA_SUCCESS))
VARIANT(streamGetPriority, (CUstream s, int *priority), ((void)s, *priority = 0, CUDA_SUCCESS))

/* Of a limit only its default is known. To ask for more of it succeeds, because what it
 * limits has no limit here. */
static CUresult ctxGetLimit(size_t *value, CUlimit limit)
{
	static const size_t values[] = {1 << 10, 1 << 20, 8 << 20, 2, 2048};
	if (limit >= sizeof values / sizeof *values)
		return CUDA_ERROR_UNSUPPORTED_LIMIT;
	*value = values[limit];
	return CUDA_SUCCESS;
}

/* The name lacks the version, which is that of CUDA 11.8. */
static CUresult getProcAddress(const char *name, void **function, int version, cuuint64_t flags)
{
	static const char *const versions[] = {"%s_v3", "%s_v2", "%s"};
	char full[128];
	(void)version, (void)flags;
	*function = NULL;
	for (size_t i = 0; i < sizeof versions / sizeof *versions && *function == NULL; i++) {
		snprintf(full, sizeof full, versions[i], name);
		*function = driver_symbol(full);
	}
	return *function != NULL ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}
