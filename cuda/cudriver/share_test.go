//go:build cuda

package cudriver

import (
	"errors"
	"runtime"
	"testing"

	"gorgonia.org/cu"

	"gputrain/cuda"
)

// A library that shares a device finds its context on the thread.
func TestCurrentMakesTheContextCurrent(t *testing.T) {
	d := open(t).(cuda.Sharer)
	runtime.LockOSThread() // the thread ends with this goroutine
	check(t, d.(*device).call("cuCtxSetCurrent", func() error { return cu.SetCurrentContext(cu.CUContext{}) }))
	own := errors.New("its own error")
	err := d.Current(func() error {
		context, err := cu.CurrentContext()
		if err != nil {
			return err
		}
		if context != d.(*device).context {
			t.Errorf("the context is %v, want %v", context, d.(*device).context)
		}
		return own
	})
	if err != own {
		t.Errorf("got %v, want %v", err, own)
	}
}
