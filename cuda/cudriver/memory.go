//go:build cuda

package cudriver

// #include <cuda.h>
import "C"

import (
	"unsafe"

	"gorgonia.org/cu"

	"gputrain/cuda"
)

func (d *device) Alloc(bytes int64) (p cuda.Pointer, err error) {
	err = d.call("cuMemAlloc", func() error {
		address, err := cu.MemAlloc(bytes)
		p = cuda.Pointer(address)
		return err
	})
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.live[p] = true
	}
	return p, err
}

func (d *device) Free(p cuda.Pointer) error {
	d.mu.Lock()
	delete(d.live, p)
	d.mu.Unlock()
	return d.call("cuMemFree", func() error { return cu.MemFree(cu.DevicePtr(p)) })
}

func (d *device) MemInfo() (free, total int64, err error) {
	err = d.call("cuMemGetInfo", func() (err error) {
		free, total, err = cu.MemInfo()
		return err
	})
	return free, total, err
}

func (d *device) AllocHost(bytes int) (host []byte, err error) {
	err = d.call("cuMemHostAlloc", func() error {
		var p unsafe.Pointer
		if err := result(C.cuMemHostAlloc(&p, C.size_t(bytes), 0)); err != nil {
			return err
		}
		host = unsafe.Slice((*byte)(p), bytes)
		return nil
	})
	return host, err
}

func (d *device) FreeHost(host []byte) error {
	return d.call("cuMemFreeHost", func() error { return cu.MemFreeHost(pointer(host)) })
}

func (d *device) CopyToDevice(dst cuda.Pointer, src []byte, s cuda.Stream) error {
	return d.call("cuMemcpyHtoDAsync", func() error {
		return cu.MemcpyHtoDAsync(cu.DevicePtr(dst), pointer(src), int64(len(src)), hold[cu.Stream](s))
	})
}

func (d *device) CopyToHost(dst []byte, src cuda.Pointer, s cuda.Stream) error {
	return d.call("cuMemcpyDtoHAsync", func() error {
		return cu.MemcpyDtoHAsync(pointer(dst), cu.DevicePtr(src), int64(len(dst)), hold[cu.Stream](s))
	})
}

func (d *device) CopyOnDevice(dst, src cuda.Pointer, bytes int64, s cuda.Stream) error {
	return d.call("cuMemcpyDtoDAsync", func() error {
		return cu.MemcpyDtoDAsync(cu.DevicePtr(dst), cu.DevicePtr(src), bytes, hold[cu.Stream](s))
	})
}

func (d *device) Fill32(dst cuda.Pointer, value uint32, words int64, s cuda.Stream) error {
	return d.call("cuMemsetD32Async", func() error {
		return cu.MemsetD32Async(cu.DevicePtr(dst), uint(value), words, hold[cu.Stream](s))
	})
}

func pointer(host []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(host)) }
