package emulator

import (
	"errors"
	"math"
	"strings"
	"testing"

	"gputrain/cuda"
)

func TestMemoryCalls(t *testing.T) {
	b := newBench(t, badPTX, Options{Memory: 1 << 20})
	d := b.device
	p, q := b.alloc(100), b.alloc(100)
	if p%256 != 0 || q%256 != 0 || q-p < 256+100 {
		t.Errorf("allocations at %#x and %#x are not aligned or have no guard between them", p, q)
	}
	free, total, err := d.MemInfo()
	if err != nil || total != 1<<20 || free != total-200 {
		t.Errorf("MemInfo gives %d of %d, %v", free, total, err)
	}
	if _, err := d.Alloc(1 << 20); !errors.Is(err, cuda.ErrOutOfMemory) {
		t.Errorf("too large an allocation gives %v", err)
	}
	if _, err := d.Alloc(0); err == nil {
		t.Error("an allocation of nothing succeeds")
	}
	b.must(d.Free(p))
	checkReport(t, d.Free(p), DoubleFree, "allocation 1 of 100 bytes")
	checkReport(t, d.Free(q+4), InvalidFree, "")
	checkReport(t, d.Free(0), InvalidFree, "")
	again, err := d.Alloc(100)
	b.must(err)
	if again == p {
		t.Error("an address is used again")
	}
	checkReport(t, d.Close(), Leak, "2 allocations of 200 bytes are not freed: allocation 2 of 100 bytes, allocation 3 of 100 bytes")
	if _, err := d.Alloc(1); err == nil {
		t.Error("a closed device allocates")
	}
	clean := newBench(t, badPTX, Options{}).device
	if err := clean.Close(); err != nil {
		t.Errorf("Close without leaks gives %v", err)
	}
}

func TestCopies(t *testing.T) {
	b := newBench(t, badPTX, Options{})
	d := b.device
	host, err := d.AllocHost(64)
	b.must(err)
	p := b.alloc(64)
	checkReport(t, d.CopyToDevice(p+32, host, 0), OutOfBounds, "32 bytes past the end of allocation 1")
	checkReport(t, d.CopyToDevice(p, make([]byte, 4), 0), PageableMemory, "")
	checkReport(t, d.CopyToHost(host[:4], 0, 0), NullPointer, "")
	checkReport(t, d.Fill32(p+2, 0, 1, 0), Misaligned, "")
	checkReport(t, d.Fill32(p, 0, 17, 0), OutOfBounds, "")
	b.must(d.Fill32(p, 0x01020304, 16, 0))
	b.must(d.CopyToHost(host, p, 0))
	if host[0] != 4 || host[63] != 1 {
		t.Errorf("Fill32 gives % x", host)
	}
	b.must(d.Free(p))
	checkReport(t, d.CopyToHost(host, p, 0), UseAfterFree, "")
	b.must(d.FreeHost(host))
	if err := d.FreeHost(host); err == nil {
		t.Error("host memory is freed twice")
	}
}

func TestCopiesOfWhatHasNoValue(t *testing.T) {
	for _, c := range []struct {
		name     string
		prepare  func(b *bench, p, q cuda.Pointer, host []byte) (src cuda.Pointer)
		reported string // "" for nothing
	}{
		{"all", func(_ *bench, p, _ cuda.Pointer, _ []byte) cuda.Pointer { return p }, "64 bytes of allocation 1"},
		{"some", func(b *bench, p, _ cuda.Pointer, host []byte) cuda.Pointer {
			b.must(b.device.CopyToDevice(p, host[:60], 0))
			return p
		}, "4 bytes of allocation 1 of 64 bytes that have no value, the first at offset 60"},
		{"some, copied", func(b *bench, p, q cuda.Pointer, host []byte) cuda.Pointer {
			b.must(b.device.CopyToDevice(p, host[:60], 0))
			b.must(b.device.CopyOnDevice(q, p, 64, 0))
			return q
		}, "4 bytes of allocation 2"},
		{"none", func(b *bench, p, q cuda.Pointer, host []byte) cuda.Pointer {
			b.must(b.device.CopyToDevice(p, host, 0))
			b.must(b.device.CopyOnDevice(q, p, 64, 0))
			return q
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, badPTX, Options{})
			host, err := b.device.AllocHost(64)
			b.must(err)
			src := c.prepare(b, b.alloc(64), b.alloc(64), host)
			err = b.device.CopyToHost(host, src, 0)
			if c.reported == "" {
				b.must(err)
				return
			}
			checkReport(t, err, Uninitialised, c.reported)
		})
	}
}

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

// A fault is returned by the next call, then every call says what it was.
func TestFaultLosesTheContext(t *testing.T) {
	b := newBench(t, badPTX, Options{})
	err := b.launch("no_tail_guard", dim(1), dim(32), 0, cuda.Pointer(0))
	checkReport(t, err, NullPointer, "")
	first, _, _ := strings.Cut(err.Error(), "\n")
	if want := "cuda emulator: kernel no_tail_guard: null pointer: address 0x0 is next to null"; first != want {
		t.Errorf("the first line is %q, want %q", first, want)
	}
	_, err = b.device.Alloc(4)
	checkReport(t, err, NullPointer, "")
	if !strings.Contains(err.Error(), "lost to an earlier fault") {
		t.Errorf("a later call gives %v", err)
	}
	if err := b.device.Close(); err != nil {
		t.Errorf("Close after a fault that was reported gives %v", err)
	}
}

func TestReportSaysWhere(t *testing.T) {
	b := newBench(t, badPTX, Options{Seed: 5})
	var r *Report
	if !errors.As(b.launch("no_tail_guard", dim(3, 2), dim(8, 4), 0, b.alloc(20)), &r) {
		t.Fatal("no report")
	}
	if r.Kernel != "no_tail_guard" || r.Seed != 5 || r.Launch != 1 || r.Grid != dim(3, 2) || r.Line == 0 ||
		!strings.HasPrefix(r.Text, "st.global.u32") && !strings.HasPrefix(r.Text, "st.global.f32") {
		t.Errorf("the report is %+v", *r)
	}
	// The index is blockIdx.x·8 + threadIdx.x.
	if at := 8*r.Block.X + r.Thread.X; at < 5 || r.Address == 0 {
		t.Errorf("the report names thread %v of block %v", r.Thread, r.Block)
	}
}

// The same seed gives the same run, whatever the goroutines do.
func TestSeedReplays(t *testing.T) {
	reports := map[uint64]string{}
	for range 3 {
		for seed := range uint64(8) {
			b := newBench(t, badPTX, Options{Seed: seed, Workers: 4})
			err := b.launch("no_tail_guard", dim(16), dim(64), 0, b.alloc(700))
			checkReport(t, err, OutOfBounds, "")
			if old, ok := reports[seed]; ok && old != err.Error() {
				t.Errorf("seed %d gives\n%s\nand\n%s", seed, old, err)
			}
			reports[seed] = err.Error()
		}
	}
	different := map[string]bool{}
	for _, text := range reports {
		_, where, _ := strings.Cut(text, "\n")
		where, _, _ = strings.Cut(where, "launch")
		different[where] = true
	}
	if len(different) < 2 {
		t.Error("all seeds go the same way")
	}
}

func TestChecksCanBeSwitchedOff(t *testing.T) {
	b := newBench(t, badPTX, Options{Off: []Check{SharedRace, Uninitialised, Leak, GlobalRace}})
	b.must(b.launch("missing_barrier", dim(1), dim(128), 0, upload(b, make([]float32, 128))))
	b.must(b.launch("accumulate", dim(1), dim(32), 0, b.alloc(128), upload(b, make([]float32, 32)), 32))
	b.must(b.device.Close())
}

// An update of what has no value is one all the same.
func TestAtomicOperationGoesOnWithoutTheCheck(t *testing.T) {
	b := newBench(t, wrap("ld.param.u64 %rd1, [out];\nred.global.add.u32 [%rd1], 1;"), Options{Off: []Check{Uninitialised}})
	p := b.alloc(4)
	b.must(b.launch("k", dim(1), dim(32), 0, p))
	if got := download[uint32](b, p, 1)[0]; got != 32 {
		t.Errorf("32 threads have added %d, want 32", got)
	}
}

func TestInjectedFailures(t *testing.T) {
	b := newBench(t, badPTX, Options{})
	d := b.device
	broken := errors.New("broken")
	d.Fail(AllocOperation, 2, broken)
	d.Fail(LaunchOperation, 1, broken)
	d.Fail(CopyOperation, 1, cuda.ErrOutOfMemory)
	p := b.alloc(128)
	if _, err := d.Alloc(4); err != broken {
		t.Errorf("the second allocation gives %v", err)
	}
	b.alloc(4)
	f, err := d.Function(b.module, "no_tail_guard")
	b.must(err)
	if err := d.Launch(f, dim(1), dim(32), 0, 0, []uint64{uint64(p)}); err != broken {
		t.Errorf("the launch gives %v", err)
	}
	b.must(d.Launch(f, dim(1), dim(32), 0, 0, []uint64{uint64(p)}))
	if err := d.Fill32(p, 0, 1, 0); !errors.Is(err, cuda.ErrOutOfMemory) {
		t.Errorf("the copy gives %v", err)
	}
	b.must(d.Fill32(p, 0, 1, 0))
}

func TestGraphs(t *testing.T) {
	b := newBench(t, basicPTX, Options{})
	d := b.device
	x, y := upload(b, []float32{1, 2, 3}), upload(b, []float32{0, 0, 0})
	f, err := d.Function(b.module, "axpy")
	b.must(err)
	s, err := d.NewStream()
	b.must(err)
	other, err := d.NewStream()
	b.must(err)
	fork, err := d.NewEvent()
	b.must(err)
	b.must(d.BeginCapture(s))
	args := []uint64{uint64(y), uint64(x), bits32(2), 3}
	b.must(d.Launch(f, dim(1), dim(32), 0, s, args))
	args[2] = 0 // the captured launch keeps what it had
	if err := d.SyncStream(s); err == nil {
		t.Error("a stream that is captured can be waited for")
	}
	if err := d.Launch(f, dim(1), dim(32), 0, other, args); err == nil {
		t.Error("another stream is used during a capture")
	}
	b.must(d.Record(fork, s))
	b.must(d.StreamWait(other, fork))
	b.must(d.Fill32(x, 0x3f800000, 1, other))
	g, err := d.EndCapture(s)
	b.must(err)
	compareExactly(t, "after the capture", download[float32](b, y, 3), []float32{0, 0, 0})
	for range 3 {
		b.must(d.LaunchGraph(g, s))
	}
	b.must(d.SyncStream(s))
	compareExactly(t, "after three launches", download[float32](b, y, 3), []float32{6, 12, 18})
	b.must(d.DestroyGraph(g))
	if err := d.LaunchGraph(g, s); err == nil {
		t.Error("a destroyed graph is launched")
	}
	b.must(d.DestroyStream(other))
	b.must(d.DestroyEvent(fork))
}

func TestEvents(t *testing.T) {
	b := newBench(t, basicPTX, Options{GPU: "A100"})
	d := b.device
	from, err := d.NewEvent()
	b.must(err)
	to, err := d.NewEvent()
	b.must(err)
	if _, err := d.Elapsed(from, to); err == nil {
		t.Error("events that were not recorded have a time")
	}
	const n = 1 << 16
	x, y := upload(b, make([]float32, n)), upload(b, make([]float32, n))
	b.must(d.Record(from, 0))
	b.must(b.launch("axpy", dim(n/256), dim(256), 0, y, x, float32(1), n))
	b.must(d.Record(to, 0))
	ms, err := d.Elapsed(from, to)
	b.must(err)
	// Two reads and a write of 4·n bytes at 2.039 TB/s.
	if want := 1e3 * 3 * 4 * n / 2.039e12; math.Abs(ms-want) > 1e-6*want {
		t.Errorf("the launch takes %g ms, want %g", ms, want)
	}
}

func TestDevices(t *testing.T) {
	driver, err := New(Options{Devices: 2, GPU: "T4", Memory: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	all, err := driver.Devices()
	if err != nil || len(all) != 2 || all[1].Name != "emulated T4" || all[1].Major != 7 || all[1].Minor != 5 {
		t.Errorf("the devices are %v, %v", all, err)
	}
	if _, err := driver.Open(2); err == nil {
		t.Error("a device that does not exist is opened")
	}
	if _, err := New(Options{GPU: "Voodoo 2"}); err == nil || !strings.Contains(err.Error(), "RTX 4090") {
		t.Errorf("an unknown GPU gives %v", err)
	}
}
