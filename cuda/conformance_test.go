package cuda_test

import (
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// The suite runs on the emulator with all of its checks on.
func TestConformance(t *testing.T) {
	driver := newDriver(t, emulator.Options{})
	open := func() (backend.Backend, error) { return cuda.Open(driver, 0, cuda.Options{Name: "emulated"}) }
	backendtest.Test(t, open, backendtest.MaxSize(33))
}
