package emulator

import (
	"encoding/binary"
	"errors"
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

// More shared memory than 48 KiB must be allowed first, and sets how many blocks the GPU
// holds at once.
func TestSharedMemoryIsAllowed(t *testing.T) {
	b := newBench(t, `.version 7.8
.target sm_70
.address_size 64
.extern .shared .align 4 .b8 dynamic[];
.visible .entry k(.param .u64 out, .param .u32 at)
{
	.shared .align 4 .b8 static[1024];
	.reg .b32 %r<5>; .reg .b64 %rd<2>;
	ld.param.u64 %rd1, [out];
	ld.param.u32 %r1, [at];
	mov.u32 %r2, dynamic;
	add.u32 %r2, %r2, %r1;
	st.shared.u32 [%r2], %r1;
	st.shared.u32 [static], %r1;
	ld.shared.u32 %r3, [%r2];
	st.global.u32 [%rd1], %r3;
	ret;
}`, Options{GPU: "A100"})
	f, err := b.device.Function(b.module, "k")
	b.must(err)
	out := b.alloc(4)
	const static, most = 1 << 10, 163 << 10
	if got := b.device.Info().SharedAllowed; got != most {
		t.Errorf("a block can have %d bytes, want %d", got, most)
	}
	launch := func(bytes int) error {
		if err := b.device.Launch(f, dim(1), dim(1), bytes, 0, []uint64{uint64(out), uint64(bytes - 4)}); err != nil {
			return err
		}
		return b.device.SyncStream(0)
	}
	refused := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	b.must(launch(maxShared - static))
	refused(launch(maxShared-static+4), "49156 bytes of shared memory, 1024 of them static; a block has at most 49152, or with AllowShared 166912")
	refused(b.device.AllowShared(f, most-static+1), "166913 bytes of shared memory, 1024 of them static; a block of the A100 has at most 166912")
	refused(b.device.AllowShared(f, -1), "AllowShared")
	refused(b.device.AllowShared(cuda.Function(99), 0), "function 99 does not exist")
	b.must(b.device.AllowShared(f, 80<<10))
	refused(launch(80<<10+4), "a block has at most 82944")
	_, err = b.device.Residency(f, dim(32), 80<<10+4)
	refused(err, "a block has at most 82944")
	_, err = b.device.Residency(f, dim(0), 0)
	refused(err, "a block of (0,1,1) threads")
	r, err := b.device.Residency(f, dim(32), 80<<10)
	b.must(err)
	if want := (cuda.Residency{Blocks: 2 * 108, Limit: "shared memory", Threads: 32, Shared: 81 << 10}); r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
	b.must(b.device.AllowShared(f, most-static))
	k, err := b.device.Kernel(f)
	b.must(err)
	if k.Shared != static || k.DynamicShared != most-static {
		t.Errorf("the kernel has %d bytes of static shared memory, and may have %d of dynamic", k.Shared, k.DynamicShared)
	}
	b.must(launch(most - static))
	compareExactly(t, "the last word", download[uint32](b, out, 1), []uint32{most - static - 4})
	b.must(b.device.AllowShared(f, 0))
	b.must(launch(maxShared - static))
	refused(launch(80<<10), "a block has at most 49152")
}

// The memory of a launch is bounded by that of the device.
func TestLocalMemoryIsLimited(t *testing.T) {
	b := newBench(t, wrap("{ .local .align 4 .b8 l[100000]; st.local.u32 [l], 1; ld.local.u32 %r1, [l]; }"), Options{Memory: 1 << 28})
	out := b.alloc(4)
	b.must(b.launch("k", dim(40), dim(32), 0, out)) // 102,400,000 bytes
	f, err := b.device.Function(b.module, "k")
	b.must(err)
	err = b.device.Launch(f, dim(40), dim(1024), 0, 0, []uint64{uint64(out)})
	if !errors.Is(err, cuda.ErrOutOfMemory) || !strings.Contains(err.Error(), "100000 bytes of local memory for each of 32768 threads at once, but the device has 268435456 in all") {
		t.Errorf("more local memory than the device has: %v", err)
	}
}
