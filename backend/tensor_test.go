package backend_test

import (
	"testing"

	"gputrain/backend"
)

func TestWindows(t *testing.T) {
	d := &device{"a"}
	buf := d.buffer(100, false)
	x := backend.Tensor{Buf: buf, Off: 10, Rows: 4, Cols: 3}
	window := func(off, rows, cols int) backend.Tensor {
		return backend.Tensor{Buf: buf, Off: off, Rows: rows, Cols: cols}
	}
	first, rest := x.Take(2, 5)
	all, nothing := x.Take(3, 4)
	for _, c := range []struct {
		name      string
		got, want backend.Tensor
	}{
		{"Slice(1, 3)", x.Slice(1, 3), window(13, 2, 3)},
		{"Slice(2, 2)", x.Slice(2, 2), window(16, 0, 3)},
		{"Slice(4, 4)", x.Slice(4, 4), window(22, 0, 3)},
		{"Slice of a slice", x.Slice(1, 4).Slice(1, 2), window(16, 1, 3)},
		{"Reshape(2, 6)", x.Reshape(2, 6), window(10, 2, 6)},
		{"Reshape(12, 1)", x.Reshape(12, 1), window(10, 12, 1)},
		{"Reshape of nothing", x.Slice(1, 1).Reshape(5, 0), window(13, 5, 0)},
		{"Take(2, 5)", first, window(10, 2, 5)},
		{"rest of Take(2, 5)", rest, window(20, 1, 2)},
		{"Take of all", all, window(10, 3, 4)},
		{"rest of Take of all", nothing, window(22, 1, 0)},
	} {
		if c.got != c.want {
			t.Errorf("%s is %+v, want %+v", c.name, c.got, c.want)
		}
	}

	ids := backend.Ints{Buf: buf, Off: 5, N: 4}
	if got, want := ids.Slice(1, 3), (backend.Ints{Buf: buf, Off: 6, N: 2}); got != want {
		t.Errorf("Ints.Slice(1, 3) is %+v, want %+v", got, want)
	}
}

func TestWindowsOutOfRangePanic(t *testing.T) {
	d := &device{"a"}
	x, ids := d.tensor(4, 3), d.ints(4)
	for _, c := range []struct {
		text string
		f    func()
	}{
		{"Slice: rows -1 to 2 of a tensor with 4 rows", func() { x.Slice(-1, 2) }},
		{"Slice: rows 3 to 2 of a tensor with 4 rows", func() { x.Slice(3, 2) }},
		{"Slice: rows 3 to 5 of a tensor with 4 rows", func() { x.Slice(3, 5) }},
		{"Slice: elements -1 to 2 of 4 integers", func() { ids.Slice(-1, 2) }},
		{"Slice: elements 3 to 2 of 4 integers", func() { ids.Slice(3, 2) }},
		{"Slice: elements 3 to 5 of 4 integers", func() { ids.Slice(3, 5) }},
		{"Reshape: 5x2 does not have the size of 4x3", func() { x.Reshape(5, 2) }},
		{"Reshape: -4x-3 does not have the size of 4x3", func() { x.Reshape(-4, -3) }},
		{"Take: 13x1 of a tensor with 12 elements", func() { x.Take(13, 1) }},
		{"Take: -1x-1 of a tensor with 12 elements", func() { x.Take(-1, -1) }},
		{"Reshape: 4294967296x4294967296 does not have the size of 0x3", func() { x.Slice(0, 0).Reshape(1<<32, 1<<32) }},
		{"Take: 4294967296x4294967296 of a tensor with 12 elements", func() { x.Take(1<<32, 1<<32) }},
	} {
		t.Run(c.text, func(t *testing.T) { wantPanic(t, c.f, "backend: "+c.text) })
	}
}

func TestTheZeroTensorIsAbsent(t *testing.T) {
	d := &device{"a"}
	if (backend.Tensor{}).Present() || (backend.Ints{}).Present() {
		t.Error("a zero value is present")
	}
	if !d.tensor(0, 0).Present() || !d.ints(0).Present() {
		t.Error("an empty window is absent")
	}
}
