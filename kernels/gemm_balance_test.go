package kernels_test

import (
	"slices"
	"testing"

	"gputrain/kernels"
)

// The products of a training step of an LSTM of 512 units with 128 inputs, a batch of 64 and
// 100 time steps, as ChooseGemm plans them, keep an H100 and an A100 busy.
func TestPlansAreBalanced(t *testing.T) {
	inputs := kernels.GemmShape{TransB: true, M: 6400, N: 2048, K: 128} // of all steps
	backward := kernels.GemmShape{M: 6400, N: 128, K: 2048}             // their gradient
	shapes := []kernels.GemmShape{
		inputs, backward,
		{TransB: true, M: 64, N: 2048, K: 512},   // a step forward
		{M: 64, N: 512, K: 2048},                 // and backward
		{TransA: true, M: 2048, N: 512, K: 6400}, // gradient of the recurrent weights
		{TransA: true, M: 2048, N: 128, K: 6400}, // and of the input weights
	}
	type on struct {
		math            string
		shape           kernels.GemmShape
		multiprocessors int
	}
	// With 2 to 8 slabs of k, sharing out would save less than it costs. On an A100 that holds
	// for the gradient of the inputs in bfloat16 too.
	exceptions := map[on]float64{
		{"bf16", inputs, 132}: 400. / 528, {"bf16", inputs, 108}: 400. / 432,
		{"tf32", inputs, 132}: 400. / 528, {"tf32", inputs, 108}: 400. / 432,
		{"tf32x3", inputs, 132}: 800. / 924, {"tf32x3", inputs, 108}: 400. / 432,
		{"bf16", backward, 108}: 200. / 216,
	}
	for _, math := range kernels.Maths() {
		for _, s := range shapes {
			for _, d := range []kernels.Device{h100, a100} {
				p := kernels.ChooseGemm(slices.Compact([]string{"float32", math}), s, d)
				balance, least, most := p.Balance(d.Multiprocessors), 0.95, 1.0
				if want, ok := exceptions[on{math, s, d.Multiprocessors}]; ok {
					least, most = want-1e-9, want+1e-9
				}
				if balance < least || balance > most {
					t.Errorf("%s, %+v on %d multiprocessors: balance %.4f, want %.4f to %.4f, of %+v", math, s, d.Multiprocessors, balance, least, most, p)
				}
			}
		}
	}
}

// Without tiles that are shared out, an A100 would idle for a fifth of the time and more.
func TestSlicesAreNotBalanced(t *testing.T) {
	for _, math := range tensorMaths() {
		for _, n := range []int{128, 512} {
			s := kernels.GemmShape{TransA: true, M: 2048, N: n, K: 6400}
			if balance := kernels.ChooseSlices([]string{math}, s, a100).Balance(a100.Multiprocessors); balance > 0.8 {
				t.Errorf("%s, %+v: balance %.3f, want less than 0.8", math, s, balance)
			}
		}
	}
}

// Whole tiles and slices alone are not balanced, so the test above can fail.
func TestBalanceOfWholeTiles(t *testing.T) {
	for _, c := range []struct {
		s      kernels.GemmShape
		tile   int // of GemmTiles
		slices int
		want   float64
	}{
		{kernels.GemmShape{M: 6400, N: 2048, K: 128}, 0, 1, 800. / 924},
		{kernels.GemmShape{M: 6400, N: 128, K: 2048}, 2, 1, 200. / 264},
		{kernels.GemmShape{M: 64, N: 512, K: 2048}, 3, 8, 256. / 264},
		{kernels.GemmShape{M: 5, N: 7}, 3, 1, 1},
	} {
		tile := kernels.GemmTiles("float32")[c.tile]
		if got := tile.Plan(c.s, c.slices).Balance(132); got < c.want-1e-9 || got > c.want+1e-9 {
			t.Errorf("%+v in tiles of %s: balance %v, want %v", c.s, tile.Name, got, c.want)
		}
	}
}

// Shares cover all slabs once, in order, and none is more than a tile.
func TestSharesCoverTheSlabs(t *testing.T) {
	r := random(7)
	planned := 0
	for range 5000 {
		s := kernels.GemmShape{M: 1 + r.IntN(1<<r.IntN(12)), N: 1 + r.IntN(1<<r.IntN(12)), K: r.IntN(1 << r.IntN(17))}
		math := kernels.Maths()[r.IntN(len(kernels.Maths()))]
		for _, tile := range kernels.GemmShareTiles(math) {
			whole, shares := r.IntN(1<<r.IntN(8)), 1+r.IntN(500)
			p, ok := tile.Share(s, whole, shares)
			if !ok {
				continue
			}
			planned++
			tiles := (s.M + tile.Rows - 1) / tile.Rows * ((s.N + tile.Columns - 1) / tile.Columns)
			longest := p.Share + min(p.Extra, 1)
			if p.Share < 1 || p.Share*p.Shares+p.Extra != (tiles-whole)*p.Slabs || p.Extra >= p.Shares || longest > p.Slabs ||
				p.Launch.Grid.X != whole+shares || p.Join.Grid.Y != tiles-whole {
				t.Fatalf("seed 1,7: %+v, %s, %d whole, %d shares: %+v", s, tile.Name, whole, shares, p)
			}
		}
	}
	if planned < 500 {
		t.Errorf("only %d plans", planned)
	}
}
