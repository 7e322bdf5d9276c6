package model

import "gputrain/backend"

// bidirectional is a pair of sequences over the same input, one forward and one
// backward in time (Schuster, Paliwal 1997): y_t = [forward_t, backward_t].
type bidirectional struct {
	backend            backend.Backend
	inOrder, inReverse sequence
	width              int            // of the output of each sequence
	y                  backend.Tensor // [rows, 2·width]
	half               backend.Tensor // [rows, width]: gradient of the output of one sequence
	dxReverse          backend.Tensor // storage for the gradient of x from inReverse
}

// bidirectional returns the pair of inOrder and inReverse, which it reverses.
func (w *workspace) bidirectional(b *Builder, in Shape, width int, inOrder, inReverse sequence) sequence {
	return &bidirectional{
		backend: b.Backend(),
		inOrder: inOrder,
		inReverse: &reversed{
			sequence: inReverse,
			reversal: newReversal(b, in),
			x:        b.New(in.Rows(), in.Width),
			y:        b.New(in.Rows(), width),
			dy:       w.reversedDY,
			dx:       w.reversedX,
		},
		width:     width,
		y:         b.New(in.Rows(), 2*width),
		half:      w.half,
		dxReverse: w.dxReverse,
	}
}

func (s *bidirectional) forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor {
	b, y := s.backend, s.y.Slice(0, x.Rows)
	b.CopyCols(y, 0, s.inOrder.forward(x, in, mode), 0, s.width)
	b.CopyCols(y, s.width, s.inReverse.forward(x, in, mode), 0, s.width)
	return y
}

func (s *bidirectional) backward(dy, dx backend.Tensor) {
	b, half, dxReverse := s.backend, s.half.Slice(0, dy.Rows), backend.Tensor{}
	b.CopyCols(half, 0, dy, 0, s.width)
	s.inOrder.backward(half, dx)
	b.CopyCols(half, 0, dy, s.width, s.width)
	if dx.Present() {
		dxReverse, _ = s.dxReverse.Take(dx.Rows, dx.Cols)
	}
	s.inReverse.backward(half, dxReverse)
	if dx.Present() {
		b.Add(dx, dx, dxReverse)
	}
}

func (s *bidirectional) states(steps, batch int, suffix string) []State {
	states := s.inOrder.states(steps, batch, suffix)
	for _, state := range s.inReverse.states(steps, batch, suffix+directionSuffix[1]) {
		state.Reversed = true
		states = append(states, state)
	}
	return states
}

// reversed is a sequence that sees its input from the end to the beginning.
type reversed struct {
	sequence
	reversal reversal
	in       Shape          // of the last forward
	x        backend.Tensor // from the end to the beginning, as it goes into the sequence
	y        backend.Tensor // from the beginning to the end
	dy       backend.Tensor // from the end to the beginning
	dx       backend.Tensor // storage for what comes out of the sequence
}

func (s *reversed) forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor {
	s.in = in
	from, y := s.x.Slice(0, x.Rows), s.y.Slice(0, x.Rows)
	s.reversal.apply(from, x, in)
	s.reversal.apply(y, s.sequence.forward(from, in, mode), in)
	return y
}

func (s *reversed) backward(dy, dx backend.Tensor) {
	from, to := s.dy.Slice(0, dy.Rows), backend.Tensor{}
	s.reversal.apply(from, dy, s.in)
	if dx.Present() {
		to, _ = s.dx.Take(dx.Rows, dx.Cols)
	}
	s.sequence.backward(from, to)
	if dx.Present() {
		s.reversal.apply(dx, to, s.in)
	}
}

// reversal turns sequences around, each within its length.
type reversal struct {
	backend backend.Backend
	lengths *Lengths     // nil if all sequences are always whole
	steps   backend.Ints // Steps−1, ..., 1, 0
}

func newReversal(b *Builder, in Shape) reversal {
	descending := make([]int32, in.Steps)
	for t := range descending {
		descending[t] = int32(in.Steps - 1 - t)
	}
	return reversal{backend: b.Backend(), lengths: b.Lengths(in), steps: b.NewIntConstant(descending)}
}

// apply sets dst to x turned around; dst must not be x.
func (r reversal) apply(dst, x backend.Tensor, in Shape) {
	if r.lengths.Given() {
		r.backend.GatherRows(dst, x, r.lengths.ReversedRows())
		return
	}
	// Each time step is moved as a single row.
	cols := in.Batch * x.Cols
	r.backend.GatherRows(dst.Reshape(in.Steps, cols), x.Reshape(in.Steps, cols), r.steps.Slice(r.steps.N-in.Steps, r.steps.N))
}
