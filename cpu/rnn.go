package cpu

import (
	"gputrain/backend"
	"gputrain/cpu/internal/simd"
)

// RNNCell implements backend.RNNCeller.
func (c *Backend) RNNCell(a backend.RNNCellArgs) {
	backend.CheckRNNCell(c, a)
	c.apply(rnnKernel(a.ReLU), costlyGrain, a.H, a.Z, a.Z, 0)
}

func rnnKernel(rectify bool) kernel {
	if rectify {
		return relu
	}
	return tanhs
}

// RNNCellGrad implements backend.RNNCeller.
func (c *Backend) RNNCellGrad(a backend.RNNCellGradArgs) {
	backend.CheckRNNCellGrad(c, a)
	if c.err != nil {
		return
	}
	c.jobs.rnnCellGrad = rnnCellGrad{c.vector, a.ReLU, floats(a.H), floats(a.DY), floats(a.DH), floats(a.DZ)}
	c.forEach(&c.jobs.rnnCellGrad, a.H.Size(), cheapGrain)
}

// rnnCellGrad is RNNCellGrad as an operation over elements.
type rnnCellGrad struct {
	vector         *simd.Vector
	rectify        bool // f is ReLU
	hidden, dy, dh []float32
	dz             []float32
}

func (r *rnnCellGrad) run(from, to int) {
	dz, hidden, dy, dh := r.dz[from:to], r.hidden[from:to], r.dy[from:to], r.dh[from:to]
	if r.rectify {
		r.vector.RNNCellGradReLU(dz, hidden, dy, dh)
	} else {
		r.vector.RNNCellGrad(dz, hidden, dy, dh)
	}
}

// RNNScratch implements backend.RNNSequencer: the packed recurrent weights, a row of
// hidden units, and forward the packed input weights, backward dh.
func (c *Backend) RNNScratch(d backend.RNNDims) int {
	return c.recurrentSize(1, d.Hidden) + d.Hidden + max(c.packedSize(d.Input, d.Hidden), d.Batch*d.Hidden)
}

// RNNForward implements backend.RNNSequencer.
func (c *Backend) RNNForward(a backend.RNNArgs) {
	d := a.Dims()
	backend.CheckRNNForward(c, a, c.RNNScratch(d))
	if c.err != nil {
		return
	}
	packed, rest := a.Scratch.Take(1, c.recurrentSize(1, d.Hidden))
	row, rest := rest.Take(1, d.Hidden)
	z := a.H.Slice(d.Batch, a.H.Rows)
	input := c.newInputProduct(z, a.X, a.WIH, a.BIH, a.BHH, floats(rest), row)
	c.jobs.rnnForward = rnnForward{
		forwardProduct: c.newForwardProduct(z, a.H, a.WHH, d.Batch, floats(packed)),
		vector:         c.vector,
		kernel:         rnnKernel(a.ReLU),
	}
	c.unroll(sequence{recurrence: &c.jobs.rnnForward, input: input, steps: d.Steps, batch: d.Batch}, d.Batch*a.WHH.Size())
}

// rnnForward is the recurrence of RNNForward.
type rnnForward struct {
	forwardProduct
	vector *simd.Vector
	kernel kernel // f
}

func (r *rnnForward) points(t, from, to int) {
	p := &r.all
	h := stepOf(p.dst, t, p.m*p.n)[from*p.n : to*p.n]
	r.kernel(r.vector, h, h, h, 0)
}

// RNNBackward implements backend.RNNSequencer.
func (c *Backend) RNNBackward(a backend.RNNGradArgs) {
	d := a.Dims()
	backend.CheckRNNBackward(c, a, c.RNNScratch(d))
	if c.err != nil {
		return
	}
	packed, rest := a.Scratch.Take(1, c.recurrentSize(1, d.Hidden))
	row, rest := rest.Take(1, d.Hidden)
	dh, _ := rest.Take(d.Batch, d.Hidden)
	c.copyOrZero(dh, a.DHLast)
	c.jobs.rnnBackward = rnnBackward{
		backwardProduct: c.newBackwardProduct(dh, a.DZ, a.WHH, d.Batch, 0, floats(packed), a.DH0.Present()),
		cell: rnnCellGrad{
			vector: c.vector, rectify: a.ReLU,
			hidden: floats(a.H.Slice(d.Batch, a.H.Rows)), dy: floats(a.DY), dh: floats(dh), dz: floats(a.DZ),
		},
	}
	c.unroll(sequence{recurrence: &c.jobs.rnnBackward, steps: d.Steps, batch: d.Batch, backward: true}, d.Batch*a.WHH.Size())
	if a.DH0.Present() {
		c.Copy(a.DH0, dh)
	}
	c.parameterGrads(a.DZ, a.X, a.H.Slice(0, d.Steps*d.Batch), a.WIH, a.DX, a.DWIH, a.DWHH, a.DBIH, a.DBHH, row, a.Overwrite)
}

// rnnBackward is the recurrence of RNNBackward, with the operands of all steps.
type rnnBackward struct {
	backwardProduct
	cell rnnCellGrad
}

func (r *rnnBackward) points(t, from, to int) {
	cell, size := r.cell, len(r.cell.dh)
	cell.hidden = stepOf(cell.hidden, t, size)
	cell.dy = stepOf(cell.dy, t, size)
	cell.dz = stepOf(cell.dz, t, size)
	units := r.all.n
	cell.run(from*units, to*units)
}
