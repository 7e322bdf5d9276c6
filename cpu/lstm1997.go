package cpu

import "gputrain/backend"

// LSTM1997Cell implements backend.LSTM1997.
func (c *Backend) LSTM1997Cell(a backend.LSTM1997CellArgs) {
	backend.CheckLSTM1997Cell(c, a)
	if c.err != nil {
		return
	}
	c.jobs.lstm1997Cell = newLSTM1997Cell(a)
	c.forEach(&c.jobs.lstm1997Cell, a.S.Rows, rowGrain(costlyGrain, a.Gates.Cols+a.S.Cols))
}

// lstm1997Cell is a time step, or all steps of a sequence, as an operation over
// rows.
type lstm1997Cell struct {
	blocks, cells int // B; S, of a block
	units         int // in a row of gates
	forget        bool
	g, h          squash

	gates     []float32 // [·, units] in: z; out: in, φ, out, g(z)
	before    []float32 // [·, B·S] in: s(t−1)
	peep      []float32 // [3, B·S], or nil
	s, output []float32 // [·, B·S] out
}

func newLSTM1997Cell(a backend.LSTM1997CellArgs) lstm1997Cell {
	return lstm1997Cell{
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
		b.g.squash(u.cell, u.cell)
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
		b.h.squash(output, s)
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
	sigmoids(y, y, nil, 0)
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
		lstm1997Cell: newLSTM1997Cell(a.LSTM1997CellArgs),
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
	addScaled(b.weights(unit), b.source[row*b.sources:], nil, e)
	if b.peep != nil {
		addScaled(b.peepholes(2, j), s, nil, e)
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
	advancePair(c.pIn, c.pCell, y, forget, dIn, dCell)
	if !c.forget && c.peep == nil {
		return
	}
	before := c.states(c.before, row)
	dForget := before[c.v] * forget * (1 - forget)
	if c.forget {
		advance(c.pForget, y, forget, dForget)
	}
	if c.peep != nil {
		before = before[c.j*c.cells:][:c.cells]
		advance(c.pIn[c.sources:], before, forget, dIn)
		if c.forget {
			advance(c.pForget[c.sources:], before, forget, dForget)
		}
	}
}

// correct adds the error dy of a step to the gradient.
func (c *cellGrad) correct(row int, dy float32) {
	u := c.gates[row*c.units:][:c.units]
	squashed := c.h.of(c.states(c.s, row)[c.v])
	e := dy * u[c.outUnit] * c.h.slope(squashed) // of s_v
	addScaled(c.weights(c.inUnit), c.pIn, nil, e)
	addScaled(c.weights(c.cellUnit), c.pCell, nil, e)
	if c.forget {
		addScaled(c.weights(c.forgetUnit), c.pForget, nil, e)
	}
	if c.peep != nil {
		addScaled(c.peepholes(0, c.j), c.pIn[c.sources:], nil, e)
		if c.forget {
			addScaled(c.peepholes(1, c.j), c.pForget[c.sources:], nil, e)
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

// advance sets p[m] = forget·p[m] + ds·y[m], where ds is ∂s_v/∂z at this step.
func advance(p, y []float32, forget, ds float32) {
	p = p[:len(y)]
	for m, y := range y {
		p[m] = forget*p[m] + ds*y
	}
}

// advancePair is advance for two rows of partials. It takes little more time than
// one row does.
func advancePair(p, q, y []float32, forget, dsP, dsQ float32) {
	p, q = p[:len(y)], q[:len(y)]
	for m, y := range y {
		p[m] = forget*p[m] + dsP*y
		q[m] = forget*q[m] + dsQ*y
	}
}

// squash is backend.Squash in float32.
type squash struct{ bound, steepness float32 }

func newSquash(f backend.Squash) squash { return squash{float32(f.Range), float32(f.Slope)} }

func (f squash) of(x float32) float32 {
	if f == (squash{}) {
		return x
	}
	return f.bound * tanh(f.steepness*x)
}

// squash sets y = f(x).
func (f squash) squash(y, x []float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] = f.of(x[i])
	}
}

// slope returns the derivative, given y = f(x).
func (f squash) slope(y float32) float32 {
	if f == (squash{}) {
		return 1
	}
	return f.steepness * (f.bound - y*y/f.bound)
}
