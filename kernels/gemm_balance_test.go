package kernels_test

import (
	"testing"

	"gputrain/kernels"
)

// The products of a training step of an LSTM of 512 units with 128 inputs, a batch of 64 and
// 100 time steps, as ChooseGemm plans them, keep an H100 and an A100 busy.
func TestPlansAreBalanced(t *testing.T) {
	for _, s := range []kernels.GemmShape{
		{TransB: true, M: 6400, N: 2048, K: 128}, // inputs of all steps
		{TransB: true, M: 64, N: 2048, K: 512},   // a step forward
		{M: 64, N: 512, K: 2048},                 // and backward
		{TransA: true, M: 2048, N: 512, K: 6400}, // gradient of the recurrent weights
		{TransA: true, M: 2048, N: 128, K: 6400}, // of the input weights
		{M: 6400, N: 128, K: 2048},               // and of the inputs
	} {
		for _, d := range []kernels.Device{h100, a100} {
			p := kernels.ChooseGemm([]string{"float32"}, s, d)
			balance := p.Balance(d.Multiprocessors)
			if balance < 0.95 || balance > 1 {
				t.Errorf("%+v on %d multiprocessors: balance %.3f, want 0.95 to 1, of %+v", s, d.Multiprocessors, balance, p)
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
		for _, tile := range kernels.GemmShareTiles("float32") {
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
