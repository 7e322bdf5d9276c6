package cpu

import "gputrain/backend"

// MemoryBlock computes one time step of memory blocks. See
// backend.MemoryBlockArgs.
func (c *Backend) MemoryBlock(a backend.MemoryBlockArgs) {
	backend.CheckMemoryBlock(c, a)
	if c.err != nil {
		return
	}
	c.jobs.memoryBlock = newMemoryBlock(a)
	c.forEach(&c.jobs.memoryBlock, a.S.Rows, rowGrain(costlyGrain, a.Gates.Cols+a.S.Cols))
}

// memoryBlock is a time step, as an operation over rows of the batch.
type memoryBlock struct {
	blocks, cells int // B; S, of a block
	units         int // of a row of gates
	forget        bool
	g, h          squash

	gates     []float32 // [·, units] in: z; out: in, φ, out, g(z)
	before    []float32 // [·, B·S] in: s(t−1)
	peep      []float32 // [3, B·S], or nil
	s, output []float32 // [·, B·S] out
}

func newMemoryBlock(a backend.MemoryBlockArgs) memoryBlock {
	return memoryBlock{
		blocks: a.Blocks, cells: a.S.Cols / a.Blocks, units: a.Gates.Cols, forget: a.Forget(),
		g: newSquash(a.G), h: newSquash(a.H),
		gates: floats(a.Gates), before: floats(a.SPrev), peep: floats(a.Peep), s: floats(a.S), output: floats(a.Y),
	}
}

func (b *memoryBlock) run(from, to int) {
	for n := from; n < to; n++ {
		u := b.unitsOf(n)
		before, s, output := b.states(b.before, n), b.states(b.s, n), b.states(b.output, n)
		for j := range b.blocks {
			first, end := j*b.cells, (j+1)*b.cells
			in := sigmoid(u.in[j] + b.through(0, before, first, end))
			forget := float32(1)
			if b.forget {
				forget = sigmoid(u.forget[j] + b.through(1, before, first, end))
				u.forget[j] = forget
			}
			for v := first; v < end; v++ {
				u.cell[v] = b.g.of(u.cell[v])
				s[v] = forget*before[v] + in*u.cell[v]
			}
			out := sigmoid(u.out[j] + b.through(2, s, first, end))
			for v := first; v < end; v++ {
				output[v] = out * b.h.of(s[v])
			}
			u.in[j], u.out[j] = in, out
		}
	}
}

// through returns Σ p_v·s_v over the cells of a block, row 0, 1, 2 of the
// peepholes being that of in, φ, out; 0 without peepholes.
func (b *memoryBlock) through(row int, s []float32, first, end int) (sum float32) {
	if b.peep == nil {
		return 0
	}
	for v, p := range b.states(b.peep, row)[first:end] {
		sum += p * s[first+v]
	}
	return sum
}

// states returns row n of x, which has a column for each cell.
func (b *memoryBlock) states(x []float32, n int) []float32 {
	all := b.blocks * b.cells
	return x[n*all : (n+1)*all]
}

// blockUnits are the units of one row: the gates of each block, and the cells.
type blockUnits struct{ in, forget, out, cell []float32 } // forget: nil without forget gates

func (b *memoryBlock) unitsOf(n int) (u blockUnits) {
	row := b.gates[n*b.units : (n+1)*b.units]
	u.in, row = row[:b.blocks], row[b.blocks:]
	if b.forget {
		u.forget, row = row[:b.blocks], row[b.blocks:]
	}
	u.out, u.cell = row[:b.blocks], row[b.blocks:]
	return u
}

// MemoryBlockGrad adds one time step to the truncated gradient. See
// backend.MemoryBlockGradArgs.
func (c *Backend) MemoryBlockGrad(a backend.MemoryBlockGradArgs) {
	backend.CheckMemoryBlockGrad(c, a)
	if c.err != nil {
		return
	}
	c.jobs.blockGrad = memoryBlockGrad{
		memoryBlock: newMemoryBlock(a.MemoryBlockArgs), batch: a.S.Rows, sources: a.Source.Cols, columns: a.PIn.Cols,
		source: floats(a.Source), dy: floats(a.DY),
		pIn: floats(a.PIn), pForget: floats(a.PForget), pCell: floats(a.PCell),
		dw: floats(a.DW), dPeep: floats(a.DPeep),
	}
	c.forEach(&c.jobs.blockGrad, a.Blocks, rowGrain(cheapGrain, a.S.Rows*a.DW.Size()/a.Blocks))
}

// memoryBlockGrad is a time step of the truncated gradient, as an operation
// over blocks, which have no weights in common.
type memoryBlockGrad struct {
	memoryBlock
	batch, sources, columns int       // N; M; of the partials of gates
	source, dy              []float32 // [N, M], [N, B·S] in
	pIn, pForget            []float32 // [N·B·S, columns] in and out; pForget may be nil
	pCell                   []float32 // [N·B·S, M] in and out
	dw, dPeep               []float32 // [U, M], [3, B·S] in and out; dPeep may be nil
}

func (b *memoryBlockGrad) run(from, to int) {
	outRow := b.units - b.blocks*(b.cells+1)
	for n := range b.batch {
		u := b.unitsOf(n)
		before, s, dy := b.states(b.before, n), b.states(b.s, n), b.states(b.dy, n)
		for j := from; j < to; j++ {
			first, end := j*b.cells, (j+1)*b.cells
			t := truncation{forget: 1, source: b.source[n*b.sources:][:b.sources], before: before[first:end]}
			if b.forget {
				t.forget = u.forget[j]
			}
			in, out := u.in[j], u.out[j]
			var dOut float32 // gradient of z_out
			for v := first; v < end; v++ {
				g, row := u.cell[v], n*len(s)+v
				var e float32 // gradient of s_v
				// Where the target is at the end, hardly a step has an error.
				if dy[v] != 0 {
					squashed := b.h.of(s[v])
					dOut += squashed * dy[v] * out * (1 - out)
					e = dy[v] * out * b.h.slope(squashed)
				}
				t.gate(b.partials(b.pIn, row), b.weights(j), b.peepholes(0, j), g*in*(1-in), e)
				if b.forget {
					t.gate(b.partials(b.pForget, row), b.weights(b.blocks+j), b.peepholes(1, j), before[v]*t.forget*(1-t.forget), e)
				}
				advance(b.pCell[row*b.sources:][:b.sources], b.weights(outRow+b.blocks+v), t.source, t.forget, in*b.g.slope(g), e)
			}
			if dOut != 0 {
				addScaled(b.weights(outRow+j), t.source, nil, dOut)
				addScaled(b.peepholes(2, j), s[first:end], nil, dOut)
			}
		}
	}
}

// partials returns a row of the partials of a gate.
func (b *memoryBlockGrad) partials(p []float32, row int) []float32 {
	return p[row*b.columns:][:b.columns]
}

// weights returns the gradient of the weights into a unit.
func (b *memoryBlockGrad) weights(unit int) []float32 {
	return b.dw[unit*b.sources:][:b.sources]
}

// peepholes returns the gradient of the peepholes of block j, the row being as
// in through; nil without peepholes.
func (b *memoryBlockGrad) peepholes(row, j int) []float32 {
	if b.dPeep == nil {
		return nil
	}
	return b.states(b.dPeep, row)[j*b.cells:][:b.cells]
}

// truncation is what one time step of a block feeds to its partials.
type truncation struct {
	forget         float32
	source, before []float32 // y_m; s(t−1), the sources of the peepholes
}

// gate takes the partials p of a cell with respect to the weights of a gate
// one step on, those of its peepholes too, ds being ∂s_v/∂z of this step.
func (t truncation) gate(p, dw, dPeep []float32, ds, e float32) {
	m := len(t.source)
	advance(p[:m], dw, t.source, t.forget, ds, e)
	advance(p[m:], dPeep, t.before, t.forget, ds, e)
}

// advance sets p[m] = forget·p[m] + ds·y[m] and adds e·p[m] to dw[m].
func advance(p, dw, y []float32, forget, ds, e float32) {
	dw, y = dw[:len(p)], y[:len(p)]
	if e == 0 {
		for m := range p {
			p[m] = forget*p[m] + ds*y[m]
		}
		return
	}
	for m := range p {
		p[m] = forget*p[m] + ds*y[m]
		dw[m] += e * p[m]
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

// slope returns the derivative, given y = f(x).
func (f squash) slope(y float32) float32 {
	if f == (squash{}) {
		return 1
	}
	return f.steepness * (f.bound - y*y/f.bound)
}
