//go:build cuda

package cudriver

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gputrain/cuda"
)

var (
	reason   = flag.String("reason", "", "the reason that Devices must give for having no device")
	required = flag.Bool("required", false, "fail instead of skipping if there is no device")
)

func TestDevicesGiveTheReasonThatThereIsNone(t *testing.T) {
	infos, err := New().Devices()
	if err == nil {
		if *reason != "" {
			t.Fatalf("Devices() = %v, want an error with %q", infos, *reason)
		}
		t.Skip("there are devices")
	}
	if *reason == "" {
		t.Skip(err)
	}
	if text := err.Error(); !strings.Contains(text, *reason) || strings.Contains(text, "\n") {
		t.Fatalf("Devices() says %q, want %q in one line", text, *reason)
	}
	if _, open := New().Open(0); open == nil || open.Error() != err.Error() {
		t.Fatalf("Open says %v, Devices says %v", open, err)
	}
}

// open opens the first device, or skips the test if there is none.
func open(t *testing.T) cuda.Device {
	t.Helper()
	list(t)
	d := must[cuda.Device](t)(New().Open(0))
	t.Cleanup(func() { check(t, d.Close()) })
	return d
}

// Two users of a GPU share its context. What one of them closes is freed, and the other
// goes on.
func TestTwoUsersOfAGPU(t *testing.T) {
	const bytes = 1 << 20
	one := open(t)
	kept := must[cuda.Pointer](t)(one.Alloc(bytes))
	check(t, one.Fill32(kept, 7, bytes/4, 0))
	before, _, err := one.MemInfo()
	check(t, err)
	two := must[cuda.Device](t)(New().Open(0))
	for range 3 {
		must[cuda.Pointer](t)(two.Alloc(bytes))
	}
	check(t, two.Free(must[cuda.Pointer](t)(two.Alloc(bytes))))
	if during, _, err := one.MemInfo(); err != nil || during > before-3*bytes {
		t.Errorf("%d bytes are free, and %d were before the other user took %d (%v)", during, before, 3*bytes, err)
	}
	check(t, two.Close())
	if after, _, err := one.MemInfo(); err != nil || after != before {
		t.Errorf("%d bytes are free, want %d as before the other user (%v)", after, before, err)
	}
	got := must[[]byte](t)(one.AllocHost(4))
	check(t, one.CopyToHost(got, kept+bytes-4, 0))
	check(t, one.SyncStream(0))
	if got[0] != 7 {
		t.Errorf("the memory of the user who stays holds %v", got)
	}
	check(t, one.FreeHost(got))
}

// list lists the devices, or skips the test if there are none.
func list(t *testing.T) []cuda.DeviceInfo {
	t.Helper()
	infos, err := New().Devices()
	if err != nil && !*required {
		t.Skip(err)
	}
	check(t, err)
	return infos
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		check(t, err)
		return v
	}
}

func TestOpenNamesADeviceThatIsMissing(t *testing.T) {
	infos := list(t)
	for _, ordinal := range []int{-1, len(infos)} {
		if _, err := New().Open(ordinal); err == nil || !strings.Contains(err.Error(), "no GPU") {
			t.Errorf("Open(%d) = %v, want an error that says there is no such GPU", ordinal, err)
		}
	}
}

func TestInfoIsThatOfTheList(t *testing.T) {
	d := open(t)
	infos := list(t)
	info := d.Info()
	if info != infos[0] {
		t.Errorf("Info() = %+v, the list says %+v", info, infos[0])
	}
	if info.Name == "" || info.Major < 5 || info.Memory < 1<<28 || info.Multiprocessors < 1 || info.Multiprocessors > 1000 || info.SharedPerBlock < 48<<10 ||
		info.SharedAllowed < info.SharedPerBlock {
		t.Errorf("Info() = %+v", info)
	}
	free, total, err := d.MemInfo()
	if err != nil || free <= 0 || free > total {
		t.Errorf("MemInfo() = %d, %d, %v", free, total, err)
	}
}

func TestCopiesAndFillsArrive(t *testing.T) {
	d := open(t)
	const words = 1000
	a := must[cuda.Pointer](t)(d.Alloc(4 * words))
	b := must[cuda.Pointer](t)(d.Alloc(4 * words))
	if a%256 != 0 || b%256 != 0 {
		t.Errorf("addresses 0x%x and 0x%x, want multiples of 256", a, b)
	}
	src, dst := hostWords(t, d, words), hostWords(t, d, words)
	for i := range words {
		binary.NativeEndian.PutUint32(src[4*i:], uint32(i*i))
	}
	s := must[cuda.Stream](t)(d.NewStream())
	check(t, d.CopyToDevice(a, src, s))
	check(t, d.CopyOnDevice(b, a, 4*words, s))
	check(t, d.Fill32(b+4, 0x3f800000, 2, s))
	check(t, d.CopyToHost(dst, b, s))
	check(t, d.SyncStream(s))
	for i := range words {
		want := uint32(i * i)
		if i == 1 || i == 2 {
			want = 0x3f800000
		}
		if got := binary.NativeEndian.Uint32(dst[4*i:]); got != want {
			t.Fatalf("word %d = 0x%x, want 0x%x", i, got, want)
		}
	}
	check(t, d.DestroyStream(s))
	check(t, d.Free(a))
	check(t, d.Free(b))
}

// hostWords returns page-locked memory that is freed at the end of the test.
func hostWords(t *testing.T, d cuda.Device, words int) []byte {
	t.Helper()
	host := must[[]byte](t)(d.AllocHost(4 * words))
	if len(host) != 4*words {
		t.Fatalf("AllocHost(%d) has %d bytes", 4*words, len(host))
	}
	t.Cleanup(func() { check(t, d.FreeHost(host)) })
	return host
}

func TestAllocWrapsOutOfMemoryAndGoesOn(t *testing.T) {
	d := open(t)
	_, err := d.Alloc(1 << 44)
	if !errors.Is(err, cuda.ErrOutOfMemory) || !strings.Contains(err.Error(), "cuMemAlloc") {
		t.Errorf("Alloc(1<<44) = %v, want cuMemAlloc and %v", err, cuda.ErrOutOfMemory)
	}
	p := must[cuda.Pointer](t)(d.Alloc(256))
	check(t, d.Free(p))
	if err := d.Unload(0); err == nil || errors.Is(err, cuda.ErrOutOfMemory) {
		t.Errorf("Unload(0) = %v, want an error of another kind", err)
	}
}

func TestLoadHasTheLogOfTheCompiler(t *testing.T) {
	d := open(t)
	broken := strings.Replace(affine, "fma.rn.f32", "no_such_instruction.f32", 1)
	_, err := d.Load(broken)
	if err == nil || !strings.Contains(err.Error(), "cuModuleLoadDataEx") || !strings.Contains(err.Error(), "no_such_instruction") {
		t.Errorf("Load = %v, want cuModuleLoadDataEx and the instruction", err)
	}
	m := must[cuda.Module](t)(d.Load(affine))
	if _, err := d.Function(m, "no_such_kernel"); err == nil || !strings.Contains(err.Error(), "no_such_kernel") {
		t.Errorf("Function = %v, want the name of the kernel", err)
	}
	check(t, d.Unload(m))
}

// affine computes y[i] = a·x[i] + y[i] for i < n. Its parameters have 4 and 8 bytes.
const affine = `
.version 7.0
.target sm_50
.address_size 64

.visible .entry affine(
	.param .u64 affine_y,
	.param .f32 affine_a,
	.param .u64 affine_x,
	.param .u32 affine_n
)
{
	.reg .pred %p<2>;
	.reg .f32 %f<4>;
	.reg .b32 %r<6>;
	.reg .b64 %rd<8>;

	ld.param.u64 %rd1, [affine_y];
	ld.param.f32 %f1, [affine_a];
	ld.param.u64 %rd2, [affine_x];
	ld.param.u32 %r1, [affine_n];
	mov.u32 %r2, %ctaid.x;
	mov.u32 %r3, %ntid.x;
	mov.u32 %r4, %tid.x;
	mad.lo.s32 %r5, %r2, %r3, %r4;
	setp.ge.u32 %p1, %r5, %r1;
	@%p1 bra done;
	cvta.to.global.u64 %rd3, %rd1;
	cvta.to.global.u64 %rd4, %rd2;
	mul.wide.u32 %rd5, %r5, 4;
	add.s64 %rd6, %rd3, %rd5;
	add.s64 %rd7, %rd4, %rd5;
	ld.global.f32 %f2, [%rd7];
	ld.global.f32 %f3, [%rd6];
	fma.rn.f32 %f3, %f1, %f2, %f3;
	st.global.f32 [%rd6], %f3;
done:
	ret;
}
`

// An affineKernel is the kernel with its data: x is 2 and y is 1 everywhere.
type affineKernel struct {
	cuda.Device
	f    cuda.Function
	s    cuda.Stream
	x, y cuda.Pointer
	out  []byte
	args []uint64
}

const affineWords = 300

func newAffineKernel(t *testing.T, d cuda.Device) *affineKernel {
	t.Helper()
	m := must[cuda.Module](t)(d.Load(affine))
	k := &affineKernel{
		Device: d,
		f:      must[cuda.Function](t)(d.Function(m, "affine")),
		s:      must[cuda.Stream](t)(d.NewStream()),
		x:      must[cuda.Pointer](t)(d.Alloc(4 * affineWords)),
		y:      must[cuda.Pointer](t)(d.Alloc(4 * affineWords)),
		out:    hostWords(t, d, affineWords),
	}
	t.Cleanup(func() {
		check(t, d.Free(k.x))
		check(t, d.Free(k.y))
		check(t, d.DestroyStream(k.s))
		check(t, d.Unload(m))
	})
	// a is 3. The driver must ignore the bytes above its four.
	k.args = []uint64{uint64(k.y), 0xdead<<32 | 0x40400000, uint64(k.x), 0xdead<<32 | affineWords}
	check(t, d.Fill32(k.x, 0x40000000, affineWords, k.s))
	check(t, d.Fill32(k.y, 0x3f800000, affineWords, k.s))
	return k
}

func (k *affineKernel) launch() error {
	return k.Launch(k.f, cuda.Dim3{X: 3, Y: 1, Z: 1}, cuda.Dim3{X: 128, Y: 1, Z: 1}, 0, k.s, k.args)
}

// result returns the value of y, which must be the same everywhere.
func (k *affineKernel) result(t *testing.T) uint32 {
	t.Helper()
	check(t, k.CopyToHost(k.out, k.y, k.s))
	check(t, k.SyncStream(k.s))
	first := binary.NativeEndian.Uint32(k.out)
	for i := range affineWords {
		if got := binary.NativeEndian.Uint32(k.out[4*i:]); got != first {
			t.Fatalf("y[%d] = 0x%x, y[0] = 0x%x", i, got, first)
		}
	}
	return first
}

func TestLaunchPassesItsArguments(t *testing.T) {
	k := newAffineKernel(t, open(t))
	check(t, k.launch())
	if got, want := k.result(t), uint32(0x40e00000); got != want {
		t.Errorf("3·2 + 1 = 0x%x, want 0x%x", got, want)
	}
	for _, test := range []struct{ threads, sharedBytes int }{{4096, 0}, {128, 1 << 20}} {
		err := k.Launch(k.f, cuda.Dim3{X: 1, Y: 1, Z: 1}, cuda.Dim3{X: test.threads, Y: 1, Z: 1}, test.sharedBytes, k.s, k.args)
		if err == nil || !strings.Contains(err.Error(), "cuLaunchKernel") {
			t.Errorf("a block of %d threads and %d bytes: %v, want an error of cuLaunchKernel", test.threads, test.sharedBytes, err)
		}
	}
}

func TestCaptureRunsOnlyWhenItsGraphIsLaunched(t *testing.T) {
	k := newAffineKernel(t, open(t))
	check(t, k.BeginCapture(k.s))
	check(t, k.launch())
	check(t, k.launch())
	g := must[cuda.Graph](t)(k.EndCapture(k.s))
	wants := []uint32{0x3f800000, 0x41500000, 0x41c80000} // 1, 13, 25
	var got []uint32
	got = append(got, k.result(t))
	for range 2 {
		check(t, k.LaunchGraph(g, k.s))
		got = append(got, k.result(t))
	}
	if !slices.Equal(got, wants) {
		t.Errorf("before, after one and after two launches: %x, want %x", got, wants)
	}
	check(t, k.DestroyGraph(g))
}

// A stream that waits for an event of a capture is a branch of its graph.
func TestBranchesOfAGraph(t *testing.T) {
	k := newAffineKernel(t, open(t))
	branch, e := must[cuda.Stream](t)(k.NewStream()), must[cuda.Event](t)(k.NewEvent())
	z := must[cuda.Pointer](t)(k.Alloc(4 * affineWords))
	order := func(before, after cuda.Stream) {
		t.Helper()
		check(t, k.Record(e, before))
		check(t, k.StreamWait(after, e))
	}
	check(t, k.BeginCapture(k.s))
	check(t, k.launch())
	order(k.s, branch)
	check(t, k.launch())
	check(t, k.Fill32(z, 7, affineWords, branch))
	order(branch, k.s)
	check(t, k.CopyOnDevice(k.y, z, 4*affineWords, k.s))
	g := must[cuda.Graph](t)(k.EndCapture(k.s))
	for range 2 {
		check(t, k.LaunchGraph(g, k.s))
		if got := k.result(t); got != 7 {
			t.Errorf("y[0] = 0x%x, want that of the other branch, 7", got)
		}
	}
	check(t, k.DestroyGraph(g))
	for _, c := range []struct {
		want string
		call func() error
	}{
		{"CUDA_ERROR_STREAM_CAPTURE_UNJOINED", func() error {
			check(t, k.Record(e, k.s))
			check(t, k.StreamWait(branch, e))
			return k.Fill32(z, 7, 1, branch)
		}},
		{"CUDA_ERROR_STREAM_CAPTURE_ISOLATION", func() error {
			check(t, k.Record(e, branch))
			return k.StreamWait(k.s, e)
		}},
		{"CUDA_ERROR_CAPTURED_EVENT", func() error {
			check(t, k.Record(e, k.s))
			return k.SyncEvent(e)
		}},
	} {
		check(t, k.BeginCapture(k.s))
		err := c.call()
		_, end := k.EndCapture(k.s)
		if text := fmt.Sprint(err, end); !strings.Contains(text, c.want) {
			t.Errorf("got %s, want %s", text, c.want)
		}
	}
	check(t, k.Free(z))
	check(t, k.DestroyEvent(e))
	check(t, k.DestroyStream(branch))
}

// neighbor writes the numbers of the blocks. After a barrier of the grid, each block reads
// that of its neighbor, through the last word of its dynamic shared memory.
const neighbor = `
.version 7.8
.target sm_70
.address_size 64
.extern .shared .align 4 .b8 dynamic[];
.visible .entry neighbor(.param .u64 out, .param .u64 numbers, .param .u64 arrived, .param .u32 last)
{
	.reg .pred %p;
	.reg .b32 %r<9>;
	.reg .b64 %rd<8>;
	ld.param.u64 %rd1, [out];
	ld.param.u64 %rd2, [numbers];
	ld.param.u64 %rd3, [arrived];
	ld.param.u32 %r1, [last];
	mov.u32 %r2, %ctaid.x;
	mov.u32 %r3, %nctaid.x;
	mul.wide.u32 %rd4, %r2, 4;
	add.u64 %rd5, %rd2, %rd4;
	st.global.u32 [%rd5], %r2;
	fence.acq_rel.gpu;
	red.release.gpu.global.add.u32 [%rd3], 1;
wait:
	ld.acquire.gpu.global.u32 %r4, [%rd3];
	setp.lt.u32 %p, %r4, %r3;
	@%p bra wait;
	add.u32 %r5, %r2, 1;
	rem.u32 %r5, %r5, %r3;
	mul.wide.u32 %rd6, %r5, 4;
	add.u64 %rd6, %rd2, %rd6;
	ld.global.u32 %r6, [%rd6];
	mov.u32 %r7, dynamic;
	add.u32 %r7, %r7, %r1;
	st.shared.u32 [%r7], %r6;
	ld.shared.u32 %r8, [%r7];
	add.u64 %rd7, %rd1, %rd4;
	st.global.u32 [%rd7], %r8;
	ret;
}
`

// A cooperative grid fills the device, with all shared memory that a block can have. One
// block more is refused. A graph holds such a launch.
func TestCooperativeGridsFillTheDevice(t *testing.T) {
	d := open(t)
	info := d.Info()
	if !info.Cooperative {
		t.Skip("the device has no cooperative launches")
	}
	m := must[cuda.Module](t)(d.Load(neighbor))
	f := must[cuda.Function](t)(d.Function(m, "neighbor"))
	s := must[cuda.Stream](t)(d.NewStream())
	one := cuda.Dim3{X: 1, Y: 1, Z: 1}

	shared := info.SharedAllowed
	if info.SharedAllowed > info.SharedPerBlock {
		if err := d.Launch(f, one, one, shared, s, make([]uint64, 4)); err == nil || !strings.Contains(err.Error(), "cuLaunchKernel") {
			t.Errorf("%d bytes that were not allowed: %v", shared, err)
		}
	}
	if err := d.AllowShared(f, shared+1); err == nil || !strings.Contains(err.Error(), "cuFuncSetAttribute") {
		t.Errorf("AllowShared of %d bytes: %v", shared+1, err)
	}
	check(t, d.AllowShared(f, shared))
	r := must[cuda.Residency](t)(d.Residency(f, one, shared))
	if r.Blocks != info.Multiprocessors || r.Limit != "shared memory" || r.Threads != 1 || r.Shared != shared {
		t.Errorf("with %d bytes of shared memory in a block: %+v", shared, r)
	}
	if small := must[cuda.Residency](t)(d.Residency(f, cuda.Dim3{X: 32, Y: 1, Z: 1}, 0)); small.Blocks <= r.Blocks || small.Limit != "blocks" {
		t.Errorf("blocks of a warp: %+v", small)
	}

	bytes := int64(4 * r.Blocks)
	out, numbers, arrived := must[cuda.Pointer](t)(d.Alloc(bytes)), must[cuda.Pointer](t)(d.Alloc(bytes)), must[cuda.Pointer](t)(d.Alloc(4))
	launch := func(blocks int) error {
		check(t, d.Fill32(arrived, 0, 1, s))
		return d.LaunchCooperative(f, cuda.Dim3{X: blocks, Y: 1, Z: 1}, one, shared, s, []uint64{uint64(out), uint64(numbers), uint64(arrived), uint64(shared - 4)})
	}
	err := launch(r.Blocks + 1)
	if tooLarge, ok := errors.AsType[*cuda.GridTooLarge](err); !ok || tooLarge.Residency != r || !strings.Contains(err.Error(), "cuLaunchCooperativeKernel") {
		t.Errorf("a grid of %d blocks: %v", r.Blocks+1, err)
	}
	host := hostWords(t, d, r.Blocks)
	verify := func() {
		t.Helper()
		check(t, d.CopyToHost(host, out, s))
		check(t, d.Fill32(out, 0, int64(r.Blocks), s))
		check(t, d.SyncStream(s))
		for i := range r.Blocks {
			if got, want := binary.NativeEndian.Uint32(host[4*i:]), uint32((i+1)%r.Blocks); got != want {
				t.Fatalf("block %d read %d, want %d", i, got, want)
			}
		}
	}
	check(t, launch(r.Blocks))
	verify()
	check(t, d.BeginCapture(s))
	check(t, launch(r.Blocks))
	g := must[cuda.Graph](t)(d.EndCapture(s))
	for range 2 {
		check(t, d.LaunchGraph(g, s))
		verify()
	}
	check(t, d.DestroyGraph(g))
	for _, p := range []cuda.Pointer{out, numbers, arrived} {
		check(t, d.Free(p))
	}
	check(t, d.DestroyStream(s))
	check(t, d.Unload(m))
}

func TestEventsOrderStreamsAndMeasureTime(t *testing.T) {
	k := newAffineKernel(t, open(t))
	before, after := must[cuda.Event](t)(k.NewEvent()), must[cuda.Event](t)(k.NewEvent())
	check(t, k.Record(before, k.s))
	check(t, k.launch())
	check(t, k.Record(after, k.s))
	other := must[cuda.Stream](t)(k.NewStream())
	check(t, k.StreamWait(other, after))
	check(t, k.CopyToHost(k.out, k.y, other))
	check(t, k.SyncStream(other))
	if got, want := binary.NativeEndian.Uint32(k.out), uint32(0x40e00000); got != want {
		t.Errorf("after the event y[0] = 0x%x, want 0x%x", got, want)
	}
	if ms := must[float64](t)(k.Elapsed(before, after)); ms <= 0 || ms > 1e4 {
		t.Errorf("Elapsed = %g ms", ms)
	}
	check(t, k.DestroyEvent(before))
	check(t, k.DestroyEvent(after))
	check(t, k.DestroyStream(other))
}

func TestDevicesAreIndependent(t *testing.T) {
	d, e := open(t), open(t)
	p := must[cuda.Pointer](t)(d.Alloc(256))
	q := must[cuda.Pointer](t)(e.Alloc(256))
	check(t, d.Free(p))
	check(t, e.Free(q))
}
