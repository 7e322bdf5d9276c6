package emulator

import (
	"encoding/binary"
	"slices"
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

// A struct by value is a parameter of many bytes, with an alignment of its own.
func TestStructsAreArguments(t *testing.T) {
	b := newBench(t, `.version 7.8
.target sm_70
.address_size 64
.global .align 4 .u32 last;
.visible .entry k(.param .u8 small, .param .align 16 .b8 pair[24], .param .u64 out)
{
	.reg .b32 %r<6>; .reg .b64 %rd<4>;
	ld.param.u8 %r1, [small];
	ld.param.v2.u32 {%r2, %r3}, [pair+8];
	ld.param.u32 %r4, [pair+20];
	ld.param.u64 %rd1, [out];
	st.global.v4.u32 [%rd1], {%r1, %r2, %r3, %r4};
	st.global.u32 [last], %r4;
	ret;
}`, Options{})
	f, err := b.device.Function(b.module, "k")
	b.must(err)
	k, err := b.device.Kernel(f)
	b.must(err)
	if !slices.Equal(k.Parameters, []int{1, 24, 8}) || !slices.Equal(k.Offsets, []int{0, 16, 40}) {
		t.Errorf("the parameters have %v bytes, at %v", k.Parameters, k.Offsets)
	}
	out := b.alloc(16)
	pair := make([]byte, 24)
	for i := range uint32(6) {
		binary.LittleEndian.PutUint32(pair[4*i:], 10+i)
	}
	address := binary.LittleEndian.AppendUint64(nil, uint64(out))
	b.must(b.device.LaunchBytes(f, dim(1), dim(1), 0, 0, [][]byte{{7}, pair, address}))
	compareExactly(t, "parameters", download[uint32](b, out, 4), []uint32{7, 12, 13, 15})
	last, size, err := b.device.Variable(b.module, "last")
	b.must(err)
	if size != 4 {
		t.Errorf("the variable has %d bytes", size)
	}
	compareExactly(t, "variable", download[uint32](b, last, 1), []uint32{15})
	if _, _, err := b.device.Variable(b.module, "pair"); err == nil || !strings.Contains(err.Error(), "no variable pair") {
		t.Errorf("a parameter is found as a variable: %v", err)
	}
	err = b.device.LaunchBytes(f, dim(1), dim(1), 0, 0, [][]byte{{7}, pair[:23], address})
	if err == nil || !strings.Contains(err.Error(), "parameter pair has 24 bytes, but its argument has 23") {
		t.Errorf("a short argument gives %v", err)
	}
}

// More shared memory than 48 KiB must be asked for, and a multiprocessor must have it.
func TestSharedMemoryIsAskedFor(t *testing.T) {
	b := newBench(t, `.version 7.8
.target sm_70
.address_size 64
.extern .shared .align 4 .b8 dynamic[];
.visible .entry k(.param .u32 last)
{
	.reg .b32 %r<3>;
	.shared .align 4 .b8 static[1024];
	ld.param.u32 %r1, [last];
	mov.u32 %r2, dynamic;
	add.u32 %r2, %r2, %r1;
	st.shared.u32 [%r2], %r1;
	st.shared.u32 [static], %r1;
	ret;
}`, Options{GPU: "A100"})
	f, err := b.device.Function(b.module, "k")
	b.must(err)
	launch := func(bytes int) error {
		return b.device.Launch(f, dim(1), dim(1), bytes, 0, []uint64{uint64(bytes - 4)})
	}
	b.must(launch(47 << 10))
	if err := launch(47<<10 + 4); err == nil || !strings.Contains(err.Error(), "1024 of them static; a block has at most 49152") {
		t.Errorf("more than 48 KiB: %v", err)
	}
	if err := b.device.AllowShared(f, 162<<10+1); err == nil || !strings.Contains(err.Error(), "a block on the A100 has at most 166912") {
		t.Errorf("more than a multiprocessor has: %v", err)
	}
	b.must(b.device.AllowShared(f, 162<<10))
	b.must(launch(162 << 10))
	b.must(b.device.SyncStream(0))
	k, err := b.device.Kernel(f)
	b.must(err)
	if k.Shared != 1024 || k.SharedLimit != 163<<10 {
		t.Errorf("the kernel has %d bytes of static shared memory, and at most %d", k.Shared, k.SharedLimit)
	}
	if err := b.device.AllowShared(f+1000, 0); err == nil {
		t.Error("a function that does not exist may have shared memory")
	}
}
