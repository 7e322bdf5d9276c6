package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// Gemm implements backend.Linear. A product with few tiles and a large k is cut
// into slices of k, or its tiles are shared out, and a second launch adds up.
func (d *Backend) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, a, b backend.Tensor, beta float64) {
	m, n, k := backend.CheckGemm(d, dst, transA, transB, a, b)
	if m == 0 || n == 0 {
		return
	}
	s := kernels.GemmShape{TransA: bool(transA), TransB: bool(transB), M: m, N: n, K: k, UsesA: d.uses(a, transA), UsesB: d.uses(b, transB)}
	p := d.plan(s)
	switch {
	case p.Shares > 0:
		part := d.scratch("Gemm", p.Part)
		d.product(p, s, address(dst), part, a, b, alpha, beta)
		d.launch("Gemm", "gemm_join", p.Join, address(dst), part, uint64(m), uint64(n), uint64(p.Rows), uint64(p.Columns), uint64(p.Slabs),
			uint64(p.Whole), uint64(p.Share), uint64(p.Extra), float(alpha), float(beta))
	case p.Slices > 1:
		part := d.scratch("Gemm", p.Slices*m*n)
		d.product(p, s, part, 0, a, b, 1, 0)
		d.each("Gemm", "gemm_reduce", m*n, address(dst), part, size(dst), uint64(p.Slices), float(alpha), float(beta))
	default:
		d.product(p, s, address(dst), 0, a, b, alpha, beta)
	}
}

// product launches the kernel of a product, after packing where it takes operands packed. A
// kernel that shares tiles out leaves pieces of them in part.
func (d *Backend) product(p kernels.GemmPlan, s kernels.GemmShape, dst, part uint64, a, b backend.Tensor, alpha, beta float64) {
	var room [maxParams]uint64
	args, packed := append(room[:0], dst), p.PackA.Kernel != ""
	if p.Shares > 0 {
		args = append(args, part)
	}
	if packed {
		slabsA, slabsB := d.pack(a, p.PackA, b, p.PackB)
		args = append(args, slabsA, slabsB)
	}
	args = append(args, address(a), address(b), uint64(s.M), uint64(s.N), uint64(s.K))
	if p.Shares > 0 {
		args = append(args, uint64(p.Whole), uint64(p.Share), uint64(p.Extra))
	} else {
		args = append(args, uint64(p.Slice))
	}
	if packed {
		args = append(args, flag(s.TransA), flag(s.TransB))
	}
	d.launch("Gemm", p.Kernel, p.Launch, append(args, float(alpha), float(beta))...)
}

// plan plans a product, once for each shape.
func (d *Backend) plan(shape kernels.GemmShape) kernels.GemmPlan {
	p, ok := d.plans[shape]
	if !ok {
		p = kernels.ChooseGemm(d.maths, shape, d.target())
		d.plans[shape] = p
	}
	return p
}

// target returns the device as plans see it.
func (d *Backend) target() kernels.Device {
	i := d.info
	return kernels.NewDevice(i.Name, i.Major, i.Minor, i.Multiprocessors, i.SharedAllowed)
}

// SumRows implements backend.Linear. Many rows are summed in chunks, which a
// second launch adds up.
func (d *Backend) SumRows(dst, x backend.Tensor, beta float64) {
	backend.CheckSumRows(d, dst, x)
	if x.Cols == 0 {
		return
	}
	p := kernels.SumRows(x.Rows, x.Cols)
	rows, cols := uint64(x.Rows), uint64(x.Cols)
	if p.Chunks == 1 {
		d.launch("SumRows", "sum_rows", p.First, address(dst), address(x), rows, cols, uint64(p.Chunk), float(beta))
		return
	}
	part, chunks := d.scratch("SumRows", p.Chunks*x.Cols), uint64(p.Chunks)
	d.launch("SumRows", "sum_rows", p.First, part, address(x), rows, cols, uint64(p.Chunk), float(0))
	d.launch("SumRows", "sum_rows", p.Second, address(dst), part, chunks, cols, chunks, float(beta))
}

// GatherRows implements backend.Linear.
func (d *Backend) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	backend.CheckGatherRows(d, dst, x, ids)
	if ids.N == 0 {
		return
	}
	fault, call := d.lookup(lookup{op: "GatherRows", name: "ids", ids: ids, limit: x.Rows, target: "x has %d rows"})
	d.launch("GatherRows", "gather_rows", kernels.Matrix(ids.N, max(x.Cols, 1)), address(dst), address(x), addressInts(ids),
		uint64(ids.N), uint64(x.Rows), uint64(x.Cols), fault, call)
}

// ScatterAddRows implements backend.Linear.
func (d *Backend) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	backend.CheckScatterAddRows(d, dst, x, ids)
	if ids.N == 0 {
		return
	}
	fault, call := d.lookup(lookup{op: "ScatterAddRows", name: "ids", ids: ids, limit: dst.Rows, target: "dst has %d rows"})
	d.launch("ScatterAddRows", "scatter_add_rows", kernels.ScatterAddRows(dst.Rows, dst.Cols),
		address(dst), address(x), addressInts(ids), uint64(ids.N), uint64(dst.Rows), uint64(dst.Cols), fault, call)
}

// ArgMaxRows implements backend.Linear.
func (d *Backend) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	backend.CheckArgMaxRows(d, dst, x)
	dst.Buf.(*buffer).writes++
	if x.Rows > 0 {
		d.launch("ArgMaxRows", "argmax_rows", kernels.Rows(x.Rows, x.Cols), addressInts(dst), address(x),
			uint64(x.Rows), uint64(x.Cols))
	}
}
