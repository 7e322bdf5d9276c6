package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// Gemm computes dst = alpha·op(x)·op(y) + beta·dst. With beta = 0, dst is not
// read.
func (b *Backend) Gemm(dst backend.Tensor, transX, transY backend.Transpose, alpha float64, x, y backend.Tensor, beta float64) {
	m, n, k := backend.CheckGemm(b, dst, transX, transY, x, y)
	if m == 0 || n == 0 {
		return
	}
	p := b.plan(kernels.GemmShape{TransA: bool(transX), TransB: bool(transY), M: m, N: n, K: k})
	if p.Slices == 1 {
		b.launch("Gemm", p.Kernel, p.Launch, address(dst), address(x), address(y),
			uint64(m), uint64(n), uint64(k), uint64(p.Slice), float(alpha), float(beta))
		return
	}
	part := b.scratch("Gemm", p.Slices*m*n)
	b.launch("Gemm", p.Kernel, p.Launch, part, address(x), address(y),
		uint64(m), uint64(n), uint64(k), uint64(p.Slice), float(1), float(0))
	b.each("Gemm", "gemm_reduce", m*n, address(dst), part, size(dst), uint64(p.Slices), float(alpha), float(beta))
}

// plan plans a product, once for each shape.
func (b *Backend) plan(shape kernels.GemmShape) kernels.GemmPlan {
	p, ok := b.plans[shape]
	if !ok {
		p = kernels.ChooseGemm(shape, b.info.Multiprocessors)
		b.plans[shape] = p
	}
	return p
}

// SumRows computes dst[0,j] = Σ_i x[i,j] + beta·dst[0,j]. With beta = 0, dst is
// not read.
func (b *Backend) SumRows(dst, x backend.Tensor, beta float64) {
	backend.CheckSumRows(b, dst, x)
	if x.Cols == 0 {
		return
	}
	p := kernels.SumRows(x.Rows, x.Cols)
	rows, cols := uint64(x.Rows), uint64(x.Cols)
	if p.Chunks == 1 {
		b.launch("SumRows", "sum_rows", p.First, address(dst), address(x), rows, cols, uint64(p.Chunk), float(beta))
		return
	}
	part, chunks := b.scratch("SumRows", p.Chunks*x.Cols), uint64(p.Chunks)
	b.launch("SumRows", "sum_rows", p.First, part, address(x), rows, cols, uint64(p.Chunk), float(0))
	b.launch("SumRows", "sum_rows", p.Second, address(dst), part, chunks, cols, chunks, float(beta))
}

// GatherRows sets dst[i,:] = x[ids[i],:]. An id outside of x is a sticky error.
func (b *Backend) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	backend.CheckGatherRows(b, dst, x, ids)
	if ids.N == 0 {
		return
	}
	fault, call := b.lookup(lookup{op: "GatherRows", name: "ids", ids: ids, limit: x.Rows, target: "x has %d rows"})
	b.launch("GatherRows", "gather_rows", kernels.Matrix(ids.N, max(x.Cols, 1)), address(dst), address(x), addressInts(ids),
		uint64(ids.N), uint64(x.Rows), uint64(x.Cols), fault, call)
}

// ScatterAddRows adds dst[ids[i],:] += x[i,:] for i = 0, 1, ... An id outside of
// dst is a sticky error.
func (b *Backend) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	backend.CheckScatterAddRows(b, dst, x, ids)
	if ids.N == 0 {
		return
	}
	fault, call := b.lookup(lookup{op: "ScatterAddRows", name: "ids", ids: ids, limit: dst.Rows, target: "dst has %d rows"})
	b.launch("ScatterAddRows", "scatter_add_rows", kernels.ScatterAddRows(dst.Rows, dst.Cols),
		address(dst), address(x), addressInts(ids), uint64(ids.N), uint64(dst.Rows), uint64(dst.Cols), fault, call)
}

// ArgMaxRows sets dst[i] to the column of the largest element of row i of x, the
// first of equals. NaN counts as larger than any number.
func (b *Backend) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	backend.CheckArgMaxRows(b, dst, x)
	dst.Buf.(*buffer).writes++
	if x.Rows > 0 {
		b.launch("ArgMaxRows", "argmax_rows", kernels.Rows(x.Rows, x.Cols), addressInts(dst), address(x),
			uint64(x.Rows), uint64(x.Cols))
	}
}
