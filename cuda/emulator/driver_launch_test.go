package emulator

import (
	"strings"
	"testing"

	"gputrain/cuda"
)

func TestLaunchRefuses(t *testing.T) {
	b := newBench(t, badPTX, Options{})
	f, err := b.device.Function(b.module, "accumulate")
	b.must(err)
	args := []uint64{0, 0, 0}
	for _, c := range []struct {
		grid, block cuda.Dim3
		shared      int
		args        []uint64
		why         string
	}{
		{dim(1), dim(32), 0, args[:2], "2 arguments for 3 parameters"},
		{dim(0), dim(32), 0, args, "a grid of (0,1,1) blocks"},
		{dim(1, 1<<16), dim(32), 0, args, "a grid"},
		{dim(1), dim(1025), 0, args, "a block of (1025,1,1) threads"},
		{dim(1), dim(64, 32), 0, args, "a block"},
		{dim(1), dim(32), 48<<10 + 1, args, "49153 bytes of shared memory"},
		{dim(1), dim(32), -1, args, "shared memory"},
	} {
		err := b.device.Launch(f, c.grid, c.block, c.shared, 0, c.args)
		if err == nil || !strings.Contains(err.Error(), c.why) || !strings.Contains(err.Error(), "accumulate") {
			t.Errorf("the launch gives %v, want %q", err, c.why)
		}
	}
	if _, err := b.device.Function(b.module, "nothing"); err == nil || !strings.Contains(err.Error(), "no kernel nothing") {
		t.Errorf("a missing kernel gives %v", err)
	}
	if err := b.device.Launch(f, dim(1), dim(1), 0, 99, args); err == nil {
		t.Error("a launch on no stream succeeds")
	}
	b.must(b.device.Unload(b.module))
	if err := b.device.Launch(f, dim(1), dim(1), 0, 0, args); err == nil {
		t.Error("a kernel of an unloaded module is launched")
	}
}
