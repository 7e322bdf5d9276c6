package cuda_test

import (
	"testing"

	"gputrain/backend"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// idle is a device that takes work and does none of it, so that a test sees only
// the host's part.
type idle struct{ cuda.Device }

func (idle) CopyToDevice(cuda.Pointer, []byte, cuda.Stream) error         { return nil }
func (idle) CopyOnDevice(_, _ cuda.Pointer, _ int64, _ cuda.Stream) error { return nil }
func (idle) Launch(cuda.Function, cuda.Dim3, cuda.Dim3, int, cuda.Stream, []uint64) error {
	return nil
}
func (idle) LaunchCooperative(cuda.Function, cuda.Dim3, cuda.Dim3, int, cuda.Stream, []uint64) error {
	return nil
}

func TestOperationsAllocateNothing(t *testing.T) {
	driver := wrapping{newDriver(t, emulator.Options{}), func(d cuda.Device) cuda.Device { return idle{d} }}
	b := newBench(t, driver, cuda.Options{})
	const n, width, hidden, steps = 3, 4, 5, 6
	x, y, dst := b.Zeros(n, width), b.Zeros(n, width), b.Zeros(n, width)
	row, one, tall := b.Zeros(1, width), b.Zeros(1, 1), b.Zeros(1000, width)
	square, ids, src := b.Zeros(width, width), b.Ints(0, 1, 2), make([]float32, n*width)
	lstmGrad := newLSTM(b, steps, n, width, hidden)
	lstm := lstmGrad.LSTMArgs
	rnn := backend.RNNArgs{
		Batch: n, X: lstm.X, WIH: b.Zeros(hidden, width), WHH: b.Zeros(hidden, hidden), H: lstm.H,
	}
	rnn.Scratch = b.Zeros(1, b.RNNScratch(rnn.Dims()))
	rnnGrad := backend.RNNGradArgs{
		RNNArgs: rnn, DY: lstmGrad.DY, DZ: b.Zeros(steps*n, hidden), DX: lstmGrad.DX,
		DWIH: b.Zeros(hidden, width), DWHH: b.Zeros(hidden, hidden),
	}
	block := backend.LSTM1997CellArgs{
		Blocks: 2, Gates: b.Zeros(n, 2*2+width), SPrev: x, S: b.Zeros(n, width), Y: b.Zeros(n, width),
	}
	blockGrad := backend.LSTM1997CellGradArgs{
		LSTM1997CellArgs: block, Source: b.Zeros(n, hidden), DY: y,
		PIn: b.Zeros(n*width, hidden), PCell: b.Zeros(n*width, hidden), DW: b.Zeros(2*2+width, hidden),
	}
	for _, c := range []struct {
		name string
		call func()
	}{
		{"Upload", func() { b.Upload(x, src) }},
		{"Fill", func() { b.Fill(x, 1) }},
		{"Copy", func() { b.Copy(dst, x) }},
		{"CopyCols", func() { b.CopyCols(dst, 0, x, 1, 2) }},
		{"Add", func() { b.Add(dst, x, y) }},
		{"AddRow", func() { b.AddRow(dst, x, row) }},
		{"Dropout", func() { b.Dropout(dst, x, 0.5, 1, 2) }},
		{"Tanh", func() { b.Tanh(dst, x) }},
		{"SoftmaxGrad", func() { b.SoftmaxGrad(dst, x, y) }},
		{"MulCol", func() { b.MulCol(dst, x, row.Reshape(width, 1).Slice(0, n)) }},
		{"LayerNorm", func() { b.LayerNorm(dst, row.Reshape(width, 1).Slice(0, n), x, 1) }},
		{"LayerNormGrad", func() { b.LayerNormGrad(dst, x, row.Reshape(width, 1).Slice(0, n), y) }},
		{"LSTM1997Cell", func() { b.LSTM1997Cell(block) }},
		{"LSTM1997CellGrad", func() { b.LSTM1997CellGrad(blockGrad) }},
		{"Gemm", func() { b.Gemm(dst, backend.NoTrans, backend.NoTrans, 1, x, square, 0) }},
		{"Gemm in slices", func() { b.Gemm(square, backend.Trans, backend.NoTrans, 1, tall, tall, 0) }},
		{"SumRows in chunks", func() { b.SumRows(row, tall, 0) }},
		{"GatherRows", func() { b.GatherRows(dst, tall, ids) }},
		{"SoftmaxCrossEntropy", func() { b.SoftmaxCrossEntropy(one, dst, x, ids, 1) }},
		{"SquaredError", func() { b.SquaredError(one, dst, x, y, 1) }},
		{"Adam", func() {
			b.Adam(backend.AdamArgs{Param: x, Grad: y, Mean: dst, Square: tall.Slice(0, n), LR: 0.1, Beta1: 0.9, Beta2: 0.99, Step: 1})
		}},
		{"ClipNorm", func() { b.ClipNorm(x, one, 1) }},
		{"ClipFactor", func() { b.ClipFactor(x, one, row.Reshape(width, 1).Slice(0, 1), 1) }},
		{"LSTMForward", func() { b.LSTMForward(lstm) }},
		{"LSTMBackward", func() { b.LSTMBackward(lstmGrad) }},
		{"RNNForward", func() { b.RNNForward(rnn) }},
		{"RNNBackward", func() { b.RNNBackward(rnnGrad) }},
	} {
		if allocations := testing.AllocsPerRun(10, c.call); allocations != 0 {
			t.Errorf("%s: %v allocations, want 0", c.name, allocations)
		}
	}
	if err := b.Err(); err != nil {
		t.Error(err)
	}
}
