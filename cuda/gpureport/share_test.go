package main

import (
	"encoding/binary"
	"math"
	"testing"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/kernels"
)

// The shapes for the emulated device are too small for plans that share tiles out. These are two.
func TestMeasuredProductsThatAreSharedOut(t *testing.T) {
	driver, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := driver.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Device: opened, functions: map[string]cuda.Function{}}
	for _, module := range []string{"gemm_share", "gemm_bf16"} {
		if err := b.load(module); err != nil {
			t.Fatal(err)
		}
	}
	s := kernels.GemmShape{M: 33, N: 34, K: 310}
	for _, c := range []struct {
		math          string
		whole, shares int
	}{{"float32", 1, 21}, {"bf16", 0, 3}} {
		p, ok := kernels.GemmShareTiles(c.math)[1].Share(s, c.whole, c.shares)
		if !ok {
			t.Fatalf("no plan of %+v", c)
		}
		var at [4]cuda.Pointer
		for i, n := range []int{s.M * s.K, s.K * s.N, s.M * s.N, p.Part} {
			if at[i], err = b.Alloc(4 * int64(n)); err != nil {
				t.Fatal(err)
			}
			if err := b.Fill32(at[i], math.Float32bits(0.5), int64(n), b.stream); err != nil {
				t.Fatal(err)
			}
		}
		slabs, err := b.Alloc(int64(p.PackA.Bytes + p.PackB.Bytes + 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.product(s, p, at, slabs); err != nil {
			t.Fatal(err)
		}
		host, err := b.AllocHost(4 * s.M * s.N)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.CopyToHost(host, at[2], b.stream); err != nil {
			t.Fatal(err)
		}
		for e := range s.M * s.N {
			if got, want := math.Float32frombits(binary.LittleEndian.Uint32(host[4*e:])), float32(s.K)/4; got != want {
				t.Fatalf("%s: dst[%d] is %v, want %v", c.math, e, got, want)
			}
		}
	}
}
