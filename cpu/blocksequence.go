package cpu

import "gputrain/backend"

// MemoryBlockForward runs memory blocks over a sequence. See
// backend.MemoryBlockSequenceArgs.
func (c *Backend) MemoryBlockForward(a backend.MemoryBlockSequenceArgs) {
	backend.CheckMemoryBlockForward(c, a)
	if c.err != nil {
		return
	}
	f := &c.jobs.blockForward
	*f = blockForward{
		memoryBlock: newMemoryBlockSequence(a),
		sources:     newProduct(backend.NoTrans, backend.Trans, a.Batch, a.Weight.Rows, a.Weight.Cols),
		inputs:      a.X.Cols, feedback: a.Feedback(),
	}
	f.sources.a, f.sources.b, f.sources.blas = floats(a.Source), floats(a.Weight), c.blas
	c.CopyCols(a.Source, 0, a.X, 0, a.X.Cols)
	if a.Steps() > 0 {
		f.feed(0, 0, a.Batch)
	}
	c.unroll(sequence{recurrence: f, steps: a.Steps(), batch: a.Batch}, a.Batch*a.Weight.Size())
}

// newMemoryBlockSequence returns the memory blocks of all steps, those before
// the first included.
func newMemoryBlockSequence(a backend.MemoryBlockSequenceArgs) memoryBlock {
	return newMemoryBlock(backend.MemoryBlockArgs{
		Blocks: a.Blocks, G: a.G, H: a.H, Gates: a.Gates, SPrev: a.S, Peep: a.Peep, S: a.S, Y: a.Y,
	})
}

// step returns step t of the memory blocks of all steps.
func (b *memoryBlock) step(t, batch int) memoryBlock {
	units, states := batch*b.units, batch*b.blocks*b.cells
	step := *b
	step.gates = stepOf(b.gates, t+1, units)
	step.before, step.s, step.output = stepOf(b.s, t, states), stepOf(b.s, t+1, states), stepOf(b.output, t+1, states)
	return step
}

// blockForward is the recurrence of MemoryBlockForward.
type blockForward struct {
	memoryBlock         // of all steps
	sources     product // of all steps, without dst
	inputs      int     // columns of x among the sources
	feedback    int     // of the gates
}

func (f *blockForward) product(t int) product {
	p := f.sources
	p.a, p.dst = stepOf(p.a, t, p.m*p.k), stepOf(f.gates, t+1, p.m*p.n)
	return p
}

func (f *blockForward) points(t, from, to int) {
	step := f.step(t, f.sources.m)
	step.run(from, to)
	if (t+1)*f.sources.m*f.sources.k < len(f.sources.a) {
		f.feed(t+1, from, to)
	}
}

// feed copies the activations of the step before t to the sources of step t,
// for some rows of the batch.
func (f *blockForward) feed(t, from, to int) {
	batch, states := f.sources.m, f.blocks*f.cells
	source := stepOf(f.sources.a, t, batch*f.sources.k)
	gates, output := stepOf(f.gates, t, batch*f.units), stepOf(f.output, t, batch*states)
	for n := from; n < to; n++ {
		fed := source[n*f.sources.k+f.inputs:][:f.feedback+states]
		copy(fed, gates[n*f.units:][:f.feedback])
		copy(fed[f.feedback:], output[n*states:][:states])
	}
}

// MemoryBlockBackward adds the truncated gradient of MemoryBlockForward. See
// backend.MemoryBlockSequenceGradArgs.
func (c *Backend) MemoryBlockBackward(a backend.MemoryBlockSequenceGradArgs) {
	backend.CheckMemoryBlockBackward(c, a)
	if c.err != nil {
		return
	}
	c.jobs.blockBackward = blockBackward{
		memoryBlockGrad: memoryBlockGrad{
			memoryBlock: newMemoryBlockSequence(a.MemoryBlockSequenceArgs),
			batch:       a.Batch, sources: a.Source.Cols, columns: a.PIn.Cols,
			source: floats(a.Source), dy: floats(a.DY),
			pIn: floats(a.PIn), pForget: floats(a.PForget), pCell: floats(a.PCell),
			dw: floats(a.DW), dPeep: floats(a.DPeep),
		},
		steps: a.Steps(),
	}
	c.forEach(&c.jobs.blockBackward, a.Blocks, rowGrain(cheapGrain, a.X.Rows*a.DW.Size()/a.Blocks))
}

// blockBackward is the truncated gradient over all steps, as an operation over
// blocks.
type blockBackward struct {
	memoryBlockGrad // of all steps
	steps           int
}

func (b *blockBackward) run(from, to int) {
	states := b.blocks * b.cells
	for t := range b.steps {
		step := b.memoryBlockGrad
		step.memoryBlock = b.step(t, b.batch)
		step.source, step.dy = stepOf(b.source, t, b.batch*b.sources), stepOf(b.dy, t, b.batch*states)
		step.run(from, to)
	}
}
