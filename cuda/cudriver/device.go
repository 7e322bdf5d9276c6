//go:build cuda

package cudriver

import (
	"errors"
	"runtime"

	"gorgonia.org/cu"

	"gputrain/cuda"
)

// device is a context. CUDA keeps a current context for each thread, but a goroutine
// moves between threads. So every call sets the context again.
type device struct {
	ordinal cu.Device
	info    cuda.DeviceInfo
	context cu.CUContext
}

func (d *device) Info() cuda.DeviceInfo { return d.info }

// Close waits for all work and destroys the context, which frees its memory.
func (d *device) Close() error {
	return errors.Join(
		d.call("cuCtxSynchronize", cu.Synchronize),
		d.call("cuCtxDestroy", d.context.Destroy),
	)
}

// call makes the context current and runs f, which calls the driver's function of
// that name.
func (d *device) call(name string, f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cu.SetCurrentContext(d.context); err != nil {
		return failed("cuCtxSetCurrent", err)
	}
	if err := f(); err != nil {
		return failed(name, err)
	}
	return nil
}
