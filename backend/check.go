package backend

import (
	"fmt"
	"slices"
)

// The Check functions panic on a caller's mistake. Every backend calls the one of
// an operation before anything else, with itself as owner, the value that its
// Allocations carry. With owner = nil tensors of any backend pass.

// operand is a named operand, as it appears in a panic.
type operand struct {
	name string
	Tensor
}

// checker collects what all panics of one call share.
type checker struct {
	owner any
	op    string
}

func (c checker) fail(format string, args ...any) {
	panic("backend: " + c.op + ": " + fmt.Sprintf(format, args...))
}

func (c checker) buffer(name string, buf Buffer, off, n int, integer bool) {
	if buf == nil {
		c.fail("%s is absent", name)
	}
	m := buf.Meta()
	switch {
	case m.Freed:
		c.fail("%s is freed", name)
	case c.owner != nil && m.Owner != c.owner:
		c.fail("%s belongs to another backend", name)
	case m.Integer && !integer:
		c.fail("%s is a window on integers", name)
	case !m.Integer && integer:
		c.fail("%s is a window on floats", name)
	case off < 0 || n < 0 || off > m.Len-n:
		c.fail("%s reaches from element %d to %d of an allocation of %d", name, off, off+n, m.Len)
	}
}

func (c checker) tensor(x operand) {
	n, ok := elements(x.Rows, x.Cols)
	if !ok {
		c.fail("%s is %v", x.name, x.Tensor)
	}
	c.buffer(x.name, x.Buf, x.Off, n, false)
}

func (c checker) ints(name string, x Ints) { c.buffer(name, x.Buf, x.Off, x.N, true) }

// shape checks that x is a live [rows, cols] tensor.
func (c checker) shape(x operand, rows, cols int) {
	c.tensor(x)
	if x.Rows != rows || x.Cols != cols {
		c.fail("%s is %v, want %dx%d", x.name, x.Tensor, rows, cols)
	}
}

// optional is shape for an operand that may be absent.
func (c checker) optional(x operand, rows, cols int) {
	if x.Present() {
		c.shape(x, rows, cols)
	}
}

// paired is optional for the gradient of an optional parameter.
func (c checker) paired(x, param operand, rows, cols int) {
	if x.Present() != param.Present() {
		c.fail("%s and %s must be both present or both absent", x.name, param.name)
	}
	c.optional(x, rows, cols)
}

// same checks that all are live and of the first one's shape.
func (c checker) same(xs ...operand) {
	c.tensor(xs[0])
	for _, x := range xs[1:] {
		c.tensor(x)
		if x.Rows != xs[0].Rows || x.Cols != xs[0].Cols {
			c.fail("%s is %v, %s is %v", xs[0].name, xs[0].Tensor, x.name, x.Tensor)
		}
	}
}

func overlap(a, b Tensor) bool {
	return a.Buf == b.Buf && a.Size() > 0 && b.Size() > 0 &&
		a.Off < b.Off+b.Size() && b.Off < a.Off+a.Size()
}

// apart checks that dst overlaps none of xs. Absent operands overlap nothing.
func (c checker) apart(dst operand, xs ...operand) {
	for _, x := range xs {
		if dst.Present() && x.Present() && overlap(dst.Tensor, x.Tensor) {
			c.fail("%s overlaps %s", dst.name, x.name)
		}
	}
}

// inPlace checks that dst is exactly x, or apart from it, for each of xs.
func (c checker) inPlace(dst operand, xs ...operand) {
	for _, x := range xs {
		if dst.Off != x.Off && overlap(dst.Tensor, x.Tensor) {
			c.fail("%s overlaps part of %s", dst.name, x.name)
		}
	}
}

// outputs checks that each of outs is apart from all others and from ins.
func (c checker) outputs(outs, ins []operand) {
	var storage [24]span
	spans := storage[:0]
	for i := range outs {
		spans = append(spans, spanOf(&outs[i]))
	}
	for i := range ins {
		spans = append(spans, spanOf(&ins[i]))
	}
	for i, out := range spans[:len(outs)] {
		for k, x := range spans[i+1:] {
			if out.meta == x.meta && out.from < x.to && x.from < out.to {
				c.apart(outs[i], slices.Concat(outs, ins)[i+1+k])
			}
		}
	}
}

// span is what an operand covers of its allocation; nothing if it is absent or
// empty. Comparing spans takes less time than comparing operands.
type span struct {
	meta     *Allocation
	from, to int
}

func spanOf(x *operand) span {
	n := x.Size()
	if n == 0 {
		return span{}
	}
	return span{x.Buf.Meta(), x.Off, x.Off + n}
}
