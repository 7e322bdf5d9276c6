package backendtest

import (
	"fmt"
	"testing"

	"gputrain/backend"
)

// Benchmark measures the operations in which training spends its time, each as
// a sub-benchmark. The names are the same on all backends, so that benchstat
// compares them. Each reports a rate: GFLOP/s where arithmetic decides, GB/s,
// of memory read and written, where memory does, samples/s (sequences) for
// whole layers. The device is warm before, and done after, what is measured.
func Benchmark(b *testing.B, open Opener, opts ...Option) {
	o := newOptions(opts)
	for _, m := range measurements() {
		if m.largest > o.maxSize {
			continue
		}
		b.Run(m.name, func(b *testing.B) { m.on(b, open) })
	}
}

// measurement is one sub-benchmark.
type measurement struct {
	name    string
	largest int // dimension
	prepare func(b bench) (call func())
	amount  float64 // of the unit, that a call does
	unit    string
}

func measurements() []measurement {
	var all []measurement
	for _, s := range [][3]int{{512, 512, 512}, {1024, 1024, 1024}, {64, 2048, 512}, {1, 2048, 512}} {
		all = append(all, measureGemm(s[0], s[1], s[2], backend.NoTrans, backend.NoTrans))
	}
	all = append(all,
		measureGemm(64, 2048, 512, backend.NoTrans, backend.Trans), // a layer's forward pass
		measureGemm(2048, 512, 64, backend.Trans, backend.NoTrans)) // and the gradient of its weights
	for _, n := range []int{1 << 12, 1 << 20} {
		all = append(all, measureElementwise(n)...)
	}
	for _, d := range []dims{{8, 32, 8, 64}, {28, 128, 28, 128}, {100, 64, 128, 512}} {
		all = append(all, measureLSTM(d), measureRNN(d))
	}
	return all
}

// on runs the measurement on a backend of its own.
func (m measurement) on(b *testing.B, open Opener) {
	device, err := open()
	if err != nil {
		b.Fatalf("a backend cannot be opened: %v", err)
	}
	defer device.Close()
	call := m.prepare(bench{device, b})
	sync := func() {
		if err := device.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	call()
	sync()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N { // b.Loop stops the clock before the device is done
		call()
	}
	sync()
	b.ReportMetric(m.amount*float64(b.N)/b.Elapsed().Seconds(), m.unit)
}

// bench is a backend to measure.
type bench struct {
	backend.Backend
	t testing.TB
}

// random returns a tensor of numbers from [low, high).
func (b bench) random(rows, cols int, low, high float64) backend.Tensor {
	x, err := b.New(rows, cols)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Upload(x, newSource(1).uniform(x.Size(), low, high))
	return x
}

// place allocates operands with their content, zero where they have none.
func (b bench) place(operands []operand) tensors {
	x := tensors{}
	for _, o := range operands {
		t, err := b.New(o.rows, o.cols)
		if err != nil {
			b.t.Fatal(err)
		}
		content := make([]float32, t.Size())
		for k, bits := range o.content {
			content[k] = float32(number(o.integer, bits))
		}
		b.Upload(t, content)
		x[o.name] = t
	}
	return x
}

// Units are per second; those of arithmetic and memory count 10⁹.
const giga = 1e9

func measureGemm(m, n, k int, transA, transB backend.Transpose) measurement {
	g := gemm{transA, transB, m, n, k, 1, 0}
	name := fmt.Sprintf("Gemm/%dx%dx%d", m, n, k)
	if transA || transB {
		name += "/" + g.transposes()
	}
	return measurement{
		name: name, largest: max(m, n, k), amount: 2 * float64(m) * float64(n) * float64(k) / giga, unit: "GFLOP/s",
		prepare: func(b bench) func() {
			as, bs := g.sizes()
			dst, x, y := b.random(m, n, 0, 1), b.random(as.rows, as.cols, -1, 1), b.random(bs.rows, bs.cols, -1, 1)
			return func() { b.Gemm(dst, transA, transB, g.alpha, x, y, g.beta) }
		},
	}
}

// measureElementwise measures operations on n elements, in rows of 64, which
// memory limits on large tensors and the start of an operation on small ones.
func measureElementwise(n int) []measurement {
	const cols = 64
	of := func(name string, accesses int, call func(b bench, x [4]backend.Tensor)) measurement {
		return measurement{
			name: fmt.Sprintf("%s/%d", name, n), largest: n / cols,
			amount: 4 * float64(accesses) * float64(n) / giga, unit: "GB/s",
			prepare: func(b bench) func() {
				var x [4]backend.Tensor
				for i := range x {
					x[i] = b.random(n/cols, cols, 0, 1)
				}
				return func() { call(b, x) }
			},
		}
	}
	return []measurement{
		of("Copy", 2, func(b bench, x [4]backend.Tensor) { b.Copy(x[0], x[1]) }),
		of("Add", 3, func(b bench, x [4]backend.Tensor) { b.Add(x[0], x[1], x[2]) }),
		of("AddRow", 2, func(b bench, x [4]backend.Tensor) { b.AddRow(x[0], x[1], x[2].Slice(0, 1)) }),
		of("Sigmoid", 2, func(b bench, x [4]backend.Tensor) { b.Sigmoid(x[0], x[1]) }),
		of("Tanh", 2, func(b bench, x [4]backend.Tensor) { b.Tanh(x[0], x[1]) }),
		of("Softmax", 2, func(b bench, x [4]backend.Tensor) { b.Softmax(x[0], x[1]) }),
		of("Dropout", 2, func(b bench, x [4]backend.Tensor) { b.Dropout(x[0], x[1], 0.5, 1, 0) }),
		of("SumRows", 1, func(b bench, x [4]backend.Tensor) { b.SumRows(x[0].Slice(0, 1), x[1], 0) }),
		of("ClipNorm", 2, func(b bench, x [4]backend.Tensor) {
			b.ClipNorm(x[0], x[1].Slice(0, 1).Reshape(cols, 1).Slice(0, 1), 1e9)
		}),
		of("SGD", 5, func(b bench, x [4]backend.Tensor) {
			b.SGD(backend.SGDArgs{Param: x[0], Grad: x[1], Velocity: x[2], LR: 1e-3, Momentum: 0.9})
		}),
		of("Adam", 7, func(b bench, x [4]backend.Tensor) {
			b.Adam(backend.AdamArgs{Param: x[0], Grad: x[1], Mean: x[2], Square: x[3],
				LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Step: 1})
		}),
	}
}

// measureLSTM measures the forward and the backward pass of a layer.
func measureLSTM(d dims) measurement {
	return measureLayer("LSTM", d, func(b bench) func() {
		x := b.place(lstmBackwardTrial(b.Backend, whole, d, lstmContent(newSource(1), d), values{}).operands)
		forward, backward := lstmArgs(d.batch, x), lstmGradArgs(d.batch, x)
		return func() {
			backend.LSTMForward(b.Backend, forward)
			backend.LSTMBackward(b.Backend, backward)
		}
	})
}

// measureRNN measures the forward and the backward pass of a layer.
func measureRNN(d dims) measurement {
	return measureLayer("RNN", d, func(b bench) func() {
		tanh := nonlinearities[0]
		x := b.place(tanh.backward(b.Backend, whole, d, rnnContent(newSource(1), d), nil).operands)
		forward, backward := tanh.args(d.batch, x), tanh.gradArgs(d.batch, x)
		return func() {
			backend.RNNForward(b.Backend, forward)
			backend.RNNBackward(b.Backend, backward)
		}
	})
}

func measureLayer(name string, d dims, prepare func(b bench) func()) measurement {
	return measurement{
		name: name + "/" + d.String(), largest: max(d.steps, d.batch, d.input, d.hidden),
		amount: float64(d.batch), unit: "samples/s", prepare: prepare,
	}
}
