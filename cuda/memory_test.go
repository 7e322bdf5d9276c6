package cuda_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/internal/operands"
)

// Freed memory of one size does not stand in the way of another size.
func TestMemoryIsPurgedWhenShort(t *testing.T) {
	const elements = 1 << 20
	b := newBench(t, newDriver(t, emulator.Options{Memory: 4*elements + 8192}), cuda.Options{})
	for _, n := range []int{elements, elements - 1, elements / 2, elements} {
		x := b.Uniform(1, n)
		if _, err := b.New(1, elements); !errors.Is(err, backend.ErrOutOfMemory) {
			t.Errorf("New beside %d elements: got error %v, want %v", n, err, backend.ErrOutOfMemory)
		}
		b.Free(x.Buf)
	}
	_, err := b.New(1, 2*elements)
	const want = "cuda: New: a tensor of 1x2097152: 8388608 bytes, with 419"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got error %v, want %s...", err, want)
	}
	if err := b.Sync(); err != nil {
		t.Errorf("the error sticks: %v", err)
	}
}

// An operation without memory for its workspace says so, and the error sticks.
func TestWorkspaceOutOfMemory(t *testing.T) {
	b := newBench(t, newDriver(t, emulator.Options{Memory: 1 << 20}), cuda.Options{})
	x, y, dst := b.Zeros(4000, 4), b.Zeros(4000, 4), b.Zeros(4, 4)
	if _, err := b.New(1, (1<<20-2*64000)/4-1200); err != nil {
		t.Fatal(err)
	}
	b.Gemm(dst, backend.Trans, backend.NoTrans, 1, x, y, 0)
	err := b.Sync()
	if !errors.Is(err, backend.ErrOutOfMemory) || !strings.HasPrefix(err.Error(), "cuda: Gemm") {
		t.Errorf("got error %v, want cuda: Gemm...%v", err, backend.ErrOutOfMemory)
	}
}

// Freed memory is used again for the same size only.
func TestFreedMemoryIsUsedAgain(t *testing.T) {
	allocations := 0
	driver := wrapping{newDriver(t, emulator.Options{}), func(d cuda.Device) cuda.Device { return countedDevice{d, &allocations} }}
	b := newBench(t, driver, cuda.Options{})
	x, y := b.Zeros(10, 3), b.Zeros(10, 4)
	before := allocations
	for range 10 {
		b.Free(x.Buf)
		b.Free(y.Buf)
		x, y = b.Zeros(5, 6), b.Zeros(40, 1)
	}
	if allocations != before {
		t.Errorf("the driver was asked for memory %d times, want 0", allocations-before)
	}
	b.Zeros(10, 5)
	if allocations != before+1 {
		t.Errorf("the driver was asked for memory %d times, want 1", allocations-before)
	}
}

// countedDevice counts allocations.
type countedDevice struct {
	cuda.Device
	allocations *int
}

func (d countedDevice) Alloc(bytes int64) (cuda.Pointer, error) {
	*d.allocations++
	return d.Device.Alloc(bytes)
}

// Transfers are longer than page-locked memory, and there are several.
func TestLongTransfers(t *testing.T) {
	b := newBench(t, newDriver(t, emulator.Options{}), cuda.Options{})
	x := b.Zeros(1, 700_001)
	for round := range 3 {
		src := operands.Uniform(b.Rand, x.Size())
		want := slices.Clone(src)
		b.Upload(x, src)
		clear(src)
		if err := b.Download(src, x); err != nil {
			t.Fatal(err)
		}
		for k := range want {
			if src[k] != want[k] {
				t.Fatalf("seed 1,1, round %d: element %d: got %v, want %v", round, k, src[k], want[k])
			}
		}
	}
}
