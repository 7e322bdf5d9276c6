package backend

import "fmt"

// The Check functions of the operations that every backend has. See check.go.

// Memory

// CheckNew checks the arguments of New and returns the number of elements, or
// an error where it is beyond what any machine can address.
func CheckNew(rows, cols int) (int, error) {
	if rows < 0 || cols < 0 {
		panic(fmt.Sprintf("backend: New: size %dx%d", rows, cols))
	}
	const most = 1<<60 - 1 // elements; their bytes still fit an int64 twice over
	if cols > 0 && rows > most/cols {
		return 0, fmt.Errorf("backend: New: a tensor of %dx%d: %w", rows, cols, ErrOutOfMemory)
	}
	return rows * cols, nil
}

// CheckNewInts checks the argument of NewInts.
func CheckNewInts(n int) {
	if n < 0 {
		panic(fmt.Sprintf("backend: NewInts: size %d", n))
	}
}

// CheckFree checks the argument of Free.
func CheckFree(owner any, buf Buffer) {
	c := checker{owner, "Free"}
	if buf == nil {
		c.fail("buffer is absent")
	}
	c.buffer("buffer", buf, 0, 0, buf.Meta().Integer)
}

// CheckUpload checks the arguments of Upload.
func CheckUpload(owner any, dst Tensor, n int) {
	checkHost(checker{owner, "Upload"}, operand{"dst", dst}, "src", n)
}

// CheckDownload checks the arguments of Download.
func CheckDownload(owner any, n int, src Tensor) {
	checkHost(checker{owner, "Download"}, operand{"src", src}, "dst", n)
}

func checkHost(c checker, x operand, host string, n int) {
	c.tensor(x)
	if n != x.Size() {
		c.fail("%s is %v, %s has length %d", x.name, x.Tensor, host, n)
	}
}

// CheckUploadInts checks the arguments of UploadInts.
func CheckUploadInts(owner any, dst Ints, n int) {
	c := checker{owner, "UploadInts"}
	c.ints("dst", dst)
	if n != dst.N {
		c.fail("dst has %d elements, src has %d", dst.N, n)
	}
}

// CheckDownloadInts checks the arguments of DownloadInts.
func CheckDownloadInts(owner any, n int, src Ints) {
	c := checker{owner, "DownloadInts"}
	c.ints("src", src)
	if n != src.N {
		c.fail("src has %d elements, dst has %d", src.N, n)
	}
}

// Elementwise and Activation

// CheckFill checks the arguments of Fill.
func CheckFill(owner any, dst Tensor) {
	checker{owner, "Fill"}.tensor(operand{"dst", dst})
}

// CheckMap checks an elementwise operation op of one input: Copy, Scale,
// AddScaled, Sigmoid, Tanh, ReLU, Softmax.
func CheckMap(owner any, op string, dst, x Tensor) {
	c := checker{owner, op}
	c.same(operand{"dst", dst}, operand{"x", x})
	c.inPlace(operand{"dst", dst}, operand{"x", x})
}

// CheckZip checks an elementwise operation op of two inputs: Add, Sub, Mul,
// AddMul.
func CheckZip(owner any, op string, dst, a, b Tensor) {
	c := checker{owner, op}
	c.same(operand{"dst", dst}, operand{"a", a}, operand{"b", b})
	c.inPlace(operand{"dst", dst}, operand{"a", a}, operand{"b", b})
}

// CheckGrad checks the gradient op of an activation: SigmoidGrad, TanhGrad,
// ReLUGrad, SoftmaxGrad.
func CheckGrad(owner any, op string, dx, y, dy Tensor) {
	c := checker{owner, op}
	c.same(operand{"dx", dx}, operand{"y", y}, operand{"dy", dy})
	c.inPlace(operand{"dx", dx}, operand{"y", y}, operand{"dy", dy})
}

// CheckRow checks an operation op of a matrix and a row: AddRow, MulRow.
func CheckRow(owner any, op string, dst, x, row Tensor) {
	c := checker{owner, op}
	c.same(operand{"dst", dst}, operand{"x", x})
	c.shape(operand{"row", row}, 1, dst.Cols)
	c.inPlace(operand{"dst", dst}, operand{"x", x})
	c.apart(operand{"dst", dst}, operand{"row", row})
}

// CheckCol checks an operation op of a matrix and a column: MulCol.
func CheckCol(owner any, op string, dst, x, col Tensor) {
	c := checker{owner, op}
	c.same(operand{"dst", dst}, operand{"x", x})
	c.shape(operand{"col", col}, dst.Rows, 1)
	c.inPlace(operand{"dst", dst}, operand{"x", x})
	c.apart(operand{"dst", dst}, operand{"col", col})
}

// CheckLayerNorm checks the arguments of LayerNorm.
func CheckLayerNorm(owner any, y, rstd, x Tensor, epsilon float64) {
	c := checker{owner, "LayerNorm"}
	c.same(operand{"y", y}, operand{"x", x})
	c.shape(operand{"rstd", rstd}, y.Rows, 1)
	c.inPlace(operand{"y", y}, operand{"x", x})
	c.apart(operand{"rstd", rstd}, operand{"y", y}, operand{"x", x})
	if !(epsilon >= 0) {
		c.fail("epsilon is %v, want 0 or more", epsilon)
	}
}

// CheckLayerNormGrad checks the arguments of LayerNormGrad.
func CheckLayerNormGrad(owner any, dx, y, rstd, dy Tensor) {
	CheckGrad(owner, "LayerNormGrad", dx, y, dy)
	c := checker{owner, "LayerNormGrad"}
	c.shape(operand{"rstd", rstd}, dx.Rows, 1)
	c.apart(operand{"dx", dx}, operand{"rstd", rstd})
}

// CheckCopyCols checks the arguments of CopyCols.
func CheckCopyCols(owner any, dst Tensor, dstCol int, x Tensor, xCol, cols int) {
	c := checker{owner, "CopyCols"}
	c.tensor(operand{"dst", dst})
	c.tensor(operand{"x", x})
	if dst.Rows != x.Rows {
		c.fail("dst is %v, x is %v", dst, x)
	}
	if cols < 0 || dstCol < 0 || dstCol > dst.Cols-cols {
		c.fail("columns %d to %d of dst, which is %v", dstCol, dstCol+cols, dst)
	}
	if xCol < 0 || xCol > x.Cols-cols {
		c.fail("columns %d to %d of x, which is %v", xCol, xCol+cols, x)
	}
	c.apart(operand{"dst", dst}, operand{"x", x})
}

// CheckDropout checks the arguments of Dropout.
func CheckDropout(owner any, dst, x Tensor, rate float64) {
	CheckMap(owner, "Dropout", dst, x)
	if !(rate >= 0 && rate < 1) {
		checker{owner, "Dropout"}.fail("rate is %v, want 0 ≤ rate < 1", rate)
	}
}

// Linear

// CheckGemm checks the arguments of Gemm and returns m, n, k.
func CheckGemm(owner any, dst Tensor, transA, transB Transpose, a, b Tensor) (m, n, k int) {
	c := checker{owner, "Gemm"}
	c.tensor(operand{"dst", dst})
	c.tensor(operand{"a", a})
	c.tensor(operand{"b", b})
	m, k = a.Rows, a.Cols
	if transA {
		m, k = k, m
	}
	kb, n := b.Rows, b.Cols
	if transB {
		kb, n = n, kb
	}
	if k != kb {
		c.fail("a%s is %v, b%s is %v", transA.mark(), a, transB.mark(), b)
	}
	if dst.Rows != m || dst.Cols != n {
		c.fail("dst is %v, want %dx%d for a%s of %v, b%s of %v", dst, m, n, transA.mark(), a, transB.mark(), b)
	}
	c.apart(operand{"dst", dst}, operand{"a", a}, operand{"b", b})
	return m, n, k
}

func (t Transpose) mark() string {
	if t {
		return " (transposed)"
	}
	return ""
}

// CheckSumRows checks the arguments of SumRows.
func CheckSumRows(owner any, dst, x Tensor) {
	c := checker{owner, "SumRows"}
	c.tensor(operand{"x", x})
	c.shape(operand{"dst", dst}, 1, x.Cols)
	c.apart(operand{"dst", dst}, operand{"x", x})
}

// CheckGatherRows checks the arguments of GatherRows.
func CheckGatherRows(owner any, dst, x Tensor, ids Ints) {
	c := checker{owner, "GatherRows"}
	c.tensor(operand{"x", x})
	c.ints("ids", ids)
	c.shape(operand{"dst", dst}, ids.N, x.Cols)
	c.apart(operand{"dst", dst}, operand{"x", x})
}

// CheckScatterAddRows checks the arguments of ScatterAddRows.
func CheckScatterAddRows(owner any, dst, x Tensor, ids Ints) {
	c := checker{owner, "ScatterAddRows"}
	c.tensor(operand{"dst", dst})
	c.ints("ids", ids)
	c.shape(operand{"x", x}, ids.N, dst.Cols)
	c.apart(operand{"dst", dst}, operand{"x", x})
}

// CheckArgMaxRows checks the arguments of ArgMaxRows.
func CheckArgMaxRows(owner any, dst Ints, x Tensor) {
	c := checker{owner, "ArgMaxRows"}
	c.tensor(operand{"x", x})
	c.ints("dst", dst)
	if dst.N != x.Rows {
		c.fail("x is %v, dst has %d elements", x, dst.N)
	}
	if x.Rows > 0 && x.Cols == 0 {
		c.fail("x is %v: no columns", x)
	}
}

// Loss

// CheckSoftmaxCrossEntropy checks the arguments of SoftmaxCrossEntropy.
func CheckSoftmaxCrossEntropy(owner any, loss, dlogits, logits Tensor, labels Ints) {
	c := checker{owner, "SoftmaxCrossEntropy"}
	c.tensor(operand{"logits", logits})
	c.ints("labels", labels)
	if labels.N != logits.Rows {
		c.fail("logits is %v, labels has %d elements", logits, labels.N)
	}
	c.loss(operand{"loss", loss}, operand{"dlogits", dlogits}, operand{"logits", logits})
	c.apart(operand{"loss", loss}, operand{"logits", logits})
}

// CheckSquaredError checks the arguments of SquaredError.
func CheckSquaredError(owner any, loss, dy, y, target Tensor) {
	c := checker{owner, "SquaredError"}
	c.same(operand{"y", y}, operand{"target", target})
	c.loss(operand{"loss", loss}, operand{"dy", dy}, operand{"y", y})
	c.apart(operand{"loss", loss}, operand{"y", y}, operand{"target", target})
	if dy.Present() {
		c.inPlace(operand{"dy", dy}, operand{"target", target})
	}
}

func (c checker) loss(loss, grad, y operand) {
	c.shape(loss, 1, 1)
	if grad.Present() {
		c.same(y, grad)
		c.inPlace(grad, y)
		c.apart(loss, grad)
	}
}

// Update

// CheckSGD checks the arguments of SGD.
func CheckSGD(owner any, a SGDArgs) {
	c := checker{owner, "SGD"}
	c.update(operand{"Param", a.Param}, operand{"Grad", a.Grad})
	c.velocity(a.Velocity, a.Momentum, operand{"Param", a.Param}, operand{"Grad", a.Grad})
	c.factor(a.Factor, operand{"Param", a.Param}, operand{"Grad", a.Grad}, operand{"Velocity", a.Velocity})
}

// CheckRMSProp checks the arguments of RMSProp.
func CheckRMSProp(owner any, a RMSPropArgs) {
	c := checker{owner, "RMSProp"}
	c.update(operand{"Param", a.Param}, operand{"Grad", a.Grad}, operand{"Square", a.Square})
	c.velocity(a.Velocity, a.Momentum, operand{"Param", a.Param}, operand{"Grad", a.Grad}, operand{"Square", a.Square})
	c.factor(a.Factor, operand{"Param", a.Param}, operand{"Grad", a.Grad}, operand{"Square", a.Square}, operand{"Velocity", a.Velocity})
}

// CheckAdam checks the arguments of Adam.
func CheckAdam(owner any, a AdamArgs) {
	c := checker{owner, "Adam"}
	c.update(operand{"Param", a.Param}, operand{"Grad", a.Grad}, operand{"Mean", a.Mean}, operand{"Square", a.Square})
	c.factor(a.Factor, operand{"Param", a.Param}, operand{"Grad", a.Grad}, operand{"Mean", a.Mean}, operand{"Square", a.Square})
	if a.Step < 1 {
		c.fail("Step is %d, want 1 or more", a.Step)
	}
}

// update checks that all are of one shape and apart.
func (c checker) update(xs ...operand) {
	c.same(xs...)
	c.outputs(xs, nil)
}

func (c checker) velocity(velocity Tensor, momentum float64, xs ...operand) {
	v := operand{"Velocity", velocity}
	switch {
	case v.Present():
		c.same(xs[0], v)
		c.apart(v, xs...)
	case momentum != 0:
		c.fail("Velocity is absent, Momentum is %v", momentum)
	}
}

// factor checks a Factor, and that it is apart from all else.
func (c checker) factor(factor Tensor, xs ...operand) {
	f := operand{"Factor", factor}
	c.optional(f, 1, 1)
	c.apart(f, xs...)
}

// CheckNoFactor is for the optimizers of a backend that is no ClipFactorer.
func CheckNoFactor(op string, factor Tensor) {
	if factor.Present() {
		checker{nil, op}.fail("Factor is present, but the backend is no ClipFactorer")
	}
}

// CheckClipNorm checks the arguments of ClipNorm.
func CheckClipNorm(owner any, x, norm Tensor, limit float64) {
	c := checker{owner, "ClipNorm"}
	c.tensor(operand{"x", x})
	c.shape(operand{"norm", norm}, 1, 1)
	c.apart(operand{"norm", norm}, operand{"x", x})
	c.limit(limit)
}

// CheckClipFactor checks the arguments of ClipFactor.
func CheckClipFactor(owner any, x, norm, factor Tensor, limit float64) {
	c := checker{owner, "ClipFactor"}
	c.tensor(operand{"x", x})
	c.shape(operand{"norm", norm}, 1, 1)
	c.shape(operand{"factor", factor}, 1, 1)
	c.apart(operand{"norm", norm}, operand{"x", x}, operand{"factor", factor})
	c.apart(operand{"factor", factor}, operand{"x", x})
	c.limit(limit)
}

func (c checker) limit(limit float64) {
	if !(limit > 0) {
		c.fail("limit is %v, want > 0", limit)
	}
}
