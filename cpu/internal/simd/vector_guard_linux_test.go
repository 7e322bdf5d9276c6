package simd

import (
	"fmt"
	"runtime/debug"
	"syscall"
	"testing"
	"unsafe"
)

// guarded is memory for some operands, each between two pages that nobody may
// touch.
type guarded struct{ pages [][]byte }

func newGuarded(t *testing.T) *guarded {
	size := syscall.Getpagesize()
	var g guarded
	for range 8 {
		all, err := syscall.Mmap(-1, 0, 3*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Munmap(all) })
		for _, guard := range [][]byte{all[:size], all[2*size:]} {
			if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
				t.Fatal(err)
			}
		}
		g.pages = append(g.pages, all[size:2*size])
	}
	return &g
}

// before returns n elements for operand i, at the end of a page.
func (g *guarded) before(i, n int) []float32 {
	page := g.pages[i]
	return unsafe.Slice((*float32)(unsafe.Pointer(&page[0])), len(page)/4)[len(page)/4-n:]
}

// behind returns n elements at the beginning of a page.
func (g *guarded) behind(i, n int) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(&g.pages[i][0])), n)
}

// try calls f and returns what it touched that it must not.
func (g *guarded) try(f func()) (fault string) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			fault = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}

// The control of TestVector.
func TestGuardPagesAreFound(t *testing.T) {
	g := newGuarded(t)
	var read float32
	for name, touch := range map[string]func(){
		"read behind the end":    func() { read = *(*float32)(unsafe.Add(unsafe.Pointer(&g.before(0, 1)[0]), 4)) },
		"write before the start": func() { *(*float32)(unsafe.Add(unsafe.Pointer(&g.behind(0, 1)[0]), -4)) = 1 },
	} {
		if g.try(touch) == "" {
			t.Errorf("%s: no fault (%v)", name, read)
		}
	}
}
