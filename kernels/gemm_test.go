package kernels_test

import (
	"fmt"
	"testing"

	"gputrain/kernels"
)

func TestChooseGemm(t *testing.T) {
	const t4, h100 = 40, 132 // multiprocessors
	for _, c := range []struct {
		what            string
		transA, transB  bool
		m, n, k         int
		multiprocessors int
		kernel          string
		tiles, slices   int
	}{
		{"large", false, false, 4096, 4096, 4096, h100, "gemm_nn_128x128", 1024, 1},
		{"large", true, true, 4096, 4096, 4096, t4, "gemm_tt_128x128", 1024, 1},
		{"fewer large tiles than multiprocessors", false, false, 1024, 1024, 1024, h100, "gemm_nn_128x128", 64, 4},
		{"the same, on fewer", false, false, 1024, 1024, 1024, t4, "gemm_nn_128x128", 64, 1},
		{"input of all steps", false, true, 6400, 2048, 128, h100, "gemm_nt_128x128", 800, 1},
		{"recurrent step", false, true, 64, 2048, 512, h100, "gemm_nt_32x32", 128, 1},
		{"recurrent step", false, true, 64, 2048, 512, t4, "gemm_nt_64x64", 32, 2},
		{"recurrent step backward", false, false, 64, 512, 2048, h100, "gemm_nn_32x32", 32, 8},
		{"recurrent step, batch 1", false, true, 1, 2048, 512, h100, "gemm_nt_32x32", 64, 4},
		{"recurrent weight gradient", true, false, 2048, 512, 6400, h100, "gemm_tn_128x128", 64, 4},
		{"input weight gradient", true, false, 2048, 128, 6400, h100, "gemm_tn_128x128", 16, 16},
		{"long sum", true, false, 64, 64, 100_000, h100, "gemm_tn_32x32", 4, 64},
		{"hidden layer", false, true, 256, 1024, 784, h100, "gemm_nt_32x32", 256, 1},
		{"classes", false, true, 256, 10, 1024, h100, "gemm_nt_32x32", 8, 16},
		{"small", false, false, 33, 31, 32, h100, "gemm_nn_32x32", 2, 1},
		{"one", false, false, 1, 1, 1, h100, "gemm_nn_32x32", 1, 1},
		{"empty sum", false, false, 5, 7, 0, h100, "gemm_nn_32x32", 1, 1},
	} {
		s := kernels.GemmShape{TransA: c.transA, TransB: c.transB, M: c.m, N: c.n, K: c.k}
		p := kernels.ChooseGemm(s, c.multiprocessors)
		if p.Kernel != c.kernel || p.Launch.Grid.X != c.tiles || p.Slices != c.slices || p.Launch.Grid.Y != c.slices {
			t.Errorf("%s %+v on %d: got %+v, want %s, %d tiles, %d slices", c.what, s, c.multiprocessors, p, c.kernel, c.tiles, c.slices)
		}
	}
}

func TestChooseGemmCoversK(t *testing.T) {
	r := random(1)
	for range 2000 {
		s := kernels.GemmShape{M: 1 + r.IntN(1<<r.IntN(13)), N: 1 + r.IntN(1<<r.IntN(13)), K: r.IntN(1 << r.IntN(17))}
		p := kernels.ChooseGemm(s, 1+r.IntN(140))
		if covered, before := p.Slice*p.Slices, p.Slice*(p.Slices-1); covered < s.K || p.Slices > 1 && before >= s.K {
			t.Errorf("seed 1,1: %+v: %+v", s, p)
		}
	}
}

// Every kernel, with and without a second pass, on tiles that are full, cut in
// each dimension, and more than one.
func TestGemmKernels(t *testing.T) {
	for _, tile := range []int{128, 64, 32} {
		for _, trans := range []string{"nn", "nt", "tn", "tt"} {
			name := fmt.Sprintf("gemm_%s_%dx%d", trans, tile, tile)
			t.Run(name, func(t *testing.T) {
				if testing.Short() && tile > 32 {
					t.Skip("takes a second")
				}
				d := open(t, "gemm")
				for i, s := range [][3]int{
					{tile, tile, 32}, {tile + 1, 3, 5}, {2, tile + 3, 33}, {5, 2*tile - 4, 65}, {1, 1, 1}, {3, 4, 0},
				} {
					for j, f := range [][3]float64{{1, 0, 1}, {-0.5, 2, 1}, {1.5, 0, 3}, {2, 1, 2}} {
						checkGemm(d, uint64(10*i+j), name, trans, tile, s[0], s[1], s[2], f[0], f[1], int(f[2]))
					}
				}
			})
		}
	}
}

func checkGemm(d *device, seed uint64, name, trans string, tile, m, n, k int, alpha, beta float64, slices int) {
	d.Helper()
	r := random(seed)
	a, b, before := whole(r, m*k), whole(r, k*n), whole(r, m*n)
	slice := max(1, (k+slices-1)/slices)
	slices = max(1, (k+slice-1)/slice)
	dst := room[float32](d, m*n)
	if beta != 0 {
		dst = put(d, before)
	}
	launch := kernels.Launch{
		Grid:  kernels.Dim3{X: ((m + tile - 1) / tile) * ((n + tile - 1) / tile), Y: slices, Z: 1},
		Block: kernels.Dim3{X: 256, Y: 1, Z: 1},
	}
	if slices == 1 {
		d.run(name, launch, dst, put(d, a), put(d, b), m, n, k, slice, alpha, beta)
	} else {
		part := room[float32](d, slices*m*n)
		d.run(name, launch, part, put(d, a), put(d, b), m, n, k, slice, 1.0, 0.0)
		d.run("gemm_reduce", kernels.Elements(int64(m*n)), dst, part, int64(m*n), slices, alpha, beta)
	}
	got := get[float32](d, dst, m*n)
	for i := range m {
		for j := range n {
			var sum float64
			for p := range k {
				x, y := i*k+p, p*n+j
				if trans[0] == 't' {
					x = p*m + i
				}
				if trans[1] == 't' {
					y = j*k + p
				}
				sum += float64(a[x]) * float64(b[y])
			}
			want := alpha * sum
			if beta != 0 {
				want += beta * float64(before[i*n+j])
			}
			if float64(got[i*n+j]) != want {
				d.Fatalf("seed 1,%d: %s %dx%dx%d, %d slices, alpha %v, beta %v: dst[%d,%d] = %v, want %v",
					seed, name, m, n, k, slices, alpha, beta, i, j, got[i*n+j], want)
			}
		}
	}
}
