package model

import "gputrain/backend"

// lastStepBidirectional passes on the last step of each half of its input. The
// reverse half goes from the end to the beginning, so its last step is step 0.
type lastStepBidirectional struct {
	*lastStep
	half  int            // width of a half
	y     backend.Tensor // [Batch, 2·half]
	dLast backend.Tensor // gradient of the last step: dy with zeros in the reverse half; absent unless wanted
}

func newLastStepBidirectional(b *Builder, in Shape, last *lastStep) *lastStepBidirectional {
	m := &lastStepBidirectional{lastStep: last, half: in.Width / 2, y: b.New(in.Batch, in.Width)}
	if b.InputGrad() {
		m.dLast = b.New(in.Batch, in.Width)
	}
	return m
}

func (m *lastStepBidirectional) Forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor {
	last := m.lastStep.Forward(x, in, mode)
	y, first := m.y.Slice(0, in.Batch), timeStep(0, in.Batch).slice(x)
	m.backend.CopyCols(y, 0, last, 0, m.half)
	m.backend.CopyCols(y, m.half, m.zeroEmpty(m.masked, first), m.half, m.half)
	return y
}

func (m *lastStepBidirectional) Backward(dy backend.Tensor) backend.Tensor {
	if !m.dx.Present() {
		return backend.Tensor{}
	}
	dLast := m.dLast.Slice(0, dy.Rows)
	m.backend.CopyCols(dLast, 0, dy, 0, m.half)
	dx := m.lastStep.Backward(dLast)
	first := timeStep(0, dy.Rows).slice(dx)
	m.backend.CopyCols(first, m.half, m.zeroEmpty(m.masked, dy), m.half, m.half)
	return dx
}
