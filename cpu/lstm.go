package cpu

import (
	"gputrain/backend"
	"gputrain/cpu/internal/simd"
)

// LSTMCell implements backend.LSTMCeller.
func (c *Backend) LSTMCell(a backend.LSTMCellArgs) {
	backend.CheckLSTMCell(c, a)
	if c.err != nil {
		return
	}
	c.jobs.lstmCell = lstmCell{
		vector: c.vector,
		gates:  floats(a.Gates), before: floats(a.CPrev), cell: floats(a.C), hidden: floats(a.H),
		peep: floats(a.Peep), units: a.C.Cols,
	}
	c.forEach(&c.jobs.lstmCell, a.C.Rows, rowGrain(costlyGrain, gates*a.C.Cols))
}

const gates = 4 // of an LSTM: i, f, g, o

// lstmCell is the pointwise part of forward steps, as an operation over rows
// of the batch.
type lstmCell struct {
	vector               *simd.Vector
	gates                []float32 // [·, 4·units] in: z; out: i, f, g, o
	before, cell, hidden []float32 // [·, units] c_{t−1} in; c_t, h_t out
	peep                 []float32 // [3, units], or nil
	units                int
}

func (l *lstmCell) run(from, to int) {
	n := l.units
	for row := from; row < to; row++ {
		l.vector.LSTMCell(l.gates[row*gates*n:][:gates*n], l.before[row*n:][:n], l.cell[row*n:][:n], l.hidden[row*n:][:n], l.peep)
	}
}

// LSTMCellGrad implements backend.LSTMCeller.
func (c *Backend) LSTMCellGrad(a backend.LSTMCellGradArgs) {
	backend.CheckLSTMCellGrad(c, a)
	if c.err != nil {
		return
	}
	c.jobs.lstmCellGrad = lstmCellGrad{
		vector: c.vector,
		gates:  floats(a.Gates), before: floats(a.CPrev), cell: floats(a.C), peep: floats(a.Peep),
		dy: floats(a.DY), dh: floats(a.DH), dc: floats(a.DC), dz: floats(a.DZ), units: a.C.Cols,
	}
	c.forEach(&c.jobs.lstmCellGrad, a.C.Rows, rowGrain(costlyGrain, a.C.Cols))
}

// lstmCellGrad is the pointwise part of backward steps, as an operation over
// rows of the batch.
type lstmCellGrad struct {
	vector       *simd.Vector
	gates        []float32 // [·, 4·units] in: i, f, g, o
	before, cell []float32 // [·, units] in: c_{t−1}, c_t
	peep         []float32 // [3, units] in, or nil
	dy, dh       []float32 // [·, units] in: gradient of h_t, which is their sum
	dc           []float32 // [·, units] in: gradient of c_t from step t+1; out: of c_{t−1}
	dz           []float32 // [·, 4·units] out; may be gates
	units        int
}

func (l *lstmCellGrad) run(from, to int) {
	n := l.units
	for row := from; row < to; row++ {
		l.vector.LSTMCellGrad(l.gates[row*gates*n:][:gates*n], l.before[row*n:][:n], l.cell[row*n:][:n],
			l.dy[row*n:][:n], l.dh[row*n:][:n], l.dc[row*n:][:n], l.dz[row*gates*n:][:gates*n], l.peep)
	}
}

// LSTMScratch implements backend.LSTMSequencer: the packed recurrent weights, a row
// of gates, and forward the packed input weights, backward dh and dc.
func (c *Backend) LSTMScratch(d backend.LSTMDims) int {
	return c.recurrentSize(gates, d.Hidden) + gates*d.Hidden + max(c.packedSize(d.Input, gates*d.Hidden), 2*d.Batch*d.Hidden)
}

// LSTMForward implements backend.LSTMSequencer.
func (c *Backend) LSTMForward(a backend.LSTMArgs) {
	d := a.Dims()
	backend.CheckLSTMForward(c, a, c.LSTMScratch(d))
	if c.err != nil {
		return
	}
	packed, rest := a.Scratch.Take(1, c.recurrentSize(gates, d.Hidden))
	row, rest := rest.Take(1, gates*d.Hidden)
	input := c.newInputProduct(a.Gates, a.X, a.WIH, a.BIH, a.BHH, floats(rest), row)
	c.jobs.lstmForward = lstmForward{
		forwardProduct: c.newForwardProduct(a.Gates, a.H, a.WHH, d.Batch, floats(packed)),
		cell: lstmCell{
			vector: c.vector,
			gates:  floats(a.Gates), cell: floats(a.C), hidden: floats(a.H),
			peep: floats(a.Peep), units: d.Hidden,
		},
	}
	c.unroll(sequence{recurrence: &c.jobs.lstmForward, input: input, steps: d.Steps, batch: d.Batch}, d.Batch*a.WHH.Size())
}

// lstmForward is the recurrence of LSTMForward, with the operands of all steps.
type lstmForward struct {
	forwardProduct
	cell lstmCell
}

func (l *lstmForward) points(t, from, to int) {
	cell, size := l.cell, l.all.m*l.cell.units
	cell.gates = stepOf(cell.gates, t, gates*size)
	cell.before = stepOf(l.cell.cell, t, size)
	cell.cell = stepOf(l.cell.cell, t+1, size)
	cell.hidden = stepOf(cell.hidden, t+1, size)
	cell.run(from, to)
}

// LSTMBackward implements backend.LSTMSequencer.
func (c *Backend) LSTMBackward(a backend.LSTMGradArgs) {
	d := a.Dims()
	backend.CheckLSTMBackward(c, a, c.LSTMScratch(d))
	if c.err != nil {
		return
	}
	packed, rest := a.Scratch.Take(1, c.recurrentSize(gates, d.Hidden))
	row, rest := rest.Take(1, gates*d.Hidden)
	dh, rest := rest.Take(d.Batch, d.Hidden)
	dc, _ := rest.Take(d.Batch, d.Hidden)
	c.copyOrZero(dh, a.DHLast)
	c.copyOrZero(dc, a.DCLast)
	c.jobs.lstmBackward = lstmBackward{
		backwardProduct: c.newBackwardProduct(dh, a.DZ, a.WHH, d.Batch, 0, floats(packed), a.DH0.Present()),
		cell: lstmCellGrad{
			vector: c.vector,
			gates:  floats(a.Gates), cell: floats(a.C), peep: floats(a.Peep),
			dy: floats(a.DY), dh: floats(dh), dc: floats(dc), dz: floats(a.DZ), units: d.Hidden,
		},
	}
	c.unroll(sequence{recurrence: &c.jobs.lstmBackward, steps: d.Steps, batch: d.Batch, backward: true}, d.Batch*a.WHH.Size())
	if a.DH0.Present() {
		c.Copy(a.DH0, dh)
	}
	if a.DC0.Present() {
		c.Copy(a.DC0, dc)
	}
	c.parameterGrads(a.DZ, a.X, a.H.Slice(0, d.Steps*d.Batch), a.WIH, a.DX, a.DWIH, a.DWHH, a.DBIH, a.DBHH, row, a.Overwrite)
	if a.Peep.Present() {
		if a.Overwrite {
			c.Fill(a.DPeep, 0)
		}
		c.jobs.peepholes = peepholes{c.vector, floats(a.DPeep), floats(a.DZ), floats(a.C), d.Steps * d.Batch, d.Batch, d.Hidden}
		c.forEach(&c.jobs.peepholes, d.Hidden, columnGrain(d.Steps*d.Batch))
	}
}

// lstmBackward is the recurrence of LSTMBackward, with the operands of all
// steps.
type lstmBackward struct {
	backwardProduct
	cell lstmCellGrad
}

func (l *lstmBackward) points(t, from, to int) {
	cell, size := l.cell, l.all.m*l.cell.units
	cell.gates = stepOf(cell.gates, t, gates*size)
	cell.dz = stepOf(cell.dz, t, gates*size)
	cell.before = stepOf(l.cell.cell, t, size)
	cell.cell = stepOf(l.cell.cell, t+1, size)
	cell.dy = stepOf(cell.dy, t, size)
	cell.run(from, to)
}

// peepholes adds the gradients of the peepholes over all steps, as an
// operation over hidden units:
//
//	dPeep_i += Σ dz_i ⊙ c_{t−1}, dPeep_f += Σ dz_f ⊙ c_{t−1}, dPeep_o += Σ dz_o ⊙ c_t
type peepholes struct {
	vector             *simd.Vector
	dst, dz, c         []float32
	rows, batch, units int
}

func (p *peepholes) run(from, to int) {
	n := p.units
	i, f, o := p.dst[from:to], p.dst[n+from:n+to], p.dst[2*n+from:2*n+to]
	for row := range p.rows {
		dz := p.dz[row*gates*n:][:gates*n]
		before, after := p.c[row*n:][from:to], p.c[(row+p.batch)*n:][from:to]
		p.vector.AddMul(i, dz[from:to], before)
		p.vector.AddMul(f, dz[n+from:n+to], before)
		p.vector.AddMul(o, dz[3*n+from:3*n+to], after)
	}
}
