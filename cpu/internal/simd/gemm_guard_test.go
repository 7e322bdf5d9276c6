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
	placed := g.slice(len(x), atEnd)
	copy(placed, x)
	return placed
}

// slice returns n floats that end, or begin, at a guard.
func (g guarded) slice(n int, atEnd bool) []float32 {
	if n == 0 {
		return nil
	}
	at := 0
	if atEnd {
		at = len(g) - 4*n
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&g[at])), n)
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
	memory := newGuardedOperands(t)
	for _, level := range Levels() {
		for at := range 1500 {
			p := newGuardedCase(level, at, random)
			a, b, c, scratch := memory.place(p, level.ScratchSize()+level.PackedSize(p.k, p.n), random)
			for _, multiplication := range multiplications {
				if err := fault(func() { multiplication.do(p, a, b, c, scratch) }); err != nil {
					t.Fatalf("%s %v: %v", multiplication.name, p, err)
				}
			}
		}
	}
}

func TestTilesStayWithinTheirOperands(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 9))
	memory := newGuardedOperands(t)
	for _, math := range bfloat16Maths {
		tiles, err := NewTiles(Best(), math)
		if err != nil {
			t.Skip(err)
		}
		for at := range 1500 {
			p := tileCase{newGuardedCase(Best(), at, random), tiles}
			a, b, c, scratch := memory.place(p.gemmCase, p.ScratchSize()+p.PackedSize(p.k, p.n), random)
			if at%3 == 0 {
				a[0] = nan
			}
			for _, multiply := range tileMultiplications {
				if err := fault(func() { multiply(p, a, b, c, scratch) }); err != nil {
					t.Fatalf("%v: %v", p, err)
				}
			}
		}
	}
}

// newGuardedCase draws a product.
func newGuardedCase(level Level, at int, random *rand.Rand) gemmCase {
	size := []int{1 + random.IntN(30), 1 + random.IntN(100), 1 + random.IntN(40)}
	if at%5 == 0 {
		size[0] = 1
	}
	if at%50 == 0 {
		size[at/50%3] += 256
	}
	return newCase(level, at%4, size[0], size[1], size[2], random.IntN(3))
}

// guardedOperands are a, b, c and scratch, each between two guards.
type guardedOperands [4]guarded

func newGuardedOperands(t *testing.T) guardedOperands {
	const most = 1 << 16
	return guardedOperands{newGuarded(t, most), newGuarded(t, most), newGuarded(t, most), newGuarded(t, 1<<21)}
}

// place returns the operands of p, each at one of its guards.
func (memory guardedOperands) place(p gemmCase, scratchSize int, random *rand.Rand) (a, b, c, scratch []float32) {
	length := func(trans bool, rows, cols, ld int) int {
		if trans {
			rows, cols = cols, rows
		}
		return (rows-1)*ld + cols
	}
	place := func(i, n int) []float32 { return memory[i].place(make([]float32, n), random.IntN(2) == 0) }
	return place(0, length(p.transA, p.m, p.k, p.lda)), place(1, length(p.transB, p.k, p.n, p.ldb)),
		place(2, length(false, p.m, p.n, p.ldc)), memory[3].slice(scratchSize, random.IntN(2) == 0)
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
