package cpu_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/cpu"
	"gputrain/internal/operands"
)

// bench holds a backend, makes its operands and keeps those that change.
type bench struct {
	backend.Backend
	operands.Maker
	outs []backend.Tensor
}

func newBench(t testing.TB, o cpu.Options) *bench {
	t.Helper()
	o.MemoryLimit = cpu.Memory
	b, err := cpu.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return benchOn(t, b, 7)
}

func benchOn(t testing.TB, b backend.Backend, seed uint64) *bench {
	return &bench{Backend: b, Maker: operands.Maker{On: b, T: t, Rand: rand.New(rand.NewPCG(1, seed))}}
}

// out is Uniform for a tensor that the operation changes.
func (b *bench) out(rows, cols int) backend.Tensor {
	x := b.Uniform(rows, cols)
	b.outs = append(b.outs, x)
	return x
}

// ids returns n integers below limit.
func (b *bench) ids(n, limit int) backend.Ints {
	b.T.Helper()
	values := make([]int32, n)
	for i := range values {
		values[i] = int32(b.Rand.IntN(limit))
	}
	return b.Ints(values...)
}

// results downloads all outs.
func (b *bench) results() [][]float32 {
	b.T.Helper()
	all := make([][]float32, len(b.outs))
	for i, x := range b.outs {
		all[i] = make([]float32, x.Size())
		if err := b.Download(all[i], x); err != nil {
			b.T.Fatal(err)
		}
	}
	return all
}

// operation is a call of a backend operation that is large enough for all workers
// to share it. prepare makes the operands and returns the call.
type operation struct {
	name    string
	prepare func(b *bench) (call func())
}

func operations() []operation {
	const rows, cols = 70, 517
	unary := func(name string, op func(b *bench, dst, x backend.Tensor)) operation {
		return operation{name, func(b *bench) func() {
			dst, x := b.out(rows, cols), b.Uniform(rows, cols)
			return func() { op(b, dst, x) }
		}}
	}
	binary := func(name string, op func(b *bench, dst, x, y backend.Tensor)) operation {
		return operation{name, func(b *bench) func() {
			dst, x, y := b.out(rows, cols), b.Uniform(rows, cols), b.Uniform(rows, cols)
			return func() { op(b, dst, x, y) }
		}}
	}
	all := []operation{
		unary("Fill", func(b *bench, dst, _ backend.Tensor) { b.Fill(dst, 3) }),
		unary("Copy", func(b *bench, dst, x backend.Tensor) { b.Copy(dst, x) }),
		unary("CopyCols", func(b *bench, dst, x backend.Tensor) { b.CopyCols(dst, 3, x, 9, 400) }),
		binary("Add", func(b *bench, dst, x, y backend.Tensor) { b.Add(dst, x, y) }),
		binary("Sub", func(b *bench, dst, x, y backend.Tensor) { b.Sub(dst, x, y) }),
		binary("Mul", func(b *bench, dst, x, y backend.Tensor) { b.Mul(dst, x, y) }),
		binary("AddMul", func(b *bench, dst, x, y backend.Tensor) { b.AddMul(dst, x, y) }),
		unary("Scale", func(b *bench, dst, x backend.Tensor) { b.Scale(dst, 0.3, x) }),
		unary("AddScaled", func(b *bench, dst, x backend.Tensor) { b.AddScaled(dst, 0.3, x) }),
		binary("AddRow", func(b *bench, dst, x, y backend.Tensor) { b.AddRow(dst, x, y.Slice(1, 2)) }),
		binary("MulRow", func(b *bench, dst, x, y backend.Tensor) { b.MulRow(dst, x, y.Slice(1, 2)) }),
		binary("MulCol", func(b *bench, dst, x, y backend.Tensor) {
			b.MulCol(dst, x, y.Slice(1, 2).Reshape(cols, 1).Slice(0, rows))
		}),
		unary("Dropout", func(b *bench, dst, x backend.Tensor) { b.Dropout(dst, x, 0.3, 1, 2) }),
		unary("Sigmoid", func(b *bench, dst, x backend.Tensor) { b.Sigmoid(dst, x) }),
		unary("Tanh", func(b *bench, dst, x backend.Tensor) { b.Tanh(dst, x) }),
		unary("ReLU", func(b *bench, dst, x backend.Tensor) { b.ReLU(dst, x) }),
		unary("Softmax", func(b *bench, dst, x backend.Tensor) { b.Softmax(dst, x) }),
		binary("SigmoidGrad", func(b *bench, dst, x, y backend.Tensor) { b.SigmoidGrad(dst, x, y) }),
		binary("TanhGrad", func(b *bench, dst, x, y backend.Tensor) { b.TanhGrad(dst, x, y) }),
		binary("ReLUGrad", func(b *bench, dst, x, y backend.Tensor) { b.ReLUGrad(dst, x, y) }),
		binary("SoftmaxGrad", func(b *bench, dst, x, y backend.Tensor) { b.SoftmaxGrad(dst, x, y) }),
		{"LayerNorm", func(b *bench) func() {
			y, rstd, x := b.out(rows, cols), b.out(rows, 1), b.Uniform(rows, cols)
			return func() { b.LayerNorm(y, rstd, x, 1e-5) }
		}},
		{"LayerNormGrad", func(b *bench) func() {
			dx, y, rstd, dy := b.out(rows, cols), b.Uniform(rows, cols), b.Uniform(rows, 1), b.Uniform(rows, cols)
			return func() { b.LayerNormGrad(dx, y, rstd, dy) }
		}},
		{"SumRows", func(b *bench) func() {
			dst, x := b.out(1, cols), b.Uniform(rows, cols)
			return func() { b.SumRows(dst, x, 0.5) }
		}},
		{"GatherRows", func(b *bench) func() {
			dst, x, ids := b.out(rows, cols), b.Uniform(40, cols), b.ids(rows, 40)
			return func() { b.GatherRows(dst, x, ids) }
		}},
		{"ScatterAddRows", func(b *bench) func() {
			dst, x, ids := b.out(40, cols), b.Uniform(rows, cols), b.ids(rows, 40)
			return func() { b.ScatterAddRows(dst, x, ids) }
		}},
		{"ArgMaxRows", func(b *bench) func() {
			// What the columns gather shows which ones were found.
			dst, x, most := b.out(rows, cols), b.Uniform(rows, cols), b.ids(rows, 1)
			table := b.Uniform(cols, cols)
			return func() { b.ArgMaxRows(most, x); b.GatherRows(dst, table, most) }
		}},
		{"SoftmaxCrossEntropy", func(b *bench) func() {
			loss, grad, x, labels := b.out(1, 1), b.out(rows, cols), b.Uniform(rows, cols), b.ids(rows, cols)
			return func() { b.SoftmaxCrossEntropy(loss, grad, x, labels, 1./rows) }
		}},
		{"SquaredError", func(b *bench) func() {
			loss, grad, x, y := b.out(1, 1), b.out(rows, cols), b.Uniform(rows, cols), b.Uniform(rows, cols)
			return func() { b.SquaredError(loss, grad, x, y, 0.5) }
		}},
		{"ClipNorm", func(b *bench) func() {
			norm, x := b.out(1, 1), b.out(rows, cols)
			return func() { b.ClipNorm(x, norm, 1) }
		}},
		{"SGD", func(b *bench) func() {
			a := backend.SGDArgs{Param: b.out(rows, cols), Grad: b.Uniform(rows, cols), Velocity: b.out(rows, cols),
				LR: 0.1, Momentum: 0.9, WeightDecay: 0.01, Nesterov: true}
			return func() { b.SGD(a) }
		}},
		{"RMSProp", func(b *bench) func() {
			a := backend.RMSPropArgs{Param: b.out(rows, cols), Grad: b.Uniform(rows, cols), Square: b.square(rows, cols),
				Velocity: b.out(rows, cols), LR: 0.1, Decay: 0.9, Epsilon: 1e-8, Momentum: 0.9, WeightDecay: 0.01}
			return func() { b.RMSProp(a) }
		}},
		{"Adam", func(b *bench) func() {
			a := backend.AdamArgs{Param: b.out(rows, cols), Grad: b.Uniform(rows, cols), Mean: b.out(rows, cols),
				Square: b.square(rows, cols), LR: 0.1, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01, Step: 3}
			return func() { b.Adam(a) }
		}},
		{"LSTMCell", func(b *bench) func() {
			a := backend.LSTMCellArgs{Gates: b.out(rows, 4*67), CPrev: b.Uniform(rows, 67), Peep: b.Uniform(3, 67),
				C: b.out(rows, 67), H: b.out(rows, 67)}
			return func() { b.Backend.(backend.LSTMCeller).LSTMCell(a) }
		}},
		{"LSTMCellGrad", func(b *bench) func() {
			a := backend.LSTMCellGradArgs{Gates: b.Uniform(rows, 4*67), CPrev: b.Uniform(rows, 67), C: b.Uniform(rows, 67),
				Peep: b.Uniform(3, 67), DY: b.Uniform(rows, 67), DH: b.Uniform(rows, 67), DC: b.out(rows, 67), DZ: b.out(rows, 4*67)}
			return func() { b.Backend.(backend.LSTMCeller).LSTMCellGrad(a) }
		}},
		{"LSTM1997Cell", func(b *bench) func() {
			a := b.lstm1997Cell(rows, 20, 3, 1)
			return func() { b.LSTM1997Cell(a.LSTM1997CellArgs) }
		}},
		{"LSTM1997CellGrad", func(b *bench) func() {
			a := b.lstm1997Cell(rows, 20, 3, 40)
			return func() { b.LSTM1997CellGrad(a) }
		}},
		{"RNNCell", func(b *bench) func() {
			a := backend.RNNCellArgs{Z: b.Uniform(rows, 67), H: b.out(rows, 67)}
			return func() { b.Backend.(backend.RNNCeller).RNNCell(a) }
		}},
		{"RNNCellGrad", func(b *bench) func() {
			a := backend.RNNCellGradArgs{H: b.Uniform(rows, 67), DY: b.Uniform(rows, 67), DH: b.Uniform(rows, 67), DZ: b.out(rows, 67)}
			return func() { b.Backend.(backend.RNNCeller).RNNCellGrad(a) }
		}},
		{"GRUCell", func(b *bench) func() {
			a := backend.GRUCellArgs{Gates: b.out(rows, 3*67), Recurrent: b.Uniform(rows, 3*67), HPrev: b.Uniform(rows, 67), H: b.out(rows, 67)}
			return func() { b.Backend.(backend.GRUCeller).GRUCell(a) }
		}},
		{"GRUCellGrad", func(b *bench) func() {
			a := backend.GRUCellGradArgs{Gates: b.Uniform(rows, 3*67), Recurrent: b.Uniform(rows, 3*67), HPrev: b.Uniform(rows, 67),
				DY: b.Uniform(rows, 67), DH: b.out(rows, 67), DV: b.out(rows, 3*67), DU: b.out(rows, 3*67)}
			return func() { b.Backend.(backend.GRUCeller).GRUCellGrad(a) }
		}},
	}
	return slices.Concat(all, products(), sequences(), lstm1997Sequences())
}

// products has a Gemm for each way to cut one, with sizes around those of tiles.
func products() []operation {
	var all []operation
	for _, size := range [][3]int{{1, 517, 130}, {65, 193, 33}, {130, 197, 1030}, {517, 130, 9}, {300, 20, 300}} {
		for _, transA := range []backend.Transpose{backend.NoTrans, backend.Trans} {
			for _, transB := range []backend.Transpose{backend.NoTrans, backend.Trans} {
				m, n, k := size[0], size[1], size[2]
				name := fmt.Sprintf("Gemm/%dx%dx%d/%v/%v", m, n, k, transA, transB)
				all = append(all, operation{name, func(b *bench) func() {
					dst, x, y := b.out(m, n), b.Uniform(m, k), b.Uniform(k, n)
					if transA {
						x = x.Reshape(k, m)
					}
					if transB {
						y = y.Reshape(n, k)
					}
					return func() { b.Gemm(dst, transA, transB, 0.5, x, y, 0.25) }
				}})
			}
		}
	}
	return all
}

// sequences has whole layers. Workers share some by rows of the batch and others
// step by step.
func sequences() []operation {
	var all []operation
	for _, d := range []backend.LSTMDims{
		{Steps: 7, Batch: 35, Input: 9, Hidden: 66, Peepholes: true},
		{Steps: 2, Batch: 3, Input: 70, Hidden: 601},
		{Steps: 3, Batch: 33, Input: 70, Hidden: 260},
	} {
		name := fmt.Sprintf("%dx%dx%dx%d", d.Steps, d.Batch, d.Input, d.Hidden)
		all = append(all,
			operation{"LSTM/" + name, func(b *bench) func() {
				a := b.lstm(d)
				return func() {
					backend.LSTMForward(b.Backend, a.LSTMArgs)
					backend.LSTMBackward(b.Backend, a)
				}
			}},
			operation{"RNN/" + name, func(b *bench) func() {
				a := b.rnn(backend.RNNDims{Steps: d.Steps, Batch: d.Batch, Input: d.Input, Hidden: d.Hidden})
				return func() {
					backend.RNNForward(b.Backend, a.RNNArgs)
					backend.RNNBackward(b.Backend, a)
				}
			}},
			operation{"GRU/" + name, func(b *bench) func() {
				a := b.gru(backend.GRUDims{Steps: d.Steps, Batch: d.Batch, Input: d.Input, Hidden: d.Hidden})
				return func() {
					backend.GRUForward(b.Backend, a.GRUArgs)
					backend.GRUBackward(b.Backend, a)
				}
			}},
		)
	}
	return all
}

func (b *bench) lstm(d backend.LSTMDims) backend.LSTMGradArgs {
	rows, hidden := d.Steps*d.Batch, d.Hidden
	a := backend.LSTMGradArgs{
		LSTMArgs: backend.LSTMArgs{
			Batch: d.Batch,
			X:     b.Uniform(rows, d.Input),
			WIH:   b.weights(4*hidden, d.Input),
			WHH:   b.weights(4*hidden, hidden),
			BIH:   b.Uniform(1, 4*hidden),
			BHH:   b.Uniform(1, 4*hidden),
			H:     b.out(rows+d.Batch, hidden),
			C:     b.out(rows+d.Batch, hidden),
			Gates: b.out(rows, 4*hidden),
		},
		DY:     b.Uniform(rows, hidden),
		DHLast: b.Uniform(d.Batch, hidden),
		DCLast: b.Uniform(d.Batch, hidden),
		DZ:     b.out(rows, 4*hidden),
		DX:     b.out(rows, d.Input),
		DH0:    b.out(d.Batch, hidden),
		DC0:    b.out(d.Batch, hidden),
		DWIH:   b.out(4*hidden, d.Input),
		DWHH:   b.out(4*hidden, hidden),
		DBIH:   b.out(1, 4*hidden),
		DBHH:   b.out(1, 4*hidden),
	}
	if d.Peepholes {
		a.Peep, a.DPeep = b.Uniform(3, hidden), b.out(3, hidden)
	}
	a.Scratch = b.Zeros(1, backend.LSTMScratch(b.Backend, d))
	return a
}

func (b *bench) gru(d backend.GRUDims) backend.GRUGradArgs {
	rows, hidden := d.Steps*d.Batch, d.Hidden
	return backend.GRUGradArgs{
		GRUArgs: backend.GRUArgs{
			Batch:     d.Batch,
			X:         b.Uniform(rows, d.Input),
			WIH:       b.weights(3*hidden, d.Input),
			WHH:       b.weights(3*hidden, hidden),
			BIH:       b.Uniform(1, 3*hidden),
			BHH:       b.Uniform(1, 3*hidden),
			H:         b.out(rows+d.Batch, hidden),
			Gates:     b.out(rows, 3*hidden),
			Recurrent: b.out(rows, 3*hidden),
			Scratch:   b.Zeros(1, backend.GRUScratch(b.Backend, d)),
		},
		DY:     b.Uniform(rows, hidden),
		DHLast: b.Uniform(d.Batch, hidden),
		DV:     b.out(rows, 3*hidden),
		DU:     b.out(rows, 3*hidden),
		DX:     b.out(rows, d.Input),
		DH0:    b.out(d.Batch, hidden),
		DWIH:   b.out(3*hidden, d.Input),
		DWHH:   b.out(3*hidden, hidden),
		DBIH:   b.out(1, 3*hidden),
		DBHH:   b.out(1, 3*hidden),
	}
}

// lstm1997Cell returns a step of memory blocks with forget gates and peepholes.
func (b *bench) lstm1997Cell(batch, blocks, cells, sources int) backend.LSTM1997CellGradArgs {
	states := blocks * cells
	units := 3*blocks + states
	return backend.LSTM1997CellGradArgs{
		LSTM1997CellArgs: backend.LSTM1997CellArgs{
			Blocks: blocks, G: backend.SquashInput(), H: backend.SquashOutput(),
			Gates: b.out(batch, units), SPrev: b.Uniform(batch, states), Peep: b.Uniform(3, states),
			S: b.out(batch, states), Y: b.out(batch, states),
		},
		Source: b.Uniform(batch, sources), DY: b.Uniform(batch, states),
		PIn: b.out(batch*states, sources+cells), PForget: b.out(batch*states, sources+cells), PCell: b.out(batch*states, sources),
		DW: b.out(units, sources), DPeep: b.out(3, states),
	}
}

func (b *bench) rnn(d backend.RNNDims) backend.RNNGradArgs {
	rows, hidden := d.Steps*d.Batch, d.Hidden
	return backend.RNNGradArgs{
		RNNArgs: backend.RNNArgs{
			Batch:   d.Batch,
			X:       b.Uniform(rows, d.Input),
			WIH:     b.weights(hidden, d.Input),
			WHH:     b.weights(hidden, hidden),
			BIH:     b.Uniform(1, hidden),
			BHH:     b.Uniform(1, hidden),
			H:       b.out(rows+d.Batch, hidden),
			Scratch: b.Zeros(1, backend.RNNScratch(b.Backend, d)),
		},
		DY:     b.Uniform(rows, hidden),
		DHLast: b.Uniform(d.Batch, hidden),
		DZ:     b.out(rows, hidden),
		DX:     b.out(rows, d.Input),
		DH0:    b.out(d.Batch, hidden),
		DWIH:   b.out(hidden, d.Input),
		DWHH:   b.out(hidden, hidden),
		DBIH:   b.out(1, hidden),
		DBHH:   b.out(1, hidden),
	}
}

// weights returns a tensor so small that a product with it does not grow.
func (b *bench) weights(rows, cols int) backend.Tensor {
	x := b.Uniform(rows, cols)
	b.Scale(x, 1/float64(cols), x)
	return x
}

// square returns the second moments of an optimizer.
func (b *bench) square(rows, cols int) backend.Tensor {
	x := b.out(rows, cols)
	b.Mul(x, x, x)
	return x
}
