/*
 * The functions of NCCL: FUNCTION(result, name, parameters, arguments), the symbol
 * without its nccl.
 *
 * The file that includes this one defines FUNCTION: nccl.h as a prototype, symbols.c as a
 * call of the emulator.
 */
FUNCTION(ncclResult_t, GetVersion, (int *version), (version))
FUNCTION(ncclResult_t, GetUniqueId, (ncclUniqueId *id), (id))
FUNCTION(const char *, GetErrorString, (ncclResult_t result), (result))
FUNCTION(const char *, GetLastError, (ncclComm_t comm), (comm))

FUNCTION(ncclResult_t, CommInitRank, (ncclComm_t *comm, int ranks, ncclUniqueId id, int rank), (comm, ranks, id, rank))
FUNCTION(ncclResult_t, CommDestroy, (ncclComm_t comm), (comm))
FUNCTION(ncclResult_t, CommAbort, (ncclComm_t comm), (comm))
FUNCTION(ncclResult_t, CommGetAsyncError, (ncclComm_t comm, ncclResult_t *error), (comm, error))
FUNCTION(ncclResult_t, CommCount, (const ncclComm_t comm, int *count), (comm, count))
FUNCTION(ncclResult_t, CommUserRank, (const ncclComm_t comm, int *rank), (comm, rank))

FUNCTION(ncclResult_t, GroupStart, (void), ())
FUNCTION(ncclResult_t, GroupEnd, (void), ())
FUNCTION(ncclResult_t, Send,
	(const void *buffer, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream),
	((void *)buffer, count, type, peer, comm, stream))
FUNCTION(ncclResult_t, Recv,
	(void *buffer, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream),
	(buffer, count, type, peer, comm, stream))
FUNCTION(ncclResult_t, AllGather,
	(const void *send, void *receive, size_t count, ncclDataType_t type, ncclComm_t comm, cudaStream_t stream),
	((void *)send, receive, count, type, comm, stream))
FUNCTION(ncclResult_t, AllReduce,
	(const void *send, void *receive, size_t count, ncclDataType_t type, ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream),
	((void *)send, receive, count, type, op, comm, stream))
FUNCTION(ncclResult_t, Broadcast,
	(const void *send, void *receive, size_t count, ncclDataType_t type, int root, ncclComm_t comm, cudaStream_t stream),
	((void *)send, receive, count, type, root, comm, stream))
