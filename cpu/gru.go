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
