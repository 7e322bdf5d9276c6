//go:build cuda && mpi && linux

package nccl

// Constants of include/nccl.h, which make check-nccl compares with NVIDIA's.
const (
	ncclSuccess    = 0
	ncclInProgress = 7 // that nothing is wrong so far
	ncclFloat32    = 7
	ncclSum        = 0

	uniqueIDBytes = 128
)
