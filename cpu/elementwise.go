package cpu

import (
	"gputrain/backend"
	"gputrain/cpu/internal/simd"
)

// kernel computes a span of elements from the operands x and y and the scalar
// alpha. A kernel with fewer operands ignores the rest.
type kernel func(v *simd.Vector, dst, x, y []float32, alpha float32)

// elementwise is a kernel over operands of the same shape.
type elementwise struct {
	vector    *simd.Vector
	kernel    kernel
	dst, x, y []float32
	alpha     float32
}

func (e *elementwise) run(from, to int) {
	e.kernel(e.vector, e.dst[from:to], e.x[from:to], e.y[from:to], e.alpha)
}

// apply runs kernel k over tensors of the same shape.
func (c *Backend) apply(k kernel, grain int, dst, x, y backend.Tensor, alpha float64) {
	if c.err != nil {
		return
	}
	c.jobs.elementwise = elementwise{c.vector, k, floats(dst), floats(x), floats(y), float32(alpha)}
	c.forEach(&c.jobs.elementwise, dst.Size(), grain)
}

// rowwise is a kernel that runs over one row at a time.
type rowwise struct {
	vector    *simd.Vector
	kernel    kernel
	dst, x, y []float32
	cols      int
	yStep     int // from row to row of y; 0 repeats the first row
}

func (r *rowwise) run(from, to int) {
	for i := from; i < to; i++ {
		at, end := i*r.cols, (i+1)*r.cols
		r.kernel(r.vector, r.dst[at:end], r.x[at:end], r.y[i*r.yStep:][:r.cols], 0)
	}
}

// applyRows runs kernel k over each row of dst, x and y. y may also be a single
// row, which all rows of x share.
func (c *Backend) applyRows(k kernel, grain int, dst, x, y backend.Tensor) {
	if c.err != nil {
		return
	}
	step := dst.Cols
	if y.Rows == 1 {
		step = 0
	}
	c.jobs.rowwise = rowwise{c.vector, k, floats(dst), floats(x), floats(y), dst.Cols, step}
	c.forEach(&c.jobs.rowwise, dst.Rows, rowGrain(grain, dst.Cols))
}

// runMap, runZip, runGrad and runRow check the operands of op, as the Check
// function of that name does, and run kernel k over them.

func (c *Backend) runMap(op string, k kernel, grain int, dst, x backend.Tensor, alpha float64) {
	backend.CheckMap(c, op, dst, x)
	c.apply(k, grain, dst, x, x, alpha)
}

func (c *Backend) runZip(op string, k kernel, dst, a, b backend.Tensor) {
	backend.CheckZip(c, op, dst, a, b)
	c.apply(k, cheapGrain, dst, a, b, 0)
}

func (c *Backend) runGrad(op string, k kernel, dx, y, dy backend.Tensor) {
	backend.CheckGrad(c, op, dx, y, dy)
	c.apply(k, cheapGrain, dx, y, dy, 0)
}

func (c *Backend) runRow(op string, k kernel, dst, x, row backend.Tensor) {
	backend.CheckRow(c, op, dst, x, row)
	c.applyRows(k, cheapGrain, dst, x, row)
}

// Fill implements backend.Elementwise.
func (c *Backend) Fill(dst backend.Tensor, value float64) {
	backend.CheckFill(c, dst)
	c.apply(fill, cheapGrain, dst, dst, dst, value)
}

func fill(_ *simd.Vector, dst, _, _ []float32, value float32) {
	for i := range dst {
		dst[i] = value
	}
}

// Copy implements backend.Elementwise.
func (c *Backend) Copy(dst, x backend.Tensor) { c.runMap("Copy", move, cheapGrain, dst, x, 0) }

func move(_ *simd.Vector, dst, x, _ []float32, _ float32) { copy(dst, x) }

// Add implements backend.Elementwise.
func (c *Backend) Add(dst, a, b backend.Tensor) { c.runZip("Add", add, dst, a, b) }

func add(v *simd.Vector, dst, a, b []float32, _ float32) { v.Add(dst, a, b) }

// Sub implements backend.Elementwise.
func (c *Backend) Sub(dst, a, b backend.Tensor) { c.runZip("Sub", sub, dst, a, b) }

func sub(v *simd.Vector, dst, a, b []float32, _ float32) { v.Sub(dst, a, b) }

// Mul implements backend.Elementwise.
func (c *Backend) Mul(dst, a, b backend.Tensor) { c.runZip("Mul", mul, dst, a, b) }

func mul(v *simd.Vector, dst, a, b []float32, _ float32) { v.Mul(dst, a, b) }

// AddMul implements backend.Elementwise.
func (c *Backend) AddMul(dst, a, b backend.Tensor) { c.runZip("AddMul", addMul, dst, a, b) }

func addMul(v *simd.Vector, dst, a, b []float32, _ float32) { v.AddMul(dst, a, b) }

// Scale implements backend.Elementwise.
func (c *Backend) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	c.runMap("Scale", scale, cheapGrain, dst, x, alpha)
}

func scale(v *simd.Vector, dst, x, _ []float32, alpha float32) { v.Scale(dst, alpha, x) }

// AddScaled implements backend.Elementwise.
func (c *Backend) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	c.runMap("AddScaled", addScaled, cheapGrain, dst, x, alpha)
}

func addScaled(v *simd.Vector, dst, x, _ []float32, alpha float32) { v.AddScaled(dst, alpha, x) }

// AddRow implements backend.Elementwise.
func (c *Backend) AddRow(dst, x, row backend.Tensor) { c.runRow("AddRow", add, dst, x, row) }

// MulRow implements backend.Elementwise.
func (c *Backend) MulRow(dst, x, row backend.Tensor) { c.runRow("MulRow", mul, dst, x, row) }

// MulCol implements backend.Elementwise.
func (c *Backend) MulCol(dst, x, col backend.Tensor) {
	backend.CheckCol(c, "MulCol", dst, x, col)
	if c.err != nil {
		return
	}
	c.jobs.mulCol = mulCol{c.vector, floats(dst), floats(x), floats(col), dst.Cols}
	c.forEach(&c.jobs.mulCol, dst.Rows, rowGrain(cheapGrain, dst.Cols))
}

type mulCol struct {
	vector      *simd.Vector
	dst, x, col []float32
	cols        int
}

func (m *mulCol) run(from, to int) {
	for i := from; i < to; i++ {
		at, end := i*m.cols, (i+1)*m.cols
		m.vector.Scale(m.dst[at:end], m.col[i], m.x[at:end])
	}
}

// CopyCols implements backend.Elementwise.
func (c *Backend) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	backend.CheckCopyCols(c, dst, dstCol, x, xCol, cols)
	if c.err != nil {
		return
	}
	c.jobs.copyCols = copyCols{floats(dst), floats(x), dst.Cols, x.Cols, dstCol, xCol, cols}
	c.forEach(&c.jobs.copyCols, dst.Rows, rowGrain(cheapGrain, cols))
}

type copyCols struct {
	dst, x           []float32
	dstWidth, xWidth int
	dstCol, xCol     int
	cols             int
}

func (j *copyCols) run(from, to int) {
	for i := from; i < to; i++ {
		copy(j.dst[i*j.dstWidth+j.dstCol:][:j.cols], j.x[i*j.xWidth+j.xCol:])
	}
}

// Dropout implements backend.Elementwise.
func (c *Backend) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	backend.CheckDropout(c, dst, x, rate)
	if c.err != nil {
		return
	}
	c.jobs.dropout = dropout{floats(dst), floats(x), rate, seed, offset}
	c.forEach(&c.jobs.dropout, dst.Size(), costlyGrain)
}

type dropout struct {
	dst, x       []float32
	rate         float64
	seed, offset uint64
}

func (d *dropout) run(from, to int) {
	for k := from; k < to; k++ {
		if backend.DropoutKeeps(d.seed, d.offset+uint64(k), d.rate) {
			d.dst[k] = float32(float64(d.x[k]) / (1 - d.rate))
		} else {
			d.dst[k] = 0
		}
	}
}
