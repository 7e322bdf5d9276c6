package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// runMap, runZip, runGrad and runRow check the operands of op, as the Check
// function of that name does, and launch its kernel.

func (d *Backend) runMap(op, kernel string, dst, x backend.Tensor) {
	backend.CheckMap(d, op, dst, x)
	d.each(op, kernel, dst.Size(), address(dst), address(x), size(dst))
}

func (d *Backend) runZip(op, kernel string, dst, a, b backend.Tensor) {
	backend.CheckZip(d, op, dst, a, b)
	d.each(op, kernel, dst.Size(), address(dst), address(a), address(b), size(dst))
}

func (d *Backend) runGrad(op, kernel string, dx, y, dy backend.Tensor) {
	backend.CheckGrad(d, op, dx, y, dy)
	d.each(op, kernel, dx.Size(), address(dx), address(y), address(dy), size(dx))
}

func (d *Backend) runRow(op, kernel string, dst, x, row backend.Tensor) {
	backend.CheckRow(d, op, dst, x, row)
	if dst.Size() > 0 {
		d.launch(op, kernel, kernels.Matrix(dst.Rows, dst.Cols), address(dst), address(x), address(row),
			uint64(dst.Rows), uint64(dst.Cols))
	}
}

// Fill implements backend.Elementwise.
func (d *Backend) Fill(dst backend.Tensor, value float64) {
	backend.CheckFill(d, dst)
	d.each("Fill", "fill", dst.Size(), address(dst), size(dst), float(value))
}

// Copy implements backend.Elementwise. The driver copies; there is no kernel.
func (d *Backend) Copy(dst, x backend.Tensor) {
	backend.CheckMap(d, "Copy", dst, x)
	if dst.Size() == 0 || d.err != nil || address(dst) == address(x) {
		return
	}
	bytes := int64(dst.Size()) * elementBytes
	if !d.planned("Copy", address(dst), address(x), uint64(bytes)) {
		d.queued("Copy", d.device.CopyOnDevice(at(dst.Buf, dst.Off), at(x.Buf, x.Off), bytes, d.stream))
	}
}

// CopyCols implements backend.Elementwise.
func (d *Backend) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	backend.CheckCopyCols(d, dst, dstCol, x, xCol, cols)
	if dst.Rows == 0 || cols == 0 {
		return
	}
	d.launch("CopyCols", "copy_cols", kernels.Matrix(dst.Rows, cols), address(dst), address(x),
		uint64(dst.Rows), uint64(cols), uint64(dst.Cols), uint64(dstCol), uint64(x.Cols), uint64(xCol))
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
	d.each("Scale", "scale", dst.Size(), address(dst), address(x), size(dst), float(alpha))
}

// AddScaled implements backend.Elementwise.
func (d *Backend) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	backend.CheckMap(d, "AddScaled", dst, x)
	d.each("AddScaled", "add_scaled", dst.Size(), address(dst), address(x), size(dst), float(alpha))
}

// AddRow implements backend.Elementwise.
func (d *Backend) AddRow(dst, x, row backend.Tensor) { d.runRow("AddRow", "add_row", dst, x, row) }

// MulRow implements backend.Elementwise.
func (d *Backend) MulRow(dst, x, row backend.Tensor) { d.runRow("MulRow", "mul_row", dst, x, row) }

// MulCol implements backend.Elementwise.
func (d *Backend) MulCol(dst, x, col backend.Tensor) {
	backend.CheckCol(d, "MulCol", dst, x, col)
	if dst.Size() > 0 {
		d.launch("MulCol", "mul_col", kernels.Matrix(dst.Rows, dst.Cols), address(dst), address(x), address(col),
			uint64(dst.Rows), uint64(dst.Cols))
	}
}

// Dropout implements backend.Elementwise.
func (d *Backend) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	backend.CheckDropout(d, dst, x, rate)
	if dst.Size() > 0 {
		stream := [...]uint64{seed, offset}
		d.each("Dropout", "dropout", dst.Size(), address(dst), address(x), d.put("Dropout", bytesOf(stream[:])), size(dst),
			uint64(rate*(1<<24)), float(1/(1-rate)))
	}
}
