package kernels

import (
	"slices"
	"strings"
)

// GemmShape is a product dst = op(a)·op(b): op(a) is [M,K], op(b) is [K,N].
type GemmShape struct {
	TransA, TransB bool
	M, N, K        int
}

// GemmPlan says how to compute a product. With Slices = 1, one launch of Kernel with
// slice = Slice does it. With more, Kernel writes Slices products of [M,N] to a
// workspace, with alpha = 1 and beta = 0. Each product is over Slice of the K, and
// gemm_reduce adds them. The kernels for tensor cores take op(a) and op(b) packed.
type GemmPlan struct {
	Kernel        string
	Slice, Slices int
	Launch        Launch
	PackA, PackB  Packing
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
	Depth         int     // the k of a slab; a slice is a multiple of it
	Threads       int     // of a block
	Shared        int     // bytes of dynamic shared memory of a block
	rate          float64 // multiply-adds per clock on a full multiprocessor
}

// GemmTiles returns the tiles of a math, the largest first.
func GemmTiles(math string) []GemmTile { return slices.Clone(gemmTiles[math]) }

// gemmTiles holds the tiles by math. The rates are estimates. In float32, with its 128
// lanes, they follow from the instructions of the inner loop. With tensor cores they
// follow from what is slowest: the second cache at 32 bytes per clock, shared memory at
// 128, or tensor cores with 512 multiply-adds of TF32 per clock or 1024 of bfloat16, as an
// A100 has them.
var gemmTiles = map[string][]GemmTile{
	"float32": {
		{"128x128", 128, 128, 8, block, 0, 110},
		{"64x64", 64, 64, 16, block, 0, 64},
		{"32x32", 32, 32, 32, block, 0, 50},
	},
	"tf32x3": {
		tensorTile("tf32x3_128x256", 128, 256, 16, 256, 170),
		tensorTile("tf32x3_128x128", 128, 128, 16, 256, 170),
		tensorTile("tf32x3_64x64", 64, 64, 16, 128, 128),
	},
	"tf32": {
		tensorTile("tf32_128x256", 128, 256, 32, 256, 512),
		tensorTile("tf32_128x128", 128, 128, 32, 256, 512),
		tensorTile("tf32_64x64", 64, 64, 32, 128, 256),
	},
	"bf16": {
		tensorTile("bf16_128x256", 128, 256, 64, 256, 1024),
		tensorTile("bf16_128x128", 128, 128, 64, 256, 1024),
		tensorTile("bf16_64x64", 64, 64, 64, 128, 512),
	},
}

// ChooseGemm plans a product in one of Maths, on a device with this number of
// multiprocessors and bytes of shared memory per block. M and N must be at least 1.
//
// It takes the tile and the number of slices with the least estimated time, in
// clocks. The device works in rounds of one block per multiprocessor. A round takes
// the multiply-adds of a block divided by the rate of the tile. Traffic from shared
// memory to registers limits the rate: a warp that computes 8x8 elements per thread
// reads 16 bytes four times for 64 multiply-adds, which keeps both units busy. With
// 4x4 elements it reads two times for 16, which halves the rate. A multiprocessor
// with a single block cannot hide its waits. A second pass costs a launch and the
// traffic of the workspace.
//
// So large products get large tiles. In a recurrent step M is the batch, so its
// product gets small tiles, to spread it over all multiprocessors. In the gradient of
// a weight K is steps times batch, so it is split along K. All this is estimated from
// instruction counts. Nothing has been measured.
func ChooseGemm(math string, s GemmShape, multiprocessors, shared int) GemmPlan {
	var best GemmPlan
	least := 0.0
	for _, t := range gemmTiles[math] {
		if t.Shared > shared {
			continue
		}
		tiles := t.count(s)
		for slices := 1; slices <= maxSlices; slices *= 2 {
			plan := t.Plan(s, slices)
			if plan.Slices != slices || slices > 1 && tiles*int64(slices) > 4*int64(multiprocessors) {
				continue
			}
			time := t.clocks(tiles*int64(slices), plan.Slice, multiprocessors)
			if slices > 1 {
				elements := float64(s.M) * float64(s.N) * float64(2*slices+1)
				time += passClocks + elements*4/(bytesPerClock*float64(multiprocessors))
			}
			if best.Kernel == "" || time < least {
				least, best = time, plan
			}
		}
	}
	return best
}

// Plan plans a product with this tile and about that many slices, at least 1: as many as
// it takes with slices of whole slabs.
func (t GemmTile) Plan(s GemmShape, slices int) GemmPlan {
	slice := max(t.Depth, int(ceil(ceil(int64(s.K), slices), t.Depth))*t.Depth)
	used := int(max(1, ceil(int64(s.K), slice)))
	kernel := "gemm_" + t.Name
	if t.math() == "float32" {
		kernel = "gemm_" + letter(s.TransA) + letter(s.TransB) + "_" + t.Name
	}
	return GemmPlan{
		Kernel: kernel,
		Slice:  slice,
		Slices: used,
		Launch: Launch{Grid: Dim3{int(t.count(s)), used, 1}, Block: Dim3{t.Threads, 1, 1}, Shared: t.Shared},
		PackA:  t.pack(s.TransA, s.M, s.K, t.Rows),
		PackB:  t.pack(!s.TransB, s.N, s.K, t.Columns),
	}
}

// math returns the math of a tile.
func (t GemmTile) math() string {
	if name, _, found := strings.Cut(t.Name, "_"); found {
		return name
	}
	return "float32"
}

// count returns the number of tiles of a product.
func (t GemmTile) count(s GemmShape) int64 {
	return ceil(int64(s.M), t.Rows) * ceil(int64(s.N), t.Columns)
}

const (
	maxSlices     = 64
	startClocks   = 1500 // until the first slab of a block has arrived, and to store the result
	alone         = 0.6  // share of the rate that a single block reaches
	passClocks    = 5000 // to launch a second pass, about 3 µs
	bytesPerClock = 16   // from memory, per multiprocessor
)

// clocks estimates the time of a number of blocks, each over slice k.
func (t GemmTile) clocks(blocks int64, slice, multiprocessors int) float64 {
	rounds := ceil(blocks, multiprocessors)
	rate := t.rate
	if rounds == 1 {
		rate *= alone
	}
	return float64(rounds) * (startClocks + float64(t.Rows*t.Columns)*float64(slice)/rate)
}

func letter(transposed bool) string {
	if transposed {
		return "t"
	}
	return "n"
}
