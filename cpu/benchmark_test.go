package cpu_test

import (
	"fmt"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"gputrain/backend"
	"gputrain/cpu"
)

// BenchmarkGemm measures each product beside a direct call of blas32.
func BenchmarkGemm(b *testing.B) {
	for _, p := range []struct {
		name           string
		transA, transB backend.Transpose
		m, n, k        int
	}{
		{"NN", false, false, 64, 4096, 1024},
		{"NT", false, true, 64, 4096, 1024},
		{"NN", false, false, 256, 1024, 1024},
		{"NN", false, false, 32, 2048, 512},
		{"NT", false, true, 32, 2048, 512},
		{"NN", false, false, 64, 512, 128},
		{"NN", false, false, 1024, 1024, 1024},
		{"NN", false, false, 1, 2048, 512},
		{"NT", false, true, 1, 2048, 512},
		{"TN", true, false, 1024, 1024, 64},
		{"TN", true, false, 64, 1024, 4096},
		{"TN", true, false, 2048, 512, 6400},
		{"TN", true, false, 256, 64, 256},
		{"NT", false, true, 256, 256, 8},
		{"TN", true, false, 256, 8, 256},
		{"TT", true, true, 256, 256, 256},
	} {
		bench := newBench(b, cpu.Options{})
		dst := bench.Zeros(p.m, p.n)
		x, y := bench.Uniform(p.m, p.k), bench.Uniform(p.k, p.n)
		general := func(t backend.Tensor) blas32.General {
			g := blas32.General{Rows: t.Rows, Cols: t.Cols, Stride: t.Cols, Data: make([]float32, t.Size())}
			if err := bench.Download(g.Data, t); err != nil {
				b.Fatal(err)
			}
			return g
		}
		transA, transB := blas.NoTrans, blas.NoTrans
		if p.transA {
			x, transA = x.Reshape(p.k, p.m), blas.Trans
		}
		if p.transB {
			y, transB = y.Reshape(p.n, p.k), blas.Trans
		}
		gx, gy, gdst := general(x), general(y), general(dst)
		name := fmt.Sprintf("%s/%dx%dx%d/", p.name, p.m, p.n, p.k)
		run := func(side string, call func()) {
			b.Run(name+side, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					call()
				}
				reportGFLOPs(b, 2*float64(p.m)*float64(p.n)*float64(p.k))
			})
		}
		run("cpu", func() { bench.Gemm(dst, p.transA, p.transB, 1, x, y, 0) })
		run("blas32", func() { blas32.Gemm(transA, transB, 1, gx, gy, 0, gdst) })
	}
}

func reportGFLOPs(b *testing.B, perCall float64) {
	b.ReportMetric(perCall*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// BenchmarkLSTMStep measures training steps of one layer: forward, backward and
// Adam.
func BenchmarkLSTMStep(b *testing.B) {
	for _, d := range []backend.LSTMDims{
		{Steps: 100, Batch: 64, Input: 128, Hidden: 512},
		{Steps: 28, Batch: 128, Input: 28, Hidden: 128},
		{Steps: 8, Batch: 32, Input: 8, Hidden: 64},
		{Steps: 100, Batch: 1, Input: 8, Hidden: 32},
	} {
		b.Run(fmt.Sprintf("%dx%dx%dx%d", d.Steps, d.Batch, d.Input, d.Hidden), func(b *testing.B) {
			bench := newBench(b, cpu.Options{})
			a := bench.lstm(d)
			n := 4 * d.Hidden * (d.Input + d.Hidden + 2)
			adam := backend.AdamArgs{Param: bench.Zeros(1, n), Grad: bench.Uniform(1, n), Mean: bench.Zeros(1, n), Square: bench.Zeros(1, n),
				LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Step: 1}
			b.ReportAllocs()
			for b.Loop() {
				backend.LSTMForward(bench.Backend, a.LSTMArgs)
				backend.LSTMBackward(bench.Backend, a)
				bench.Adam(adam)
			}
			rows, weights := float64(d.Steps*d.Batch), 4*float64(d.Hidden)
			// Backward has two products for each one of forward.
			reportGFLOPs(b, 3*2*rows*weights*float64(d.Input+d.Hidden))
		})
	}
}

// BenchmarkActivation measures the nonlinearities, per element.
func BenchmarkActivation(b *testing.B) {
	bench := newBench(b, cpu.Options{Workers: 1})
	x, y := bench.Uniform(64, 1024), bench.Zeros(64, 1024)
	for _, op := range []struct {
		name string
		call func()
	}{
		{"Sigmoid", func() { bench.Sigmoid(y, x) }},
		{"Tanh", func() { bench.Tanh(y, x) }},
		{"Softmax", func() { bench.Softmax(y, x) }},
		{"ReLU", func() { bench.ReLU(y, x) }},
	} {
		b.Run(op.name, func(b *testing.B) {
			for b.Loop() {
				op.call()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(x.Size()), "ns/element")
		})
	}
}
