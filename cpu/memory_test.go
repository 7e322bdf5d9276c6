package cpu

import (
	"errors"
	"math"
	"strings"
	"testing"
	"unsafe"

	"gputrain/backend"
)

func open(t *testing.T, o Options) *Backend {
	t.Helper()
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestMemoryLimitIsKept(t *testing.T) {
	c := open(t, Options{MemoryLimit: 1000})
	x, err := c.New(10, 20)
	if err != nil {
		t.Fatalf("800 bytes of 1000: %v", err)
	}
	_, err = c.NewInts(100)
	if !errors.Is(err, backend.ErrOutOfMemory) {
		t.Fatalf("400 bytes more: %v, want ErrOutOfMemory", err)
	}
	for _, want := range []string{"400 bytes", "800 in use", "of 1000"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if c.Err() != nil {
		t.Errorf("running out of memory sticks: %v", c.Err())
	}
	c.Free(x.Buf)
	if _, err := c.NewInts(250); err != nil {
		t.Errorf("1000 bytes of 1000 after Free: %v", err)
	}
}

func TestImpossibleSizesAreErrors(t *testing.T) {
	c := open(t, Options{})
	for _, size := range [][2]int{{1 << 20, 1 << 20}, {1 << 30, 1 << 28}, {math.MaxInt, 1}, {math.MaxInt, math.MaxInt}} {
		if _, err := c.New(size[0], size[1]); !errors.Is(err, backend.ErrOutOfMemory) {
			t.Errorf("New(%d, %d): %v, want ErrOutOfMemory", size[0], size[1], err)
		}
		if _, err := c.NewInts(max(1<<50, size[0])); !errors.Is(err, backend.ErrOutOfMemory) {
			t.Errorf("NewInts: %v, want ErrOutOfMemory", err)
		}
	}
}

func TestNewAfterCloseIsAnError(t *testing.T) {
	c := open(t, Options{})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.New(1, 1); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("New: %v, want ErrClosed", err)
	}
	if _, err := c.NewInts(1); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("NewInts: %v, want ErrClosed", err)
	}
}

func TestOpenRefusesNegativeOptions(t *testing.T) {
	for _, o := range []Options{{Workers: -1}, {MemoryLimit: -1}} {
		if c, err := Open(o); err == nil {
			c.Close()
			t.Errorf("Open(%+v) succeeded", o)
		}
	}
}

func TestTensorsStartAtACacheLine(t *testing.T) {
	for n := range 70 {
		x := aligned(n)
		if at := uintptr(unsafe.Pointer(unsafe.SliceData(x))); at%64 != 0 || len(x) != n || cap(x) != n {
			t.Errorf("aligned(%d): address %#x, length %d, capacity %d", n, at, len(x), cap(x))
		}
	}
}
