package model

import "gputrain/backend"

// bidirectional is a pair of sequences over the same input, one forward and one
// backward in time (Schuster, Paliwal 1997): y_t = [forward_t, backward_t]. A backend may
// run both at the same time, so they share no memory that is written.
type bidirectional struct {
	backend   backend.Backend
	width     int            // of the output of each sequence
	y         backend.Tensor // [rows, 2·width]
	dxReverse backend.Tensor // storage for the gradient of x from the sequence backward in time
	sides     [2]side        // forward and backward in time
}

// side is one sequence of a bidirectional one, with the operands of its current pass.
type side struct {
	sequence
	half              backend.Tensor // [rows, width]: gradient of the output
	forward, backward func()         // the passes; made once, so that a pass allocates nothing

	x, y, dy, dx backend.Tensor
	in           Shape
	mode         Mode
}

// bidirectional returns the pair of inOrder and inReverse, which it reverses.
func (w *workspace) bidirectional(b *Builder, in Shape, width int, inOrder, inReverse sequence) sequence {
	turned := &reversed{
		sequence: inReverse,
		reversal: newReversal(b, in),
		x:        b.New(in.Rows(), in.Width),
		y:        b.New(in.Rows(), width),
		dy:       w.reversedDY,
		dx:       w.reversedX,
	}
	s := &bidirectional{
		backend:   b.Backend(),
		width:     width,
		y:         b.New(in.Rows(), 2*width),
		dxReverse: w.dxReverse,
		// Backward, nothing needs the output of turned any more.
		sides: [2]side{{sequence: inOrder, half: w.half}, {sequence: turned, half: turned.y}},
	}
	for i := range s.sides {
		side := &s.sides[i]
		side.forward = func() { side.y = side.sequence.forward(side.x, side.in, side.mode) }
		side.backward = func() { side.sequence.backward(side.dy, side.dx) }
	}
	return s
}

func (s *bidirectional) forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor {
	for i := range s.sides {
		side := &s.sides[i]
		side.x, side.in, side.mode = x, in, mode
	}
	backend.Pair(s.backend, s.sides[0].forward, s.sides[1].forward)
	y := s.y.Slice(0, x.Rows)
	for i := range s.sides {
		s.backend.CopyCols(y, i*s.width, s.sides[i].y, 0, s.width)
	}
	return y
}

func (s *bidirectional) backward(dy, dx backend.Tensor) {
	b, dxReverse := s.backend, backend.Tensor{}
	if dx.Present() {
		dxReverse, _ = s.dxReverse.Take(dx.Rows, dx.Cols)
	}
	for i, dx := range []backend.Tensor{dx, dxReverse} {
		side := &s.sides[i]
		side.dy, side.dx = side.half.Slice(0, dy.Rows), dx
		b.CopyCols(side.dy, 0, dy, i*s.width, s.width)
	}
	backend.Pair(b, s.sides[0].backward, s.sides[1].backward)
	if dx.Present() {
		b.Add(dx, dx, dxReverse)
	}
}

func (s *bidirectional) states(steps, batch int, suffix string) []State {
	states := s.sides[0].states(steps, batch, suffix)
	for _, state := range s.sides[1].states(steps, batch, suffix+directionSuffix[1]) {
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
