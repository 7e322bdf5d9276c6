package backendtest

import (
	"fmt"
	"strings"

	"gputrain/backend"
)

// mistake is the sound backend that a type with a mistake alters. Such a type is
//
//	type sigmoidOfHalf mistake
//
// with the methods that have the mistake, and no others; one with state is a struct that
// has the sound backend in such a field.
type mistake struct{ sound backend.Backend }

// broken makes a backend of the sound one and the type M with a mistake.
func broken[M ~struct{ sound backend.Backend }](sound backend.Backend) backend.Backend {
	return altered{sound, M{sound}}
}

// altered is a backend but for the methods that its mistake has. If the types with a
// mistake embedded the backend instead, the compiler would make all methods for each of
// them, which took it longer than the tests run.
type altered struct {
	backend.Backend
	mistake any
}

// typeOfMistake names the type that b has its mistake from.
func typeOfMistake(b backend.Backend) string {
	var mistake any = b
	if m, ok := b.(altered); ok {
		mistake = m.mistake
	}
	name := fmt.Sprintf("%T", mistake)
	return name[strings.LastIndex(name, ".")+1:]
}

// op returns what has the method in question: the mistake, or else the sound backend.
func op[Method any](m altered) Method {
	if method, ok := m.mistake.(Method); ok {
		return method
	}
	return m.Backend.(Method)
}

type (
	tensor = backend.Tensor
	ints   = backend.Ints
)

func (m altered) Download(dst []float32, src tensor) error {
	return op[interface {
		Download(dst []float32, src tensor) error
	}](m).Download(dst, src)
}

func (m altered) DownloadInts(dst []int32, src ints) error {
	return op[interface {
		DownloadInts(dst []int32, src ints) error
	}](m).DownloadInts(dst, src)
}

func (m altered) Free(buf backend.Buffer) {
	op[interface{ Free(buf backend.Buffer) }](m).Free(buf)
}

func (m altered) New(rows, cols int) (tensor, error) {
	return op[interface {
		New(rows, cols int) (tensor, error)
	}](m).New(rows, cols)
}

func (m altered) NewInts(n int) (ints, error) {
	return op[interface{ NewInts(n int) (ints, error) }](m).NewInts(n)
}

func (m altered) Upload(dst tensor, src []float32) {
	op[interface {
		Upload(dst tensor, src []float32)
	}](m).Upload(dst, src)
}

func (m altered) UploadInts(dst ints, src []int32) {
	op[interface{ UploadInts(dst ints, src []int32) }](m).UploadInts(dst, src)
}

func (m altered) Add(dst, a, b tensor) {
	op[interface{ Add(dst, a, b tensor) }](m).Add(dst, a, b)
}

func (m altered) AddMul(dst, a, b tensor) {
	op[interface{ AddMul(dst, a, b tensor) }](m).AddMul(dst, a, b)
}

func (m altered) AddRow(dst, x, row tensor) {
	op[interface{ AddRow(dst, x, row tensor) }](m).AddRow(dst, x, row)
}

func (m altered) AddScaled(dst tensor, alpha float64, x tensor) {
	op[interface {
		AddScaled(dst tensor, alpha float64, x tensor)
	}](m).AddScaled(dst, alpha, x)
}

func (m altered) Copy(dst, x tensor) {
	op[interface{ Copy(dst, x tensor) }](m).Copy(dst, x)
}

func (m altered) CopyCols(dst tensor, dstCol int, x tensor, xCol, cols int) {
	op[interface {
		CopyCols(dst tensor, dstCol int, x tensor, xCol, cols int)
	}](m).CopyCols(dst, dstCol, x, xCol, cols)
}

func (m altered) Dropout(dst, x tensor, rate float64, seed, offset uint64) {
	op[interface {
		Dropout(dst, x tensor, rate float64, seed, offset uint64)
	}](m).Dropout(dst, x, rate, seed, offset)
}

func (m altered) Fill(dst tensor, value float64) {
	op[interface {
		Fill(dst tensor, value float64)
	}](m).Fill(dst, value)
}

func (m altered) Mul(dst, a, b tensor) {
	op[interface{ Mul(dst, a, b tensor) }](m).Mul(dst, a, b)
}

func (m altered) MulCol(dst, x, col tensor) {
	op[interface{ MulCol(dst, x, col tensor) }](m).MulCol(dst, x, col)
}

func (m altered) MulRow(dst, x, row tensor) {
	op[interface{ MulRow(dst, x, row tensor) }](m).MulRow(dst, x, row)
}

func (m altered) Scale(dst tensor, alpha float64, x tensor) {
	op[interface {
		Scale(dst tensor, alpha float64, x tensor)
	}](m).Scale(dst, alpha, x)
}

func (m altered) Sub(dst, a, b tensor) {
	op[interface{ Sub(dst, a, b tensor) }](m).Sub(dst, a, b)
}

func (m altered) LayerNorm(y, rstd, x tensor, epsilon float64) {
	op[interface {
		LayerNorm(y, rstd, x tensor, epsilon float64)
	}](m).LayerNorm(y, rstd, x, epsilon)
}

func (m altered) LayerNormGrad(dx, y, rstd, dy tensor) {
	op[interface{ LayerNormGrad(dx, y, rstd, dy tensor) }](m).LayerNormGrad(dx, y, rstd, dy)
}

func (m altered) ReLU(y, x tensor) {
	op[interface{ ReLU(y, x tensor) }](m).ReLU(y, x)
}

func (m altered) ReLUGrad(dx, y, dy tensor) {
	op[interface{ ReLUGrad(dx, y, dy tensor) }](m).ReLUGrad(dx, y, dy)
}

func (m altered) Sigmoid(y, x tensor) {
	op[interface{ Sigmoid(y, x tensor) }](m).Sigmoid(y, x)
}

func (m altered) SigmoidGrad(dx, y, dy tensor) {
	op[interface{ SigmoidGrad(dx, y, dy tensor) }](m).SigmoidGrad(dx, y, dy)
}

func (m altered) Softmax(y, x tensor) {
	op[interface{ Softmax(y, x tensor) }](m).Softmax(y, x)
}

func (m altered) SoftmaxGrad(dx, y, dy tensor) {
	op[interface{ SoftmaxGrad(dx, y, dy tensor) }](m).SoftmaxGrad(dx, y, dy)
}

func (m altered) Tanh(y, x tensor) {
	op[interface{ Tanh(y, x tensor) }](m).Tanh(y, x)
}

func (m altered) TanhGrad(dx, y, dy tensor) {
	op[interface{ TanhGrad(dx, y, dy tensor) }](m).TanhGrad(dx, y, dy)
}

func (m altered) ArgMaxRows(dst ints, x tensor) {
	op[interface{ ArgMaxRows(dst ints, x tensor) }](m).ArgMaxRows(dst, x)
}

func (m altered) GatherRows(dst, x tensor, ids ints) {
	op[interface{ GatherRows(dst, x tensor, ids ints) }](m).GatherRows(dst, x, ids)
}

func (m altered) Gemm(dst tensor, transA, transB backend.Transpose, alpha float64, a, b tensor, beta float64) {
	op[interface {
		Gemm(dst tensor, transA, transB backend.Transpose, alpha float64, a, b tensor, beta float64)
	}](m).Gemm(dst, transA, transB, alpha, a, b, beta)
}

func (m altered) ScatterAddRows(dst, x tensor, ids ints) {
	op[interface{ ScatterAddRows(dst, x tensor, ids ints) }](m).ScatterAddRows(dst, x, ids)
}

func (m altered) SumRows(dst, x tensor, beta float64) {
	op[interface {
		SumRows(dst, x tensor, beta float64)
	}](m).SumRows(dst, x, beta)
}

func (m altered) SoftmaxCrossEntropy(loss, dlogits, logits tensor, labels ints, scale float64) {
	op[interface {
		SoftmaxCrossEntropy(loss, dlogits, logits tensor, labels ints, scale float64)
	}](m).SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
}

func (m altered) SquaredError(loss, dy, y, target tensor, scale float64) {
	op[interface {
		SquaredError(loss, dy, y, target tensor, scale float64)
	}](m).SquaredError(loss, dy, y, target, scale)
}

func (m altered) Adam(a backend.AdamArgs) {
	op[interface{ Adam(a backend.AdamArgs) }](m).Adam(a)
}

func (m altered) ClipNorm(x, norm tensor, limit float64) {
	op[interface {
		ClipNorm(x, norm tensor, limit float64)
	}](m).ClipNorm(x, norm, limit)
}

func (m altered) RMSProp(a backend.RMSPropArgs) {
	op[interface{ RMSProp(a backend.RMSPropArgs) }](m).RMSProp(a)
}

func (m altered) SGD(a backend.SGDArgs) {
	op[interface{ SGD(a backend.SGDArgs) }](m).SGD(a)
}

func (m altered) LSTM1997Cell(a backend.LSTM1997CellArgs) {
	op[interface {
		LSTM1997Cell(a backend.LSTM1997CellArgs)
	}](m).LSTM1997Cell(a)
}

func (m altered) LSTM1997CellGrad(a backend.LSTM1997CellGradArgs) {
	op[interface {
		LSTM1997CellGrad(a backend.LSTM1997CellGradArgs)
	}](m).LSTM1997CellGrad(a)
}

func (m altered) Close() error {
	return op[interface{ Close() error }](m).Close()
}

func (m altered) Err() error {
	return op[interface{ Err() error }](m).Err()
}

func (m altered) Name() string {
	return op[interface{ Name() string }](m).Name()
}

func (m altered) Sync() error {
	return op[interface{ Sync() error }](m).Sync()
}
