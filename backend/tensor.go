package backend

import (
	"fmt"
	"math"
	"math/bits"
)

// Tensor is a row-major [Rows, Cols] window of float32 on a buffer. Windows
// share memory and never own it. The zero Tensor stands for an optional operand
// that is absent.
type Tensor struct {
	Buf        Buffer
	Off        int // of element (0, 0), in elements
	Rows, Cols int
}

// Ints is a window of N int32: labels, row numbers, lengths.
type Ints struct {
	Buf Buffer
	Off int // in elements
	N   int
}

// Buffer is one allocation of a backend. A backend implements it by embedding
// an Allocation in its own type:
//
//	type buffer struct {
//		backend.Allocation
//		data []float32
//	}
type Buffer interface{ Meta() *Allocation }

// Allocation is what the checks know about a Buffer. The backend fills it in New
// and NewInts and sets Freed in Free and Close.
type Allocation struct {
	Owner   any // the backend, as it passes itself to the Check functions
	Len     int // in elements
	Integer bool
	Freed   bool
}

// Meta returns a itself, which makes a type that embeds Allocation a Buffer.
func (a *Allocation) Meta() *Allocation { return a }

// Present reports whether t is not the zero Tensor.
func (t Tensor) Present() bool { return t.Buf != nil }

// Size returns the number of elements.
func (t Tensor) Size() int { return t.Rows * t.Cols }

// elements returns rows·cols; ok is false if one is negative or the product
// overflows.
func elements(rows, cols int) (n int, ok bool) {
	high, low := bits.Mul64(uint64(rows), uint64(cols))
	return int(low), rows >= 0 && cols >= 0 && high == 0 && low <= math.MaxInt
}

// Slice returns the window of rows from up to, not including, to.
func (t Tensor) Slice(from, to int) Tensor {
	if from < 0 || to < from || to > t.Rows {
		panic(fmt.Sprintf("backend: Slice: rows %d to %d of a tensor with %d rows", from, to, t.Rows))
	}
	return Tensor{Buf: t.Buf, Off: t.Off + from*t.Cols, Rows: to - from, Cols: t.Cols}
}

// Reshape returns the same elements as a [rows, cols] window.
func (t Tensor) Reshape(rows, cols int) Tensor {
	if n, ok := elements(rows, cols); !ok || n != t.Size() {
		panic(fmt.Sprintf("backend: Reshape: %dx%d does not have the size of %dx%d", rows, cols, t.Rows, t.Cols))
	}
	return Tensor{Buf: t.Buf, Off: t.Off, Rows: rows, Cols: cols}
}

// Take returns the first rows·cols elements of t, which is used as plain
// storage, as a [rows, cols] window, and the rest of t as a single row.
func (t Tensor) Take(rows, cols int) (window, rest Tensor) {
	n, ok := elements(rows, cols)
	if !ok || n > t.Size() {
		panic(fmt.Sprintf("backend: Take: %dx%d of a tensor with %d elements", rows, cols, t.Size()))
	}
	window = Tensor{Buf: t.Buf, Off: t.Off, Rows: rows, Cols: cols}
	return window, Tensor{Buf: t.Buf, Off: t.Off + n, Rows: 1, Cols: t.Size() - n}
}

// String describes the shape: "3x4".
func (t Tensor) String() string { return fmt.Sprintf("%dx%d", t.Rows, t.Cols) }

// Present reports whether t is not the zero Ints.
func (t Ints) Present() bool { return t.Buf != nil }

// Slice returns the window of elements from up to, not including, to.
func (t Ints) Slice(from, to int) Ints {
	if from < 0 || to < from || to > t.N {
		panic(fmt.Sprintf("backend: Slice: elements %d to %d of %d integers", from, to, t.N))
	}
	return Ints{Buf: t.Buf, Off: t.Off + from, N: to - from}
}
