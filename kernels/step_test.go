package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"gputrain/cuda"
	"gputrain/kernels"
)

// The steps that fuse product and cell must agree with the two separate kernels. Only
// the rounding may differ, because the order of the sum does. The sizes straddle the
// tile, which is 32 rows by 8 units for the LSTM and by 32 for the RNN.
var stepSizes = [][2]int{{1, 1}, {32, 8}, {33, 9}, {5, 33}, {64, 40}}

func TestLSTMStepIsGemmAndCell(t *testing.T) {
	for i, s := range stepSizes {
		for _, optional := range []bool{false, true} {
			batch, hidden := s[0], s[1]
			t.Run(fmt.Sprintf("batch %d, hidden %d, biases and peepholes %v", batch, hidden, optional), func(t *testing.T) {
				d := open(t, "lstm", "gemm", "elementwise")
				r := random(uint64(i))
				z, cPrev, hPrev := uniform(r, batch*4*hidden), put(d, uniform(r, batch*hidden)), put(d, uniform(r, batch*hidden))
				whh := put(d, uniform(r, 4*hidden*hidden))
				var bih, bhh, peep cuda.Pointer
				if optional {
					bih, bhh, peep = put(d, uniform(r, 4*hidden)), put(d, uniform(r, 4*hidden)), put(d, uniform(r, 3*hidden))
				}
				gates, c, h := put(d, z), room[float32](d, batch*hidden), room[float32](d, batch*hidden)
				d.run("lstm_step", kernels.LSTMStep(batch, hidden), gates, c, h, cPrev, hPrev, whh, bih, bhh, peep, batch, hidden)

				gates2, c2, h2 := put(d, z), room[float32](d, batch*hidden), room[float32](d, batch*hidden)
				product(d, gates2, hPrev, whh, batch, 4*hidden, hidden)
				if optional {
					d.run("add_row", kernels.Matrix(batch, 4*hidden), gates2, gates2, bih, batch, 4*hidden)
					d.run("add_row", kernels.Matrix(batch, 4*hidden), gates2, gates2, bhh, batch, 4*hidden)
				}
				d.run("lstm_cell", kernels.Matrix(batch, hidden), gates2, c2, h2, cPrev, peep, batch, hidden)
				near(d, "gates", hidden, get[float32](d, gates, batch*4*hidden), get[float32](d, gates2, batch*4*hidden))
				near(d, "c", hidden, get[float32](d, c, batch*hidden), get[float32](d, c2, batch*hidden))
				near(d, "h", hidden, get[float32](d, h, batch*hidden), get[float32](d, h2, batch*hidden))
			})
		}
	}
}

func TestRNNStepIsGemmAndCell(t *testing.T) {
	for i, s := range stepSizes {
		for relu, cell := range []string{"tanh_forward", "relu"} {
			batch, hidden := s[0], s[1]
			t.Run(fmt.Sprintf("batch %d, hidden %d, %s", batch, hidden, cell), func(t *testing.T) {
				d := open(t, "rnn", "gemm", "elementwise", "activation")
				r := random(uint64(i))
				z, hPrev := uniform(r, batch*hidden), put(d, uniform(r, batch*hidden))
				whh, bhh := put(d, uniform(r, hidden*hidden)), put(d, uniform(r, hidden))
				h := put(d, z)
				d.run("rnn_step", kernels.RNNStep(batch, hidden), h, hPrev, whh, cuda.Pointer(0), bhh, batch, hidden, relu)

				h2 := put(d, z)
				product(d, h2, hPrev, whh, batch, hidden, hidden)
				d.run("add_row", kernels.Matrix(batch, hidden), h2, h2, bhh, batch, hidden)
				d.run(cell, kernels.Elements(int64(batch*hidden)), h2, h2, int64(batch*hidden))
				near(d, "h", hidden, get[float32](d, h, batch*hidden), get[float32](d, h2, batch*hidden))
			})
		}
	}
}

// product adds a·bᵀ to dst.
func product(d *device, dst, a, b cuda.Pointer, m, n, k int) {
	d.Helper()
	p := kernels.ChooseSlices("float32", kernels.GemmShape{TransB: true, M: m, N: n, K: k}, 1, 0)
	if p.Slices != 1 {
		d.Fatalf("%d slices on one multiprocessor", p.Slices)
	}
	d.run(p.Kernel, p.Launch, dst, a, b, m, n, k, p.Slice, 1.0, 1.0)
}

// near compares values of about 1. Each comes from a sum of terms that are at most 1.
func near(d *device, name string, terms int, got, want []float32) {
	d.Helper()
	tolerance := float64(terms+16) * float64(terms+4) * 0x1p-24
	for k := range want {
		if off := math.Abs(float64(got[k]) - float64(want[k])); !(off <= tolerance) {
			d.Fatalf("%s[%d] = %v, want %v, off by %.3g, tolerance %.3g", name, k, got[k], want[k], off, tolerance)
		}
	}
}
