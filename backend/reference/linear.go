package reference

import (
	"fmt"
	"math"

	"gputrain/backend"
)

// Gemm implements backend.Linear.
func (r *Backend) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, a, b backend.Tensor, beta float64) {
	m, n, k := backend.CheckGemm(r, dst, transA, transB, a, b)
	if r.err != nil {
		return
	}
	left, right := op(transA, a), op(transB, b)
	sum := make([]float64, n)
	for i := range m {
		clear(sum)
		for p := range k {
			x := left[i*k+p]
			for j, y := range right[p*n : (p+1)*n] {
				sum[j] += x * y
			}
		}
		addScaled(row(dst, i), alpha, sum, beta)
	}
}

// op returns x or xᵀ, row-major.
func op(trans backend.Transpose, x backend.Tensor) []float64 {
	in := floats(x)
	if !trans {
		return in
	}
	out := make([]float64, len(in))
	for i := range x.Rows {
		for j := range x.Cols {
			out[j*x.Rows+i] = in[i*x.Cols+j]
		}
	}
	return out
}

// addScaled sets dst[j] = alpha·x[j] + beta·dst[j]. With beta = 0, dst is not
// read.
func addScaled(dst []float64, alpha float64, x []float64, beta float64) {
	for j := range dst {
		if beta == 0 {
			dst[j] = alpha * x[j]
		} else {
			dst[j] = alpha*x[j] + beta*dst[j]
		}
	}
}

// SumRows implements backend.Linear.
func (r *Backend) SumRows(dst, x backend.Tensor, beta float64) {
	backend.CheckSumRows(r, dst, x)
	if r.err != nil {
		return
	}
	sum := make([]float64, x.Cols)
	for i := range x.Rows {
		for j, v := range row(x, i) {
			sum[j] += v
		}
	}
	addScaled(floats(dst), 1, sum, beta)
}

// GatherRows implements backend.Linear.
func (r *Backend) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	backend.CheckGatherRows(r, dst, x, ids)
	if r.err != nil || !r.rowsExist("GatherRows", ids, "x", x) {
		return
	}
	for i, id := range ints(ids) {
		copy(row(dst, i), row(x, int(id)))
	}
}

// ScatterAddRows implements backend.Linear.
func (r *Backend) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	backend.CheckScatterAddRows(r, dst, x, ids)
	if r.err != nil || !r.rowsExist("ScatterAddRows", ids, "dst", dst) {
		return
	}
	for i, id := range ints(ids) {
		out := row(dst, int(id))
		for j, v := range row(x, i) {
			out[j] += v
		}
	}
}

// rowsExist reports whether t has all the rows that ids name. If not, the error
// sticks.
func (r *Backend) rowsExist(op string, ids backend.Ints, name string, t backend.Tensor) bool {
	for i, id := range ints(ids) {
		if id < 0 || int(id) >= t.Rows {
			r.err = fmt.Errorf("reference: %s: ids[%d] is %d, %s has %d rows", op, i, id, name, t.Rows)
			return false
		}
	}
	return true
}

// ArgMaxRows implements backend.Linear.
func (r *Backend) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	backend.CheckArgMaxRows(r, dst, x)
	if r.err != nil {
		return
	}
	out := ints(dst)
	for i := range x.Rows {
		best := 0
		in := row(x, i)
		for j := range in {
			if larger(in[j], in[best]) {
				best = j
			}
		}
		out[i] = int32(best)
	}
}

// larger reports whether a > b, where NaN is larger than any number.
func larger(a, b float64) bool {
	return a > b || math.IsNaN(a) && !math.IsNaN(b)
}
