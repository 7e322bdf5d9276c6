#include "runtime.h"

CALL(cudaStreamCreate, (cudaStream_t *s), cuStreamCreate(s, CU_STREAM_DEFAULT))
CALL(cudaStreamCreateWithFlags, (cudaStream_t *s, unsigned flags), cuStreamCreate(s, flags))
CALL(cudaStreamCreateWithPriority, (cudaStream_t *s, unsigned flags, int priority), cuStreamCreateWithPriority(s, flags, priority))
CALL(cudaStreamDestroy, (cudaStream_t s), cuStreamDestroy(s))
CALL(cudaStreamSynchronize, (cudaStream_t s), cuStreamSynchronize(s))
CALL(cudaStreamQuery, (cudaStream_t s), cuStreamQuery(s))
CALL(cudaStreamWaitEvent, (cudaStream_t s, cudaEvent_t e, unsigned flags), cuStreamWaitEvent(s, e, flags))
CALL(cudaStreamGetFlags, (cudaStream_t s, unsigned *flags), cuStreamGetFlags(s, flags))
CALL(cudaStreamGetPriority, (cudaStream_t s, int *priority), cuStreamGetPriority(s, priority))
CALL(cudaStreamAddCallback, (cudaStream_t s, cudaStreamCallback_t f, void *data, unsigned flags),
	cuStreamAddCallback(s, (CUstreamCallback)f, data, flags))
CALL(cudaStreamAttachMemAsync, (cudaStream_t s, void *p, size_t bytes, unsigned flags),
	cuStreamAttachMemAsync(s, (CUdeviceptr)p, bytes, flags))
CALL(cudaLaunchHostFunc, (cudaStream_t s, cudaHostFn_t f, void *data), cuLaunchHostFunc(s, f, data))

CALL(cudaEventCreate, (cudaEvent_t *e), cuEventCreate(e, CU_EVENT_DEFAULT))
CALL(cudaEventCreateWithFlags, (cudaEvent_t *e, unsigned flags), cuEventCreate(e, flags))
CALL(cudaEventDestroy, (cudaEvent_t e), cuEventDestroy(e))
CALL(cudaEventRecord, (cudaEvent_t e, cudaStream_t s), cuEventRecord(e, s))
CALL(cudaEventRecordWithFlags, (cudaEvent_t e, cudaStream_t s, unsigned flags), cuEventRecordWithFlags(e, s, flags))
CALL(cudaEventSynchronize, (cudaEvent_t e), cuEventSynchronize(e))
CALL(cudaEventQuery, (cudaEvent_t e), cuEventQuery(e))
CALL(cudaEventElapsedTime, (float *milliseconds, cudaEvent_t from, cudaEvent_t to), cuEventElapsedTime(milliseconds, from, to))

CALL(cudaStreamBeginCapture, (cudaStream_t s, enum cudaStreamCaptureMode mode), cuStreamBeginCapture(s, (CUstreamCaptureMode)mode))
CALL(cudaStreamEndCapture, (cudaStream_t s, cudaGraph_t *graph), cuStreamEndCapture(s, graph))
CALL(cudaGraphInstantiate, (cudaGraphExec_t *exec, cudaGraph_t graph, cudaGraphNode_t *node, char *log, size_t size),
	cuGraphInstantiate(exec, graph, node, log, size))
CALL(cudaGraphInstantiateWithFlags, (cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags),
	cuGraphInstantiateWithFlags(exec, graph, flags))
CALL(cudaGraphLaunch, (cudaGraphExec_t exec, cudaStream_t s), cuGraphLaunch(exec, s))
CALL(cudaGraphDestroy, (cudaGraph_t graph), cuGraphDestroy(graph))
CALL(cudaGraphExecDestroy, (cudaGraphExec_t exec), cuGraphExecDestroy(exec))
