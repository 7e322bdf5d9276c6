/*
 * The functions of the CUDA driver: FUNCTION(symbol, parameters, arguments).
 *
 * The file that includes this one defines FUNCTION: cuda.h as a prototype, driver.c as
 * a call into the loaded library. cuInit is in cuda.h, because its definition differs.
 * The symbols are those that the library exports. cuda.h gives the versioned ones (_v2,
 * _v3) their plain names.
 */

/* Driver and devices */
FUNCTION(cuDeviceCanAccessPeer, (int *can, CUdevice device, CUdevice peer), (can, device, peer))
FUNCTION(cuDeviceGet, (CUdevice *device, int ordinal), (device, ordinal))
FUNCTION(cuDeviceGetAttribute, (int *value, CUdevice_attribute attribute, CUdevice device), (value, attribute, device))
FUNCTION(cuDeviceGetCount, (int *count), (count))
FUNCTION(cuDeviceGetName, (char *name, int size, CUdevice device), (name, size, device))
FUNCTION(cuDeviceGetPCIBusId, (char *id, int size, CUdevice device), (id, size, device))
FUNCTION(cuDeviceComputeCapability, (int *major, int *minor, CUdevice device), (major, minor, device))
FUNCTION(cuDeviceGetP2PAttribute,
	(int *value, CUdevice_P2PAttribute attribute, CUdevice src, CUdevice dst),
	(value, attribute, src, dst))
FUNCTION(cuDeviceGetUuid, (CUuuid *uuid, CUdevice device), (uuid, device))
FUNCTION(cuDeviceGetUuid_v2, (CUuuid *uuid, CUdevice device), (uuid, device))
FUNCTION(cuDevicePrimaryCtxGetState, (CUdevice device, unsigned *flags, int *active), (device, flags, active))
FUNCTION(cuDevicePrimaryCtxRelease_v2, (CUdevice device), (device))
FUNCTION(cuDevicePrimaryCtxReset_v2, (CUdevice device), (device))
FUNCTION(cuDevicePrimaryCtxRetain, (CUcontext *context, CUdevice device), (context, device))
FUNCTION(cuDevicePrimaryCtxSetFlags_v2, (CUdevice device, unsigned flags), (device, flags))
FUNCTION(cuDeviceTotalMem_v2, (size_t *bytes, CUdevice device), (bytes, device))
FUNCTION(cuDriverGetVersion, (int *version), (version))
FUNCTION(cuGetErrorName, (CUresult error, const char **text), (error, text))
FUNCTION(cuGetErrorString, (CUresult error, const char **text), (error, text))
FUNCTION(cuGetProcAddress,
	(const char *symbol, void **function, int version, cuuint64_t flags),
	(symbol, function, version, flags))

/* Contexts */
FUNCTION(cuCtxCreate_v2, (CUcontext *context, unsigned flags, CUdevice device), (context, flags, device))
FUNCTION(cuCtxDestroy_v2, (CUcontext context), (context))
FUNCTION(cuCtxDisablePeerAccess, (CUcontext peer), (peer))
FUNCTION(cuCtxEnablePeerAccess, (CUcontext peer, unsigned flags), (peer, flags))
FUNCTION(cuCtxGetApiVersion, (CUcontext context, unsigned *version), (context, version))
FUNCTION(cuCtxGetCacheConfig, (CUfunc_cache *config), (config))
FUNCTION(cuCtxGetCurrent, (CUcontext *context), (context))
FUNCTION(cuCtxGetDevice, (CUdevice *device), (device))
FUNCTION(cuCtxGetFlags, (unsigned *flags), (flags))
FUNCTION(cuCtxGetLimit, (size_t *value, CUlimit limit), (value, limit))
FUNCTION(cuCtxGetSharedMemConfig, (CUsharedconfig *config), (config))
FUNCTION(cuCtxGetStreamPriorityRange, (int *least, int *greatest), (least, greatest))
FUNCTION(cuCtxPopCurrent_v2, (CUcontext *context), (context))
FUNCTION(cuCtxPushCurrent_v2, (CUcontext context), (context))
FUNCTION(cuCtxResetPersistingL2Cache, (void), ())
FUNCTION(cuCtxSetCacheConfig, (CUfunc_cache config), (config))
FUNCTION(cuCtxSetCurrent, (CUcontext context), (context))
FUNCTION(cuCtxSetLimit, (CUlimit limit, size_t value), (limit, value))
FUNCTION(cuCtxSetSharedMemConfig, (CUsharedconfig config), (config))
FUNCTION(cuCtxSynchronize, (void), ())

/* Modules and the just-in-time linker */
FUNCTION(cuLinkAddData_v2,
	(CUlinkState state, CUjitInputType type, void *data, size_t size, const char *name, unsigned count,
	 CUjit_option *options, void **values),
	(state, type, data, size, name, count, options, values))
FUNCTION(cuLinkAddFile_v2,
	(CUlinkState state, CUjitInputType type, const char *path, unsigned count, CUjit_option *options, void **values),
	(state, type, path, count, options, values))
FUNCTION(cuLinkComplete, (CUlinkState state, void **cubin, size_t *size), (state, cubin, size))
FUNCTION(cuLinkCreate_v2,
	(unsigned count, CUjit_option *options, void **values, CUlinkState *state),
	(count, options, values, state))
FUNCTION(cuLinkDestroy, (CUlinkState state), (state))
FUNCTION(cuModuleGetFunction, (CUfunction *function, CUmodule module, const char *name), (function, module, name))
FUNCTION(cuModuleGetGlobal_v2,
	(CUdeviceptr *pointer, size_t *bytes, CUmodule module, const char *name),
	(pointer, bytes, module, name))
FUNCTION(cuModuleGetSurfRef, (CUsurfref *surface, CUmodule module, const char *name), (surface, module, name))
FUNCTION(cuModuleGetTexRef, (CUtexref *texture, CUmodule module, const char *name), (texture, module, name))
FUNCTION(cuModuleLoad, (CUmodule *module, const char *path), (module, path))
FUNCTION(cuModuleLoadData, (CUmodule *module, const void *image), (module, image))
FUNCTION(cuModuleLoadDataEx,
	(CUmodule *module, const void *image, unsigned count, CUjit_option *options, void **values),
	(module, image, count, options, values))
FUNCTION(cuModuleLoadFatBinary, (CUmodule *module, const void *image), (module, image))
FUNCTION(cuModuleUnload, (CUmodule module), (module))

/* Memory */
FUNCTION(cuMemAdvise,
	(CUdeviceptr pointer, size_t count, CUmem_advise advice, CUdevice device),
	(pointer, count, advice, device))
FUNCTION(cuMemAllocManaged, (CUdeviceptr *pointer, size_t bytes, unsigned flags), (pointer, bytes, flags))
FUNCTION(cuMemAllocPitch_v2,
	(CUdeviceptr *pointer, size_t *pitch, size_t width, size_t height, unsigned element),
	(pointer, pitch, width, height, element))
FUNCTION(cuMemAlloc_v2, (CUdeviceptr *pointer, size_t bytes), (pointer, bytes))
FUNCTION(cuMemAllocAsync, (CUdeviceptr *pointer, size_t bytes, CUstream stream), (pointer, bytes, stream))
FUNCTION(cuMemAllocHost_v2, (void **pointer, size_t bytes), (pointer, bytes))
FUNCTION(cuMemFreeAsync, (CUdeviceptr pointer, CUstream stream), (pointer, stream))
FUNCTION(cuMemFreeHost, (void *pointer), (pointer))
FUNCTION(cuMemFree_v2, (CUdeviceptr pointer), (pointer))
FUNCTION(cuMemGetAddressRange_v2, (CUdeviceptr *base, size_t *size, CUdeviceptr pointer), (base, size, pointer))
FUNCTION(cuMemGetInfo_v2, (size_t *free, size_t *total), (free, total))
FUNCTION(cuMemHostAlloc, (void **pointer, size_t bytes, unsigned flags), (pointer, bytes, flags))
FUNCTION(cuMemHostGetDevicePointer_v2, (CUdeviceptr *device, void *pointer, unsigned flags), (device, pointer, flags))
FUNCTION(cuMemHostGetFlags, (unsigned *flags, void *pointer), (flags, pointer))
FUNCTION(cuMemHostRegister_v2, (void *pointer, size_t bytes, unsigned flags), (pointer, bytes, flags))
FUNCTION(cuMemHostUnregister, (void *pointer), (pointer))
FUNCTION(cuMemPrefetchAsync,
	(CUdeviceptr pointer, size_t count, CUdevice dst, CUstream stream),
	(pointer, count, dst, stream))
FUNCTION(cuPointerGetAttribute,
	(void *data, CUpointer_attribute attribute, CUdeviceptr pointer),
	(data, attribute, pointer))
FUNCTION(cuPointerSetAttribute,
	(const void *value, CUpointer_attribute attribute, CUdeviceptr pointer),
	(value, attribute, pointer))

/* Copies */
FUNCTION(cuMemcpy, (CUdeviceptr dst, CUdeviceptr src, size_t bytes), (dst, src, bytes))
FUNCTION(cuMemcpy2DAsync_v2, (const CUDA_MEMCPY2D *copy, CUstream stream), (copy, stream))
FUNCTION(cuMemcpy2DUnaligned_v2, (const CUDA_MEMCPY2D *copy), (copy))
FUNCTION(cuMemcpy2D_v2, (const CUDA_MEMCPY2D *copy), (copy))
FUNCTION(cuMemcpy3DAsync_v2, (const CUDA_MEMCPY3D *copy, CUstream stream), (copy, stream))
FUNCTION(cuMemcpy3DPeer, (const CUDA_MEMCPY3D_PEER *copy), (copy))
FUNCTION(cuMemcpy3DPeerAsync, (const CUDA_MEMCPY3D_PEER *copy, CUstream stream), (copy, stream))
FUNCTION(cuMemcpy3D_v2, (const CUDA_MEMCPY3D *copy), (copy))
FUNCTION(cuMemcpyAsync, (CUdeviceptr dst, CUdeviceptr src, size_t bytes, CUstream stream), (dst, src, bytes, stream))
FUNCTION(cuMemcpyAtoA_v2,
	(CUarray dst, size_t dstOffset, CUarray src, size_t srcOffset, size_t bytes),
	(dst, dstOffset, src, srcOffset, bytes))
FUNCTION(cuMemcpyAtoD_v2, (CUdeviceptr dst, CUarray src, size_t srcOffset, size_t bytes), (dst, src, srcOffset, bytes))
FUNCTION(cuMemcpyAtoHAsync_v2,
	(void *dst, CUarray src, size_t srcOffset, size_t bytes, CUstream stream),
	(dst, src, srcOffset, bytes, stream))
FUNCTION(cuMemcpyAtoH_v2, (void *dst, CUarray src, size_t srcOffset, size_t bytes), (dst, src, srcOffset, bytes))
FUNCTION(cuMemcpyDtoA_v2, (CUarray dst, size_t dstOffset, CUdeviceptr src, size_t bytes), (dst, dstOffset, src, bytes))
FUNCTION(cuMemcpyDtoDAsync_v2,
	(CUdeviceptr dst, CUdeviceptr src, size_t bytes, CUstream stream),
	(dst, src, bytes, stream))
FUNCTION(cuMemcpyDtoD_v2, (CUdeviceptr dst, CUdeviceptr src, size_t bytes), (dst, src, bytes))
FUNCTION(cuMemcpyDtoHAsync_v2, (void *dst, CUdeviceptr src, size_t bytes, CUstream stream), (dst, src, bytes, stream))
FUNCTION(cuMemcpyDtoH_v2, (void *dst, CUdeviceptr src, size_t bytes), (dst, src, bytes))
FUNCTION(cuMemcpyHtoAAsync_v2,
	(CUarray dst, size_t dstOffset, const void *src, size_t bytes, CUstream stream),
	(dst, dstOffset, src, bytes, stream))
FUNCTION(cuMemcpyHtoA_v2, (CUarray dst, size_t dstOffset, const void *src, size_t bytes), (dst, dstOffset, src, bytes))
FUNCTION(cuMemcpyHtoDAsync_v2,
	(CUdeviceptr dst, const void *src, size_t bytes, CUstream stream),
	(dst, src, bytes, stream))
FUNCTION(cuMemcpyHtoD_v2, (CUdeviceptr dst, const void *src, size_t bytes), (dst, src, bytes))
FUNCTION(cuMemcpyPeer,
	(CUdeviceptr dst, CUcontext dstContext, CUdeviceptr src, CUcontext srcContext, size_t bytes),
	(dst, dstContext, src, srcContext, bytes))
FUNCTION(cuMemcpyPeerAsync,
	(CUdeviceptr dst, CUcontext dstContext, CUdeviceptr src, CUcontext srcContext, size_t bytes, CUstream stream),
	(dst, dstContext, src, srcContext, bytes, stream))

/* Fills */
FUNCTION(cuMemsetD16Async,
	(CUdeviceptr dst, unsigned short value, size_t count, CUstream stream),
	(dst, value, count, stream))
FUNCTION(cuMemsetD16_v2, (CUdeviceptr dst, unsigned short value, size_t count), (dst, value, count))
FUNCTION(cuMemsetD2D16Async,
	(CUdeviceptr dst, size_t pitch, unsigned short value, size_t width, size_t height, CUstream stream),
	(dst, pitch, value, width, height, stream))
FUNCTION(cuMemsetD2D16_v2,
	(CUdeviceptr dst, size_t pitch, unsigned short value, size_t width, size_t height),
	(dst, pitch, value, width, height))
FUNCTION(cuMemsetD2D32Async,
	(CUdeviceptr dst, size_t pitch, unsigned value, size_t width, size_t height, CUstream stream),
	(dst, pitch, value, width, height, stream))
FUNCTION(cuMemsetD2D32_v2,
	(CUdeviceptr dst, size_t pitch, unsigned value, size_t width, size_t height),
	(dst, pitch, value, width, height))
FUNCTION(cuMemsetD2D8Async,
	(CUdeviceptr dst, size_t pitch, unsigned char value, size_t width, size_t height, CUstream stream),
	(dst, pitch, value, width, height, stream))
FUNCTION(cuMemsetD2D8_v2,
	(CUdeviceptr dst, size_t pitch, unsigned char value, size_t width, size_t height),
	(dst, pitch, value, width, height))
FUNCTION(cuMemsetD32Async,
	(CUdeviceptr dst, unsigned value, size_t count, CUstream stream),
	(dst, value, count, stream))
FUNCTION(cuMemsetD32_v2, (CUdeviceptr dst, unsigned value, size_t count), (dst, value, count))
FUNCTION(cuMemsetD8Async,
	(CUdeviceptr dst, unsigned char value, size_t count, CUstream stream),
	(dst, value, count, stream))
FUNCTION(cuMemsetD8_v2, (CUdeviceptr dst, unsigned char value, size_t count), (dst, value, count))

/* Streams and events */
FUNCTION(cuEventCreate, (CUevent *event, unsigned flags), (event, flags))
FUNCTION(cuEventDestroy_v2, (CUevent event), (event))
FUNCTION(cuEventElapsedTime, (float *milliseconds, CUevent start, CUevent end), (milliseconds, start, end))
FUNCTION(cuEventQuery, (CUevent event), (event))
FUNCTION(cuEventRecord, (CUevent event, CUstream stream), (event, stream))
FUNCTION(cuEventRecordWithFlags, (CUevent event, CUstream stream, unsigned flags), (event, stream, flags))
FUNCTION(cuEventSynchronize, (CUevent event), (event))
FUNCTION(cuStreamAddCallback,
	(CUstream stream, CUstreamCallback callback, void *data, unsigned flags),
	(stream, callback, data, flags))
FUNCTION(cuStreamAttachMemAsync,
	(CUstream stream, CUdeviceptr pointer, size_t length, unsigned flags),
	(stream, pointer, length, flags))
FUNCTION(cuStreamBeginCapture_v2, (CUstream stream, CUstreamCaptureMode mode), (stream, mode))
FUNCTION(cuStreamCreate, (CUstream *stream, unsigned flags), (stream, flags))
FUNCTION(cuStreamCreateWithPriority, (CUstream *stream, unsigned flags, int priority), (stream, flags, priority))
FUNCTION(cuStreamDestroy_v2, (CUstream stream), (stream))
FUNCTION(cuStreamEndCapture, (CUstream stream, CUgraph *graph), (stream, graph))
FUNCTION(cuStreamGetFlags, (CUstream stream, unsigned *flags), (stream, flags))
FUNCTION(cuStreamGetPriority, (CUstream stream, int *priority), (stream, priority))
FUNCTION(cuStreamQuery, (CUstream stream), (stream))
FUNCTION(cuStreamSynchronize, (CUstream stream), (stream))
FUNCTION(cuStreamWaitEvent, (CUstream stream, CUevent event, unsigned flags), (stream, event, flags))
FUNCTION(cuStreamWaitValue32,
	(CUstream stream, CUdeviceptr address, cuuint32_t value, unsigned flags),
	(stream, address, value, flags))
FUNCTION(cuStreamWriteValue32,
	(CUstream stream, CUdeviceptr address, cuuint32_t value, unsigned flags),
	(stream, address, value, flags))

/* Kernels */
FUNCTION(cuFuncGetAttribute,
	(int *value, CUfunction_attribute attribute, CUfunction function),
	(value, attribute, function))
FUNCTION(cuFuncSetAttribute,
	(CUfunction function, CUfunction_attribute attribute, int value),
	(function, attribute, value))
FUNCTION(cuFuncSetCacheConfig, (CUfunction function, CUfunc_cache config), (function, config))
FUNCTION(cuFuncSetSharedMemConfig, (CUfunction function, CUsharedconfig config), (function, config))
FUNCTION(cuLaunchCooperativeKernel,
	(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
	 unsigned blockZ, unsigned shared, CUstream stream, void **arguments),
	(function, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, stream, arguments))
FUNCTION(cuLaunchHostFunc, (CUstream stream, CUhostFn function, void *data), (stream, function, data))
FUNCTION(cuLaunchKernel,
	(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
	 unsigned blockZ, unsigned shared, CUstream stream, void **arguments, void **extra),
	(function, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, stream, arguments, extra))
FUNCTION(cuOccupancyMaxActiveBlocksPerMultiprocessor,
	(int *blocks, CUfunction function, int size, size_t shared),
	(blocks, function, size, shared))
FUNCTION(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags,
	(int *blocks, CUfunction function, int size, size_t shared, unsigned flags),
	(blocks, function, size, shared, flags))
FUNCTION(cuOccupancyMaxPotentialBlockSize,
	(int *grid, int *block, CUfunction function, CUoccupancyB2DSize sharedOf, size_t shared, int limit),
	(grid, block, function, sharedOf, shared, limit))
FUNCTION(cuOccupancyMaxPotentialBlockSizeWithFlags,
	(int *grid, int *block, CUfunction function, CUoccupancyB2DSize sharedOf, size_t shared, int limit, unsigned flags),
	(grid, block, function, sharedOf, shared, limit, flags))

/* Graphs */
FUNCTION(cuGraphAddChildGraphNode,
	(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependencies, size_t count, CUgraph child),
	(node, graph, dependencies, count, child))
FUNCTION(cuGraphAddDependencies,
	(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, size_t count),
	(graph, from, to, count))
FUNCTION(cuGraphAddEmptyNode,
	(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependencies, size_t count),
	(node, graph, dependencies, count))
FUNCTION(cuGraphAddHostNode,
	(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependencies, size_t count,
	 const CUDA_HOST_NODE_PARAMS *parameters),
	(node, graph, dependencies, count, parameters))
FUNCTION(cuGraphAddKernelNode,
	(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependencies, size_t count,
	 const CUDA_KERNEL_NODE_PARAMS *parameters),
	(node, graph, dependencies, count, parameters))
FUNCTION(cuGraphAddMemcpyNode,
	(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependencies, size_t count,
	 const CUDA_MEMCPY3D *parameters, CUcontext context),
	(node, graph, dependencies, count, parameters, context))
FUNCTION(cuGraphAddMemsetNode,
	(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependencies, size_t count,
	 const CUDA_MEMSET_NODE_PARAMS *parameters, CUcontext context),
	(node, graph, dependencies, count, parameters, context))
FUNCTION(cuGraphClone, (CUgraph *clone, CUgraph graph), (clone, graph))
FUNCTION(cuGraphCreate, (CUgraph *graph, unsigned flags), (graph, flags))
FUNCTION(cuGraphDestroy, (CUgraph graph), (graph))
FUNCTION(cuGraphDestroyNode, (CUgraphNode node), (node))
FUNCTION(cuGraphExecDestroy, (CUgraphExec exec), (exec))
FUNCTION(cuGraphGetEdges, (CUgraph graph, CUgraphNode *from, CUgraphNode *to, size_t *count), (graph, from, to, count))
FUNCTION(cuGraphInstantiateWithFlags,
	(CUgraphExec *exec, CUgraph graph, unsigned long long flags),
	(exec, graph, flags))
FUNCTION(cuGraphInstantiate_v2,
	(CUgraphExec *exec, CUgraph graph, CUgraphNode *node, char *log, size_t size),
	(exec, graph, node, log, size))
FUNCTION(cuGraphLaunch, (CUgraphExec exec, CUstream stream), (exec, stream))

/* Arrays, textures and surfaces */
FUNCTION(cuArray3DCreate_v2, (CUarray *array, const CUDA_ARRAY3D_DESCRIPTOR *descriptor), (array, descriptor))
FUNCTION(cuArray3DGetDescriptor_v2, (CUDA_ARRAY3D_DESCRIPTOR *descriptor, CUarray array), (descriptor, array))
FUNCTION(cuArrayCreate_v2, (CUarray *array, const CUDA_ARRAY_DESCRIPTOR *descriptor), (array, descriptor))
FUNCTION(cuArrayDestroy, (CUarray array), (array))
FUNCTION(cuArrayGetDescriptor_v2, (CUDA_ARRAY_DESCRIPTOR *descriptor, CUarray array), (descriptor, array))
FUNCTION(cuSurfRefGetArray, (CUarray *array, CUsurfref surface), (array, surface))
FUNCTION(cuSurfRefSetArray, (CUsurfref surface, CUarray array, unsigned flags), (surface, array, flags))
FUNCTION(cuTexRefGetAddressMode, (CUaddress_mode *mode, CUtexref texture, int dimension), (mode, texture, dimension))
FUNCTION(cuTexRefGetAddress_v2, (CUdeviceptr *pointer, CUtexref texture), (pointer, texture))
FUNCTION(cuTexRefGetArray, (CUarray *array, CUtexref texture), (array, texture))
FUNCTION(cuTexRefGetBorderColor, (float *color, CUtexref texture), (color, texture))
FUNCTION(cuTexRefGetFilterMode, (CUfilter_mode *mode, CUtexref texture), (mode, texture))
FUNCTION(cuTexRefGetFlags, (unsigned *flags, CUtexref texture), (flags, texture))
FUNCTION(cuTexRefGetFormat, (CUarray_format *format, int *channels, CUtexref texture), (format, channels, texture))
FUNCTION(cuTexRefGetMaxAnisotropy, (int *maximum, CUtexref texture), (maximum, texture))
FUNCTION(cuTexRefSetAddress2D_v3,
	(CUtexref texture, const CUDA_ARRAY_DESCRIPTOR *descriptor, CUdeviceptr pointer, size_t pitch),
	(texture, descriptor, pointer, pitch))
FUNCTION(cuTexRefSetAddressMode, (CUtexref texture, int dimension, CUaddress_mode mode), (texture, dimension, mode))
FUNCTION(cuTexRefSetAddress_v2,
	(size_t *offset, CUtexref texture, CUdeviceptr pointer, size_t bytes),
	(offset, texture, pointer, bytes))
FUNCTION(cuTexRefSetArray, (CUtexref texture, CUarray array, unsigned flags), (texture, array, flags))
FUNCTION(cuTexRefSetBorderColor, (CUtexref texture, float *color), (texture, color))
FUNCTION(cuTexRefSetFilterMode, (CUtexref texture, CUfilter_mode mode), (texture, mode))
FUNCTION(cuTexRefSetFlags, (CUtexref texture, unsigned flags), (texture, flags))
FUNCTION(cuTexRefSetFormat, (CUtexref texture, CUarray_format format, int components), (texture, format, components))
FUNCTION(cuTexRefSetMaxAnisotropy, (CUtexref texture, unsigned maximum), (texture, maximum))
FUNCTION(cuTexRefSetMipmapFilterMode, (CUtexref texture, CUfilter_mode mode), (texture, mode))
FUNCTION(cuTexRefSetMipmapLevelBias, (CUtexref texture, float bias), (texture, bias))
FUNCTION(cuTexRefSetMipmapLevelClamp, (CUtexref texture, float minimum, float maximum), (texture, minimum, maximum))
