package backendtest

import "gputrain/backend"

// flushing flushes subnormal results to zero, as a GPU does whose kernels are
// compiled with -ftz=true.
type flushing struct{ backend.Backend }

// flushed is what must find it.
var flushed = []string{
	"Fill", "Copy", "CopyCols", "Add", "Sub", "Mul", "AddMul", "Scale", "AddScaled", "AddRow", "MulRow", "MulCol", "Dropout",
	"Sigmoid", "SigmoidGrad", "Tanh", "TanhGrad", "ReLU", "ReLUGrad", "Softmax", "SoftmaxGrad", "LayerNormGrad",
	"Gemm", "SumRows", "GatherRows", "ScatterAddRows", "SoftmaxCrossEntropy", "SquaredError", "SGD", "RMSProp", "Adam", "ClipNorm",
}

func brokenSubnormal() (controls []control) {
	for _, check := range flushed {
		controls = append(controls, control{check: check, name: "subnormal results flushed", mistake: broken[flushing]})
	}
	for _, check := range []string{"Mul", "MulRow", "MulCol", "AddMul", "AddScaled", "ReLUGrad", "LayerNorm", "Gemm"} {
		controls = append(controls, control{check: check, name: "subnormal operands flushed", mistake: broken[flushingOperands]})
	}
	return controls
}

func flushNumber(_ int, v float32) float32 {
	if -smallestNormal < v && v < smallestNormal {
		return 0
	}
	return v
}

// flush flushes those of the tensors that are present.
func flush(b backend.Backend, outputs ...backend.Tensor) {
	for _, t := range outputs {
		if t.Present() {
			each(b, t, flushNumber)
		}
	}
}

func (b flushing) Fill(dst backend.Tensor, value float64) { b.Backend.Fill(dst, value); flush(b, dst) }
func (b flushing) Copy(dst, x backend.Tensor)             { b.Backend.Copy(dst, x); flush(b, dst) }
func (b flushing) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	b.Backend.CopyCols(dst, dstCol, x, xCol, cols)
	flush(b, dst)
}
func (b flushing) Add(dst, x, y backend.Tensor)    { b.Backend.Add(dst, x, y); flush(b, dst) }
func (b flushing) Sub(dst, x, y backend.Tensor)    { b.Backend.Sub(dst, x, y); flush(b, dst) }
func (b flushing) Mul(dst, x, y backend.Tensor)    { b.Backend.Mul(dst, x, y); flush(b, dst) }
func (b flushing) AddMul(dst, x, y backend.Tensor) { b.Backend.AddMul(dst, x, y); flush(b, dst) }
func (b flushing) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	b.Backend.Scale(dst, alpha, x)
	flush(b, dst)
}
func (b flushing) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	b.Backend.AddScaled(dst, alpha, x)
	flush(b, dst)
}
func (b flushing) AddRow(dst, x, row backend.Tensor) { b.Backend.AddRow(dst, x, row); flush(b, dst) }
func (b flushing) MulRow(dst, x, row backend.Tensor) { b.Backend.MulRow(dst, x, row); flush(b, dst) }
func (b flushing) MulCol(dst, x, col backend.Tensor) { b.Backend.MulCol(dst, x, col); flush(b, dst) }
func (b flushing) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.Backend.Dropout(dst, x, rate, seed, offset)
	flush(b, dst)
}

func (b flushing) Sigmoid(y, x backend.Tensor) { b.Backend.Sigmoid(y, x); flush(b, y) }
func (b flushing) SigmoidGrad(dx, y, dy backend.Tensor) {
	b.Backend.SigmoidGrad(dx, y, dy)
	flush(b, dx)
}
func (b flushing) Tanh(y, x backend.Tensor)          { b.Backend.Tanh(y, x); flush(b, y) }
func (b flushing) TanhGrad(dx, y, dy backend.Tensor) { b.Backend.TanhGrad(dx, y, dy); flush(b, dx) }
func (b flushing) ReLU(y, x backend.Tensor)          { b.Backend.ReLU(y, x); flush(b, y) }
func (b flushing) ReLUGrad(dx, y, dy backend.Tensor) { b.Backend.ReLUGrad(dx, y, dy); flush(b, dx) }
func (b flushing) Softmax(y, x backend.Tensor)       { b.Backend.Softmax(y, x); flush(b, y) }
func (b flushing) SoftmaxGrad(dx, y, dy backend.Tensor) {
	b.Backend.SoftmaxGrad(dx, y, dy)
	flush(b, dx)
}
func (b flushing) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	b.Backend.LayerNormGrad(dx, y, rstd, dy)
	flush(b, dx)
}

func (b flushing) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, x, y backend.Tensor, beta float64) {
	b.Backend.Gemm(dst, transA, transB, alpha, x, y, beta)
	flush(b, dst)
}
func (b flushing) SumRows(dst, x backend.Tensor, beta float64) {
	b.Backend.SumRows(dst, x, beta)
	flush(b, dst)
}
func (b flushing) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	b.Backend.GatherRows(dst, x, ids)
	flush(b, dst)
}
func (b flushing) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	b.Backend.ScatterAddRows(dst, x, ids)
	flush(b, dst)
}

func (b flushing) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	b.Backend.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	flush(b, dlogits)
}
func (b flushing) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	b.Backend.SquaredError(loss, dy, y, target, scale)
	flush(b, dy)
}

func (b flushing) SGD(a backend.SGDArgs)         { b.Backend.SGD(a); flush(b, a.Param) }
func (b flushing) RMSProp(a backend.RMSPropArgs) { b.Backend.RMSProp(a); flush(b, a.Square) }
func (b flushing) Adam(a backend.AdamArgs)       { b.Backend.Adam(a); flush(b, a.Mean) }
func (b flushing) ClipNorm(x, norm backend.Tensor, limit float64) {
	b.Backend.ClipNorm(x, norm, limit)
	flush(b, x)
}

// flushingOperands takes subnormal operands for zero.
type flushingOperands struct{ backend.Backend }

// normal returns a copy of t without subnormal numbers.
func (b flushingOperands) normal(t backend.Tensor) backend.Tensor {
	t = clone(b, t)
	flush(b, t)
	return t
}

func (b flushingOperands) Mul(dst, x, y backend.Tensor)      { b.Backend.Mul(dst, b.normal(x), y) }
func (b flushingOperands) MulRow(dst, x, row backend.Tensor) { b.Backend.MulRow(dst, x, b.normal(row)) }
func (b flushingOperands) MulCol(dst, x, col backend.Tensor) { b.Backend.MulCol(dst, x, b.normal(col)) }
func (b flushingOperands) AddMul(dst, x, y backend.Tensor)   { b.Backend.AddMul(dst, b.normal(x), y) }
func (b flushingOperands) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	b.Backend.AddScaled(dst, alpha, b.normal(x))
}
func (b flushingOperands) ReLUGrad(dx, y, dy backend.Tensor) { b.Backend.ReLUGrad(dx, b.normal(y), dy) }
func (b flushingOperands) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	b.Backend.LayerNorm(y, rstd, b.normal(x), epsilon)
}
func (b flushingOperands) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, x, y backend.Tensor, beta float64) {
	b.Backend.Gemm(dst, transA, transB, alpha, b.normal(x), y, beta)
}
