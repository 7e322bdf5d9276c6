package cuda

import (
	"gputrain/backend"
	"gputrain/kernels"
)

// Fill sets dst[i,j] = value.
func (b *Backend) Fill(dst backend.Tensor, value float64) {
	backend.CheckFill(b, dst)
	b.each("Fill", "fill", dst.Size(), address(dst), size(dst), float(value))
}

// Copy sets dst[i,j] = x[i,j]. dst may be x.
func (b *Backend) Copy(dst, x backend.Tensor) {
	backend.CheckMap(b, "Copy", dst, x)
	if dst.Size() == 0 || b.err != nil || address(dst) == address(x) {
		return
	}
	bytes := int64(dst.Size()) * elementBytes
	if !b.planned("Copy", address(dst), address(x), uint64(bytes)) {
		b.queued("Copy", b.device.CopyOnDevice(at(dst.Buf, dst.Off), at(x.Buf, x.Off), bytes, b.stream))
	}
}

// CopyCols sets dst[i, dstCol+j] = x[i, xCol+j] for 0 ≤ j < cols.
func (b *Backend) CopyCols(dst backend.Tensor, dstCol int, x backend.Tensor, xCol, cols int) {
	backend.CheckCopyCols(b, dst, dstCol, x, xCol, cols)
	if dst.Rows == 0 || cols == 0 {
		return
	}
	b.launch("CopyCols", "copy_cols", kernels.Matrix(dst.Rows, cols), address(dst), address(x),
		uint64(dst.Rows), uint64(cols), uint64(dst.Cols), uint64(dstCol), uint64(x.Cols), uint64(xCol))
}

// Add sets dst[i,j] = x[i,j] + y[i,j]. dst may be x or y.
func (b *Backend) Add(dst, x, y backend.Tensor) { b.zip("Add", "add", dst, x, y) }

// Sub sets dst[i,j] = x[i,j] − y[i,j]. dst may be x or y.
func (b *Backend) Sub(dst, x, y backend.Tensor) { b.zip("Sub", "sub", dst, x, y) }

// Mul sets dst[i,j] = x[i,j]·y[i,j]. dst may be x or y.
func (b *Backend) Mul(dst, x, y backend.Tensor) { b.zip("Mul", "mul", dst, x, y) }

// AddMul sets dst[i,j] += x[i,j]·y[i,j]. dst may be x or y.
func (b *Backend) AddMul(dst, x, y backend.Tensor) { b.zip("AddMul", "add_mul", dst, x, y) }

func (b *Backend) zip(op, kernel string, dst, x, y backend.Tensor) {
	backend.CheckZip(b, op, dst, x, y)
	b.each(op, kernel, dst.Size(), address(dst), address(x), address(y), size(dst))
}

// Scale sets dst[i,j] = alpha·x[i,j]. dst may be x.
func (b *Backend) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	backend.CheckMap(b, "Scale", dst, x)
	b.each("Scale", "scale", dst.Size(), address(dst), address(x), size(dst), float(alpha))
}

// AddScaled sets dst[i,j] += alpha·x[i,j]. dst may be x.
func (b *Backend) AddScaled(dst backend.Tensor, alpha float64, x backend.Tensor) {
	backend.CheckMap(b, "AddScaled", dst, x)
	b.each("AddScaled", "add_scaled", dst.Size(), address(dst), address(x), size(dst), float(alpha))
}

// AddRow sets dst[i,j] = x[i,j] + row[0,j]. dst may be x.
func (b *Backend) AddRow(dst, x, row backend.Tensor) { b.withRow("AddRow", "add_row", dst, x, row) }

// MulRow sets dst[i,j] = x[i,j]·row[0,j]. dst may be x.
func (b *Backend) MulRow(dst, x, row backend.Tensor) { b.withRow("MulRow", "mul_row", dst, x, row) }

func (b *Backend) withRow(op, kernel string, dst, x, row backend.Tensor) {
	backend.CheckRow(b, op, dst, x, row)
	if dst.Size() > 0 {
		b.launch(op, kernel, kernels.Matrix(dst.Rows, dst.Cols), address(dst), address(x), address(row),
			uint64(dst.Rows), uint64(dst.Cols))
	}
}

// MulCol sets dst[i,j] = x[i,j]·col[i,0]. dst may be x.
func (b *Backend) MulCol(dst, x, col backend.Tensor) {
	backend.CheckCol(b, "MulCol", dst, x, col)
	if dst.Size() > 0 {
		b.launch("MulCol", "mul_col", kernels.Matrix(dst.Rows, dst.Cols), address(dst), address(x), address(col),
			uint64(dst.Rows), uint64(dst.Cols))
	}
}

// Dropout sets dst[k] = x[k]/(1−rate) where backend.DropoutKeeps(seed,
// offset+k, rate), else 0. dst may be x.
func (b *Backend) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	backend.CheckDropout(b, dst, x, rate)
	if dst.Size() > 0 {
		stream := [...]uint64{seed, offset}
		b.each("Dropout", "dropout", dst.Size(), address(dst), address(x), b.put("Dropout", bytesOf(stream[:])), size(dst),
			uint64(rate*(1<<24)), float(1/(1-rate)))
	}
}
