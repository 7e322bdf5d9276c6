package model

import (
	"fmt"

	"gputrain/backend"
)

// recurrence is a recurrent layer in one direction that was built. Its tensors have
// the size of the largest input; each pass cuts them to the batch at hand.
type recurrence interface {
	// forward returns h of all steps, which lies in the first of histories.
	forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor

	// backward runs the backward pass of the rows of part, whole time steps of
	// the last forward, from the histories' lastGrad to their initialGrad. dx
	// may be absent.
	backward(dy, dx backend.Tensor, part span)

	// histories returns the history of h and, if there is one, of c.
	histories() []*history
}

// stateNames are the names of the histories of a recurrence.
var stateNames = [...]string{"h", "c"}

// sequence is a recurrence over all of its time steps.
type sequence interface {
	forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor
	backward(dy, dx backend.Tensor) // dx may be absent
	states(steps, batch int, suffix string) []State
}

// whole is a recurrence over sequences that all have the same length.
type whole struct{ recurrence }

func (w whole) backward(dy, dx backend.Tensor) {
	w.recurrence.backward(dy, dx, span{0, dy.Rows})
}

func (w whole) states(steps, batch int, suffix string) []State {
	return states(w.recurrence, steps, batch, suffix)
}

// states describes the states of a recurrence to the caller.
func states(r recurrence, steps, batch int, suffix string) []State {
	var states []State
	for i, h := range r.histories() {
		states = append(states, h.cut(steps, batch).state(stateNames[i]+suffix, batch)...)
	}
	return states
}

// stackModule is the Module of a stack of recurrent layers.
type stackModule struct{ layers []*stackedLayer }

// stackedLayer is one layer of a stack, with the dropout of its output.
type stackedLayer struct {
	sequence
	dropout *dropout       // nil for the last layer, and without Dropout
	dx      backend.Tensor // gradient of the input, for the largest input; absent unless wanted
}

// build builds the stack. newRecurrence makes the recurrence of a layer in one
// direction, 0 or 1, from its parameters.
func (r stackLayer) build(b *Builder, in Shape, newRecurrence func(direction int, in Shape, value, grad weights) recurrence) Module {
	w, s := newWorkspace(b, in, r), &stackModule{}
	for i := range r.layers {
		at := Shape{Steps: in.Steps, Batch: in.Batch, Width: r.inputWidth(i, in)}
		newSequence := func(direction int) sequence {
			value, grad := r.weights(b, i, direction, at.Width)
			recurrence := newRecurrence(direction, at, value, grad)
			if r.truncated() {
				recurrence = w.windowed(b, at, recurrence, r.window, direction)
			}
			return w.sequence(b, in, recurrence, direction)
		}
		l := &stackedLayer{sequence: newSequence(0), dx: w.inputGrads[i]}
		if r.bidirectional {
			l.sequence = w.bidirectional(b, at, r.width(), l.sequence, newSequence(1))
		}
		if r.dropout > 0 && i < r.layers-1 {
			out, _ := r.output(at)
			l.dropout = newDropout(b, out, r.dropout)
			l.dropout.dx = w.inputGrads[i+1]
		}
		s.layers = append(s.layers, l)
	}
	return s
}

// perDirection returns what make returns, for each direction: the layers use it one
// after another, but two directions may run at the same time.
func perDirection[T any](r stackLayer, make func() T) (all [2]T) {
	for i := range r.directions() {
		all[i] = make()
	}
	return all
}

// workspace is memory that the layers of a stack use one after another.
type workspace struct {
	inputGrads []backend.Tensor // of each layer; absent unless wanted

	// Of each direction.
	masked             [2]backend.Tensor // see padded
	windowDY, windowDX [2]backend.Tensor // see windowed

	half, dxReverse       backend.Tensor // see bidirectional
	reversedDY, reversedX backend.Tensor // see reversed
}

// newWorkspace allocates what a stack shares. The gradients of the inputs of layer
// 1 and up take turns on two tensors: once the layer below has used a gradient,
// nothing reads it any more.
func newWorkspace(b *Builder, in Shape, r stackLayer) *workspace {
	w := &workspace{inputGrads: make([]backend.Tensor, r.layers)}
	widest := 0 // of the gradients
	if b.InputGrad() {
		w.inputGrads[0], widest = b.New(in.Rows(), in.Width), in.Width
	}
	for i := 1; i < r.layers; i++ {
		width := r.inputWidth(i, in)
		if widest = max(widest, width); i < 3 {
			w.inputGrads[i] = b.New(in.Rows(), width)
		} else {
			w.inputGrads[i] = w.inputGrads[i-2]
		}
	}
	if b.Lengths(in) != nil {
		w.masked = perDirection(r, func() backend.Tensor { return b.New(in.Rows(), r.width()) })
	}
	if r.truncated() {
		w.windowDY = perDirection(r, func() backend.Tensor { return b.New(in.Rows(), r.width()) })
		w.windowDX = perDirection(r, func() backend.Tensor { return b.New(1, in.Rows()*widest) })
	}
	if r.bidirectional {
		w.half, w.reversedDY = b.New(in.Rows(), r.width()), b.New(in.Rows(), r.width())
		w.dxReverse, w.reversedX = b.New(1, in.Rows()*widest), b.New(1, in.Rows()*widest)
	}
	return w
}

// sequence makes a sequence of a recurrence in one direction.
func (w *workspace) sequence(b *Builder, in Shape, r recurrence, direction int) sequence {
	lengths := b.Lengths(in)
	if lengths == nil {
		return whole{r}
	}
	p := &padded{recurrence: r, histories: r.histories(), backend: b.Backend(), lengths: lengths, masked: w.masked[direction]}
	for _, h := range p.histories {
		if !h.initialGrad.Present() {
			continue
		}
		h.final = b.New(in.Batch, h.values.Cols)
		if !h.closed {
			h.finalGrad = b.New(in.Batch, h.values.Cols)
		}
	}
	return p
}

func (s *stackModule) Forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor {
	for _, l := range s.layers {
		in.Width = x.Cols
		x = l.forward(x, in, mode)
		if l.dropout != nil {
			x = l.dropout.Forward(x, in, mode)
		}
	}
	return x
}

func (s *stackModule) Backward(dy backend.Tensor) backend.Tensor {
	rows := dy.Rows
	for i := len(s.layers) - 1; i >= 0; i-- {
		l := s.layers[i]
		if l.dropout != nil {
			dy = l.dropout.Backward(dy)
		}
		dx := l.dx
		if dx.Present() {
			dx = dx.Slice(0, rows)
		}
		l.backward(dy, dx)
		dy = dx
	}
	return dy
}

// States returns the states of all layers, each in all directions.
func (s *stackModule) States(steps, batch int) []State {
	var states []State
	for i, l := range s.layers {
		states = append(states, l.states(steps, batch, fmt.Sprintf("_l%d", i))...)
	}
	return states
}
