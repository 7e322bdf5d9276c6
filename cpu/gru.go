package cpu

import (
	"gputrain/backend"
	"gputrain/cpu/internal/simd"
)

// GRUCell implements backend.GRUCeller.
func (c *Backend) GRUCell(a backend.GRUCellArgs) {
	backend.CheckGRUCell(c, a)
	if c.err != nil {
		return
	}
	c.jobs.gruCell = gruCell{
		vector: c.vector,
		gates:  floats(a.Gates), recurrent: floats(a.Recurrent),
		before: floats(a.HPrev), hidden: floats(a.H), units: a.H.Cols,
	}
	c.forEach(&c.jobs.gruCell, a.H.Rows, rowGrain(costlyGrain, gruGates*a.H.Cols))
}

const gruGates = 3 // r, z, n

// gruCell is the pointwise part of a forward step, as an operation over rows
// of the batch.
type gruCell struct {
	vector         *simd.Vector
	gates          []float32 // [·, 3·units] in: v; out: r, z, n
	recurrent      []float32 // [·, 3·units] in: u
	before, hidden []float32 // [·, units] h_{t−1} in; h_t out
	units          int
}

func (g *gruCell) run(from, to int) {
	k := g.units
	for row := from; row < to; row++ {
		g.vector.GRUCell(g.gates[row*gruGates*k:][:gruGates*k], g.recurrent[row*gruGates*k:][:gruGates*k],
			g.before[row*k:][:k], g.hidden[row*k:][:k])
	}
}

// GRUCellGrad implements backend.GRUCeller.
func (c *Backend) GRUCellGrad(a backend.GRUCellGradArgs) {
	backend.CheckGRUCellGrad(c, a)
	if c.err != nil {
		return
	}
	c.jobs.gruCellGrad = gruCellGrad{
		vector: c.vector,
		gates:  floats(a.Gates), recurrent: floats(a.Recurrent), before: floats(a.HPrev),
		dy: floats(a.DY), dh: floats(a.DH), dv: floats(a.DV), du: floats(a.DU), units: a.DH.Cols,
	}
	c.forEach(&c.jobs.gruCellGrad, a.DH.Rows, rowGrain(costlyGrain, a.DH.Cols))
}

// gruCellGrad is the pointwise part of a backward step, as an operation over
// rows of the batch.
type gruCellGrad struct {
	vector    *simd.Vector
	gates     []float32 // [·, 3·units] in: r, z, n
	recurrent []float32 // [·, 3·units] in: u
	before    []float32 // [·, units] in: h_{t−1}
	dy, dh    []float32 // [·, units] gradient of h_t, which is their sum; dh out: of h_{t−1}, without u
	dv, du    []float32 // [·, 3·units] out; may be gates and recurrent
	units     int
}

func (g *gruCellGrad) run(from, to int) {
	k := g.units
	for row := from; row < to; row++ {
		g.vector.GRUCellGrad(g.gates[row*gruGates*k:][:gruGates*k], g.recurrent[row*gruGates*k:][:gruGates*k],
			g.before[row*k:][:k], g.dy[row*k:][:k], g.dh[row*k:][:k],
			g.dv[row*gruGates*k:][:gruGates*k], g.du[row*gruGates*k:][:gruGates*k])
	}
}

// GRUScratch implements backend.GRUSequencer: the packed recurrent weights, and
// forward the packed input weights, backward dh.
func (c *Backend) GRUScratch(d backend.GRUDims) int {
	return c.recurrentSize(gruGates, d.Hidden) + max(c.packedSize(d.Input, gruGates*d.Hidden), d.Batch*d.Hidden)
}

// GRUForward implements backend.GRUSequencer.
func (c *Backend) GRUForward(a backend.GRUArgs) {
	d := a.Dims()
	backend.CheckGRUForward(c, a, c.GRUScratch(d))
	if c.err != nil {
		return
	}
	packed, rest := a.Scratch.Take(1, c.recurrentSize(gruGates, d.Hidden))
	input := c.newInputProduct(a.Gates, a.X, a.WIH, a.BIH, backend.Tensor{}, floats(rest), backend.Tensor{})
	c.jobs.gruForward = gruForward{
		forwardProduct: c.newForwardProduct(a.Recurrent, a.H, a.WHH, d.Batch, floats(packed)),
		cell:           gruCell{vector: c.vector, gates: floats(a.Gates), recurrent: floats(a.Recurrent), hidden: floats(a.H), units: d.Hidden},
	}
	c.jobs.gruForward.all.setBias(a.BHH)
	c.unroll(sequence{recurrence: &c.jobs.gruForward, input: input, steps: d.Steps, batch: d.Batch}, d.Batch*a.WHH.Size())
}

// gruForward is the recurrence of GRUForward, with the operands of all steps.
type gruForward struct {
	forwardProduct // u = h·whhᵀ + bhh
	cell           gruCell
}

func (g *gruForward) points(t, from, to int) {
	cell, size := g.cell, g.all.m*g.cell.units
	cell.gates = stepOf(cell.gates, t, gruGates*size)
	cell.recurrent = stepOf(cell.recurrent, t, gruGates*size)
	cell.before = stepOf(g.cell.hidden, t, size)
	cell.hidden = stepOf(g.cell.hidden, t+1, size)
	cell.run(from, to)
}

// GRUBackward implements backend.GRUSequencer.
func (c *Backend) GRUBackward(a backend.GRUGradArgs) {
	d := a.Dims()
	backend.CheckGRUBackward(c, a, c.GRUScratch(d))
	if c.err != nil {
		return
	}
	packed, rest := a.Scratch.Take(1, c.recurrentSize(gruGates, d.Hidden))
	dh, _ := rest.Take(d.Batch, d.Hidden)
	c.copyOrZero(dh, a.DHLast)
	c.jobs.gruBackward = gruBackward{
		backwardProduct: c.newBackwardProduct(dh, a.DU, a.WHH, d.Batch, 1, floats(packed), a.DH0.Present()),
		cell: gruCellGrad{
			vector: c.vector,
			gates:  floats(a.Gates), recurrent: floats(a.Recurrent), before: floats(a.H),
			dy: floats(a.DY), dh: floats(dh), dv: floats(a.DV), du: floats(a.DU), units: d.Hidden,
		},
	}
	c.unroll(sequence{recurrence: &c.jobs.gruBackward, steps: d.Steps, batch: d.Batch, backward: true}, d.Batch*a.WHH.Size())
	if a.DH0.Present() {
		c.Copy(a.DH0, dh)
	}
	if a.DX.Present() {
		c.Gemm(a.DX, backend.NoTrans, backend.NoTrans, 1, a.DV, a.WIH, 0)
	}
	c.Gemm(a.DWIH, backend.Trans, backend.NoTrans, 1, a.DV, a.X, beta(a.Overwrite))
	c.Gemm(a.DWHH, backend.Trans, backend.NoTrans, 1, a.DU, a.H.Slice(0, d.Steps*d.Batch), beta(a.Overwrite))
	if a.DBIH.Present() {
		c.SumRows(a.DBIH, a.DV, beta(a.Overwrite))
	}
	if a.DBHH.Present() {
		c.SumRows(a.DBHH, a.DU, beta(a.Overwrite))
	}
}

// gruBackward is the recurrence of GRUBackward, with the operands of all steps.
type gruBackward struct {
	backwardProduct // dh += du·whh
	cell            gruCellGrad
}

func (g *gruBackward) points(t, from, to int) {
	cell, size := g.cell, len(g.cell.dh)
	cell.gates = stepOf(cell.gates, t, gruGates*size)
	cell.recurrent = stepOf(cell.recurrent, t, gruGates*size)
	cell.before = stepOf(cell.before, t, size)
	cell.dy = stepOf(cell.dy, t, size)
	cell.dv = stepOf(cell.dv, t, gruGates*size)
	cell.du = stepOf(cell.du, t, gruGates*size)
	cell.run(from, to)
}
