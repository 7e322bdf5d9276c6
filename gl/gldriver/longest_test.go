//go:build gl && cgo && linux

package gldriver

import (
	"fmt"
	"math"
	"regexp"
	"slices"
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
	for _, columns := range []int{1 << 22, 1 << 25} { // the longest of a group of 256, and of a buffer of llvmpipe
		for _, wrong := range rowsOf(m, columns) {
			t.Error(wrong)
		}
	}
	for _, wrong := range append(manyRows(m), manyCells(m, 1<<25/3)...) {
		t.Error(wrong)
	}
}

// The control: what a large group takes in one turn must be all that it takes.
func TestALostTurnIsFound(t *testing.T) {
	list(t)
	for _, c := range []struct {
		kernel, name string
		try          func(m operands.Maker, length int) []string
	}{{"softmax", "Softmax", rowsOf}, {"lstm1997_cell", "LSTM1997Cell", manyCells}} {
		driver := &mutated{Driver: New(), kernel: c.kernel, old: "turn < TURNS; turn++", new: "turn < 1u; turn++"}
		b, err := gl.Open(driver, *ordinal, gl.Options{})
		must(t, err)
		wrong := c.try(operands.Maker{On: b, T: t}, 1<<22+3*1024) // the last is in the third of four turns
		if !slices.ContainsFunc(wrong, regexp.MustCompile(c.name+"[:,]").MatchString) {
			t.Errorf("%s: found %q", c.kernel, wrong)
		}
		must(t, driver.failure())
		must(t, b.Close())
	}
}

// longest collects what is wrong with the results of long loops.
type longest struct {
	operands.Maker
	wrong []string
}

func (l *longest) of(name string, got, want, tolerance float64) {
	if !(math.Abs(got-want) <= tolerance*want) {
		l.wrong = append(l.wrong, fmt.Sprintf("%s: got %v, want %v", name, got, want))
	}
}

func (l *longest) filled(rows, cols int, value float64) backend.Tensor {
	x := l.Zeros(rows, cols)
	l.On.Fill(x, value)
	return x
}

// column returns x as a column, from element first on.
func column(x backend.Tensor, first int) backend.Tensor {
	return x.Reshape(x.Size(), 1).Slice(first, x.Size())
}

// at returns element k, counted from the end if it is negative.
func (l *longest) at(x backend.Tensor, k int) float64 {
	value := make([]float32, 1)
	if k < 0 {
		k += x.Size()
	}
	must(l.T, l.On.Download(value, column(x, k).Slice(0, 1)))
	return float64(value[0])
}

// rowsOf tries the operations on a row of that many columns.
func rowsOf(m operands.Maker, columns int) []string {
	l, b := &longest{Maker: m}, m.On
	n := float64(columns)
	row, y, loss := l.filled(1, columns, 1), m.Zeros(1, columns), m.Zeros(1, 1)
	defer b.Free(row.Buf)
	defer b.Free(y.Buf)
	b.Softmax(y, row)
	l.of("Softmax", l.at(y, -1), 1/n, 1e-6)
	b.SoftmaxGrad(y, row, row)
	l.of("SoftmaxGrad", -l.at(y, -1), n-1, 1e-6)
	b.SoftmaxCrossEntropy(loss, y, row, m.Ints(int32(columns-1)), 1)
	l.of("SoftmaxCrossEntropy", l.at(loss, 0), math.Log(n), 1e-6)
	l.of("SoftmaxCrossEntropy, gradient", -l.at(y, -1), 1-1/n, 1e-6)
	b.Fill(column(row, columns-1), 2)
	index, at := make([]int32, 1), m.Ints(0)
	b.ArgMaxRows(at, row)
	must(l.T, b.DownloadInts(index, at))
	l.of("ArgMaxRows", float64(index[0]), n-1, 0)
	b.LayerNorm(y, loss, row, 0)
	l.of("LayerNorm", l.at(y, -1), math.Sqrt(n), 1e-3) // of one element among equals
	b.Fill(row, 1)
	b.Fill(loss, 1)
	b.LayerNormGrad(y, row, loss, row)
	l.of("LayerNormGrad", -l.at(y, -1), 1, 1e-6) // 1 - 1 - 1
	return l.wrong
}

// manyRows tries the operations that sum over rows.
func manyRows(m operands.Maker) []string {
	l, b := &longest{Maker: m}, m.On
	loss := m.Zeros(1, 1)
	const rows = 1<<23 + 1
	b.SumRows(loss, l.filled(rows, 1, 1), 0)
	l.of("SumRows", l.at(loss, 0), rows, 0)
	b.SquaredError(loss, backend.Tensor{}, l.filled(rows, 1, 1), m.Zeros(rows, 1), 1)
	l.of("SquaredError", l.at(loss, 0), rows, 0)
	b.ClipNorm(l.filled(rows, 1, 1), loss, 1)
	l.of("ClipNorm", l.at(loss, 0), math.Sqrt(rows), 1e-6)
	b.SoftmaxCrossEntropy(loss, backend.Tensor{}, l.filled(1<<20, 2, 1), m.Ints(make([]int32, 1<<20)...), 1.0/(1<<20))
	l.of("SoftmaxCrossEntropy of many rows", l.at(loss, 0), math.Ln2, 1e-5)
	const k = 300_000
	b.Gemm(loss, backend.NoTrans, backend.NoTrans, 1, l.filled(1, k, 1), l.filled(k, 1, 1), 0)
	l.of("Gemm", l.at(loss, 0), k, 0)
	return l.wrong
}

// manyCells tries a block of the LSTM of 1997. Its gates see the last cell alone, and
// are 3/4. Inputs and states before are 1.
func manyCells(m operands.Maker, cells int) []string {
	l, b := &longest{Maker: m}, m.On
	n, open := float64(cells), math.Log(3)
	a := backend.LSTM1997CellArgs{
		Blocks: 1, Gates: m.Zeros(1, 3+cells), SPrev: l.filled(1, cells, 1), Peep: m.Zeros(3, cells), S: m.Zeros(1, cells), Y: m.Zeros(1, cells),
	}
	b.Fill(column(a.Gates, 3), 1)
	for gate, peep := range []float64{open, open, open / 1.5} {
		b.Fill(column(a.Peep.Slice(gate, gate+1), cells-1), peep)
	}
	b.LSTM1997Cell(a)
	for _, k := range []int{0, -1} {
		l.of("LSTM1997Cell, states", l.at(a.S, k), 1.5, 1e-6)
		l.of("LSTM1997Cell, outputs", l.at(a.Y, k), 1.125, 1e-6)
	}
	// The partials of the peepholes would be cells times cells.
	b.Free(a.Peep.Buf)
	a.Peep = backend.Tensor{}
	grad := backend.LSTM1997CellGradArgs{
		LSTM1997CellArgs: a, Source: l.filled(1, 1, 1), DY: l.filled(1, cells, 1),
		PIn: m.Zeros(cells, 1), PForget: m.Zeros(cells, 1), PCell: m.Zeros(cells, 1), DW: m.Zeros(3+cells, 1),
	}
	b.LSTM1997CellGrad(grad)
	const slope, e = 0.75 * 0.25, 0.75
	for k, want := range map[int]float64{0: n * e * slope, 1: n * e * slope, 2: slope * n * 1.5, 3: e * 0.75, -1: e * 0.75} {
		l.of(fmt.Sprintf("LSTM1997CellGrad, weight %d", k), l.at(grad.DW, k), want, 1e-6)
	}
	return l.wrong
}
