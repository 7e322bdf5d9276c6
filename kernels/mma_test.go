package kernels_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gputrain/kernels"
)

// tensorMaths are the maths of the tensor cores.
func tensorMaths() []string { return kernels.Maths()[1:] }

// eachTensorGemm runs a test for the maths of the tensor cores: for one transposition of the
// smallest tile, and with -uncapped for all of them, and for one of the larger tiles.
func eachTensorGemm(t *testing.T, test func(d *device, math string, g gemm)) {
	for i, math := range tensorMaths() {
		d := open(t, "gemm", "gemm_"+math)
		tiles := kernels.GemmTiles(math)
		smallest := tiles[len(tiles)-1]
		for _, tile := range tiles {
			for j, trans := range []string{"nn", "nt", "tn", "tt"} {
				if tile != smallest && !*uncapped || j != i && (tile != smallest || !*uncapped) {
					continue
				}
				t.Run("gemm_"+trans+"_"+tile.Name, func(t *testing.T) {
					d.TB, d.offset = t, 1
					test(d, math, gemm{tile: tile, transA: trans[0] == 't', transB: trans[1] == 't'})
				})
			}
		}
	}
}

// Whole numbers are exact in each format, and so are their sums.
func TestTensorGemmKernels(t *testing.T) {
	eachTensorGemm(t, func(d *device, _ string, g gemm) {
		rows, columns, depth := g.tile.Rows, g.tile.Columns, g.tile.Depth
		// Copies of 16 bytes, and of 4 where an operand or its rows are not aligned.
		for i, s := range [][3]int{
			{rows, columns, depth}, {rows + 4, 4, 2*depth + 4}, {3, columns + 5, depth + 1}, {5, 7, 1}, {4, 8, 0}, {1, 1, 3 * depth},
		} {
			for _, d.offset = range []int{0, 1} {
				g.of(s[0], s[1], s[2]).check(d, 1, 0, 1+i%2)
				g.of(s[0], s[1], s[2]).check(d, -0.5, 2, 1+(i+1)%2)
			}
		}
		// A sum that runs one k too far meets the NaN that follows in memory.
		g.spoilt = true
		for _, k := range []int{5, 20, 39} {
			g.of(6, 6, k).check(d, 1, 0, 1)
		}
	})
}

// Tiles are shared out as in TestGemmShareKernels, in pieces with fewer slabs than a block has
// places for, as many, and more. The maths of large tiles have a part of the cases each, and with
// -uncapped all.
func TestTensorGemmShareKernels(t *testing.T) {
	for i, math := range tensorMaths() {
		for _, tile := range kernels.GemmShareTiles(math) {
			t.Run("gemm_"+tile.Name, func(t *testing.T) {
				if testing.Short() && tile.Rows == 128 {
					t.Skip("takes a second")
				}
				d := open(t, "gemm_share", "gemm_"+math)
				d.offset = i % 2
				for j, c := range []struct{ slabs, whole, shares int }{{2, 0, 5}, {2, 3, 2}, {5, 1, 4}, {5, 0, 7}, {6, 2, 9}, {6, 3, 5}, {4, 2, 4}} {
					if tile.Rows == 128 && j%3 != i && !*uncapped {
						continue
					}
					g := gemm{tile: tile, transA: j%2 == 1, transB: j/2%2 == 1}
					g = g.of(tile.Rows+5, tile.Columns+6, c.slabs*tile.Depth-3*(j%3)) // four tiles
					plan, ok := tile.Share(g.shape(), c.whole, c.shares)
					if !ok {
						t.Fatalf("no plan of %+v", c)
					}
					g.checkPlan(d, -0.5, float64(2*(j%2)), plan)
				}
			})
		}
	}
}

// A piece whose sum is not finite is computed once more, that piece alone.
func TestTensorGemmShareKeepsWhatIsLarge(t *testing.T) {
	const m, n, k, row, column = 60, 90, 256, 37, 70 // in the second tile, whose second piece has the largest number
	tile := kernels.GemmShareTiles("bf16")[1]
	g := gemm{tile: tile}.of(m, n, k)
	plan, ok := tile.Share(g.shape(), 0, 4)
	if !ok || plan.Share != 2 {
		t.Fatalf("got %+v, want pieces of two slabs", plan)
	}
	d := open(t, "gemm_share", "gemm_bf16")
	a, b := make([]float32, m*k), make([]float32, k*n)
	a[g.indexA(row, 10)], b[g.indexB(10, column)] = 0x1p120, 1
	a[g.indexA(row, 200)], b[g.indexB(200, column)] = math.MaxFloat32, 0.5 // rounded, it is infinite
	dst := room[float32](d, m*n)
	g.launch(d, plan, dst, put(d, a), put(d, b), 1, 0)
	for e, got := range get[float32](d, dst, m*n) {
		want := float32(0)
		if e == row*n+column {
			want = math.MaxFloat32/2 + 0x1p120
		}
		if got != want {
			t.Fatalf("dst[%d,%d] = %v, want %v", e/n, e%n, got, want)
		}
	}
}

// productError returns how much each product of two numbers may be off, by math.
var productError = map[string]float64{"tf32x3": 0x1p-21, "tf32": 0x1p-10 + 0x1p-22, "bf16": 0x1p-7 + 0x1p-16}

// Numbers of any kind are within the bound of their math, and need it: a bound of less
// than half is broken. So the rounding is to nearest, and of both operands.
func TestTensorGemmRoundsAsItsFormat(t *testing.T) {
	eachTensorGemm(t, func(d *device, math string, g gemm) {
		for _, k := range []int{1, 77} {
			g := g.of(70, 66, k)
			a, b := uniform(random(2), g.m*k), uniform(random(3), g.n*k)
			worst := g.worst(d, a, b)
			if bound := productError[math] + float64(k+2)*0x1p-24; worst > bound || k == 1 && worst < bound/2 {
				d.Errorf("seeds 1,2 and 1,3: k %d: the largest error is %.3g of the sum of magnitudes, want %.3g or little less", k, worst, bound)
			}
		}
	})
}

// worst computes a product and returns its largest error, in units of the sum of
// magnitudes.
func (g gemm) worst(d *device, a, b []float32) float64 {
	d.Helper()
	dst := room[float32](d, g.m*g.n)
	plan := g.tile.Plan(kernels.GemmShape{TransA: g.transA, TransB: g.transB, M: g.m, N: g.n, K: g.k}, 1)
	g.launch(d, plan, dst, put(d, a), put(d, b), 1, 0)
	worst := 0.0
	for e, got := range get[float32](d, dst, g.m*g.n) {
		var sum, magnitude float64
		for p := range g.k {
			product := float64(a[g.indexA(e/g.n, p)]) * float64(b[g.indexB(p, e%g.n)])
			sum += product
			magnitude += math.Abs(product)
		}
		worst = max(worst, math.Abs(float64(got)-sum)/magnitude)
	}
	return worst
}

// What the formats cannot hold is summed in float32, element by element: NaN, infinities,
// and numbers that would be rounded to infinity. Other elements do not notice.
func TestTensorGemmKeepsWhatIsNotFinite(t *testing.T) {
	inf, nan, largest := float32(math.Inf(1)), float32(math.NaN()), float32(math.MaxFloat32)
	// The canonical NaN of GPUs: a bit more, and it would be -0.
	ones := math.Float32frombits(0x7fffffff)
	eachTensorGemm(t, func(d *device, _ string, g gemm) {
		const m, n, k = 19, 21, 35
		g = g.of(m, n, k)
		a, b := whole(random(4), m*k), whole(random(5), n*k)
		for p := range k {
			b[g.indexB(p, 0)] = 0 // so that infinities in a are NaN there
		}
		for i, v := range []float32{nan, inf, -inf, ones, largest, -largest} {
			a[g.indexA(2*i, 7+i)] = v
		}
		b[g.indexB(33, 20)] = -inf
		dst := room[float32](d, m*n)
		plan := g.tile.Plan(kernels.GemmShape{TransA: g.transA, TransB: g.transB, M: m, N: n, K: k}, 1)
		g.launch(d, plan, dst, put(d, a), put(d, b), 1, 0)
		for e, got := range get[float32](d, dst, m*n) {
			var want float32
			for p := range k {
				want += a[g.indexA(e/n, p)] * b[g.indexB(p, e%n)] // exact, but for infinities
			}
			if got != want && !(got != got && want != want) {
				d.Fatalf("seeds 1,4 and 1,5: %s: dst[%d,%d] = %v, want %v", plan.Kernel, e/n, e%n, got, want)
			}
		}
	})
}

// Products of small numbers keep their digits down to the smallest. An operand below
// 2^-126 is a multiple of 2^-133 (bfloat16) or 2^-136 (TF32).
func TestTensorGemmOfSmallNumbers(t *testing.T) {
	eachTensorGemm(t, func(d *device, math string, g gemm) {
		for _, c := range []struct {
			a, b float64
			want map[string]float64 // of one product
		}{
			{0x1p-70, 0x1p-79, map[string]float64{"tf32x3": 0x1p-149, "tf32": 0x1p-149, "bf16": 0x1p-149}},
			{0x1p-126, 1, map[string]float64{"tf32x3": 0x1p-126, "tf32": 0x1p-126, "bf16": 0x1p-126}},
			{0x1p-133, 1, map[string]float64{"tf32x3": 0x1p-133, "tf32": 0x1p-133, "bf16": 0x1p-133}},
			{0x1p-136, 1, map[string]float64{"tf32x3": 0x1p-136, "tf32": 0x1p-136, "bf16": 0}},
			{0x1p-149, 1, map[string]float64{"tf32x3": 0, "tf32": 0, "bf16": 0}},
		} {
			g := g.of(1, 1, 1)
			dst := room[float32](d, 1)
			plan := g.tile.Plan(kernels.GemmShape{TransA: g.transA, TransB: g.transB, M: 1, N: 1, K: 1}, 1)
			g.launch(d, plan, dst, put(d, []float32{float32(c.a)}), put(d, []float32{float32(c.b)}), 1, 0)
			if got := float64(get[float32](d, dst, 1)[0]); got != c.want[math] {
				d.Errorf("%s: %g·%g is %g, want %g", plan.Kernel, c.a, c.b, got, c.want[math])
			}
		}
	})
}

// At least 40 of 100 instructions of an inner loop are products.
func TestTensorLoopsAreMostlyProducts(t *testing.T) {
	loops := kernels.Loops()
	for _, math := range tensorMaths() {
		for _, tile := range slices.Concat(kernels.GemmTiles(math), kernels.GemmShareTiles(math)) {
			l := loops["gemm_"+tile.Name]
			if l.Multiplications < 32 || 100*l.Multiplications < 40*l.Instructions {
				t.Errorf("the loop of %s has %d products among %d instructions, want 40 %%", tile.Name, l.Multiplications, l.Instructions)
			}
		}
	}
}

// A device with little shared memory gets the tiles that fit.
func TestChooseTensorGemm(t *testing.T) {
	a10 := kernels.NewDevice("NVIDIA A10", 8, 6, 72, 99<<10)
	for _, c := range []struct {
		math    string
		m, n, k int
		on      kernels.Device
		kernel  string
		slices  int
	}{
		{"bf16", 4096, 4096, 4096, h100, "gemm_bf16_128x256", 1},
		{"bf16", 4096, 4096, 4096, a100, "gemm_bf16_share_128x128", 1}, // 128x256 would leave 5.2 % idle
		{"bf16", 4096, 4096, 4096, a10, "gemm_bf16_share_128x128", 1},
		{"tf32", 4096, 4096, 4096, a10, "gemm_tf32_share_128x128", 1},
		{"tf32x3", 4096, 4096, 4096, a10, "gemm_tf32x3_share_128x128", 1},
		{"tf32", 64, 2048, 512, a100, "gemm_tf32_64x64", 2},
		{"bf16", 2048, 512, 6400, a100, "gemm_bf16_share_128x128", 1},
		{"bf16", 2048, 512, 6400, h100, "gemm_bf16_128x128", 4},
		{"bf16", 6400, 128, 2048, h100, "gemm_bf16_share_64x64", 1},
		{"tf32", 2048, 128, 6400, h100, "gemm_tf32_share_128x128", 1},
		{"tf32x3", 2048, 512, 6400, a100, "gemm_tf32x3_share_128x128", 1},
		{"bf16", 5, 7, 0, a100, "gemm_bf16_64x64", 1},
	} {
		p := kernels.ChooseGemm([]string{c.math}, kernels.GemmShape{M: c.m, N: c.n, K: c.k}, c.on)
		if got, want := fmt.Sprintln(p.Kernel, p.Slices), fmt.Sprintln(c.kernel, c.slices); got != want || p.Launch.Shared > c.on.Shared {
			t.Errorf("%+v: got %swith %d bytes of shared memory", c, got, p.Launch.Shared)
		}
	}
}
