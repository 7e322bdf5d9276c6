package bench

import (
	"errors"

	"gputrain/backend"
	"gputrain/model"
)

// Flops returns the floating-point operations of the matrix products in a training step
// on a batch of shape in, two for each multiplication. The network itself says them: it
// makes a step on a backend that notes the products, and has neither memory nor
// arithmetic. What a time step of memory blocks of 1997 computes is no product.
func Flops(spec model.Spec, in model.Shape) (float64, error) {
	c := &counter{}
	net, err := model.New(c, spec, in, model.Options{})
	if err != nil {
		return 0, err
	}
	if net.IDs() > 0 {
		net.ForwardIDs(c.ints(in.Rows()*in.Width), in.Steps, model.Training)
	} else {
		if net.TakesColumnIDs() {
			net.SetColumnIDs(make([]float32, in.Rows()*in.Width))
		}
		net.Forward(c.tensor(in.Rows(), in.Width), in.Steps, model.Training)
	}
	out := net.Output()
	net.Backward(c.tensor(out.Rows(), out.Width))
	return c.flops, nil
}

// counter is the backend of Flops.
type counter struct{ flops float64 }

var _ backend.Backend = (*counter)(nil)

// Gemm counts 2·m·n·k.
func (c *counter) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, a, b backend.Tensor, beta float64) {
	m, n, k := backend.CheckGemm(c, dst, transA, transB, a, b)
	c.flops += 2 * float64(m) * float64(n) * float64(k)
}

func (c *counter) tensor(rows, cols int) backend.Tensor {
	return backend.Tensor{Buf: &backend.Allocation{Owner: c, Len: rows * cols}, Rows: rows, Cols: cols}
}

func (c *counter) ints(n int) backend.Ints {
	return backend.Ints{Buf: &backend.Allocation{Owner: c, Len: n, Integer: true}, N: n}
}

var errNoNumbers = errors.New("bench: a backend that counts has no numbers")

func (c *counter) New(rows, cols int) (backend.Tensor, error)             { return c.tensor(rows, cols), nil }
func (c *counter) NewInts(n int) (backend.Ints, error)                    { return c.ints(n), nil }
func (c *counter) Free(backend.Buffer)                                    {}
func (c *counter) Upload(backend.Tensor, []float32)                       {}
func (c *counter) UploadInts(backend.Ints, []int32)                       {}
func (c *counter) Download([]float32, backend.Tensor) error               { return errNoNumbers }
func (c *counter) DownloadInts([]int32, backend.Ints) error               { return errNoNumbers }
func (c *counter) Name() string                                           { return "counter" }
func (c *counter) Sync() error                                            { return nil }
func (c *counter) Err() error                                             { return nil }
func (c *counter) Close() error                                           { return nil }
func (c *counter) Fill(backend.Tensor, float64)                           {}
func (c *counter) Copy(_, _ backend.Tensor)                               {}
func (c *counter) CopyCols(backend.Tensor, int, backend.Tensor, int, int) {}
func (c *counter) Add(_, _, _ backend.Tensor)                             {}
func (c *counter) Sub(_, _, _ backend.Tensor)                             {}
func (c *counter) Mul(_, _, _ backend.Tensor)                             {}
func (c *counter) AddMul(_, _, _ backend.Tensor)                          {}
func (c *counter) Scale(backend.Tensor, float64, backend.Tensor)          {}
func (c *counter) AddScaled(backend.Tensor, float64, backend.Tensor)      {}
func (c *counter) AddRow(_, _, _ backend.Tensor)                          {}
func (c *counter) MulRow(_, _, _ backend.Tensor)                          {}
func (c *counter) MulCol(_, _, _ backend.Tensor)                          {}
func (c *counter) Dropout(_, _ backend.Tensor, _ float64, _, _ uint64)    {}
func (c *counter) Sigmoid(_, _ backend.Tensor)                            {}
func (c *counter) SigmoidGrad(_, _, _ backend.Tensor)                     {}
func (c *counter) Tanh(_, _ backend.Tensor)                               {}
func (c *counter) TanhGrad(_, _, _ backend.Tensor)                        {}
func (c *counter) ReLU(_, _ backend.Tensor)                               {}
func (c *counter) ReLUGrad(_, _, _ backend.Tensor)                        {}
func (c *counter) Softmax(_, _ backend.Tensor)                            {}
func (c *counter) SoftmaxGrad(_, _, _ backend.Tensor)                     {}
func (c *counter) LayerNorm(_, _, _ backend.Tensor, _ float64)            {}
func (c *counter) LayerNormGrad(_, _, _, _ backend.Tensor)                {}
func (c *counter) SumRows(_, _ backend.Tensor, _ float64)                 {}
func (c *counter) GatherRows(_, _ backend.Tensor, _ backend.Ints)         {}
func (c *counter) ScatterAddRows(_, _ backend.Tensor, _ backend.Ints)     {}
func (c *counter) ArgMaxRows(backend.Ints, backend.Tensor)                {}

func (c *counter) SoftmaxCrossEntropy(_, _, _ backend.Tensor, _ backend.Ints, _ float64) {}
func (c *counter) SquaredError(_, _, _, _ backend.Tensor, _ float64)                     {}
func (c *counter) SGD(backend.SGDArgs)                                                   {}
func (c *counter) RMSProp(backend.RMSPropArgs)                                           {}
func (c *counter) Adam(backend.AdamArgs)                                                 {}
func (c *counter) ClipNorm(_, _ backend.Tensor, _ float64)                               {}
func (c *counter) LSTM1997Cell(backend.LSTM1997CellArgs)                                 {}
func (c *counter) LSTM1997CellGrad(backend.LSTM1997CellGradArgs)                         {}
