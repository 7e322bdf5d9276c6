package reference

import "gputrain/backend"

// Fill implements backend.Elementwise.
func (r *Backend) Fill(dst backend.Tensor, value float64) {
	backend.CheckFill(r, dst)
	r.set(dst, func(int) float64 { return value })
}

// Copy implements backend.Elementwise.
func (r *Backend) Copy(dst, x backend.Tensor) {
	backend.CheckMap(r, "Copy", dst, x)
	r.apply(dst, x, func(x float64) float64 { return x })
}

// CopyCols implements backend.Elementwise.
func (r *Backend) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	backend.CheckCopyCols(r, dst, dstCol, x, xCol, cols)
	if r.err != nil {
		return
	}
	for i := range dst.Rows {
		copy(row(dst, i)[dstCol:dstCol+cols], row(x, i)[xCol:])
	}
}

// Add implements backend.Elementwise.
func (r *Backend) Add(dst, a, b backend.Tensor) {
	backend.CheckZip(r, "Add", dst, a, b)
	r.combine(dst, a, b, func(a, b float64) float64 { return a + b })
}

// Sub implements backend.Elementwise.
func (r *Backend) Sub(dst, a, b backend.Tensor) {
	backend.CheckZip(r, "Sub", dst, a, b)
	r.combine(dst, a, b, func(a, b float64) float64 { return a - b })
}

// Mul implements backend.Elementwise.
func (r *Backend) Mul(dst, a, b backend.Tensor) {
	backend.CheckZip(r, "Mul", dst, a, b)
	r.combine(dst, a, b, func(a, b float64) float64 { return a * b })
}

// AddMul implements backend.Elementwise.
func (r *Backend) AddMul(dst, a, b backend.Tensor) {
	backend.CheckZip(r, "AddMul", dst, a, b)
	d, u, v := floats(dst), floats(a), floats(b)
	r.set(dst, func(k int) float64 { return d[k] + u[k]*v[k] })
}

// Scale implements backend.Elementwise.
func (r *Backend) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	backend.CheckMap(r, "Scale", dst, x)
	r.apply(dst, x, func(x float64) float64 { return alpha * x })
}

// AddScaled implements backend.Elementwise.
func (r *Backend) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	backend.CheckMap(r, "AddScaled", dst, x)
	r.combine(dst, dst, x, func(d, x float64) float64 { return d + alpha*x })
}

// AddRow implements backend.Elementwise.
func (r *Backend) AddRow(dst, x, row backend.Tensor) {
	backend.CheckRow(r, "AddRow", dst, x, row)
	u, v := floats(x), floats(row)
	r.set(dst, func(k int) float64 { return u[k] + v[k%len(v)] })
}

// MulRow implements backend.Elementwise.
func (r *Backend) MulRow(dst, x, row backend.Tensor) {
	backend.CheckRow(r, "MulRow", dst, x, row)
	u, v := floats(x), floats(row)
	r.set(dst, func(k int) float64 { return u[k] * v[k%len(v)] })
}

// MulCol implements backend.Elementwise.
func (r *Backend) MulCol(dst, x, col backend.Tensor) {
	backend.CheckCol(r, "MulCol", dst, x, col)
	u, v := floats(x), floats(col)
	r.set(dst, func(k int) float64 { return u[k] * v[k/x.Cols] })
}

// Dropout implements backend.Elementwise.
func (r *Backend) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	backend.CheckDropout(r, dst, x, rate)
	u := floats(x)
	r.set(dst, func(k int) float64 {
		if !backend.DropoutKeeps(seed, offset+uint64(k), rate) {
			return 0
		}
		return u[k] / (1 - rate)
	})
}

// set sets dst[k] = f(k), k being the row-major index.
func (r *Backend) set(dst backend.Tensor, f func(k int) float64) {
	if r.err != nil {
		return
	}
	d := floats(dst)
	for k := range d {
		d[k] = f(k)
	}
}

// apply sets dst[i,j] = f(x[i,j]).
func (r *Backend) apply(dst, x backend.Tensor, f func(x float64) float64) {
	u := floats(x)
	r.set(dst, func(k int) float64 { return f(u[k]) })
}

// combine sets dst[i,j] = f(a[i,j], b[i,j]).
func (r *Backend) combine(dst, a, b backend.Tensor, f func(a, b float64) float64) {
	u, v := floats(a), floats(b)
	r.set(dst, func(k int) float64 { return f(u[k], v[k]) })
}
