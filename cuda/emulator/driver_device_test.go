package emulator

import (
	"errors"
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
		t.Errorf("an allocation that is too large gives %v", err)
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
	checkReport(t, d.Close(), Leak, "2 allocations with 200 bytes in all were never freed: allocation 2 of 100 bytes, allocation 3 of 100 bytes")
	if _, err := d.Alloc(1); err == nil {
		t.Error("a closed device allocates")
	}
	clean := newBench(t, badPTX, Options{}).device
	if err := clean.Close(); err != nil {
		t.Errorf("Close without leaks gives %v", err)
	}
}

// The next call returns the fault, and every later call says what it was.
func TestFaultLosesTheContext(t *testing.T) {
	b := newBench(t, badPTX, Options{})
	err := b.launch("no_tail_guard", dim(1), dim(32), 0, cuda.Pointer(0))
	checkReport(t, err, NullPointer, "")
	first, _, _ := strings.Cut(err.Error(), "\n")
	if want := "cuda emulator: kernel no_tail_guard: null pointer: address 0x0 is null or just above it"; first != want {
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

func TestDevicesHaveNoAddressInCommon(t *testing.T) {
	driver, err := New(Options{Devices: 2})
	if err != nil {
		t.Fatal(err)
	}
	var all []cuda.Pointer
	for i := range 3 {
		d, err := driver.Open(i / 2)
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.Alloc(4)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range all {
			if err := d.Free(other); err == nil {
				t.Errorf("device %d frees %#x of another", i, other)
			}
		}
		all = append(all, p)
	}
}
