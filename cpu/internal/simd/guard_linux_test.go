package simd

import (
	"fmt"
	"runtime/debug"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// guarded is memory between two pages that may not be touched.
type guarded []byte

func newGuarded(t *testing.T, floats int) guarded {
	t.Helper()
	page := unix.Getpagesize()
	size := (4*floats + page - 1) / page * page
	all, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(all); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{all[:page], all[page+size:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return guarded(all[page : page+size])
}

// floats returns the memory as numbers.
func (g guarded) floats() []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(&g[0])), len(g)/4)
}

// fault calls do and returns the error of a memory access that is not allowed.
func fault(do func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	do()
	return nil
}

// The control of all tests that use guarded memory.
func TestGuardPagesAreFound(t *testing.T) {
	x := newGuarded(t, 1).floats()
	var read float32
	for name, touch := range map[string]func(){
		"read behind the end":    func() { read = *(*float32)(unsafe.Add(unsafe.Pointer(&x[len(x)-1]), 4)) },
		"write before the start": func() { *(*float32)(unsafe.Add(unsafe.Pointer(&x[0]), -4)) = 1 },
	} {
		if fault(touch) == nil {
			t.Errorf("%s: no fault (%v)", name, read)
		}
	}
}
