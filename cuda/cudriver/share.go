//go:build cuda

package cudriver

import (
	"runtime"

	"gorgonia.org/cu"
)

// Current implements cuda.Sharer.
func (d *device) Current(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cu.SetCurrentContext(d.context); err != nil {
		return failed("cuCtxSetCurrent", err)
	}
	return f()
}
