package model

import (
	"errors"
	"fmt"

	"gputrain/backend"
)

// sensitivity is what a contextLayer needs for real-time recurrent learning
// (Williams, Zipser 1989): p^k_uv(t) = ∂y_k(t)/∂W[u,v]. For each sequence this is a
// matrix P(t), [units, units·sources]. Row k belongs to y_k; its elements are in
// the order of W.
type sensitivity struct {
	units, sources int
	initial        backend.Tensor    // P(−1), [Batch, units·units·sources]
	p              [2]backend.Tensor // P(t), in turn for even and odd steps
	slope          backend.Tensor    // f'(t), [Steps·Batch, units]
	identity       backend.Tensor    // [units, units]

	// Of one step, [units, units]: diag(f'), diag(f')·W_c.
	diagonal, feedback backend.Tensor
}

func newSensitivity(b *Builder, c contextLayer, in Shape) *sensitivity {
	s := &sensitivity{units: c.units, sources: c.sources(in)}
	if b.InputGrad() {
		b.Fail(errors.New("RTRL gives no gradient of the input: nothing before this stage can learn"))
		return s
	}
	size, ok := product([]int{c.units, c.units, s.sources})
	if !ok {
		b.Fail(fmt.Errorf("RTRL of %d units with %[1]d·%[1]d·%d sensitivities is too large", c.units, s.sources))
		return s
	}
	s.initial = b.New(in.Batch, size)
	s.p = [2]backend.Tensor{b.New(in.Batch, size), b.New(in.Batch, size)}
	s.slope = b.New(in.Rows(), c.units)
	s.diagonal, s.feedback = b.New(c.units, c.units), b.New(c.units, c.units)
	if s.feedback.Present() {
		identity := make([]float64, s.feedback.Size())
		for k := range c.units {
			identity[k*c.units+k] = 1
		}
		s.identity = b.NewConstant(c.units, c.units, identity)
	}
	return s
}

// learnForward adds the gradient of W, going forward in time. e is the gradient of
// the loss by the outputs, which is minus the paper's d − y, and X are the sources:
//
//	p^k_uv(t) = f'_k(t)·(δ_uk·X_v(t) + Σ_l W[k,l]·p^l_uv(t−1))
//	dW[u,v]  += Σ_k e_k(t)·p^k_uv(t)
//
// After that, p^k_uv(t) = 0 for the units k that a teacher replaces.
func (m *contextModule) learnForward(dy backend.Tensor) {
	b, s, all := m.backend, m.rtrl, span{0, dy.Rows}
	slope := all.slice(s.slope)
	b.Fill(slope, 1)
	m.activation.grad(b, slope, all.slice(m.h), slope)
	for i := range m.in.Batch {
		before := s.matrix(s.initial, i)
		for t := range m.in.Steps {
			row := t*m.in.Batch + i
			p := s.matrix(s.p[t%2], i)
			s.advance(b, p, before, m.feedback, m.sources.Slice(row, row+1), slope.Slice(row, row+1))
			weightGrad := m.weightGrad.Reshape(1, m.weightGrad.Size())
			b.Gemm(weightGrad, backend.NoTrans, backend.NoTrans, 1, dy.Slice(row, row+1), p.Slice(0, m.outputs), 1)
			if m.teacher {
				b.Fill(p.Slice(0, m.outputs), 0)
			}
			before = p
		}
	}
}

// advance sets p to the sensitivities one step after before.
func (s *sensitivity) advance(b backend.Backend, p, before, feedback, source, slope backend.Tensor) {
	// f' scales the two small factors instead of the large product.
	column := slope.Reshape(s.units, 1)
	b.MulCol(s.diagonal, s.identity, column)
	b.MulCol(s.feedback, feedback, column)
	// Row k·units+u of this view is p^k_u·: the source goes into the rows with
	// k = u.
	b.Gemm(p.Reshape(s.units*s.units, s.sources), backend.NoTrans, backend.NoTrans, 1, s.diagonal.Reshape(s.units*s.units, 1), source, 0)
	b.Gemm(p, backend.NoTrans, backend.NoTrans, 1, s.feedback, before, 1)
}

// matrix returns P of sequence i.
func (s *sensitivity) matrix(p backend.Tensor, i int) backend.Tensor {
	return p.Slice(i, i+1).Reshape(s.units, s.units*s.sources)
}

// state describes the sensitivities before and after the sequence to the caller.
// Backward sets Final.
func (s *sensitivity) state(steps, batch int) State {
	return State{
		Name:    "sensitivity",
		Initial: s.initial.Slice(0, batch),
		Final:   s.p[(steps-1)%2].Slice(0, batch),
	}
}
