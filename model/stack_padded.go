package model

import "gputrain/backend"

// padded is a recurrence over sequences that may end early. The padding comes after
// everything that counts, so the forward pass may run through it. The backward pass
// begins at the end of each sequence.
type padded struct {
	recurrence recurrence
	histories  []*history // of the recurrence
	backend    backend.Backend
	lengths    *Lengths
	masked     backend.Tensor // gradient of the output, zero in the padding
}

func (p *padded) forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor {
	b, given := p.backend, p.lengths.Given()
	y := p.recurrence.forward(x, in, mode)
	for _, h := range p.histories {
		if !h.final.Present() {
			continue
		}
		at := h.cut(in.Steps, in.Batch)
		if given {
			b.GatherRows(at.final, at.values, p.lengths.EndRows())
		} else {
			b.Copy(at.final, at.values.Slice(in.Rows(), in.Rows()+in.Batch))
		}
	}
	if given {
		b.MulCol(y, y, p.lengths.Mask())
	}
	return y
}

func (p *padded) backward(dy, dx backend.Tensor) {
	b, all := p.backend, span{0, dy.Rows}
	given := p.lengths.Given()
	if given {
		masked := all.slice(p.masked)
		b.MulCol(masked, dy, p.lengths.Mask())
		dy = masked
	}
	switch {
	case !p.histories[0].finalGrad.Present():
		p.recurrence.backward(dy, dx, all)
	case !given:
		for _, h := range p.histories {
			b.Copy(h.lastGrad, h.finalGrad)
		}
		p.recurrence.backward(dy, dx, all)
	default:
		p.backwardFromEnds(dy, dx)
	}
}

// backwardFromEnds runs the backward pass in pieces. It begins a new piece at each
// time step where sequences end, the last such step first, and adds there the
// gradient of the Final states of the sequences that end.
func (p *padded) backwardFromEnds(dy, dx backend.Tensor) {
	b, n := p.backend, p.lengths.Batch()
	for _, h := range p.histories {
		at := h.cut(0, n)
		b.Fill(at.initialGrad, 0)
		b.Fill(at.lastGrad, 0)
	}
	to := p.lengths.Steps()
	for t := to; t >= 0; t-- {
		if t > 0 && !p.lengths.AnyEndsAt(t) {
			continue
		}
		if t < to {
			p.recurrence.backward(dy, dx, span{t * n, to * n})
		}
		to = t
		for _, h := range p.histories {
			at := h.cut(0, n)
			b.MulCol(at.lastGrad, at.finalGrad, timeStep(t, n).slice(p.lengths.EndMask()))
			b.Add(at.lastGrad, at.lastGrad, at.initialGrad)
		}
	}
	for _, h := range p.histories {
		at := h.cut(0, n)
		b.Copy(at.initialGrad, at.lastGrad)
	}
}

func (p *padded) states(steps, batch int, suffix string) []State {
	return states(p.recurrence, steps, batch, suffix)
}
