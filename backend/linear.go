package backend

// Transpose says how Gemm reads an operand.
type Transpose bool

const (
	NoTrans Transpose = false // op(x) = x
	Trans   Transpose = true  // op(x) = xᵀ
)

// Linear holds matrix products, reductions over rows, and moves by index.
type Linear interface {
	// Gemm computes dst = alpha·op(a)·op(b) + beta·dst. op(a) is [m,k], op(b)
	// is [k,n], dst is [m,n]. With beta = 0, dst is not read. dst must not
	// overlap a or b.
	Gemm(dst Tensor, transA, transB Transpose, alpha float64, a, b Tensor, beta float64)

	// SumRows computes dst[0,j] = Σ_i x[i,j] + beta·dst[0,j]. dst is [1, cols].
	// With beta = 0, dst is not read. dst must not overlap x.
	SumRows(dst, x Tensor, beta float64)

	// GatherRows sets dst[i,:] = x[ids[i],:]. dst has ids.N rows. An id outside
	// of x is a sticky error, even if x has no columns. dst must not overlap x.
	GatherRows(dst, x Tensor, ids Ints)

	// ScatterAddRows adds dst[ids[i],:] += x[i,:] for i = 0, 1, ... x has ids.N
	// rows. An id outside of dst is a sticky error, even if dst has no columns. dst
	// must not overlap x.
	ScatterAddRows(dst, x Tensor, ids Ints)

	// ArgMaxRows sets dst[i] to the column of the largest element of row i of
	// x, the first of equals. NaN counts as larger than any number. x has at
	// least one column if it has rows.
	ArgMaxRows(dst Ints, x Tensor)
}
