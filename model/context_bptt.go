package model

import (
	"slices"

	"gputrain/backend"
)

// unrolled is what a contextLayer needs for backpropagation through time (Werbos
// 1990; Williams, Peng 1990). Tensors have a row for each row of the largest input
// unless another shape is given. Here the error is the gradient of the loss, so ϑ
// has the opposite sign to the literature, where the error is d − y.
type unrolled struct {
	inputs   backend.Tensor // W's columns for the input
	dx       backend.Tensor // absent unless wanted
	dy       backend.Tensor // gradient of y
	dz       backend.Tensor // ϑ: gradient of the argument of f
	doutput  backend.Tensor // gradient of the argument of g
	untaught backend.Tensor // [1, width]: 0 for the elements of y that a teacher replaces; absent without a teacher
	fed      backend.Tensor // gradient of y through the context; absent without a teacher

	// Full: the gradient of the context, [Batch, width], at one step after another
	// down to c(0), and the gradient of c(T).
	carry, finalGrad backend.Tensor

	// Truncated: the gradients at all steps from the errors one, two, three and
	// more steps later.
	lagCarry          [2]backend.Tensor
	lagDZ, lagDoutput backend.Tensor
}

func newUnrolled(b *Builder, c contextLayer, in Shape) *unrolled {
	rows, width := in.Rows(), c.width()
	u := &unrolled{dy: b.New(rows, width), dz: b.New(rows, c.units)}
	if b.InputGrad() {
		u.inputs, u.dx = b.New(c.units, in.Width), b.New(rows, in.Width)
	}
	if c.readout > 0 {
		u.doutput = b.New(rows, width)
	}
	if c.teacher {
		untaught := slices.Repeat([]float64{1}, width)
		clear(untaught[:c.outputs])
		u.untaught, u.fed = b.NewConstant(1, width, untaught), b.New(rows, width)
	}
	if c.window == WholeSequence {
		u.carry, u.finalGrad = b.New(in.Batch, width), b.New(in.Batch, width)
		return u
	}
	if c.window > 1 {
		u.lagCarry = [2]backend.Tensor{b.New(rows, width), b.New(rows, width)}
		u.lagDZ = b.New(rows, c.units)
		if c.readout > 0 {
			u.lagDoutput = b.New(rows, width)
		}
	}
	return u
}

// learnBackward computes the gradients of the parameters and returns the gradient of
// the input.
func (m *contextModule) learnBackward(dy backend.Tensor) backend.Tensor {
	b, u, all := m.backend, m.bptt, span{0, dy.Rows}
	if m.outputs < m.width() {
		b.Fill(all.slice(u.dy), 0)
	}
	b.CopyCols(all.slice(u.dy), 0, dy, 0, m.outputs)
	if m.window == WholeSequence {
		m.backThroughTime()
	} else {
		m.backThroughWindow()
	}
	dz, beta := all.slice(u.dz), m.beta()
	b.Gemm(m.weightGrad, backend.Trans, backend.NoTrans, 1, dz, all.slice(m.sources), beta)
	if m.readout > 0 {
		doutput := all.slice(u.doutput)
		b.Gemm(m.outputWeightGrad, backend.Trans, backend.NoTrans, 1, doutput, all.slice(m.h), beta)
		b.SumRows(m.outputBiasGrad, doutput, beta)
	}
	if !u.dx.Present() {
		return backend.Tensor{}
	}
	b.CopyCols(u.inputs, 0, m.masked, 0, u.inputs.Cols)
	b.Gemm(all.slice(u.dx), backend.NoTrans, backend.NoTrans, 1, dz, u.inputs, 0)
	return all.slice(u.dx)
}

// backThroughTime computes the gradients of all steps, from the last to the
// first:
//
//	ϑ(t) = f'(t) ⊙ (dy(t) + dc(t+1)),  dc(t) = ϑ(t)·W_c + α·dc(t+1)
//
// With a readout, the error goes through the readout first.
func (m *contextModule) backThroughTime() {
	b, u, n := m.backend, m.bptt, m.in.Batch
	carry := u.carry.Slice(0, n)
	b.Copy(carry, u.finalGrad.Slice(0, n))
	for t := m.in.Steps - 1; t >= 0; t-- {
		now := timeStep(t, n)
		dy := now.slice(u.dy)
		b.Add(dy, dy, m.fed(carry))
		m.backThroughUnits(u.dz, u.doutput, dy, now)
		b.Gemm(carry, backend.NoTrans, backend.NoTrans, 1, now.slice(u.dz), m.feedback, m.decay)
	}
}

// backThroughWindow computes the gradients of all steps. Each one is a sum over the
// errors of the same time step, of one step later, and so on, up to Window − 1
// steps later. Each term of the sum is one product for all steps.
func (m *contextModule) backThroughWindow() {
	b, u, n, rows := m.backend, m.bptt, m.in.Batch, m.in.Rows()
	m.backThroughUnits(u.dz, u.doutput, u.dy.Slice(0, rows), span{0, rows})
	dz := u.dz
	for lag := 1; lag < min(m.window, m.in.Steps); lag++ {
		carry, before := u.lagCarry[lag%2].Slice(0, rows), u.lagCarry[1-lag%2]
		b.Gemm(carry, backend.NoTrans, backend.NoTrans, 1, dz.Slice(0, rows), m.feedback, 0)
		if m.decay > 0 && lag > 1 {
			b.AddScaled(carry, m.decay, before.Slice(n, rows+n))
		}
		// The error of step t+lag has come to the context of step t+1, which is the
		// output of step t.
		rows -= n
		all := span{0, rows}
		m.backThroughUnits(u.lagDZ, u.lagDoutput, m.fed(carry.Slice(n, rows+n)), all)
		b.Add(all.slice(u.dz), all.slice(u.dz), all.slice(u.lagDZ))
		if m.readout > 0 {
			b.Add(all.slice(u.doutput), all.slice(u.doutput), all.slice(u.lagDoutput))
		}
		dz = u.lagDZ
	}
}

// backThroughUnits sets the rows of dz and, with a readout, of doutput to the
// gradients of the arguments of f and g. dy is the gradient of these rows of y.
func (m *contextModule) backThroughUnits(dz, doutput, dy backend.Tensor, rows span) {
	b, h := m.backend, rows.slice(m.h)
	dz = rows.slice(dz)
	if m.readout > 0 {
		doutput = rows.slice(doutput)
		m.outputActivation.grad(b, doutput, rows.slice(m.y), dy)
		b.Gemm(dz, backend.NoTrans, backend.NoTrans, 1, doutput, m.outputWeight, 0)
		dy = dz
	}
	m.activation.grad(b, dz, h, dy)
}

// fed returns the part of the context's gradient that goes on to y of the step
// before. It is zero for elements that the teacher replaced.
func (m *contextModule) fed(carry backend.Tensor) backend.Tensor {
	u := m.bptt
	if !u.untaught.Present() {
		return carry
	}
	fed := u.fed.Slice(0, carry.Rows)
	m.backend.MulRow(fed, carry, u.untaught)
	return fed
}
