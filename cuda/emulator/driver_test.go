package emulator

import (
	_ "embed"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gputrain/cuda"
)

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

//go:embed testdata/basic.ptx
var basicPTX string

// A bench is a device with a loaded module, for tests.
type bench struct {
	testing.TB
	device *Device
	module cuda.Module
}

func newBench(t testing.TB, ptx string, o Options) *bench {
	t.Helper()
	driver, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	device, err := driver.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{TB: t, device: device.(*Device)}
	if b.module, err = device.Load(ptx); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// alloc returns device memory whose bytes have no value yet.
func (b *bench) alloc(bytes int) cuda.Pointer {
	b.Helper()
	p, err := b.device.Alloc(int64(bytes))
	b.must(err)
	return p
}

func upload[T any](b *bench, values []T) cuda.Pointer {
	b.Helper()
	size := binary.Size(values)
	p := b.alloc(max(size, 1))
	host, err := b.device.AllocHost(max(size, 1))
	b.must(err)
	if _, err := binary.Encode(host[:size], binary.LittleEndian, values); err != nil {
		b.Fatal(err)
	}
	b.must(b.device.CopyToDevice(p, host[:size], 0))
	return p
}

func download[T any](b *bench, p cuda.Pointer, n int) []T {
	b.Helper()
	values := make([]T, n)
	host, err := b.device.AllocHost(binary.Size(values))
	b.must(err)
	b.must(b.device.CopyToHost(host, p, 0))
	if _, err := binary.Decode(host, binary.LittleEndian, values); err != nil {
		b.Fatal(err)
	}
	return values
}

// launch runs a kernel and returns its fault.
func (b *bench) launch(kernel string, grid, block cuda.Dim3, shared int, args ...any) error {
	b.Helper()
	f, err := b.device.Function(b.module, kernel)
	b.must(err)
	slots := make([]uint64, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case cuda.Pointer:
			slots[i] = uint64(v)
		case int:
			slots[i] = uint64(uint32(v))
		case uint64:
			slots[i] = v
		case float32:
			slots[i] = uint64(math.Float32bits(v))
		default:
			b.Fatalf("argument of type %T", arg)
		}
	}
	b.must(b.device.Launch(f, grid, block, shared, 0, slots))
	return b.device.SyncStream(0)
}

func dim(d ...int) cuda.Dim3 {
	for len(d) < 3 {
		d = append(d, 1)
	}
	return cuda.Dim3{X: d[0], Y: d[1], Z: d[2]}
}

func randomFloats(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(1, seed))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func compareExactly[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: element %d of %d is %v, want %v", what, i, len(want), got[i], want[i])
		}
	}
}
