package backendtest

import "gputrain/backend"

// flushing flushes subnormal results to zero, as a GPU does whose kernels are
// compiled with -ftz=true.
type flushing mistake

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

func (b flushing) Fill(dst backend.Tensor, value float64) {
	b.sound.Fill(dst, value)
	flush(b.sound, dst)
}
func (b flushing) Copy(dst, x backend.Tensor) { b.sound.Copy(dst, x); flush(b.sound, dst) }
func (b flushing) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	b.sound.CopyCols(dst, dstCol, x, xCol, cols)
	flush(b.sound, dst)
}
func (b flushing) Add(dst, x, y backend.Tensor)    { b.sound.Add(dst, x, y); flush(b.sound, dst) }
func (b flushing) Sub(dst, x, y backend.Tensor)    { b.sound.Sub(dst, x, y); flush(b.sound, dst) }
func (b flushing) Mul(dst, x, y backend.Tensor)    { b.sound.Mul(dst, x, y); flush(b.sound, dst) }
func (b flushing) AddMul(dst, x, y backend.Tensor) { b.sound.AddMul(dst, x, y); flush(b.sound, dst) }
func (b flushing) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	b.sound.Scale(dst, alpha, x)
	flush(b.sound, dst)
}
func (b flushing) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	b.sound.AddScaled(dst, alpha, x)
	flush(b.sound, dst)
}
func (b flushing) AddRow(dst, x, row backend.Tensor) {
	b.sound.AddRow(dst, x, row)
	flush(b.sound, dst)
}
func (b flushing) MulRow(dst, x, row backend.Tensor) {
	b.sound.MulRow(dst, x, row)
	flush(b.sound, dst)
}
func (b flushing) MulCol(dst, x, col backend.Tensor) {
	b.sound.MulCol(dst, x, col)
	flush(b.sound, dst)
}
func (b flushing) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.sound.Dropout(dst, x, rate, seed, offset)
	flush(b.sound, dst)
}

func (b flushing) Sigmoid(y, x backend.Tensor) { b.sound.Sigmoid(y, x); flush(b.sound, y) }
func (b flushing) SigmoidGrad(dx, y, dy backend.Tensor) {
	b.sound.SigmoidGrad(dx, y, dy)
	flush(b.sound, dx)
}
func (b flushing) Tanh(y, x backend.Tensor)          { b.sound.Tanh(y, x); flush(b.sound, y) }
func (b flushing) TanhGrad(dx, y, dy backend.Tensor) { b.sound.TanhGrad(dx, y, dy); flush(b.sound, dx) }
func (b flushing) ReLU(y, x backend.Tensor)          { b.sound.ReLU(y, x); flush(b.sound, y) }
func (b flushing) ReLUGrad(dx, y, dy backend.Tensor) { b.sound.ReLUGrad(dx, y, dy); flush(b.sound, dx) }
func (b flushing) Softmax(y, x backend.Tensor)       { b.sound.Softmax(y, x); flush(b.sound, y) }
func (b flushing) SoftmaxGrad(dx, y, dy backend.Tensor) {
	b.sound.SoftmaxGrad(dx, y, dy)
	flush(b.sound, dx)
}
func (b flushing) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	b.sound.LayerNormGrad(dx, y, rstd, dy)
	flush(b.sound, dx)
}

func (b flushing) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, x, y backend.Tensor, beta float64) {
	b.sound.Gemm(dst, transA, transB, alpha, x, y, beta)
	flush(b.sound, dst)
}
func (b flushing) SumRows(dst, x backend.Tensor, beta float64) {
	b.sound.SumRows(dst, x, beta)
	flush(b.sound, dst)
}
func (b flushing) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	b.sound.GatherRows(dst, x, ids)
	flush(b.sound, dst)
}
func (b flushing) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	b.sound.ScatterAddRows(dst, x, ids)
	flush(b.sound, dst)
}

func (b flushing) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	flush(b.sound, dlogits)
}
func (b flushing) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	b.sound.SquaredError(loss, dy, y, target, scale)
	flush(b.sound, dy)
}

func (b flushing) SGD(a backend.SGDArgs)         { b.sound.SGD(a); flush(b.sound, a.Param) }
func (b flushing) RMSProp(a backend.RMSPropArgs) { b.sound.RMSProp(a); flush(b.sound, a.Square) }
func (b flushing) Adam(a backend.AdamArgs)       { b.sound.Adam(a); flush(b.sound, a.Mean) }
func (b flushing) ClipNorm(x, norm backend.Tensor, limit float64) {
	b.sound.ClipNorm(x, norm, limit)
	flush(b.sound, x)
}

// flushingOperands takes subnormal operands for zero.
type flushingOperands mistake

// normal returns a copy of t without subnormal numbers.
func (b flushingOperands) normal(t backend.Tensor) backend.Tensor {
	t = clone(b.sound, t)
	flush(b.sound, t)
	return t
}

func (b flushingOperands) Mul(dst, x, y backend.Tensor)      { b.sound.Mul(dst, b.normal(x), y) }
func (b flushingOperands) MulRow(dst, x, row backend.Tensor) { b.sound.MulRow(dst, x, b.normal(row)) }
func (b flushingOperands) MulCol(dst, x, col backend.Tensor) { b.sound.MulCol(dst, x, b.normal(col)) }
func (b flushingOperands) AddMul(dst, x, y backend.Tensor)   { b.sound.AddMul(dst, b.normal(x), y) }
func (b flushingOperands) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	b.sound.AddScaled(dst, alpha, b.normal(x))
}
func (b flushingOperands) ReLUGrad(dx, y, dy backend.Tensor) { b.sound.ReLUGrad(dx, b.normal(y), dy) }
func (b flushingOperands) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	b.sound.LayerNorm(y, rstd, b.normal(x), epsilon)
}
func (b flushingOperands) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, x, y backend.Tensor, beta float64) {
	b.sound.Gemm(dst, transA, transB, alpha, b.normal(x), y, beta)
}
