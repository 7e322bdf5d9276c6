package cpu

import "gputrain/backend"

// MemoryBlockForward runs memory blocks over a sequence. See
// backend.MemoryBlockSequenceArgs.
func (c *Backend) MemoryBlockForward(a backend.MemoryBlockSequenceArgs) {
	backend.CheckMemoryBlockForward(c, a)
	if c.err != nil {
		return
	}
	n, inputs, feedback := a.Batch, a.X.Cols, a.Feedback()
	c.CopyCols(a.Source, 0, a.X, 0, inputs)
	if a.Steps() > 0 {
		first := a.Source.Slice(0, n)
		c.CopyCols(first, inputs, a.Gates.Slice(0, n), 0, feedback)
		c.CopyCols(first, inputs+feedback, a.Y.Slice(0, n), 0, a.Y.Cols)
	}
	f := &c.jobs.blockForward
	*f = blockForward{
		memoryBlock:    newMemoryBlock(allSteps(a)),
		forwardProduct: forwardProduct{newProduct(backend.NoTrans, backend.Trans, n, a.Weight.Rows, a.Weight.Cols)},
		inputs:         inputs, feedback: feedback,
	}
	p := &f.all
	p.dst, p.a, p.b, p.blas = f.gates, floats(a.Source), floats(a.Weight), c.blas
	if p.m < packRows && p.k < shortDot {
		p.tiling = tilingPlain
	}
	c.unroll(sequence{recurrence: f, steps: a.Steps(), batch: n}, n*a.Weight.Size())
}

// allSteps returns the memory blocks of a sequence as those of one time step of
// T·N sequences.
func allSteps(a backend.MemoryBlockSequenceArgs) backend.MemoryBlockArgs {
	n, rows := a.Batch, a.X.Rows
	return backend.MemoryBlockArgs{
		Blocks: a.Blocks, G: a.G, H: a.H, Peep: a.Peep,
		Gates: a.Gates.Slice(n, n+rows), SPrev: a.S.Slice(0, rows),
		S: a.S.Slice(n, n+rows), Y: a.Y.Slice(n, n+rows),
	}
}

// blockForward is the recurrence of MemoryBlockForward, over all steps.
type blockForward struct {
	memoryBlock
	forwardProduct     // z = source·Wᵀ
	inputs         int // columns of x among the sources
	feedback       int // of the gates
}

func (f *blockForward) points(t, from, to int) {
	batch := f.all.m
	f.run(t*batch+from, t*batch+to)
	if next := (t + 1) * batch; next*f.all.k < len(f.all.a) {
		for n := from; n < to; n++ {
			f.feed(next+n, t*batch+n)
		}
	}
}

// feed copies the activations of a row to the sources of another, one step on.
func (f *blockForward) feed(to, from int) {
	fed := f.all.a[to*f.all.k+f.inputs:]
	copy(fed[:f.feedback], f.gates[from*f.units:])
	copy(fed[f.feedback:], f.states(f.output, from))
}

// MemoryBlockBackward adds the truncated gradient of MemoryBlockForward. See
// backend.MemoryBlockSequenceGradArgs.
func (c *Backend) MemoryBlockBackward(a backend.MemoryBlockSequenceGradArgs) {
	backend.CheckMemoryBlockBackward(c, a)
	if c.err != nil {
		return
	}
	c.truncatedGrad(backend.MemoryBlockGradArgs{
		MemoryBlockArgs: allSteps(a.MemoryBlockSequenceArgs), Source: a.Source, DY: a.DY,
		PIn: a.PIn, PForget: a.PForget, PCell: a.PCell, DW: a.DW, DPeep: a.DPeep,
	}, a.Batch)
}
