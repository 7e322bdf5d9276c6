//go:build cuda

package cudriver

// #include <cuda.h>
import "C"

import (
	"gorgonia.org/cu"

	"gputrain/cuda"
)

func (d *device) AllowShared(f cuda.Function, bytes int) error {
	return d.call("cuFuncSetAttribute", func() error {
		return result(C.cuFuncSetAttribute(hold[C.CUfunction](f), C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, C.int(bytes)))
	})
}

// Residency asks the driver how many blocks a multiprocessor holds. The driver does not
// say what limits them. So that is found here: it is what one block more would exceed.
func (d *device) Residency(f cuda.Function, block cuda.Dim3, sharedBytes int) (r cuda.Residency, err error) {
	function := hold[cu.Function](f)
	r.Threads = block.X * block.Y * block.Z
	var blocks int
	err = d.call("cuOccupancyMaxActiveBlocksPerMultiprocessor", func() (err error) {
		blocks, err = function.MaxActiveBlocksPerMultiProcessor(r.Threads, int64(sharedBytes))
		return err
	})
	if err != nil {
		return cuda.Residency{}, err
	}
	err = d.call("cuFuncGetAttribute", func() (err error) {
		if r.Registers, err = function.Attribute(cu.NumRegs); err != nil {
			return err
		}
		r.Shared, err = function.Attribute(cu.SharedSizeBytes)
		return err
	})
	if err != nil {
		return cuda.Residency{}, err
	}
	var most []int
	err = d.call("cuDeviceGetAttribute", func() (err error) {
		most, err = d.ordinal.Attributes(cu.MaxThreadsPerMultiprocessor, C.CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR,
			cu.MaxSharedMemoryPerMultiprocessor, C.CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK)
		return err
	})
	if err != nil {
		return cuda.Residency{}, err
	}
	r.Shared += sharedBytes
	r.Blocks = blocks * d.info.Multiprocessors
	switch more := blocks + 1; {
	case more*roundUp(r.Threads, 32) > most[0]:
		r.Limit = "threads"
	case more > most[1]:
		r.Limit = "blocks"
	case more*roundUp(r.Shared+most[3], 128) > most[2]: // the unit from compute capability 8.0 on
		r.Limit = "shared memory"
	default:
		r.Limit = "registers"
	}
	return r, nil
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
