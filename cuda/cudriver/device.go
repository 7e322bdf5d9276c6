//go:build cuda

package cudriver

import (
	"errors"
	"maps"
	"runtime"
	"slices"
	"sync"

	"gorgonia.org/cu"

	"gputrain/cuda"
)

// device is a part in the primary context of a GPU. CUDA keeps a current context for each thread, but a goroutine
// moves between threads. So every call sets the context again.
type device struct {
	ordinal cu.Device
	info    cuda.DeviceInfo
	context cu.CUContext

	mu   sync.Mutex
	live map[cuda.Pointer]bool // memory that is not freed
}

func (d *device) Info() cuda.DeviceInfo { return d.info }

// Close waits for all work and frees what has been allocated. The modules go with the
// context, when nobody in the process uses the GPU any more.
func (d *device) Close() error {
	err := d.call("cuCtxSynchronize", cu.Synchronize)
	if err == nil { // else the context is lost, and its memory with it
		d.mu.Lock()
		live := slices.Collect(maps.Keys(d.live))
		d.mu.Unlock()
		for _, p := range live {
			err = errors.Join(err, d.Free(p))
		}
	}
	if released := d.ordinal.ReleasePrimaryCtx(); released != nil {
		err = errors.Join(err, failed("cuDevicePrimaryCtxRelease", released))
	}
	return err
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
