package kernels_test

import (
	"math"
	"testing"

	"gputrain/cuda"
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
		p := kernels.ChooseGemm("float32", s, c.multiprocessors, 0)
		if p.Kernel != c.kernel || p.Launch.Grid.X != c.tiles || p.Slices != c.slices || p.Launch.Grid.Y != c.slices {
			t.Errorf("%s %+v on %d: got %+v, want %s, %d tiles, %d slices", c.what, s, c.multiprocessors, p, c.kernel, c.tiles, c.slices)
		}
	}
}

func TestChooseGemmCoversK(t *testing.T) {
	r := random(1)
	for range 2000 {
		s := kernels.GemmShape{M: 1 + r.IntN(1<<r.IntN(13)), N: 1 + r.IntN(1<<r.IntN(13)), K: r.IntN(1 << r.IntN(17))}
		p := kernels.ChooseGemm("float32", s, 1+r.IntN(140), 0)
		if covered, before := p.Slice*p.Slices, p.Slice*(p.Slices-1); covered < s.K || p.Slices > 1 && before >= s.K {
			t.Errorf("seed 1,1: %+v: %+v", s, p)
		}
	}
}

// Every kernel runs with and without a second pass, on full tiles, on tiles cut off in
// each dimension, and on more than one tile.
func TestGemmKernels(t *testing.T) {
	for _, shape := range kernels.GemmTiles("float32") {
		tile := shape.Rows
		for _, trans := range []string{"nn", "nt", "tn", "tt"} {
			g := gemm{tile: shape, transA: trans[0] == 't', transB: trans[1] == 't'}
			t.Run("gemm_"+trans+"_"+shape.Name, func(t *testing.T) {
				if testing.Short() && tile > 32 {
					t.Skip("takes a second")
				}
				d := open(t, "gemm")
				for _, s := range [][3]int{
					{tile, tile, 32}, {tile + 1, 3, 5}, {2, tile + 3, 33}, {5, 2*tile - 4, 65}, {1, 1, 1}, {3, 4, 0},
				} {
					g.of(s[0], s[1], s[2]).check(d, 1, 0, 1)
					g.of(s[0], s[1], s[2]).check(d, -0.5, 2, 1)
					g.of(s[0], s[1], s[2]).check(d, 1.5, 0, 3)
					g.of(s[0], s[1], s[2]).check(d, 2, 1, 2)
				}
				for _, beta := range []float64{0, 2} {
					// An aligned run of four columns is stored at once, others one by one.
					for _, d.offset = range []int{0, 1, 2} {
						g.of(tile, tile/2, 3).check(d, 1.5, beta, 1)
						g.of(tile, tile, 3).check(d, 1.5, beta, 1)
					}
					// Runs that are cut off, in each row of a thread and each half of the
					// tile. The row is the last one, so one more store would be out of bounds.
					d.offset = 0
					for row := range 8 {
						for cut := 1; cut < 4; cut++ {
							m := tile/2*(row/4) + row%4 + 1
							g.of(m, tile/2-cut, 3).check(d, 1.5, beta, 1)
							g.of(m, tile-cut, 3).check(d, 1.5, beta, 1)
						}
					}
				}
				// A sum that runs one k too far meets the NaN that follows in memory.
				g.spoilt = true
				for _, k := range []int{5, 13, 20, 28, 37} {
					g.of(6, 6, k).check(d, 1, 0, 1)
				}
			})
		}
	}
}

// gemm is a product: op(a), which is [m,k], times op(b), which is [k,n].
type gemm struct {
	tile           kernels.GemmTile
	transA, transB bool
	m, n, k        int
	spoilt         bool // every second row of op(a) and column of op(b) begins with NaN
}

func (g gemm) of(m, n, k int) gemm {
	g.m, g.n, g.k = m, n, k
	return g
}

// check computes the product with the kernel of the tile, with k in slices, and
// compares the result.
func (g gemm) check(d *device, alpha, beta float64, slices int) {
	d.Helper()
	plan := g.tile.Plan(kernels.GemmShape{TransA: g.transA, TransB: g.transB, M: g.m, N: g.n, K: g.k}, slices)
	name, used := plan.Kernel, plan.Slices
	r := random(1)
	a, b, before := whole(r, g.m*g.k), whole(r, g.k*g.n), whole(r, g.m*g.n)
	for i := 1; i < g.m && g.spoilt; i += 2 {
		a[g.indexA(i, 0)] = float32(math.NaN())
	}
	for j := 1; j < g.n && g.spoilt; j += 2 {
		b[g.indexB(0, j)] = float32(math.NaN())
	}
	dst := room[float32](d, g.m*g.n)
	if beta != 0 {
		dst = put(d, before)
	}
	if used == 1 {
		g.launch(d, plan, dst, put(d, a), put(d, b), alpha, beta)
	} else {
		part := room[float32](d, used*g.m*g.n)
		g.launch(d, plan, part, put(d, a), put(d, b), 1, 0)
		// With so few threads, each goes round often.
		reduce := kernels.Launch{Grid: kernels.Dim3{X: 3, Y: 1, Z: 1}, Block: kernels.Dim3{X: 32, Y: 1, Z: 1}}
		d.run("gemm_reduce", reduce, dst, part, int64(g.m*g.n), used, alpha, beta)
	}
	got := get[float32](d, dst, g.m*g.n)
	for i := range g.m {
		for j := range g.n {
			var sum float64
			for p := range g.k {
				sum += float64(a[g.indexA(i, p)]) * float64(b[g.indexB(p, j)])
			}
			want := alpha * sum
			if beta != 0 {
				want += beta * float64(before[i*g.n+j])
			}
			if value := float64(got[i*g.n+j]); value != want && !(math.IsNaN(value) && math.IsNaN(want)) {
				d.Fatalf("seed 1,1: %s %+v, offset %d, %d slices, alpha %v, beta %v: dst[%d,%d] = %v, want %v",
					name, g, d.offset, used, alpha, beta, i, j, value, want)
			}
		}
	}
}

// launch launches the kernel of a plan. Tensor cores get the operands packed.
func (g gemm) launch(d *device, p kernels.GemmPlan, dst, a, b cuda.Pointer, alpha, beta float64) {
	d.Helper()
	if p.PackA.Kernel == "" {
		d.run(p.Kernel, p.Launch, dst, a, b, g.m, g.n, g.k, p.Slice, alpha, beta)
		return
	}
	d.run(p.Kernel, p.Launch, dst, pack(d, a, p.PackA), pack(d, b, p.PackB), a, b, g.m, g.n, g.k, p.Slice,
		word(g.transA), word(g.transB), alpha, beta)
}

// pack packs an operand into memory of its own.
func pack(d *device, x cuda.Pointer, p kernels.Packing) cuda.Pointer {
	d.Helper()
	slabs := slabsFor(d, p)
	if p.Bytes > 0 {
		d.run(p.Kernel, p.Launch, slabs, x, p.Rows, p.K, p.Padded)
	}
	return slabs
}

// slabsFor returns memory for a packed operand. It begins at a multiple of 16 bytes.
func slabsFor(d *device, p kernels.Packing) cuda.Pointer {
	d.Helper()
	slabs, err := d.Alloc(int64(max(p.Bytes, 1)))
	if err != nil {
		d.Fatal(err)
	}
	return slabs
}

func word(x bool) int {
	if x {
		return 1
	}
	return 0
}

// indexA is where op(a)[i,p] is stored.
func (g gemm) indexA(i, p int) int {
	if g.transA {
		return p*g.m + i
	}
	return i*g.k + p
}

// indexB is where op(b)[p,j] is stored.
func (g gemm) indexB(p, j int) int {
	if g.transB {
		return j*g.k + p
	}
	return p*g.n + j
}
