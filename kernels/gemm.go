package kernels

// GemmShape is a product dst = op(a)·op(b): op(a) is [M,K], op(b) is [K,N].
type GemmShape struct {
	TransA, TransB bool
	M, N, K        int
}

// GemmPlan says how to compute a product. With Slices = 1, one launch of Kernel with
// slice = Slice does it. With more, Kernel writes Slices products of [M,N] to a
// workspace, with alpha = 1 and beta = 0. Each product is over Slice of the K, and
// gemm_reduce adds them.
type GemmPlan struct {
	Kernel        string
	Slice, Slices int
	Launch        Launch
}

// ChooseGemm plans a product on a device with this number of multiprocessors. M and N
// must be at least 1.
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
func ChooseGemm(s GemmShape, multiprocessors int) GemmPlan {
	var best GemmPlan
	least := 0.0
	for _, t := range gemmTiles {
		tiles := ceil(int64(s.M), t.size) * ceil(int64(s.N), t.size)
		for slices := 1; slices <= maxSlices; slices *= 2 {
			slice := max(t.depth, int(ceil(ceil(int64(s.K), slices), t.depth))*t.depth)
			used := int(max(1, ceil(int64(s.K), slice)))
			if used != slices || slices > 1 && tiles*int64(slices) > 4*int64(multiprocessors) {
				continue
			}
			time := t.clocks(tiles*int64(slices), slice, multiprocessors)
			if slices > 1 {
				elements := float64(s.M) * float64(s.N) * float64(2*slices+1)
				time += passClocks + elements*4/(bytesPerClock*float64(multiprocessors))
			}
			if best.Kernel == "" || time < least {
				least = time
				best = GemmPlan{
					Kernel: "gemm_" + letter(s.TransA) + letter(s.TransB) + "_" + t.name,
					Slice:  slice,
					Slices: slices,
					Launch: Launch{Grid: Dim3{int(tiles), slices, 1}, Block: Dim3{block, 1, 1}},
				}
			}
		}
	}
	return best
}

type gemmTile struct {
	name        string
	size, depth int     // size is the rows and columns of the tile, depth the k of a slab
	rate        float64 // multiply-adds per clock on a full multiprocessor, which has 128 lanes
}

var gemmTiles = [...]gemmTile{
	{"128x128", 128, 8, 110},
	{"64x64", 64, 16, 64},
	{"32x32", 32, 32, 50},
}

const (
	maxSlices     = 64
	startClocks   = 1500 // until the first slab of a block has arrived, and to store the result
	alone         = 0.6  // share of the rate that a single block reaches
	passClocks    = 5000 // to launch a second pass, about 3 µs
	bytesPerClock = 16   // from memory, per multiprocessor
)

// clocks estimates the time of a number of blocks, each over slice k.
func (t gemmTile) clocks(blocks int64, slice, multiprocessors int) float64 {
	rounds := ceil(blocks, multiprocessors)
	rate := t.rate
	if rounds == 1 {
		rate *= alone
	}
	return float64(rounds) * (startClocks + float64(t.size*t.size)*float64(slice)/rate)
}

func letter(transposed bool) string {
	if transposed {
		return "t"
	}
	return "n"
}
