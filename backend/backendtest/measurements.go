package backendtest

import (
	"fmt"

	"gputrain/backend"
)

func measurements() []Measurement {
	var all []Measurement
	for _, s := range [][3]int{{512, 512, 512}, {1024, 1024, 1024}, {64, 2048, 512}, {1, 2048, 512}} {
		all = append(all, MeasureGemm(s[0], s[1], s[2], backend.NoTrans, backend.NoTrans))
	}
	all = append(all,
		MeasureGemm(64, 2048, 512, backend.NoTrans, backend.Trans), // a layer's forward pass
		MeasureGemm(2048, 512, 64, backend.Trans, backend.NoTrans), // and the gradient of its weights
		MeasureGemm(4096, 4096, 4096, backend.NoTrans, backend.NoTrans))
	all = append(all, measureLaunch("Fill/1", func(_ backend.Backend, ops func()) { ops() }),
		measureLaunch("Fill/1/replayed", backend.Replay))
	for _, n := range []int{1 << 12, 1 << 20, 1 << 24} {
		all = append(all, measureElementwise(n)...)
	}
	for _, d := range []dims{{8, 32, 8, 64}, {28, 128, 28, 128}, {100, 64, 128, 512}} {
		all = append(all, measureLSTM(d), measureRNN(d))
	}
	for _, d := range []lstm1997Dims{
		{batch: 1, blocks: 2, cells: 2, sources: 17},
		{batch: 64, blocks: 32, cells: 4, sources: 256, forget: true, peephole: true},
	} {
		all = append(all, measureLSTM1997Cell(d))
	}
	for _, d := range published {
		all = append(all, measureLSTMForward(d), measureLSTM(d))
	}
	return all
}

// published are layers for which there are published times of GPUs: Baidu's
// DeepBench, recurrent part only, for which the input is narrow here, and the
// longer one on which FlashRNN and Haste are compared.
var published = []dims{{25, 64, 32, 512}, {25, 64, 32, 1024}, {25, 128, 32, 2048}, {128, 16, 768, 768}}

// Units are per second; those of arithmetic and memory count 10⁹.
const giga = 1e9

// MeasureGemm returns the measurement of dst = op(a)·op(b). op(a) is [m,k], op(b)
// [k,n].
func MeasureGemm(m, n, k int, transA, transB backend.Transpose) Measurement {
	g := gemm{transA, transB, m, n, k, 1, 0}
	name := fmt.Sprintf("Gemm/%dx%dx%d", m, n, k)
	if transA || transB {
		name += "/" + g.transposes()
	}
	return Measurement{
		Name: name, largest: max(m, n, k),
		work: []work{{2 * float64(m) * float64(n) * float64(k) / giga, "GFLOP/s"}},
		prepare: func(b *bench) func() {
			as, bs := g.sizes()
			dst, x, y := b.random(m, n, 0, 1), b.random(as.rows, as.cols, -1, 1), b.random(bs.rows, bs.cols, -1, 1)
			return func() { b.Gemm(dst, transA, transB, g.alpha, x, y, g.beta) }
		},
	}
}

// measureLaunch measures what it costs to start an operation: of a series of
// operations that do next to nothing, one after the other.
func measureLaunch(name string, queue func(b backend.Backend, ops func())) Measurement {
	const series = 100
	return Measurement{
		Name: name, largest: 1, parts: series, part: "op",
		prepare: func(b *bench) func() {
			x := b.tensor(1, 1)
			fills := func() {
				for range series {
					b.Fill(x, 1)
				}
			}
			return func() { queue(b.Backend, fills) }
		},
	}
}

// measureElementwise measures operations on n elements, in rows of 64, which
// memory limits on large tensors and the start of an operation on small ones.
func measureElementwise(n int) []Measurement {
	const cols = 64
	of := func(name string, accesses int, call func(b *bench, x [4]backend.Tensor)) Measurement {
		return Measurement{
			Name: fmt.Sprintf("%s/%d", name, n), largest: n / cols,
			work: []work{{4 * float64(accesses) * float64(n) / giga, "GB/s"}},
			prepare: func(b *bench) func() {
				var x [4]backend.Tensor
				for i := range x {
					x[i] = b.random(n/cols, cols, 0, 1)
				}
				return func() { call(b, x) }
			},
		}
	}
	return []Measurement{
		of("Copy", 2, func(b *bench, x [4]backend.Tensor) { b.Copy(x[0], x[1]) }),
		of("Add", 3, func(b *bench, x [4]backend.Tensor) { b.Add(x[0], x[1], x[2]) }),
		of("AddRow", 2, func(b *bench, x [4]backend.Tensor) { b.AddRow(x[0], x[1], x[2].Slice(0, 1)) }),
		of("Sigmoid", 2, func(b *bench, x [4]backend.Tensor) { b.Sigmoid(x[0], x[1]) }),
		of("Tanh", 2, func(b *bench, x [4]backend.Tensor) { b.Tanh(x[0], x[1]) }),
		of("Softmax", 2, func(b *bench, x [4]backend.Tensor) { b.Softmax(x[0], x[1]) }),
		of("LayerNorm", 2, func(b *bench, x [4]backend.Tensor) {
			b.LayerNorm(x[0], x[2].Reshape(n, 1).Slice(0, n/cols), x[1], 1e-5)
		}),
		of("Dropout", 2, func(b *bench, x [4]backend.Tensor) { b.Dropout(x[0], x[1], 0.5, 1, 0) }),
		of("SumRows", 1, func(b *bench, x [4]backend.Tensor) { b.SumRows(x[0].Slice(0, 1), x[1], 0) }),
		of("ClipNorm", 2, func(b *bench, x [4]backend.Tensor) {
			b.ClipNorm(x[0], x[1].Slice(0, 1).Reshape(cols, 1).Slice(0, 1), 1e9)
		}),
		of("SGD", 5, func(b *bench, x [4]backend.Tensor) {
			b.SGD(backend.SGDArgs{Param: x[0], Grad: x[1], Velocity: x[2], LR: 1e-3, Momentum: 0.9})
		}),
		of("Adam", 7, func(b *bench, x [4]backend.Tensor) {
			b.Adam(backend.AdamArgs{Param: x[0], Grad: x[1], Mean: x[2], Square: x[3],
				LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Step: 1})
		}),
	}
}

// lstmGates and rnnGates are the products per hidden unit of a layer.
const lstmGates, rnnGates = 4, 1

// measureLSTM measures the forward and the backward pass of a layer.
func measureLSTM(d dims) Measurement {
	return measureLayer("LSTM", d, 3*lstmGates, func(b *bench) func() {
		x := b.lstm(d)
		forward, backward := lstmArgs(d.batch, x), lstmGradArgs(d.batch, x)
		return func() {
			backend.LSTMForward(b.Backend, forward)
			backend.LSTMBackward(b.Backend, backward)
		}
	})
}

// measureLSTMForward measures the forward pass of a layer.
func measureLSTMForward(d dims) Measurement {
	return measureLayer("LSTMForward", d, lstmGates, func(b *bench) func() {
		forward := lstmArgs(d.batch, b.lstm(d))
		return func() { backend.LSTMForward(b.Backend, forward) }
	})
}

// lstm returns the operands of both passes.
func (b *bench) lstm(d dims) tensors {
	return b.place(lstmBackward(b.Backend, d, lstmContent(newSource(1), d), values{}, nil).operands)
}

// measureRNN measures the forward and the backward pass of a layer.
func measureRNN(d dims) Measurement {
	return measureLayer("RNN", d, 3*rnnGates, func(b *bench) func() {
		tanh := nonlinearities[0]
		x := b.place(tanh.backward(b.Backend, d, d.layerContent(newSource(1), rnnGates), values{}, nil).operands)
		forward, backward := tanh.args(d.batch, x), tanh.gradArgs(d.batch, x)
		return func() {
			backend.RNNForward(b.Backend, forward)
			backend.RNNBackward(b.Backend, backward)
		}
	})
}

// measureLSTM1997Cell measures a time step of memory blocks and of their
// gradient, without the product with the weights.
func measureLSTM1997Cell(d lstm1997Dims) Measurement {
	return Measurement{
		Name: "LSTM1997Cell/" + d.String(), largest: max(d.batch, d.blocks, d.cells, d.sources),
		work:  []work{{float64(d.batch), "samples/s"}},
		parts: 1, part: "step",
		prepare: func(b *bench) func() {
			g := newSource(1)
			number := func(n int) []float32 { return g.uniform(n, 0, 1) }
			x := b.place(lstm1997GradTrial("", d, squashes1997, d.gradContent(number, number), exact).operands)
			forward, grad := lstm1997Args(d, squashes1997, x), lstm1997GradArgs(d, squashes1997, x)
			return func() {
				b.LSTM1997Cell(forward)
				b.LSTM1997CellGrad(grad)
			}
		},
	}
}

// measureLayer measures passes that are queued as those of a training step are.
// products is how many there are of a row of the input, or hidden state, and a
// row of the weights, per hidden unit: a backward pass has two for each one of
// the forward pass.
func measureLayer(name string, d dims, products int, prepare func(b *bench) func()) Measurement {
	operations := 2 * float64(products) * float64(d.steps) * float64(d.batch) * float64(d.hidden) * float64(d.input+d.hidden)
	return Measurement{
		Name: name + "/" + d.String(), largest: max(d.steps, d.batch, d.input, d.hidden),
		work:  []work{{float64(d.batch), "samples/s"}, {operations / giga, "GFLOP/s"}},
		parts: d.steps, part: "step",
		prepare: func(b *bench) func() {
			passes := prepare(b)
			return func() { backend.Replay(b.Backend, passes) }
		},
	}
}
