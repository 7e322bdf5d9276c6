package kernels_test

import (
	"strings"
	"testing"

	"gputrain/cuda/emulator"
	"gputrain/kernels"
)

// A skinny product is not worth packing its operands, unless one is packed for many products.
// A large one is.
func TestChooseGemmCountsPacking(t *testing.T) {
	skinny := kernels.GemmShape{TransB: true, M: 64, N: 2048, K: 512} // a time step
	step := kernels.GemmShape{M: 64, N: 512, K: 2048}                 // and backward
	tall := kernels.GemmShape{TransA: true, M: 2048, N: 16, K: 512}
	row := kernels.GemmShape{M: 1, N: 2048, K: 2048}
	large := kernels.GemmShape{M: 4096, N: 4096, K: 4096}
	inputs := kernels.GemmShape{TransB: true, M: 6400, N: 2048, K: 512}
	for _, math := range tensorMaths()[1:] {
		for _, c := range []struct {
			what         string
			s            kernels.GemmShape
			usesA, usesB int
			tensor       bool
		}{
			{"skinny", skinny, 0, 0, false},
			{"skinny, packed for nothing", skinny, 1 << 20, 1 << 20, true},
			{"step", step, 0, 0, false},
			{"step with weights for all steps", step, 0, 100, true},
			{"step with weights for this one", step, 0, 1, false},
			{"tall", tall, 0, 0, false},
			{"tall, packed for nothing", tall, 1 << 20, 1 << 20, true},
			{"a row", row, 0, 0, false},
			{"a row, packed for nothing", row, 1 << 20, 1 << 20, true},
			{"large", large, 0, 0, true},
			{"large, packed for nothing", large, 1 << 20, 1 << 20, true},
			{"inputs of a sequence", inputs, 0, 0, true},
		} {
			c.s.UsesA, c.s.UsesB = c.usesA, c.usesB
			for _, d := range []kernels.Device{h100, a100} {
				p := kernels.ChooseGemm([]string{"float32", math}, c.s, d)
				if tensor := strings.Contains(p.Kernel, math); tensor != c.tensor {
					t.Errorf("%s, %+v in %s on %d multiprocessors: got %s, want tensor cores: %t", c.what, c.s, math, d.Multiprocessors, p.Kernel, c.tensor)
				}
			}
		}
	}
}

// What a plan takes for packing, for partial sums and for adding them up, with the operands
// that its tiles read, is what the emulator counts. Rows that are not whole sectors touch up
// to one more.
func TestPlansMoveWhatTheyPredict(t *testing.T) {
	const multiprocessors = 132
	for _, math := range kernels.Maths() {
		d := open(t, "gemm")
		if math != "float32" {
			d = open(t, "gemm", "gemm_"+math)
		}
		tiles := kernels.GemmTiles(math)
		for i, c := range []struct {
			m, n, k, slices int
			most            float64 // of what is predicted
		}{
			{64, 64, 128, 1, 1},
			{64, 128, 256, 2, 1},
			{8, 96, 192, 1, 1.03}, // in float32 the first row stands for those beyond the edge
			{37, 70, 75, 1, 1.9},
		} {
			g := gemm{tile: tiles[len(tiles)-1], transA: i%2 == 1, transB: i/2 == 1}.of(c.m, c.n, c.k)
			p := g.tile.Plan(g.shape(), c.slices)
			read := p.Rows + p.Columns // numbers of a slab, with 4 bytes, or 128 bytes of it
			down, across := (c.m+p.Rows-1)/p.Rows, (c.n+p.Columns-1)/p.Columns
			want := float64(down * across * p.Slabs * read * 128)
			if math == "float32" {
				want = float64(4 * c.k * (across*c.m + down*c.n))
			}
			if p.Slices == 1 {
				want += float64(4 * c.m * c.n) // the result
			}
			want += p.Terms(multiprocessors).Moved * multiprocessors
			emulated := d.Device.(*emulator.Device)
			d.offset = 0
			dst, a, b := room[float32](d, c.m*c.n), put(d, make([]float32, c.m*c.k)), put(d, make([]float32, c.k*c.n))
			emulated.ResetProfile()
			g.launch(d, p, dst, a, b, 1, 0)
			got := 0.0
			for _, s := range emulated.Profile() {
				got += 32 * float64(s.GlobalSectors)
			}
			if got < want-0.5 || got > c.most*want+0.5 {
				t.Errorf("%+v in %d slices by %s: %.0f bytes are moved, want %.0f to %.2f times as many", g.shape(), c.slices, p.Kernel, got, want, c.most)
			}
		}
	}
}
