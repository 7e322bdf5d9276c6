package kernels

import (
	"cmp"
	"slices"
	"strings"
)

// GemmShape is a product dst = op(a)·op(b): op(a) is [M,K], op(b) is [K,N].
type GemmShape struct {
	TransA, TransB bool
	M, N, K        int

	// UsesA and UsesB say how many products, with this one, take an operand that is packed
	// once for all of them. 0 means 1.
	UsesA, UsesB int
}

// GemmPlan says how to compute a product. There are three ways:
//
//   - Slices = 1: one launch of Kernel, with slice = Slice.
//   - Slices > 1: Kernel writes Slices products of [M,N] to a workspace, with alpha = 1 and
//     beta = 0. Each is over Slice of the K. gemm_reduce adds them.
//   - Shares > 0: Kernel is a gemm_*_share_*. The first Whole tiles have a block each. The
//     slabs of the others are shared out to Shares blocks: Share to each, and one more to
//     the first Extra. It leaves pieces of tiles in a workspace of Part floats, which begins
//     at a multiple of 16 bytes. Join launches gemm_join, which adds them.
type GemmPlan struct {
	Kernel               string
	Slice, Slices        int
	Whole, Shares        int
	Share, Extra         int
	Part                 int
	Launch, Join         Launch
	PackA, PackB         Packing // tensor cores take op(a) and op(b) packed
	Rows, Columns, Slabs int     // of a tile; slabs are those of its K

	shape        GemmShape
	tile         GemmTile
	tiles, slabs int64
}

// Maths returns the names of the ways to compute products. First is "float32". The
// others round numbers for the tensor cores: "tf32x3" to two parts of 11 significant
// bits each, of whose products it sums three, "tf32" to 11 bits and "bf16" to 8.
func Maths() []string { return []string{"float32", "tf32x3", "tf32", "bf16"} }

// MathCapability is the compute capability, major, from which on devices have the
// kernels of all Maths. All devices have those of "float32".
const MathCapability = 8

// GemmTile is a tile of a product, as one block computes it.
type GemmTile struct {
	Name          string // as in the names of its kernels
	Rows, Columns int
	Depth         int // the k of a slab; a slice is a multiple of it
	Threads       int // of a block
	Shared        int // bytes of dynamic shared memory of a block
}

// GemmTiles returns the tiles of a math, the largest first.
func GemmTiles(math string) []GemmTile { return slices.Clone(gemmTiles[math]) }

// gemmTile returns the square tile of a math with so many rows.
func gemmTile(math string, rows int) GemmTile {
	all := gemmTiles[math]
	return all[slices.IndexFunc(all, func(t GemmTile) bool { return t.Rows == rows && t.Columns == rows })]
}

// GemmShareTiles returns the tiles of the kernels that share tiles out.
func GemmShareTiles(math string) []GemmTile { return slices.Clone(gemmShareTiles[math]) }

var gemmTiles = map[string][]GemmTile{
	"float32": {
		{"128x128", 128, 128, 8, block, 0},
		{"128x64", 128, 64, 8, 128, 0},
		{"64x64", 64, 64, 16, block, 0},
		{"32x32", 32, 32, 32, block, 0},
	},
	"tf32x3": {
		tensorTile("tf32x3_128x256", 128, 256, 16, 256),
		tensorTile("tf32x3_128x128", 128, 128, 16, 256),
		tensorTile("tf32x3_64x64", 64, 64, 16, 128),
	},
	"tf32": {
		tensorTile("tf32_128x256", 128, 256, 32, 256),
		tensorTile("tf32_128x128", 128, 128, 32, 256),
		tensorTile("tf32_64x64", 64, 64, 32, 128),
	},
	"bf16": {
		tensorTile("bf16_128x256", 128, 256, 64, 256),
		tensorTile("bf16_128x128", 128, 128, 64, 256),
		tensorTile("bf16_64x64", 64, 64, 64, 128),
	},
}

var gemmShareTiles = map[string][]GemmTile{
	"float32": {
		{"share_128x64", 128, 64, 8, 128, 0},
		{"share_32x32", 32, 32, 32, block, 0},
	},
	"tf32x3": {tensorTile("tf32x3_share_128x128", 128, 128, 16, 256)},
	"tf32":   {tensorTile("tf32_share_128x128", 128, 128, 32, 256)},
	"bf16": {
		tensorTile("bf16_share_128x128", 128, 128, 64, 256),
		tensorTile("bf16_share_64x64", 64, 64, 64, 128),
	},
}

// ChooseGemm plans a product in any of these Maths. M and N must be at least 1.
//
// It takes the tile and the split of k with the least estimated time, in clocks. The
// device works in rounds of one block per multiprocessor. A round takes the multiply-adds
// of a block divided by the rate of the tile. Traffic from shared memory to registers
// limits the rate: a warp that computes 8x8 elements per thread reads 16 bytes four times
// for 64 multiply-adds, which keeps both units busy. With 4x4 elements it reads two times
// for 16, which halves the rate. A multiprocessor with few threads cannot hide its waits.
// A second pass costs a launch and the traffic of the workspace, and so does each operand
// that tensor cores take packed. GemmModel has the formula.
//
// So large products get large tiles. In a recurrent step M is the batch, so its
// product gets small tiles, to spread it over all multiprocessors. In the gradient of
// a weight K is steps times batch, so it is split along K. Where tiles do not fill the last
// round, they are shared out: a split of k at other places, and so another order of the
// same sum, that depends on the sizes and the device only.
//
// If the fastest plan leaves more than a twentieth of the device idle, and another does not
// and is estimated to be as fast within a twentieth, which is more than the estimate can
// tell apart, it takes that one.
func ChooseGemm(maths []string, s GemmShape, d Device) GemmPlan {
	plans := slicedPlans(maths, s, d)
	for _, math := range maths {
		plans = append(plans, sharePlans(math, s, d)...)
	}
	return choose(plans, d)
}

// ChooseSlices is ChooseGemm for callers that add up slices themselves: no tile is shared
// out.
func ChooseSlices(maths []string, s GemmShape, d Device) GemmPlan {
	return choose(slicedPlans(maths, s, d), d)
}

func choose(plans []GemmPlan, d Device) GemmPlan {
	const balanced, near = 0.95, 1.05
	clocks := func(p GemmPlan) float64 { return gemmModel.clocks(p, d) }
	faster := func(a, b GemmPlan) int { return cmp.Compare(clocks(a), clocks(b)) }
	best := slices.MinFunc(plans, faster)
	if best.Balance(d.Multiprocessors) < balanced {
		plans = slices.DeleteFunc(plans, func(p GemmPlan) bool {
			return p.Balance(d.Multiprocessors) < balanced || clocks(p) > near*clocks(best)
		})
		if len(plans) > 0 {
			return slices.MinFunc(plans, faster)
		}
	}
	return best
}

// slicedPlans returns the plans with whole tiles and with slices.
func slicedPlans(maths []string, s GemmShape, d Device) []GemmPlan {
	const most = 64 // slices
	var plans []GemmPlan
	for _, math := range maths {
		for _, t := range gemmTiles[math] {
			for slices := 1; slices <= most && t.Shared <= d.Shared; slices *= 2 {
				plan := t.Plan(s, slices)
				if plan.Slices == slices && (slices == 1 || plan.tiles*int64(slices) <= 4*int64(d.Multiprocessors)) {
					plans = append(plans, plan)
				}
			}
		}
	}
	return plans
}

// sharePlans returns the plans that share out the last round of tiles, the last two, or all.
func sharePlans(math string, s GemmShape, d Device) []GemmPlan {
	const most = 4 // shares per multiprocessor
	var plans []GemmPlan
	for _, t := range gemmShareTiles[math] {
		full := int(t.count(s)) / d.Multiprocessors * d.Multiprocessors
		for _, whole := range []int{full, full - d.Multiprocessors, 0} {
			for per := 1; per <= most && whole >= 0 && t.Shared <= d.Shared; per++ {
				if plan, ok := t.Share(s, whole, per*d.Multiprocessors); ok {
					plans = append(plans, plan)
				}
			}
		}
	}
	return plans
}

// Plan plans a product with this tile and about that many slices, at least 1: as many as
// it takes with slices of whole slabs.
func (t GemmTile) Plan(s GemmShape, slices int) GemmPlan {
	slice := max(t.Depth, int(ceil(ceil(int64(s.K), slices), t.Depth))*t.Depth)
	used := int(max(1, ceil(int64(s.K), slice)))
	p := t.plan(s)
	p.Slice, p.Slices, p.Whole = slice, used, int(p.tiles)
	p.Launch = Launch{Grid: Dim3{int(p.tiles), used, 1}, Block: Dim3{t.Threads, 1, 1}, Shared: t.Shared}
	return p
}

// Share plans a product with this tile of GemmShareTiles. The slabs of all tiles but the
// first `whole` are shared out to a number of blocks. It fails if there are none, or if a
// block's share were more than a tile.
func (t GemmTile) Share(s GemmShape, whole, shares int) (plan GemmPlan, ok bool) {
	p := t.plan(s)
	rest := p.tiles - int64(whole)
	slabs := rest * p.slabs
	if rest < 1 || rest >= int64(shares) || rest > gridLimit || slabs < int64(shares) {
		return GemmPlan{}, false
	}
	p.Slice, p.Slices, p.Whole, p.Shares = s.K, 1, whole, shares
	p.Share, p.Extra = int(slabs/int64(shares)), int(slabs%int64(shares))
	p.Part = 2 * shares * t.Rows * t.Columns
	p.Launch = Launch{Grid: Dim3{whole + shares, 1, 1}, Block: Dim3{t.Threads, 1, 1}, Shared: t.Shared}
	p.Join = Launch{Grid: Dim3{int(ceil(int64(t.Rows*t.Columns), block)), int(rest), 1}, Block: Dim3{block, 1, 1}}
	return p, true
}

func (t GemmTile) plan(s GemmShape) GemmPlan {
	slabs := ceil(int64(s.K), t.Depth)
	kernel := "gemm_" + t.Name
	if t.math() == "float32" {
		kernel = "gemm_" + letter(s.TransA) + letter(s.TransB) + "_" + t.Name
	}
	return GemmPlan{
		Kernel: kernel,
		PackA:  t.pack(s.TransA, s.M, s.K, t.Rows, s.UsesA),
		PackB:  t.pack(!s.TransB, s.N, s.K, t.Columns, s.UsesB),
		Rows:   t.Rows, Columns: t.Columns, Slabs: int(slabs),
		shape: s, tile: t, tiles: t.count(s), slabs: slabs,
	}
}

// math returns the math of a tile.
func (t GemmTile) math() string {
	if name, _, _ := strings.Cut(t.Name, "_"); slices.Contains(Maths(), name) {
		return name
	}
	return "float32"
}

// count returns the number of tiles of a product.
func (t GemmTile) count(s GemmShape) int64 {
	return ceil(int64(s.M), t.Rows) * ceil(int64(s.N), t.Columns)
}

func letter(transposed bool) string {
	if transposed {
		return "t"
	}
	return "n"
}
