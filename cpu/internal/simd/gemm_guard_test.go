//go:build linux

package simd

import (
	"fmt"
	"math/rand/v2"
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

// place returns a copy of x that ends, or begins, at a guard.
func (g guarded) place(x []float32, atEnd bool) []float32 {
	if len(x) == 0 {
		return nil
	}
	at := 0
	if atEnd {
		at = len(g) - 4*len(x)
	}
	placed := unsafe.Slice((*float32)(unsafe.Pointer(&g[at])), len(x))
	copy(placed, x)
	return placed
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

// Products touch nothing outside of their operands, wherever these end.
func TestProductsStayWithinTheirOperands(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 7))
	const most = 1 << 16
	memory := [4]guarded{newGuarded(t, most), newGuarded(t, most), newGuarded(t, most), newGuarded(t, 1<<19)}
	for _, level := range Levels() {
		for at := range 1500 {
			size := []int{1 + random.IntN(30), 1 + random.IntN(100), 1 + random.IntN(40)}
			if at%50 == 0 {
				size[at/50%3] += 256
			}
			p := newCase(level, at%4, size[0], size[1], size[2], random.IntN(3))
			length := func(trans bool, rows, cols, ld int) int {
				if trans {
					rows, cols = cols, rows
				}
				return (rows-1)*ld + cols
			}
			a := memory[0].place(make([]float32, length(p.transA, p.m, p.k, p.lda)), random.IntN(2) == 0)
			b := memory[1].place(make([]float32, length(p.transB, p.k, p.n, p.ldb)), random.IntN(2) == 0)
			c := memory[2].place(make([]float32, length(false, p.m, p.n, p.ldc)), random.IntN(2) == 0)
			scratch := memory[3].place(make([]float32, level.ScratchSize()+level.PackedSize(p.k, p.n)), random.IntN(2) == 0)
			for _, multiplication := range multiplications {
				if err := fault(func() { multiplication.do(p, a, b, c, scratch) }); err != nil {
					t.Fatalf("%s %v: %v", multiplication.name, p, err)
				}
			}
		}
	}
}

// The control: the guards are where they are said to be.
func TestGuardsAreBesideTheirMemory(t *testing.T) {
	memory := newGuarded(t, 10)
	x := make([]float32, 10)
	for _, atEnd := range []bool{false, true} {
		first := unsafe.Pointer(&memory.place(x, atEnd)[0])
		outside := -4
		if atEnd {
			outside = 4 * len(x)
		}
		if fault(func() { *(*float32)(unsafe.Add(first, outside)) = 1 }) == nil {
			t.Errorf("writing beside memory, at its end %t, is not noticed", atEnd)
		}
	}
}
