package cuda_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
	"gputrain/internal/operands"
	"gputrain/kernels"
)

// A tensorMistake is one that kernels of the tensor cores can have.
type tensorMistake struct {
	kernel  string // "gemm", "share" for tiles that are shared out, or "pack" for both ways of packing
	mistake string
	maths   string // of the kernels that can have it
	edit    edit
	finding emulator.Check
}

var tensorMistakes = []tensorMistake{
	{"gemm", "copies are not waited for", "tf32x3 tf32 bf16", dropped(`cp\.async\.wait_group 1;`, 1, 0), emulator.SharedRace},
	{"gemm", "copies of the slab before are waited for", "tf32x3 tf32 bf16", replaced(`(cp\.async\.wait_group) 1;`, 1, 0, "$1 2;"), emulator.SharedRace},
	{"gemm", "copies belong to the next group", "tf32x3 tf32 bf16", dropped(`cp\.async\.commit_group;`, 3, 0), emulator.SharedRace},
	{"gemm", "no barrier between slabs", "tf32x3 tf32 bf16", dropped(barrier, 2, 0), emulator.SharedRace},
	{"gemm", "no barrier before sums take the place of slabs", "tf32x3 tf32 bf16", dropped(barrier, 2, 1), anyRace},
	{"gemm", "sums are read before they are stored", "tf32x3 tf32 bf16", dropped(warpBarrier, 4, 0), emulator.SharedRace},
	{"gemm", "sums are overwritten before they are read", "tf32x3 tf32 bf16", dropped(warpBarrier, 4, 1), emulator.SharedRace},
	{"gemm", "copies a slab too many", "tf32x3 tf32 bf16", replaced(`(add\.s32 %r\d+, %r\d+), -2;`, 1, 0, "$1, -1;"), emulator.OutOfBounds},
	{"gemm", "infinities are not summed again", "tf32x3 tf32 bf16", every(`setp\.lt\.f32 (%p\d+), %f\d+, 0f7F800000;`, "mov.pred $1, 1;"), ""},
	{"gemm", "halves of b swapped", "tf32x3 tf32 bf16", every(swappedWords, "$1 {$3, $2}, $4"), ""},
	{"share", "no barrier between pieces", "tf32x3 tf32 bf16", dropped(barrier, 3, 2), emulator.SharedRace},
	{"share", "sums of the piece before stay", "tf32x3 tf32 bf16", zeroedOnce, ""},
	{"share", "pieces go to the result", "tf32x3 tf32 bf16", replaced(`and\.pred (%p1), .*`, 1, 0, "mov.pred $1, 1;"), emulator.GlobalRace},
	{"share", "a second piece takes the place of the next block's first", "tf32x3 tf32 bf16",
		replaced(`add\.s64 (%rd\d+), (%rd\d+), (16384|65536);`, 1, 0, "add.s64 $1, $2, $3; add.s64 $1, $1, $3;"), emulator.GlobalRace},
	{"share", "copies of the slab before are waited for", "tf32x3 tf32 bf16", replaced(`(cp\.async\.wait_group) 1;`, 1, 0, "$1 2;"), emulator.SharedRace},
	{"pack", "no barrier before the tile is turned", "tf32x3 tf32 bf16", dropped(barrier, 1, 0), emulator.SharedRace},
	{"pack", "reads what does not exist", "tf32x3 tf32 bf16", replaced(`selp\.b32 (%r\d+), (%r\d+), 0, %p\d+;`, 1, 0, "mov.u32 $1, $2;"), emulator.OutOfBounds},
	{"pack", "rounds towards zero", "bf16", every(`cvt\.rn(\.bf16x2.*)`, "cvt.rz$1"), ""},
	{"pack", "rounds towards zero", "tf32", every(`@finite add\.u32 .*`, ""), ""},
	{"pack", "NaN overflows", "tf32", every(`@finite (add\.u32 .*)`, "$1"), ""},
	{"pack", "leaves the small parts out", "tf32x3", every(`sub\.rn\.f32 (%f\d+), .*`, "mov.f32 $1, 0f00000000;"), ""},
}

const (
	swappedWords = `(mma\.sync\S* \S+ \S+ \S+ \S+ \S+ \S+ \S+ \S+) \{(%r\d+), (%r\d+)\}, (.*)`
	warpBarrier  = `bar\.warp\.sync -1;`

	// anyRace begins the names of all races. A sum may happen to be what it overwrites.
	anyRace emulator.Check = "race"
)

// tensorStepMutants are steps of layers on tensor cores: where blocks share a tile, and where, on
// one multiprocessor, each has its own.
var tensorStepMutants = []mutant{
	{"lstm_step_tf32x3_64x16", "copies are not waited for", dropped(`cp\.async\.wait_group 1;`, 1, 0), ownTiles("tf32x3", "LSTM forward"), emulator.SharedRace},
	{"rnn_step_bf16_64x64", "copies of the slab before are waited for", replaced(`(cp\.async\.wait_group) 1;`, 1, 0, "$1 2;"), ownTiles("bf16", "RNN forward"), emulator.SharedRace},
	{"gru_step_tf32_64x32", "no barrier between slabs", dropped(barrier, 5, 0), ownTiles("tf32", "GRU forward"), emulator.SharedRace},
	{"rnn_step_tf32x3_64x64", "no barrier before sums take the place of slabs", dropped(barrier, 5, 1), ownTiles("tf32x3", "RNN forward"), anyRace},
	{"gru_step_tf32_64x32", "sums are read before they are stored", dropped(warpBarrier, 1, 0), ownTiles("tf32", "GRU forward"), emulator.SharedRace},
	{"lstm_step_tf32x3_64x16", "sums of two gates swapped", swapped(`ld\.shared\.f32 %f\d+, (\[.*\]);`, 16, 0, 1), ownTiles("tf32x3", "LSTM forward"), ""},
	{"gru_step_tf32x3_64x32", "sums of two gates swapped", swapped(`ld\.shared\.f32 %f\d+, (\[.*\]);`, 12, 1, 2), ownTiles("tf32x3", "GRU forward"), ""},
	{"rnn_step_tf32_64x64", "each step gets the first h", every(`st\.global\.u32 .*`, ""), ownTiles("tf32", "RNN forward"), ""},
	{"rnn_step_bf16_64x64", "infinities are not summed again", every(`setp\.lt\.f32 (%p\d+), %f\d+, 0f7F800000;`, "mov.pred $1, 1;"), oneByOne(oneIn("bf16", largeNumbers, "RNN forward of large numbers")), ""},
	{"lstm_step_tf32x3_64x16", "a block arrives before it has written", dropped(barrier, 5, 2), sharedTiles("tf32x3", "LSTM forward"), emulator.GlobalRace},
	{"rnn_step_tf32_64x64", "arrives without a release", replaced(`atom\.acq_rel(.*)`, 1, 0, "atom.acquire$1"), sharedTiles("tf32", "RNN forward"), emulator.GlobalRace},
	{"gru_step_tf32x3_64x32", "arrives within the block only", replaced(`atom\.acq_rel\.gpu(.*)`, 1, 0, "atom.acq_rel.cta$1"), sharedTiles("tf32x3", "GRU forward"), emulator.GlobalRace},
	{"lstm_step_tf32x3_64x16", "sums overwrite who came last", dropped(barrier, 5, 4), sharedTiles("tf32x3", "LSTM forward"), anyRace},
}

// sharedTiles is a layer of sequences, in a math, whose time steps are launches.
func sharedTiles(math, name string) trial { return oneByOne(oneIn(math, sequences, name)) }

// ownTiles is sharedTiles on a device where no blocks share a tile.
func ownTiles(math, name string) trial {
	t := sharedTiles(math, name)
	t.name, t.multiprocessors = t.name+", on one multiprocessor", 1
	return t
}

// every puts text in place of all lines that match, of which there must be one.
func every(pattern, text string) edit {
	re := regexp.MustCompile("^(?:" + pattern + ")$")
	return func(lines []string) error {
		found := false
		for i, line := range lines {
			found = found || re.MatchString(line)
			lines[i] = re.ReplaceAllString(line, text)
		}
		if !found {
			return errors.New("no line matches " + pattern)
		}
		return nil
	}
}

// zeroedOnce sets sums to zero before the loop over pieces instead of in it.
func zeroedOnce(lines []string) error {
	zero := regexp.MustCompile(`^mov\.f32 (%f\d+), 0f00000000;$`)
	from := slices.IndexFunc(lines, zero.MatchString)
	if from < 0 {
		return errors.New("no sum begins with 0")
	}
	to, copied := from+1, regexp.MustCompile(`^mov\.f32 %f\d+, `+zero.FindStringSubmatch(lines[from])[1]+`;$`)
	for copied.MatchString(lines[to]) || strings.HasPrefix(lines[to], ".loc ") {
		to++
	}
	// The outer loop is that of the last branch back behind its label.
	loop := -1
	for i := to; i < len(lines); i++ {
		if _, target, branch := strings.Cut(lines[i], "bra "); branch {
			if at := slices.Index(lines[:from], strings.TrimSuffix(target, ";")+":"); at >= 0 {
				loop = at
			}
		}
	}
	if to-from < 32 || loop < 0 {
		return fmt.Errorf("%d sums, and the loop at line %d", to-from, loop)
	}
	sums := slices.Clone(lines[from:to])
	copy(lines[loop+len(sums):to], lines[loop:from])
	copy(lines[loop:], sums)
	return nil
}

// tensorMutants returns mutants of the smallest tiles: all mistakes in all kernels, or some
// mistakes in one kernel each, and those of tiles that are shared out in bfloat16.
func tensorMutants(all bool) []mutant {
	var list []mutant
	for i, m := range tensorMistakes {
		maths := strings.Fields(m.maths)
		if m.kernel == "share" {
			for _, math := range maths {
				if all || math == "bf16" {
					list = append(list, mutant{"gemm_" + shareTile(math).Name, m.mistake, m.edit, sharedProduct(math), m.finding})
				}
			}
			continue
		}
		if !all {
			if i%3 != 0 {
				continue
			}
			maths = maths[i%len(maths):][:1]
		}
		for _, math := range maths {
			tiles := kernels.GemmTiles(math)
			kernel := "gemm_" + tiles[len(tiles)-1].Name
			for j, letters := range []string{"nt", "tn", "nn", "tt"} {
				if m.kernel == "pack" { // nt takes both operands as they are, and tn turns both
					kernel = "pack_" + letters[:1] + "_" + math
				}
				switch {
				case all && (m.kernel == "gemm" || j < 2), j == i%4 && m.kernel == "gemm", j == i%2 && m.kernel == "pack":
					list = append(list, mutant{kernel, m.mistake, m.edit, tensorProducts(math, letters), m.finding})
				}
			}
		}
	}
	return list
}

// tensorProducts are products in one tile: of whole numbers, in more slabs than there are
// places for, of NaN and infinities, and single products of any numbers.
func tensorProducts(math, letters string) trial {
	return trial{"products " + letters + " in " + math, 1, func(driver cuda.Driver) error {
		b, err := cuda.Open(driver, 0, cuda.Options{Math: math, Always: true})
		if err != nil {
			return err
		}
		defer b.Close()
		depth := kernels.GemmTiles(math)[0].Depth
		for _, c := range []struct {
			m, n, k int
			special bool
		}{{36, 40, 5*depth - 4, false}, {33, 35, depth + 5, false}, {32, 24, 40, true}, {20, 28, 1, false}} {
			if err := tensorProduct(b, math, letters, c.m, c.n, c.k, c.special); err != nil {
				return fmt.Errorf("%dx%dx%d: %w", c.m, c.n, c.k, err)
			}
		}
		return nil
	}}
}

// sharedProducts are sizes of products of two tiles, by math, that are shared out to 7
// multiprocessors, one of which has a piece of both.
var sharedProducts = map[string][3]int{"tf32x3": {69, 203, 480}, "tf32": {102, 236, 760}, "bf16": {36, 71, 865}}

// shareTile is the smallest tile of a math that is shared out.
func shareTile(math string) kernels.GemmTile {
	tiles := kernels.GemmShareTiles(math)
	return tiles[len(tiles)-1]
}

// sharedProduct is one of sharedProducts, of whole numbers.
func sharedProduct(math string) trial {
	return trial{"product that is shared out in " + math, 7, func(driver cuda.Driver) error {
		b, err := cuda.Open(driver, 0, cuda.Options{Math: math, Always: true})
		if err != nil {
			return err
		}
		defer b.Close()
		size := sharedProducts[math]
		return tensorProduct(b, math, "nt", size[0], size[1], size[2], false)
	}}
}

func TestTensorProductsThatAreSharedOut(t *testing.T) {
	for _, math := range kernels.Maths()[1:] {
		t.Run(math, func(t *testing.T) {
			trial, size, gpu := sharedProduct(math), sharedProducts[math], emulator.DefaultGPU()
			p := kernels.ChooseGemm([]string{math}, kernels.GemmShape{TransB: true, M: size[0], N: size[1], K: size[2]},
				kernels.NewDevice(gpu.Name, gpu.Major, gpu.Minor, trial.multiprocessors, gpu.Shared-gpu.SharedReserved))
			both := p.Join.Grid.Y == 2 // and no block begins with the second tile
			for block := range p.Shares {
				both = both && block*p.Share+min(block, p.Extra) != p.Slabs
			}
			if want := "gemm_" + shareTile(math).Name; p.Kernel != want || !both {
				t.Errorf("%v is planned as %+v, want two tiles of %s with a piece of both", size, p, want)
			}
			if testing.Short() && math != "bf16" {
				t.Skip("tiles of 128x128 take a second")
			}
			if err := trial.failure(&altered{Driver: newDriver(t, emulator.Options{}), multiprocessors: trial.multiprocessors}); err != nil {
				t.Error(err)
			}
		})
	}
}

// tensorProduct compares a product with its definition.
func tensorProduct(device *cuda.Backend, name, letters string, m, n, k int, special bool) error {
	r := rand.New(rand.NewPCG(1, 2))
	a, b := operands.Uniform(r, m*k), operands.Uniform(r, n*k)
	admitted := 0.0
	if k == 1 {
		admitted, _ = cuda.MathError(name)
	} else {
		for _, x := range [][]float32{a, b} {
			for i := range x {
				x[i] = float32(math.Round(3 * float64(x[i])))
			}
		}
	}
	if special {
		for i, v := range []float32{math.Float32frombits(0x7fffffff), float32(math.Inf(1)), math.MaxFloat32} {
			a[i*len(a)/4+i] = v // each in a row of its own
		}
	}
	transA, transB := letters[0] == 't', letters[1] == 't'
	left, right := [2]int{m, k}, [2]int{k, n}
	if transA {
		slices.Reverse(left[:])
	}
	if transB {
		slices.Reverse(right[:])
	}
	var tensors [3]backend.Tensor
	for i, size := range [][2]int{left, right, {m, n}} {
		var err error
		if tensors[i], err = device.New(size[0], size[1]); err != nil {
			return err
		}
	}
	device.Upload(tensors[0], a)
	device.Upload(tensors[1], b)
	device.Gemm(tensors[2], backend.Transpose(transA), backend.Transpose(transB), 1, tensors[0], tensors[1], 0)
	got := make([]float32, m*n)
	if err := device.Download(got, tensors[2]); err != nil {
		return err
	}
	for e := range got {
		var want float32
		for p := range k {
			x, y := e/n*k+p, p*n+e%n
			if transA {
				x = p*m + e/n
			}
			if transB {
				y = e%n*k + p
			}
			want += a[x] * b[y]
		}
		off := math.Abs(float64(got[e]) - float64(want))
		if got[e] != want && !(got[e] != got[e] && want != want) && !(off <= (admitted+0x1p-22)*math.Abs(float64(want)) && k == 1) {
			return fmt.Errorf("seed 1,2: dst[%d,%d]: got %v, want %v", e/n, e%n, got[e], want)
		}
	}
	return nil
}
