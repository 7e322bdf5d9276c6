package main

import (
	"encoding/binary"
	"math"
	"testing"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/kernels"
)

// The shapes for the emulated device are too small for plans that share tiles out. This is one.
func TestMeasuredProductThatIsSharedOut(t *testing.T) {
	driver, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := driver.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Device: opened, functions: map[string]cuda.Function{}}
	if err := b.load("gemm_share"); err != nil {
		t.Fatal(err)
	}
	s := kernels.GemmShape{M: 33, N: 34, K: 310}
	p, ok := kernels.GemmShareTiles("float32")[1].Share(s, 1, 21)
	if !ok {
		t.Fatal("no plan")
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
	if err := b.product(s, p, at); err != nil {
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
			t.Fatalf("dst[%d] is %v, want %v", e, got, want)
		}
	}
}
