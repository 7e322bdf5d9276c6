package kernels_test

import (
	"math"
	"slices"
	"testing"

	"gputrain/cuda"
	"gputrain/kernels"
)

// Devices that plans are made for.
var (
	h100    = kernels.NewDevice("NVIDIA H100 80GB HBM3", 9, 0, 132, 227<<10)
	a100    = kernels.NewDevice("NVIDIA A100-SXM4-80GB", 8, 0, 108, 163<<10)
	l4      = kernels.NewDevice("NVIDIA L4", 8, 9, 58, 99<<10)
	rtx4090 = kernels.NewDevice("NVIDIA GeForce RTX 4090", 8, 9, 128, 99<<10)
	v100    = kernels.NewDevice("Tesla V100-SXM2-32GB", 7, 0, 80, 96<<10)
	t4      = kernels.NewDevice("Tesla T4", 7, 5, 40, 64<<10)
)

func TestChooseGemm(t *testing.T) {
	for _, c := range []struct {
		what           string
		transA, transB bool
		m, n, k        int
		on             kernels.Device
		kernel         string
		tiles, slices  int
	}{
		{"large", false, false, 4096, 4096, 4096, h100, "gemm_nn_share_128x64", 1980 + 132, 1},
		{"large", true, true, 4096, 4096, 4096, t4, "gemm_tt_share_128x64", 2040 + 40, 1},
		{"fewer large tiles than multiprocessors", false, false, 1024, 1024, 1024, h100, "gemm_nn_128x128", 64, 4},
		{"the same, on fewer", false, false, 1024, 1024, 1024, t4, "gemm_nn_share_128x64", 120 + 40, 1},
		{"input of all steps", false, true, 6400, 2048, 128, h100, "gemm_nt_share_128x64", 1584 + 132, 1},
		{"recurrent step", false, true, 64, 2048, 512, h100, "gemm_nt_32x32", 128, 1},
		{"recurrent step", false, true, 64, 2048, 512, t4, "gemm_nt_share_32x32", 120 + 40, 1},
		{"recurrent step backward", false, false, 64, 512, 2048, h100, "gemm_nn_32x32", 32, 8},
		{"recurrent step, batch 1", false, true, 1, 2048, 512, h100, "gemm_nt_32x32", 64, 4},
		{"recurrent weight gradient", true, false, 2048, 512, 6400, h100, "gemm_tn_share_128x64", 3 * 132, 1},
		{"input weight gradient", true, false, 2048, 128, 6400, h100, "gemm_tn_share_128x64", 3 * 132, 1},
		{"long sum", true, false, 64, 64, 100_000, h100, "gemm_tn_share_32x32", 2 * 132, 1},
		{"hidden layer", false, true, 256, 1024, 784, h100, "gemm_nt_32x32", 256, 1},
		{"classes", false, true, 256, 10, 1024, h100, "gemm_nt_32x32", 8, 16},
		{"small", false, false, 33, 31, 32, h100, "gemm_nn_32x32", 2, 1},
		{"one", false, false, 1, 1, 1, h100, "gemm_nn_32x32", 1, 1},
		{"empty sum", false, false, 5, 7, 0, h100, "gemm_nn_32x32", 1, 1},
	} {
		s := kernels.GemmShape{TransA: c.transA, TransB: c.transB, M: c.m, N: c.n, K: c.k}
		p := kernels.ChooseGemm([]string{"float32"}, s, c.on)
		if p.Kernel != c.kernel || p.Launch.Grid.X != c.tiles || p.Slices != c.slices || p.Launch.Grid.Y != c.slices {
			t.Errorf("%s %+v on %d: got %+v, want %s, %d tiles, %d slices", c.what, s, c.on.Multiprocessors, p, c.kernel, c.tiles, c.slices)
		}
	}
}

func TestChooseGemmCoversK(t *testing.T) {
	r := random(1)
	for range 2000 {
		s := kernels.GemmShape{M: 1 + r.IntN(1<<r.IntN(13)), N: 1 + r.IntN(1<<r.IntN(13)), K: r.IntN(1 << r.IntN(17))}
		p := kernels.ChooseGemm([]string{"float32"}, s, kernels.Device{Multiprocessors: 1 + r.IntN(140), Lanes: 64 << r.IntN(2)})
		if covered, before := p.Slice*p.Slices, p.Slice*(p.Slices-1); covered < s.K || p.Slices > 1 && before >= s.K {
			t.Errorf("seed 1,1: %+v: %+v", s, p)
		}
	}
}

// Every kernel runs with and without a second pass, on full tiles, on tiles cut off in
// each dimension, and on more than one tile.
func TestGemmKernels(t *testing.T) {
	for _, shape := range kernels.GemmTiles("float32") {
		tile, depth := shape.Rows, shape.Depth
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
					d.offset = 1
					g.of(s[0], s[1], s[2]).check(d, 1, 0, 1)
					g.of(s[0], s[1], s[2]).check(d, -0.5, 2, 1)
					g.of(s[0], s[1], s[2]).check(d, 1.5, 0, 3)
					g.of(s[0], s[1], s[2]).check(d, 2, 1, 2)
				}
				// Whole slabs of aligned operands are loaded 16 bytes at a time, up to the last rows
				// and columns, and the rest of k number by number.
				for _, s := range [][3]int{{tile, tile, 2 * depth}, {tile - 4, 4, 3*depth + 4}, {tile + 4, tile + 8, depth + depth/2}, {4, 8, depth - 4}} {
					d.offset = 0
					g.of(s[0], s[1], s[2]).check(d, 1.5, 0, 1)
					g.of(s[0], s[1], s[2]).check(d, 1.5, 2, 2)
				}
				// One operand is not aligned, or its rows are not.
				g.of(tile-3, 8, 2*depth).check(d, 1, 0, 1)
				g.of(8, tile-3, 2*depth).check(d, 1, 0, 1)
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
					g.of(8, 8, k+3).check(d, 1, 0, 1)
				}
			})
		}
	}
}

// Tiles are shared out after some whole ones or none, to shares of many sizes: pieces of one
// tile or of two, of one slab, of all of a tile, and with a k that ends within a slab. Where
// an operand is aligned or not is up to the core that all kernels have in common.
func TestGemmShareKernels(t *testing.T) {
	for _, tile := range kernels.GemmShareTiles("float32") {
		for i, trans := range []string{"nn", "nt", "tn", "tt"} {
			g := gemm{tile: tile, transA: trans[0] == 't', transB: trans[1] == 't'}
			t.Run("gemm_"+trans+"_"+tile.Name, func(t *testing.T) {
				d := open(t, "gemm", "gemm_share")
				d.offset = i % 2
				tried := 0
				for _, k := range []int{2 * tile.Depth, 5*tile.Depth + 4, 7*tile.Depth - 1} {
					g := g.of(tile.Rows+5, tile.Columns+6, k) // four tiles
					for _, c := range []struct{ whole, shares int }{{0, 5}, {3, 2}, {1, 4}, {0, 7}, {2, 9}, {3, 7}, {2, 4}} {
						plan, ok := tile.Share(g.shape(), c.whole, c.shares)
						if ok && (tile.Rows < 64 || tried%4 == i) {
							g.checkPlan(d, -0.5, float64(2*(tried/4%2)), plan)
						}
						tried++
					}
				}
			})
		}
	}
}

// Two launches of a product give the same bytes, in each of the three ways.
func TestGemmRepeatsItsBytes(t *testing.T) {
	for _, c := range []struct {
		math                          string
		tile, share, k, whole, shares int
	}{{"float32", 3, 1, 333, 2, 17}, {"bf16", 2, 1, 300, 1, 13}} {
		d := open(t, "gemm", "gemm_share", "gemm_bf16")
		tile, share := kernels.GemmTiles(c.math)[c.tile], kernels.GemmShareTiles(c.math)[c.share]
		g := gemm{tile: tile}.of(65, 70, c.k)
		shared, ok := share.Share(g.shape(), c.whole, c.shares)
		if !ok {
			t.Fatal("no plan")
		}
		a, b := put(d, uniform(random(1), g.m*g.k)), put(d, uniform(random(2), g.k*g.n))
		var results [][]float32
		for _, plan := range []kernels.GemmPlan{tile.Plan(g.shape(), 1), tile.Plan(g.shape(), 4), shared} {
			var twice [2][]float32
			for i := range twice {
				dst := room[float32](d, g.m*g.n)
				g.launch(d, plan, dst, a, b, 1, 0)
				twice[i] = get[float32](d, dst, g.m*g.n)
			}
			if !slices.Equal(twice[0], twice[1]) {
				t.Errorf("seeds 1,1 and 1,2: %+v: two launches differ", plan)
			}
			results = append(results, twice[0])
		}
		// They are three orders of the same sums, so the comparison can fail.
		if slices.Equal(results[0], results[1]) || slices.Equal(results[0], results[2]) || slices.Equal(results[1], results[2]) {
			t.Errorf("seeds 1,1 and 1,2: %s: two ways give the same bytes", c.math)
		}
	}
}

// Pieces of a tile are added in order of k: of 2^24, 1, 1 and -2^24, both ones are lost.
func TestPiecesAreAddedInOrder(t *testing.T) {
	d := open(t, "gemm_share")
	tile := kernels.GemmShareTiles("float32")[1]
	pieces := []float32{1 << 24, 1, 1, -1 << 24}
	for _, want := range []float32{0, 2} {
		g := gemm{tile: tile}.of(1, 1, len(pieces)*tile.Depth)
		plan, ok := tile.Share(g.shape(), 0, len(pieces))
		if !ok {
			t.Fatal("no plan")
		}
		a, b := make([]float32, g.k), make([]float32, g.k)
		for i, x := range pieces {
			a[i*tile.Depth], b[i*tile.Depth] = x, 1
		}
		dst := room[float32](d, 1)
		g.launch(d, plan, dst, put(d, a), put(d, b), 1, 0)
		if got := get[float32](d, dst, 1)[0]; got != want {
			t.Errorf("the pieces %v add up to %v, want %v", pieces, got, want)
		}
		slices.Reverse(pieces) // so the comparison can fail
	}
}

// A product has the same bytes wherever its operands begin, though it is loaded in another way.
func TestGemmOfWindowsHasTheSameBytes(t *testing.T) {
	d := open(t, "gemm")
	a, b := uniform(random(1), 36*172), uniform(random(2), 172*40)
	for _, tile := range kernels.GemmTiles("float32") {
		for _, trans := range []string{"nn", "nt", "tn", "tt"} {
			g := gemm{tile: tile, transA: trans[0] == 't', transB: trans[1] == 't'}.of(36, 40, 172)
			var results [2][]float32
			for d.offset = range results {
				dst := room[float32](d, g.m*g.n)
				g.launch(d, tile.Plan(g.shape(), 1), dst, put(d, a), put(d, b), 1, 0)
				results[d.offset] = get[float32](d, dst, g.m*g.n)
			}
			if !slices.Equal(results[0], results[1]) {
				t.Errorf("seeds 1,1 and 1,2: gemm_%s_%s: windows at 0 and at 1 differ", trans, tile.Name)
			}
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

// shape is the product as ChooseGemm knows it.
func (g gemm) shape() kernels.GemmShape {
	return kernels.GemmShape{TransA: g.transA, TransB: g.transB, M: g.m, N: g.n, K: g.k}
}

// launch computes the product as planned.
func (g gemm) launch(d *device, p kernels.GemmPlan, dst, a, b cuda.Pointer, alpha, beta float64) {
	d.Helper()
	// With so few threads, each goes round often.
	few := kernels.Launch{Grid: kernels.Dim3{X: 3, Y: 1, Z: 1}, Block: kernels.Dim3{X: 32, Y: 1, Z: 1}}
	switch {
	case p.Shares > 0:
		offset := d.offset
		d.offset = 0 // of workspace
		part := room[float32](d, p.Part)
		d.offset = offset
		if p.PackA.Kernel == "" {
			d.run(p.Kernel, p.Launch, dst, part, a, b, g.m, g.n, g.k, p.Whole, p.Share, p.Extra, alpha, beta)
		} else {
			d.run(p.Kernel, p.Launch, dst, part, pack(d, a, p.PackA), pack(d, b, p.PackB), a, b, g.m, g.n, g.k,
				p.Whole, p.Share, p.Extra, word(g.transA), word(g.transB), alpha, beta)
		}
		few.Grid.Y = p.Join.Grid.Y
		d.run("gemm_join", few, dst, part, g.m, g.n, p.Rows, p.Columns, p.Slabs, p.Whole, p.Share, p.Extra, alpha, beta)
	case p.Slices > 1:
		part := room[float32](d, p.Slices*g.m*g.n)
		g.kernel(d, p, part, a, b, 1, 0)
		d.run("gemm_reduce", few, dst, part, int64(g.m*g.n), p.Slices, alpha, beta)
	default:
		g.kernel(d, p, dst, a, b, alpha, beta)
	}
}

// check computes the product with the kernel of the tile, with k in slices, and
// compares the result.
func (g gemm) check(d *device, alpha, beta float64, slices int) {
	d.Helper()
	g.checkPlan(d, alpha, beta, g.tile.Plan(g.shape(), slices))
}

// checkPlan computes the product as planned, and compares the result.
func (g gemm) checkPlan(d *device, alpha, beta float64, plan kernels.GemmPlan) {
	d.Helper()
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
	g.launch(d, plan, dst, put(d, a), put(d, b), alpha, beta)
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
				d.Fatalf("seed 1,1: %+v %+v, offset %d, alpha %v, beta %v: dst[%d,%d] = %v, want %v",
					plan, g, d.offset, alpha, beta, i, j, value, want)
			}
		}
	}
}

// kernel launches the kernel of a plan that shares nothing out. Tensor cores get the operands packed.
func (g gemm) kernel(d *device, p kernels.GemmPlan, dst, a, b cuda.Pointer, alpha, beta float64) {
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
