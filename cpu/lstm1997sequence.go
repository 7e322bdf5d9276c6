package cpu

import "gputrain/backend"

// LSTM1997Forward implements backend.LSTM1997Sequencer.
func (c *Backend) LSTM1997Forward(a backend.LSTM1997Args) {
	backend.CheckLSTM1997Forward(c, a)
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
	f := &c.jobs.lstm1997Forward
	*f = lstm1997Forward{
		lstm1997Cell:   newLSTM1997Cell(c.vector, allSteps(a)),
		forwardProduct: forwardProduct{c.newProduct(backend.NoTrans, backend.Trans, n, a.Weight.Rows, a.Weight.Cols)},
		inputs:         inputs, feedback: feedback,
	}
	p := &f.all
	p.dst, p.a, p.b = f.gates, floats(a.Source), floats(a.Weight)
	p.plain = p.m < fewRows && p.k < shortDot
	c.unroll(sequence{recurrence: f, steps: a.Steps(), batch: n}, n*a.Weight.Size())
}

// With fewer rows and terms, dot products in Go take less time than the kernels.
const (
	fewRows  = 16
	shortDot = 64
)

// allSteps returns the memory blocks of all T steps as if they were one step of
// T·N sequences.
func allSteps(a backend.LSTM1997Args) backend.LSTM1997CellArgs {
	n, rows := a.Batch, a.X.Rows
	return backend.LSTM1997CellArgs{
		Blocks: a.Blocks, G: a.G, H: a.H, Peep: a.Peep,
		Gates: a.Gates.Slice(n, n+rows), SPrev: a.S.Slice(0, rows),
		S: a.S.Slice(n, n+rows), Y: a.Y.Slice(n, n+rows),
	}
}

// lstm1997Forward is the recurrence of LSTM1997Forward, over all steps.
type lstm1997Forward struct {
	lstm1997Cell
	forwardProduct     // z = source·Wᵀ
	inputs         int // columns of x among the sources
	feedback       int // columns of the gates among them
}

func (f *lstm1997Forward) points(t, from, to int) {
	batch := f.all.m
	f.run(t*batch+from, t*batch+to)
	if next := (t + 1) * batch; next*f.all.k < len(f.all.a) {
		for n := from; n < to; n++ {
			f.feed(next+n, t*batch+n)
		}
	}
}

// feed copies the activations in row from to the sources in row to, which is one
// step later.
func (f *lstm1997Forward) feed(to, from int) {
	fed := f.all.a[to*f.all.k+f.inputs:]
	copy(fed[:f.feedback], f.gates[from*f.units:])
	copy(fed[f.feedback:], f.states(f.output, from))
}

// LSTM1997Backward implements backend.LSTM1997Sequencer.
func (c *Backend) LSTM1997Backward(a backend.LSTM1997GradArgs) {
	backend.CheckLSTM1997Backward(c, a)
	if c.err != nil {
		return
	}
	c.truncatedGrad(backend.LSTM1997CellGradArgs{
		LSTM1997CellArgs: allSteps(a.LSTM1997Args), Source: a.Source, DY: a.DY,
		PIn: a.PIn, PForget: a.PForget, PCell: a.PCell, DW: a.DW, DPeep: a.DPeep,
	}, a.Batch)
}
