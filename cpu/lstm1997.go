package cpu

import (
	"math"

	"gputrain/backend"
	"gputrain/cpu/internal/simd"
)

// LSTM1997Cell implements backend.LSTM1997.
func (c *Backend) LSTM1997Cell(a backend.LSTM1997CellArgs) {
	backend.CheckLSTM1997Cell(c, a)
	if c.err != nil {
		return
	}
	c.jobs.lstm1997Cell = newLSTM1997Cell(c.vector, a)
	c.forEach(&c.jobs.lstm1997Cell, a.S.Rows, rowGrain(costlyGrain, a.Gates.Cols+a.S.Cols))
}

// lstm1997Cell is a time step, or all steps of a sequence, as an operation over
// rows.
type lstm1997Cell struct {
	vector        *simd.Vector
	blocks, cells int // B; S, of a block
	units         int // in a row of gates
	forget        bool
	g, h          squash

	gates     []float32 // [·, units] in: z; out: in, φ, out, g(z)
	before    []float32 // [·, B·S] in: s(t−1)
	peep      []float32 // [3, B·S], or nil
	s, output []float32 // [·, B·S] out
}

func newLSTM1997Cell(v *simd.Vector, a backend.LSTM1997CellArgs) lstm1997Cell {
	return lstm1997Cell{
		vector: v,
		blocks: a.Blocks, cells: a.S.Cols / a.Blocks, units: a.Gates.Cols, forget: a.Forget(),
		g: newSquash(a.G), h: newSquash(a.H),
		gates: floats(a.Gates), before: floats(a.SPrev), peep: floats(a.Peep), s: floats(a.S), output: floats(a.Y),
	}
}

func (b *lstm1997Cell) run(from, to int) {
	for n := from; n < to; n++ {
		u := b.unitsOf(n)
		before, s, output := b.states(b.before, n), b.states(b.s, n), b.states(b.output, n)
		b.gate(u.in, 0, before)
		if b.forget {
			b.gate(u.forget, 1, before)
		}
		b.g.squash(b.vector, u.cell, u.cell)
		for j, in := range u.in {
			forget := float32(1)
			if b.forget {
				forget = u.forget[j]
			}
			for v := j * b.cells; v < (j+1)*b.cells; v++ {
				s[v] = forget*before[v] + in*u.cell[v]
			}
		}
		b.gate(u.out, 2, s)
		b.h.squash(b.vector, output, s)
		for j, out := range u.out {
			for v := j * b.cells; v < (j+1)*b.cells; v++ {
				output[v] *= out
			}
		}
	}
}

// gate sets y_j = σ(y_j + Σ p_v·s_v) for the gates of one kind. The sum, over the
// cells of the block, needs peepholes: rows 0, 1, 2 of them are those of the
// gates in, φ, out.
func (b *lstm1997Cell) gate(y []float32, row int, s []float32) {
	if b.peep != nil {
		peep := b.states(b.peep, row)
		for j := range y {
			var sum float32
			for v := j * b.cells; v < (j+1)*b.cells; v++ {
				sum += peep[v] * s[v]
			}
			y[j] += sum
		}
	}
	b.vector.Sigmoid(y, y)
}

// states returns row n of x, which has one column for each cell.
func (b *lstm1997Cell) states(x []float32, n int) []float32 {
	all := b.blocks * b.cells
	return x[n*all : (n+1)*all]
}

// lstm1997Units are the units of one row: the gates of each block, and the cells.
type lstm1997Units struct{ in, forget, out, cell []float32 } // forget: nil without forget gates

func (b *lstm1997Cell) unitsOf(n int) (u lstm1997Units) {
	row := b.gates[n*b.units : (n+1)*b.units]
	u.in, row = row[:b.blocks], row[b.blocks:]
	if b.forget {
		u.forget, row = row[:b.blocks], row[b.blocks:]
	}
	u.out, u.cell = row[:b.blocks], row[b.blocks:]
	return u
}

// LSTM1997CellGrad implements backend.LSTM1997.
func (c *Backend) LSTM1997CellGrad(a backend.LSTM1997CellGradArgs) {
	backend.CheckLSTM1997CellGrad(c, a)
	if c.err != nil {
		return
	}
	c.truncatedGrad(a, a.S.Rows)
}

// truncatedGrad adds time steps to the truncated gradient. The operands have one
// row for each sequence of each step; batch is the number of sequences.
func (c *Backend) truncatedGrad(a backend.LSTM1997CellGradArgs, batch int) {
	c.jobs.lstm1997Grad = lstm1997CellGrad{
		lstm1997Cell: newLSTM1997Cell(c.vector, a.LSTM1997CellArgs),
		rows:         a.S.Rows, batch: batch, sources: a.Source.Cols, columns: a.PIn.Cols,
		source: floats(a.Source), dy: floats(a.DY),
		pIn: floats(a.PIn), pForget: floats(a.PForget), pCell: floats(a.PCell),
		dw: floats(a.DW), dPeep: floats(a.DPeep),
	}
	c.forEach(&c.jobs.lstm1997Grad, a.Blocks, rowGrain(cheapGrain, a.S.Rows*a.DW.Size()/a.Blocks))
}

// lstm1997CellGrad is the truncated gradient of all time steps, as an operation
// over blocks. Blocks have no weights in common.
type lstm1997CellGrad struct {
	lstm1997Cell
	rows, batch      int       // T·N; N
	sources, columns int       // M; of the partials of gates
	source, dy       []float32 // [T·N, M], [T·N, B·S] in
	pIn, pForget     []float32 // [N·B·S, columns] in and out; pForget may be nil
	pCell            []float32 // [N·B·S, M] in and out
	dw, dPeep        []float32 // [U, M], [3, B·S] in and out; dPeep may be nil
}

// run takes each cell of each sequence through all its steps, so that the cell's
// partials stay in the cache.
func (b *lstm1997CellGrad) run(from, to int) {
	for n := range b.batch {
		for j := from; j < to; j++ {
			wrong := b.rows // the first row with an error; often the last, since many targets come at the end
			for v := j * b.cells; v < (j+1)*b.cells; v++ {
				c := b.cell(n, v)
				for row := n; row < b.rows; row += b.batch {
					c.advance(row)
					if dy := b.states(b.dy, row)[v]; dy != 0 {
						wrong = min(wrong, row)
						c.correct(row, dy)
					}
				}
			}
			for row := wrong; row < b.rows; row += b.batch {
				b.correctOut(j, row)
			}
		}
	}
}

// correctOut adds the errors of a step to the gradient of the weights of the
// output gate of block j. No state depends on these weights.
func (b *lstm1997CellGrad) correctOut(j, row int) {
	first, end := j*b.cells, (j+1)*b.cells
	unit := b.outUnit(j)
	out, s := b.gates[row*b.units+unit], b.states(b.s, row)[first:end]
	var e float32 // of z_out
	for v, dy := range b.states(b.dy, row)[first:end] {
		if dy != 0 {
			e += b.h.of(s[v]) * dy * out * (1 - out)
		}
	}
	if e == 0 {
		return
	}
	b.vector.AddScaled(b.weights(unit), e, b.source[row*b.sources:][:b.sources])
	if b.peep != nil {
		b.vector.AddScaled(b.peepholes(2, j), e, s)
	}
}

// cellGrad is the part of the truncated gradient that comes from cell v of
// block j, in one sequence.
type cellGrad struct {
	*lstm1997CellGrad
	j, v int

	inUnit, forgetUnit, outUnit, cellUnit int // indices of its gates and itself among the units

	pIn, pForget, pCell []float32 // its partials; pForget is nil without forget gates
}

// cell returns cell v of sequence n.
func (b *lstm1997CellGrad) cell(n, v int) cellGrad {
	j, states := v/b.cells, b.blocks*b.cells
	row := n*states + v
	c := cellGrad{
		lstm1997CellGrad: b, j: j, v: v,
		inUnit: j, forgetUnit: b.blocks + j, outUnit: b.outUnit(j), cellUnit: b.units - states + v,
		pIn: b.pIn[row*b.columns:][:b.columns], pCell: b.pCell[row*b.sources:][:b.sources],
	}
	if b.forget {
		c.pForget = b.pForget[row*b.columns:][:b.columns]
	}
	return c
}

// advance takes the partials one step on.
func (c *cellGrad) advance(row int) {
	u, y := c.gates[row*c.units:][:c.units], c.source[row*c.sources:][:c.sources]
	in, g, forget := u[c.inUnit], u[c.cellUnit], float32(1)
	if c.forget {
		forget = u[c.forgetUnit]
	}
	dIn, dCell := g*in*(1-in), in*c.g.slope(g)
	c.vector.ScaleAdd(c.pIn[:c.sources], forget, dIn, y)
	c.vector.ScaleAdd(c.pCell, forget, dCell, y)
	if !c.forget && c.peep == nil {
		return
	}
	before := c.states(c.before, row)
	dForget := before[c.v] * forget * (1 - forget)
	if c.forget {
		c.vector.ScaleAdd(c.pForget[:c.sources], forget, dForget, y)
	}
	if c.peep != nil {
		before = before[c.j*c.cells:][:c.cells]
		c.vector.ScaleAdd(c.pIn[c.sources:], forget, dIn, before)
		if c.forget {
			c.vector.ScaleAdd(c.pForget[c.sources:], forget, dForget, before)
		}
	}
}

// correct adds the error dy of a step to the gradient.
func (c *cellGrad) correct(row int, dy float32) {
	u := c.gates[row*c.units:][:c.units]
	squashed := c.h.of(c.states(c.s, row)[c.v])
	e := dy * u[c.outUnit] * c.h.slope(squashed) // of s_v
	c.vector.AddScaled(c.weights(c.inUnit), e, c.pIn[:c.sources])
	c.vector.AddScaled(c.weights(c.cellUnit), e, c.pCell)
	if c.forget {
		c.vector.AddScaled(c.weights(c.forgetUnit), e, c.pForget[:c.sources])
	}
	if c.peep != nil {
		c.vector.AddScaled(c.peepholes(0, c.j), e, c.pIn[c.sources:])
		if c.forget {
			c.vector.AddScaled(c.peepholes(1, c.j), e, c.pForget[c.sources:])
		}
	}
}

// outUnit returns the index of the output gate of block j among the units.
func (b *lstm1997CellGrad) outUnit(j int) int { return b.units - b.blocks*(b.cells+1) + j }

// weights returns the gradient of the weights into a unit.
func (b *lstm1997CellGrad) weights(unit int) []float32 {
	return b.dw[unit*b.sources:][:b.sources]
}

// peepholes returns the gradient of the peepholes of block j. The rows are those
// of gate.
func (b *lstm1997CellGrad) peepholes(row, j int) []float32 {
	return b.states(b.dPeep, row)[j*b.cells:][:b.cells]
}

// squash is backend.Squash in float32.
type squash struct{ bound, steepness float32 }

func newSquash(f backend.Squash) squash { return squash{float32(f.Range), float32(f.Slope)} }

func (f squash) of(x float32) float32 {
	if f == (squash{}) {
		return x
	}
	return f.bound * float32(math.Tanh(float64(f.steepness*x)))
}

// squash sets y = f(x).
func (f squash) squash(v *simd.Vector, y, x []float32) {
	if f == (squash{}) {
		copy(y, x)
		return
	}
	v.Scale(y, f.steepness, x)
	v.Tanh(y, y)
	v.Scale(y, f.bound, y)
}

// slope returns the derivative, given y = f(x).
func (f squash) slope(y float32) float32 {
	if f == (squash{}) {
		return 1
	}
	return f.steepness * (f.bound - y*y/f.bound)
}
