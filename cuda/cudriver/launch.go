//go:build cuda

package cudriver

/*
#include <cuda.h>

static CUresult launch(int cooperative, CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ,
	unsigned blockX, unsigned blockY, unsigned blockZ, unsigned shared, CUstream stream, uint64_t *arguments, int count)
{
	void *pointers[count + 1]; // C has no empty arrays
	for (int i = 0; i < count; i++)
		pointers[i] = &arguments[i];
	if (cooperative)
		return cuLaunchCooperativeKernel(function, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, stream, pointers);
	return cuLaunchKernel(function, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, stream, pointers, NULL);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"gputrain/cuda"
)

// Launch calls the driver directly, because cu's Launch wants a slice of pointers and
// allocates two copies of the arguments.
func (d *device) Launch(f cuda.Function, grid, block cuda.Dim3, sharedBytes int, s cuda.Stream, args []uint64) error {
	return d.launch("cuLaunchKernel", 0, f, grid, block, sharedBytes, s, args)
}

// LaunchCooperative calls the driver directly, because cu's LaunchCooperativeKernel does
// nothing.
func (d *device) LaunchCooperative(f cuda.Function, grid, block cuda.Dim3, sharedBytes int, s cuda.Stream, args []uint64) error {
	const call = "cuLaunchCooperativeKernel"
	err := d.launch(call, 1, f, grid, block, sharedBytes, s, args)
	if !errors.Is(err, status(C.CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE)) {
		return err
	}
	r, unknown := d.Residency(f, block, sharedBytes)
	if unknown != nil {
		return errors.Join(err, unknown)
	}
	return fmt.Errorf("%s: %w", call, &cuda.GridTooLarge{Grid: grid, Residency: r})
}

func (d *device) launch(call string, cooperative C.int, f cuda.Function, grid, block cuda.Dim3, sharedBytes int, s cuda.Stream, args []uint64) error {
	return d.call(call, func() error {
		return result(C.launch(cooperative, hold[C.CUfunction](f),
			C.uint(grid.X), C.uint(grid.Y), C.uint(grid.Z), C.uint(block.X), C.uint(block.Y), C.uint(block.Z),
			C.uint(sharedBytes), hold[C.CUstream](s), (*C.uint64_t)(unsafe.SliceData(args)), C.int(len(args))))
	})
}
