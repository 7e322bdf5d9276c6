package model

import "gputrain/backend"

// history holds a state of a layer before the first step and after every step.
type history struct {
	values backend.Tensor // [(Steps+1)·Batch, Hidden]

	// All of these are [Batch, Hidden], and absent unless Stateful. Backward starts
	// from lastGrad and ends with initialGrad. final is the state at the end of
	// each sequence and finalGrad its gradient; they are absent if all sequences
	// are always whole.
	initialGrad, lastGrad backend.Tensor
	final, finalGrad      backend.Tensor

	closed bool // no error passes from chunk to chunk: lastGrad is zero and nothing reads initialGrad
}

func newHistory(b *Builder, in Shape, hidden int, stateful bool) history {
	h := history{values: b.New(in.Rows()+in.Batch, hidden)}
	if stateful {
		h.initialGrad = b.New(in.Batch, hidden)
		h.lastGrad = b.New(in.Batch, hidden)
	}
	return h
}

// cut returns h for passes of the given sizes.
func (h history) cut(steps, batch int) history {
	h.values = h.values.Slice(0, (steps+1)*batch)
	for _, x := range []*backend.Tensor{&h.initialGrad, &h.lastGrad, &h.final, &h.finalGrad} {
		if x.Present() {
			*x = x.Slice(0, batch)
		}
	}
	return h
}

// start sets the initial state to zero, unless the caller sets it.
func (h history) start(b backend.Backend, batch int) {
	if !h.initialGrad.Present() {
		b.Fill(h.values.Slice(0, batch), 0)
	}
}

// startGrad sets grad, [Batch, Hidden], to the gradient that Backward starts from.
// h must be cut.
func (h history) startGrad(b backend.Backend, grad backend.Tensor) {
	if h.lastGrad.Present() {
		b.Copy(grad, h.lastGrad)
	} else {
		b.Fill(grad, 0)
	}
}

// state describes h to the caller; nil unless Stateful. h must be cut.
func (h history) state(name string, batch int) []State {
	if !h.initialGrad.Present() {
		return nil
	}
	s := State{
		Name:    name,
		Initial: h.values.Slice(0, batch),
		Final:   h.values.Slice(h.values.Rows-batch, h.values.Rows),
	}
	if h.final.Present() {
		s.Final = h.final
	}
	switch {
	case h.closed:
	case h.finalGrad.Present():
		s.InitialGrad, s.FinalGrad = h.initialGrad, h.finalGrad
	default:
		s.InitialGrad, s.FinalGrad = h.initialGrad, h.lastGrad
	}
	return []State{s}
}
