package train

import "gputrain/backend"

// A watch runs each operation on the backend below and looks at the result.

func (w *watch) runMap(op string, run func(dst, x backend.Tensor), dst, x backend.Tensor) {
	run(dst, x)
	w.look(op, dst, x)
}

func (w *watch) runZip(op string, run func(dst, a, b backend.Tensor), dst, a, b backend.Tensor) {
	run(dst, a, b)
	w.look(op, dst, a, b)
}

func (w *watch) Fill(dst backend.Tensor, value float64) {
	w.Backend.Fill(dst, value)
	w.look("Fill", dst)
}

func (w *watch) Copy(dst, x backend.Tensor) { w.runMap("Copy", w.Backend.Copy, dst, x) }

func (w *watch) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	w.Backend.CopyCols(dst, dstCol, x, xCol, cols)
	w.look("CopyCols", dst, x)
}

func (w *watch) Add(dst, a, b backend.Tensor) { w.runZip("Add", w.Backend.Add, dst, a, b) }

func (w *watch) Sub(dst, a, b backend.Tensor) { w.runZip("Sub", w.Backend.Sub, dst, a, b) }

func (w *watch) Mul(dst, a, b backend.Tensor) { w.runZip("Mul", w.Backend.Mul, dst, a, b) }

func (w *watch) AddMul(dst, a, b backend.Tensor) { w.runZip("AddMul", w.Backend.AddMul, dst, a, b) }

func (w *watch) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	w.Backend.Scale(dst, alpha, x)
	w.look("Scale", dst, x)
}

func (w *watch) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	w.Backend.AddScaled(dst, alpha, x)
	w.look("AddScaled", dst, x)
}

func (w *watch) AddRow(dst, x, row backend.Tensor) {
	w.Backend.AddRow(dst, x, row)
	w.look("AddRow", dst, x)
}

func (w *watch) MulRow(dst, x, row backend.Tensor) {
	w.Backend.MulRow(dst, x, row)
	w.look("MulRow", dst, x)
}

func (w *watch) MulCol(dst, x, col backend.Tensor) {
	w.Backend.MulCol(dst, x, col)
	w.look("MulCol", dst, x)
}

func (w *watch) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	w.Backend.Dropout(dst, x, rate, seed, offset)
	w.look("Dropout", dst, x)
}

func (w *watch) Sigmoid(y, x backend.Tensor) { w.runMap("Sigmoid", w.Backend.Sigmoid, y, x) }

func (w *watch) SigmoidGrad(dx, y, dy backend.Tensor) {
	w.runZip("SigmoidGrad", w.Backend.SigmoidGrad, dx, y, dy)
}

func (w *watch) Tanh(y, x backend.Tensor) { w.runMap("Tanh", w.Backend.Tanh, y, x) }

func (w *watch) TanhGrad(dx, y, dy backend.Tensor) {
	w.runZip("TanhGrad", w.Backend.TanhGrad, dx, y, dy)
}

func (w *watch) ReLU(y, x backend.Tensor) { w.runMap("ReLU", w.Backend.ReLU, y, x) }

func (w *watch) ReLUGrad(dx, y, dy backend.Tensor) {
	w.runZip("ReLUGrad", w.Backend.ReLUGrad, dx, y, dy)
}

func (w *watch) Softmax(y, x backend.Tensor) { w.runMap("Softmax", w.Backend.Softmax, y, x) }

func (w *watch) SoftmaxGrad(dx, y, dy backend.Tensor) {
	w.runZip("SoftmaxGrad", w.Backend.SoftmaxGrad, dx, y, dy)
}

func (w *watch) LayerNorm(y, rstd, x backend.Tensor, epsilon float64) {
	w.Backend.LayerNorm(y, rstd, x, epsilon)
	w.look("LayerNorm", y, x)
}

func (w *watch) LayerNormGrad(dx, y, rstd, dy backend.Tensor) {
	w.Backend.LayerNormGrad(dx, y, rstd, dy)
	w.look("LayerNormGrad", dx, y, dy)
}

func (w *watch) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, a, b backend.Tensor, beta float64) {
	w.Backend.Gemm(dst, transA, transB, alpha, a, b, beta)
	w.look("Gemm", dst, a, b)
}

func (w *watch) SumRows(dst, x backend.Tensor, beta float64) {
	w.Backend.SumRows(dst, x, beta)
	w.look("SumRows", dst, x)
}

func (w *watch) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	w.Backend.GatherRows(dst, x, ids)
	w.look("GatherRows", dst, x)
}

func (w *watch) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	w.Backend.ScatterAddRows(dst, x, ids)
	w.look("ScatterAddRows", dst, x)
}

func (w *watch) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	w.Backend.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
	w.look("SoftmaxCrossEntropy", loss)
}

func (w *watch) SquaredError(loss, dy, y, target backend.Tensor, scale float64) {
	w.Backend.SquaredError(loss, dy, y, target, scale)
	w.look("SquaredError", loss)
}

func (w *watch) SGD(a backend.SGDArgs) {
	w.Backend.SGD(a)
	w.look("SGD", a.Param)
}

func (w *watch) RMSProp(a backend.RMSPropArgs) {
	w.Backend.RMSProp(a)
	w.look("RMSProp", a.Param)
}

func (w *watch) Adam(a backend.AdamArgs) {
	w.Backend.Adam(a)
	w.look("Adam", a.Param)
}

func (w *watch) ClipNorm(x, norm backend.Tensor, limit float64) {
	w.Backend.ClipNorm(x, norm, limit)
	w.look("ClipNorm", norm)
}

func (w *watch) LSTM1997Cell(a backend.LSTM1997CellArgs) {
	w.Backend.LSTM1997Cell(a)
	w.look("LSTM1997Cell", a.Y, a.Gates)
}

func (w *watch) LSTM1997CellGrad(a backend.LSTM1997CellGradArgs) {
	w.Backend.LSTM1997CellGrad(a)
	w.look("LSTM1997CellGrad", a.DW, a.Source)
}
