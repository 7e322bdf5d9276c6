package cuda

import (
	"fmt"
	"strings"

	"gputrain/backend"
	"gputrain/kernels"
)

// A layer whose time steps have launches of their own has one for each step forward, which
// fuses the recurrent product with the cell: on tensor cores, where that is estimated to be
// faster. For many rows a product with larger tiles, and a launch of the cell, may be faster
// still. Backward it has two: the product, perhaps in slices of k, and the cell, which adds
// these up.

// planStep plans the time steps of a forward pass that is not persistent. The product is
// there if tensor cores make it, apart from the cell.
func (d *Backend) planStep(name string, l layer) (step kernels.StepPlan, product kernels.GemmPlan) {
	step = kernels.ChooseStep(d.maths, name, l.steps, l.batch, l.hidden, d.target())
	product, faster := kernels.ChooseStepProduct(step, d.maths, name, l.steps, l.batch, l.hidden, d.target())
	if !faster {
		return step, kernels.GemmPlan{}
	}
	return step, product
}

// multiplies says whether the time steps of a forward pass that is not persistent are products
// on tensor cores and cells.
func (d *Backend) multiplies(l layer) bool { return d.layers[l].product.Kernel != "" }

// stepOperands are what steps of a kernel take besides the operands of a layer: a workspace
// and counters, or packed operands. Odd steps take the second.
type stepOperands [2][]uint64

// stepped returns the plan of the time steps of a forward pass that is not persistent, and
// what they take. h is that before the first step.
func (d *Backend) stepped(op string, steps int, h, weights backend.Tensor) (kernels.StepPlan, stepOperands) {
	p := d.layers[layer{op, 1, steps, h.Rows, h.Cols}].step
	var part, count uint64 // of tiles that blocks share
	if p.Part > 0 {
		part, count = d.scratch(op, p.Part), uint64(d.arrivals)
	}
	if p.PackH.Kernel == "" {
		return p, stepOperands{{part, count}, {part, count}}
	}
	if !d.reserveSlabs(op, p.PackWeights.Bytes+2*p.PackH.Bytes) {
		return p, stepOperands{}
	}
	next := d.slabs.used
	w := d.packOne(weights, p.PackWeights, &next)
	even, odd := d.packOne(h, p.PackH, &next), d.packOne(h, p.PackH, &next)
	return p, stepOperands{{even, w, odd, part, count, uint64(p.Slice)}, {odd, w, even, part, count, uint64(p.Slice)}}
}

// copyOrZero makes dst x, or 0 if x is absent.
func (d *Backend) copyOrZero(dst, x backend.Tensor) {
	if x.Present() {
		d.Copy(dst, x)
	} else {
		d.Fill(dst, 0)
	}
}

// product is a product in a number of slices, which remain to be added up.
type product struct {
	part   uint64
	slices uint64
}

// last returns what comes from after the last time step; it may be absent.
func last(t backend.Tensor) product {
	if !t.Present() {
		return product{}
	}
	return product{address(t), 1}
}

// multiply launches the product a·b. It is in the workspace until the next operation that
// takes one.
func (d *Backend) multiply(op string, a, b backend.Tensor) product {
	s := kernels.GemmShape{M: a.Rows, N: b.Cols, K: a.Cols, UsesB: d.uses(b, backend.NoTrans)}
	p := kernels.ChooseSlices(d.maths, s, d.target())
	part := d.scratch(op, p.Slices*a.Rows*b.Cols)
	d.product(p, s, part, 0, a, b, 1, 0)
	return product{part, uint64(p.Slices)}
}

// describeSteps says how the time steps of a layer are launched.
func (d *Backend) describeSteps(l layer) string {
	name := strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(l.op, "Forward"), "Backward"))
	if strings.HasSuffix(l.op, "Forward") {
		if p := d.layers[l].product; p.Shares > 0 {
			return fmt.Sprintf("launches of %s, which shares tiles out, of gemm_join and of the cell for each step", p.Kernel)
		} else if p.Kernel != "" {
			return fmt.Sprintf("launches of %s, in %d slices, and of the cell for each step", p.Kernel, p.Slices)
		}
		p := d.layers[l].step
		text := fmt.Sprintf("a launch of %s for each step, in %d tiles", p.Kernel, p.Tiles)
		if p.Part > 0 {
			text += fmt.Sprintf(" that %d blocks share", max(2, p.Slices))
		}
		return text
	}
	p := kernels.ChooseSlices(d.maths, kernels.GemmShape{M: l.batch, N: l.hidden, K: kernels.Gates(name) * l.hidden, UsesB: l.steps}, d.target())
	return fmt.Sprintf("launches of %s, in %d slices, and of %s_cell_grad for each step", p.Kernel, p.Slices, name)
}
