package kernels_test

import (
	"fmt"
	"testing"

	"gputrain/kernels"
)

func TestLaunches(t *testing.T) {
	launch := func(gridX, gridY, blockX, blockY int) kernels.Launch {
		return kernels.Launch{Grid: kernels.Dim3{X: gridX, Y: gridY, Z: 1}, Block: kernels.Dim3{X: blockX, Y: blockY, Z: 1}}
	}
	for _, c := range []struct {
		what      string
		got, want kernels.Launch
	}{
		{"no elements", kernels.Elements(0), launch(1, 1, 256, 1)},
		{"a full block", kernels.Elements(256), launch(1, 1, 256, 1)},
		{"one more", kernels.Elements(257), launch(2, 1, 256, 1)},
		{"more than 2^31", kernels.Elements(1 << 33), launch(1<<25, 1, 256, 1)},
		{"parameters", kernels.Updates(1000), launch(4, 1, 256, 1)},
		{"many parameters", kernels.Updates(1 << 30), launch(1024, 1, 256, 1)},
		{"no partial sum is one", kernels.Partials(0), launch(1, 1, 256, 1)},
		{"partial sums", kernels.Partials(2049), launch(2, 1, 256, 1)},
		{"at most 1024 partial sums", kernels.Partials(1 << 40), launch(1024, 1, 256, 1)},
		{"a narrow matrix", kernels.Matrix(1000, 3), launch(1, 16, 4, 64)},
		{"a wide matrix", kernels.Matrix(7, 1000), launch(4, 7, 256, 1)},
		{"an empty matrix", kernels.Matrix(0, 0), launch(1, 1, 1, 256)},
		{"more rows than the grid has", kernels.Matrix(1<<30, 256), launch(1, 65535, 256, 1)},
		{"a warp per row", kernels.Rows(5, 10), launch(5, 1, 32, 1)},
		{"some warps per row", kernels.Rows(5, 300), launch(5, 1, 128, 1)},
		{"a block per row", kernels.Rows(5, 100_000), launch(5, 1, 256, 1)},
		{"scatter into nothing", kernels.ScatterAddRows(0, 0), launch(1, 1, 32, 1)},
		{"scatter", kernels.ScatterAddRows(9, 300), launch(9, 2, 256, 1)},
		{"step of memory blocks", kernels.LSTM1997Step(33, 7), launch(8, 1, 256, 1)}, // 9 tiles of 7 blocks
		{"gradient of peepholes", kernels.LSTMPeepGrad(257, 33).First, launch(2, 2, 32, 8)},
		{"its second pass", kernels.LSTMPeepGrad(257, 33).Second, launch(4, 1, 32, 8)},
		{"sum of few rows", kernels.SumRows(256, 33).First, launch(2, 1, 32, 8)},
		{"sum of many rows", kernels.SumRows(257, 33).First, launch(2, 2, 32, 8)},
		{"sum of very many rows", kernels.SumRows(1<<20, 1).First, launch(1, 256, 32, 8)},
		{"second pass", kernels.SumRows(1<<20, 33).Second, launch(2, 1, 32, 8)},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", c.what, c.got, c.want)
		}
	}
}

// A kernel "over n" or "over [rows, cols]" covers it with any grid.
func TestAnyGridCovers(t *testing.T) {
	const rows, cols = 37, 19
	x, row := uniform(random(2), rows*cols), uniform(random(3), cols)
	for _, l := range []kernels.Launch{
		{Grid: kernels.Dim3{X: 1, Y: 1, Z: 1}, Block: kernels.Dim3{X: 1, Y: 256, Z: 1}},
		{Grid: kernels.Dim3{X: 2, Y: 3, Z: 1}, Block: kernels.Dim3{X: 4, Y: 5, Z: 1}},
		{Grid: kernels.Dim3{X: 3, Y: 50, Z: 1}, Block: kernels.Dim3{X: 16, Y: 2, Z: 1}},
	} {
		t.Run(fmt.Sprint(l), func(t *testing.T) {
			d := open(t, "elementwise")
			dst := room[float32](d, rows*cols)
			d.run("add_row", l, dst, put(d, x), put(d, row), rows, cols)
			for k, got := range get[float32](d, dst, rows*cols) {
				if want := x[k] + row[k%cols]; got != want {
					t.Fatalf("add_row: dst[%d] = %v, want %v", k, got, want)
				}
			}
			l.Grid.Y, l.Block.Y = 1, 1
			d.run("scale", l, dst, dst, int64(rows*cols), 2.0)
			for k, got := range get[float32](d, dst, rows*cols) {
				if want := 2 * (x[k] + row[k%cols]); got != want {
					t.Fatalf("scale: dst[%d] = %v, want %v", k, got, want)
				}
			}
		})
	}
}
