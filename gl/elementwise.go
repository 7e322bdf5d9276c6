package gl

import "gputrain/backend"

// runMap, runZip, runGrad and runRow check the operands of op, as the Check function of
// that name does, and run its shader.

func (d *Backend) runMap(op, kernel string, dst, x backend.Tensor) {
	backend.CheckMap(d, op, dst, x)
	d.each(op, kernel, dst.Size(), []window{of(dst), of(x)}, size(dst))
}

func (d *Backend) runZip(op, kernel string, dst, a, b backend.Tensor) {
	backend.CheckZip(d, op, dst, a, b)
	d.each(op, kernel, dst.Size(), []window{of(dst), of(a), of(b)}, size(dst))
}

func (d *Backend) runGrad(op, kernel string, dx, y, dy backend.Tensor) {
	backend.CheckGrad(d, op, dx, y, dy)
	d.each(op, kernel, dx.Size(), []window{of(dx), of(y), of(dy)}, size(dx))
}

func (d *Backend) runRow(op, kernel string, dst, x, row backend.Tensor) {
	backend.CheckRow(d, op, dst, x, row)
	d.each(op, kernel, dst.Size(), []window{of(dst), of(x), of(row)}, word(dst.Rows), word(dst.Cols))
}

// Fill implements backend.Elementwise.
func (d *Backend) Fill(dst backend.Tensor, value float64) {
	backend.CheckFill(d, dst)
	d.each("Fill", "fill", dst.Size(), []window{of(dst)}, size(dst), float(value))
}

// Copy implements backend.Elementwise. The driver copies; there is no shader.
func (d *Backend) Copy(dst, x backend.Tensor) {
	backend.CheckMap(d, "Copy", dst, x)
	if dst.Size() > 0 && of(dst) != of(x) && d.Err() == nil {
		d.thread.queue <- command{op: "Copy", copyTo: of(dst), copyFrom: of(x), elements: dst.Size()}
	}
}

// CopyCols implements backend.Elementwise.
func (d *Backend) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	backend.CheckCopyCols(d, dst, dstCol, x, xCol, cols)
	d.each("CopyCols", "copy_cols", dst.Rows*cols, []window{of(dst), of(x)},
		word(dst.Rows), word(cols), word(dst.Cols), word(dstCol), word(x.Cols), word(xCol))
}

// Add implements backend.Elementwise.
func (d *Backend) Add(dst, a, b backend.Tensor) { d.runZip("Add", "add", dst, a, b) }

// Sub implements backend.Elementwise.
func (d *Backend) Sub(dst, a, b backend.Tensor) { d.runZip("Sub", "sub", dst, a, b) }

// Mul implements backend.Elementwise.
func (d *Backend) Mul(dst, a, b backend.Tensor) { d.runZip("Mul", "mul", dst, a, b) }

// AddMul implements backend.Elementwise.
func (d *Backend) AddMul(dst, a, b backend.Tensor) { d.runZip("AddMul", "add_mul", dst, a, b) }

// Scale implements backend.Elementwise.
func (d *Backend) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	backend.CheckMap(d, "Scale", dst, x)
	d.each("Scale", "scale", dst.Size(), []window{of(dst), of(x)}, size(dst), float(alpha))
}

// AddScaled implements backend.Elementwise.
func (d *Backend) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	backend.CheckMap(d, "AddScaled", dst, x)
	d.each("AddScaled", "add_scaled", dst.Size(), []window{of(dst), of(x)}, size(dst), float(alpha))
}

// AddRow implements backend.Elementwise.
func (d *Backend) AddRow(dst, x, row backend.Tensor) { d.runRow("AddRow", "add_row", dst, x, row) }

// MulRow implements backend.Elementwise.
func (d *Backend) MulRow(dst, x, row backend.Tensor) { d.runRow("MulRow", "mul_row", dst, x, row) }

// MulCol implements backend.Elementwise.
func (d *Backend) MulCol(dst, x, col backend.Tensor) {
	backend.CheckCol(d, "MulCol", dst, x, col)
	d.each("MulCol", "mul_col", dst.Size(), []window{of(dst), of(x), of(col)}, word(dst.Rows), word(dst.Cols))
}

// Dropout implements backend.Elementwise.
func (d *Backend) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	backend.CheckDropout(d, dst, x, rate)
	d.each("Dropout", "dropout", dst.Size(), []window{of(dst), of(x)}, size(dst),
		uint32(seed), uint32(seed>>32), uint32(offset), uint32(offset>>32), uint32(rate*(1<<24)), float(1/(1-rate)))
}
