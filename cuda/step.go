package cuda

import (
	"fmt"
	"strings"

	"gputrain/backend"
	"gputrain/kernels"
)

// A layer whose time steps have launches of their own has one for each step forward, which
// fuses the recurrent product with the cell. Where tensor cores are estimated to be faster,
// it has a product on these, and the cell. Backward it has two: the product, perhaps in
// slices of k, and the cell, which adds these up.

// planStep plans the time steps of a forward pass that is not persistent. The product is
// there if tensor cores make it.
func (d *Backend) planStep(name string, l layer) (step kernels.StepPlan, product kernels.GemmPlan) {
	step = kernels.ChooseStep(name, l.batch, l.hidden, d.target())
	product, faster := kernels.ChooseStepProduct(step, d.maths, name, l.steps, l.batch, l.hidden, d.target())
	if product.PackA.Kernel == "" || !faster && len(d.maths) > 1 {
		return step, kernels.GemmPlan{}
	}
	return step, product
}

// multiplies says whether the time steps of a forward pass that is not persistent are products
// on tensor cores and cells.
func (d *Backend) multiplies(l layer) bool { return d.layers[l].product.Kernel != "" }

// stepPlan returns the plan of a time step of a forward pass that is not persistent.
func (d *Backend) stepPlan(op string, steps, batch, hidden int) kernels.StepPlan {
	return d.layers[layer{op, 1, steps, batch, hidden}].step
}

// sharing returns the workspace and the counters of tiles that blocks share; null if they
// don't.
func (d *Backend) sharing(op string, p kernels.StepPlan) (part, count uint64) {
	if p.Part == 0 {
		return 0, 0
	}
	return d.scratch(op, p.Part), uint64(d.arrivals)
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
			text += " that two blocks share"
		}
		return text
	}
	p := kernels.ChooseSlices(d.maths, kernels.GemmShape{M: l.batch, N: l.hidden, K: kernels.Gates(name) * l.hidden, UsesB: l.steps}, d.target())
	return fmt.Sprintf("launches of %s, in %d slices, and of %s_cell_grad for each step", p.Kernel, p.Slices, name)
}
