//go:build gl && cgo && linux

package gldriver

import (
	"math"
	"testing"

	"gputrain/backend"
	"gputrain/gl"
	"gputrain/internal/operands"
)

// llvmpipe ends the loops of an invocation, in silence, after 65,535 iterations in all.
// These are the longest that the backend lets a shader make, or the longest sums.
func TestTheLongestLoops(t *testing.T) {
	list(t)
	if testing.Short() {
		t.Skip("takes long")
	}
	b, err := gl.Open(New(), *ordinal, gl.Options{})
	must(t, err)
	defer b.Close()
	m := operands.Maker{On: b, T: t}
	ones := func(rows, cols int) backend.Tensor {
		x := m.Zeros(rows, cols)
		b.Fill(x, 1)
		return x
	}
	last := func(x backend.Tensor) float64 {
		value := make([]float32, 1)
		n := x.Size()
		must(t, b.Download(value, x.Reshape(n, 1).Slice(n-1, n)))
		return float64(value[0])
	}
	const columns = 1 << 25
	row := ones(1, columns)
	of := func(name string, got, want, tolerance float64) {
		if !(math.Abs(got-want) <= tolerance*want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}

	y, loss := m.Zeros(1, columns), m.Zeros(1, 1)
	b.Softmax(y, row)
	of("Softmax", last(y), 1.0/columns, 1e-6)
	b.SoftmaxGrad(y, row, row)
	of("SoftmaxGrad", -last(y), columns-1, 1e-6)
	b.SoftmaxCrossEntropy(loss, y, row, m.Ints(columns-1), 1)
	of("SoftmaxCrossEntropy", last(loss), math.Log(columns), 1e-6)
	of("SoftmaxCrossEntropy, gradient", -last(y), 1-1.0/columns, 1e-6)
	b.Fill(row.Reshape(columns, 1).Slice(columns-1, columns), 2)
	at, index := m.Ints(0), make([]int32, 1)
	b.ArgMaxRows(at, row)
	must(t, b.DownloadInts(index, at))
	of("ArgMaxRows", float64(index[0]), columns-1, 0)
	b.LayerNorm(y, loss, row, 0)
	of("LayerNorm", last(y), math.Sqrt(columns), 1e-3) // of one element among equals

	const rows = 1<<23 + 1
	b.SumRows(loss, ones(rows, 1), 0)
	of("SumRows", last(loss), rows, 0)
	b.SquaredError(loss, backend.Tensor{}, ones(rows, 1), m.Zeros(rows, 1), 1)
	of("SquaredError", last(loss), rows, 0)
	b.ClipNorm(ones(rows, 1), loss, 1)
	of("ClipNorm", last(loss), math.Sqrt(rows), 1e-6)
	b.SoftmaxCrossEntropy(loss, backend.Tensor{}, ones(1<<20, 2), m.Ints(make([]int32, 1<<20)...), 1.0/(1<<20))
	of("SoftmaxCrossEntropy of many rows", last(loss), math.Ln2, 1e-5)
	const k = 300_000
	b.Gemm(loss, backend.NoTrans, backend.NoTrans, 1, ones(1, k), ones(k, 1), 0)
	of("Gemm", last(loss), k, 0)

	const cells = 1<<14 - 1
	cell := backend.LSTM1997CellArgs{
		Blocks: 1, Gates: m.Zeros(1, 3+cells), SPrev: ones(1, cells), Peep: m.Zeros(3, cells), S: m.Zeros(1, cells), Y: m.Zeros(1, cells),
	}
	b.Fill(cell.Gates.Reshape(3+cells, 1).Slice(3, 3+cells), 1)
	b.LSTM1997Cell(cell) // all gates are 1/2, all inputs and states 1
	of("LSTM1997Cell, states", last(cell.S), 1, 0)
	of("LSTM1997Cell, outputs", last(cell.Y), 0.5, 0)
}
