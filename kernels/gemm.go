package kernels

// GemmShape is a product dst = op(a)·op(b): op(a) is [M,K], op(b) is [K,N].
type GemmShape struct {
	TransA, TransB bool
	M, N, K        int
}

// GemmPlan is how to compute a product. With Slices = 1, one launch of Kernel
// with slice = Slice does it. Else Kernel writes Slices products of [M,N] to a
// workspace, with alpha = 1 and beta = 0, each over Slice of the K, and
// gemm_reduce adds them.
type GemmPlan struct {
	Kernel        string
	Slice, Slices int
	Launch        Launch
}

// ChooseGemm plans a product on a device with so many multiprocessors. M and N
// are at least 1.
//
// It takes the tile and number of slices with the least estimated time, in
// clocks. The device works in rounds of one block per multiprocessor; a round
// takes the multiply-adds of a block over the rate of the tile. The rate is
// bound by the traffic from shared memory to registers: a warp that computes
// 8x8 elements per thread reads 16 bytes four times for 64 multiply-adds, which
// keeps both units busy; with 4x4 it reads two times for 16, which halves the
// rate. A multiprocessor with a single block cannot hide its waits. A second
// pass costs a launch and the traffic of the workspace.
//
// So large products get large tiles; the product of a recurrent step, whose M
// is the batch, gets small ones, to spread it over all multiprocessors; and the
// gradient of a weight, whose K is steps times batch, is split along K. These
// are estimates from the instruction counts: no measurement is behind them.
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
	size, depth int     // rows and columns of the tile, k of a slab
	rate        float64 // multiply-adds per clock of a full multiprocessor, which has 128 lanes
}

var gemmTiles = [...]gemmTile{
	{"128x128", 128, 8, 110},
	{"64x64", 64, 16, 64},
	{"32x32", 32, 32, 50},
}

const (
	maxSlices     = 64
	startClocks   = 1500 // of a block, until its first slab is there, and for its last words
	alone         = 0.6  // part of the rate that a single block reaches
	passClocks    = 5000 // launch of a second pass, about 3 µs
	bytesPerClock = 16   // of memory, per multiprocessor
)

// clocks estimates the time of so many blocks of slice k each.
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
