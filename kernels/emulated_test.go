package kernels_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/kernels"
)

// These tests run single kernels on the emulator, where the choice of a kernel, tile
// or grid matters. All checks of the emulator are on, and approximate instructions
// are perturbed within their bounds. The conformance tests of the backend test the
// operations themselves.

// device runs kernels on the emulator.
type device struct {
	testing.TB
	cuda.Device
	functions map[string]cuda.Function
	kernels   map[string]kernels.Kernel
	offset    int // elements by which operands are shifted from an aligned address
}

// open loads the modules.
func open(t testing.TB, modules ...string) *device {
	t.Helper()
	driver, err := emulator.New(emulator.Options{Seed: 1, Perturb: 1})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := driver.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	// A window need not start at a multiple of 16 bytes.
	d := &device{t, opened, map[string]cuda.Function{}, map[string]kernels.Kernel{}, 1}
	for _, name := range modules {
		module, err := d.Load(kernels.PTX(name))
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range kernels.All() {
			if k.Module != name {
				continue
			}
			d.kernels[k.Name] = k
			if d.functions[k.Name], err = d.Function(module, k.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return d
}

// run launches a kernel and waits. The arguments must have the types of the table.
func (d *device) run(name string, l kernels.Launch, args ...any) {
	d.Helper()
	k, ok := d.kernels[name]
	if !ok || len(args) != len(k.Params) {
		d.Fatalf("%s: %d arguments, want %v", name, len(args), k.Params)
	}
	slots := make([]uint64, len(args))
	for i, p := range k.Params {
		kind := kernels.Pointer
		switch v := args[i].(type) {
		case cuda.Pointer:
			slots[i] = uint64(v)
		case int:
			kind, slots[i] = kernels.Int32, uint64(uint32(v))
		case int64:
			kind, slots[i] = kernels.Int64, uint64(v)
		case uint64:
			kind, slots[i] = kernels.Uint64, v
		case float64:
			kind, slots[i] = kernels.Float32, uint64(math.Float32bits(float32(v)))
		}
		if kind != p.Kind {
			d.Fatalf("%s: %s is a %T", name, p.Name, args[i])
		}
	}
	if l.Shared > 0 {
		if err := d.AllowShared(d.functions[name], l.Shared); err != nil {
			d.Fatal(err)
		}
	}
	launch := d.Launch
	if l.Cooperative {
		launch = d.LaunchCooperative
	}
	if err := launch(d.functions[name], cuda.Dim3(l.Grid), cuda.Dim3(l.Block), l.Shared, 0, slots); err != nil {
		d.Fatal(err)
	}
	if err := d.SyncStream(0); err != nil {
		d.Fatalf("%s: %v", name, err)
	}
}

// put returns device memory that holds values.
func put[T any](d *device, values []T) cuda.Pointer {
	d.Helper()
	p := room[T](d, len(values))
	if len(values) > 0 {
		host := d.host(binary.Size(values))
		if _, err := binary.Encode(host, binary.LittleEndian, values); err != nil {
			d.Fatal(err)
		}
		if err := d.CopyToDevice(p, host, 0); err != nil {
			d.Fatal(err)
		}
	}
	return p
}

// room returns uninitialised device memory for n values.
func room[T any](d *device, n int) cuda.Pointer {
	d.Helper()
	var element T
	size := binary.Size(element)
	p, err := d.Alloc(int64(max(size*(n+d.offset), 1)))
	if err != nil {
		d.Fatal(err)
	}
	return p + cuda.Pointer(size*d.offset)
}

// get reads n values.
func get[T any](d *device, p cuda.Pointer, n int) []T {
	d.Helper()
	values := make([]T, n)
	if n == 0 {
		return values
	}
	host := d.host(binary.Size(values))
	if err := d.CopyToHost(host, p, 0); err != nil {
		d.Fatal(err)
	}
	if _, err := binary.Decode(host, binary.LittleEndian, values); err != nil {
		d.Fatal(err)
	}
	return values
}

func (d *device) host(bytes int) []byte {
	d.Helper()
	host, err := d.AllocHost(bytes)
	if err != nil {
		d.Fatal(err)
	}
	return host
}

func random(n uint64) *rand.Rand { return rand.New(rand.NewPCG(1, n)) }

// whole returns n small whole numbers. Sums of their products are exact.
func whole(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for k := range x {
		x[k] = float32(r.IntN(7) - 3)
	}
	return x
}

// uniform returns n numbers from -1 to 1.
func uniform(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for k := range x {
		x[k] = float32(2*r.Float64() - 1)
	}
	return x
}
