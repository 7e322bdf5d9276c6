//go:build cuda && emulatorabi

package cudriver

import (
	"strings"
	"testing"

	"gputrain/cuda"
)

// On a GPU a fault may cost the process all its contexts, so this test runs only on
// the emulator.
func TestFaultOfAKernelIsReportedUntilClose(t *testing.T) {
	d := must[cuda.Device](t)(New().Open(0))
	m := must[cuda.Module](t)(d.Load(affine))
	f := must[cuda.Function](t)(d.Function(m, "affine"))
	one := cuda.Dim3{X: 1, Y: 1, Z: 1}
	check(t, d.Launch(f, one, one, 0, 0, []uint64{0, 0, 0, 1}))
	err := d.SyncStream(0)
	for _, want := range []string{"cuStreamSynchronize", "CUDA_ERROR_ILLEGAL_ADDRESS", "kernel affine"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("after a kernel that uses address 0: %v, want %s", err, want)
		}
	}
	if err := d.SyncStream(0); err == nil {
		t.Error("the fault is forgotten")
	}
	if err := d.Close(); err == nil {
		t.Error("Close forgets the fault")
	}
}
