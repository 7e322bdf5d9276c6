package model

import "gputrain/backend"

func (s *lstmSteps) backward(dy, dx backend.Tensor, part span) {
	b, n := s.backend, s.in.Batch
	dh, dc := s.scratch.dh.Slice(0, n), s.scratch.dc.Slice(0, n)
	h, c := s.hidden.cut(s.in.Steps, n), s.cell.cut(s.in.Steps, n)
	h.startGrad(b, dh)
	c.startGrad(b, dc)
	for t := (part.to-part.from)/max(1, n) - 1; t >= 0; t-- {
		from := part.from + t*n
		s.retreat(dy, dh, dc, span{from, from + n})
	}
	if h.initialGrad.Present() {
		b.Copy(h.initialGrad, dh)
		b.Copy(c.initialGrad, dc)
	}
	s.weightGrads(part)
	if dx.Present() {
		b.Gemm(part.slice(dx), backend.NoTrans, backend.NoTrans, 1, part.slice(s.dzInput()), s.value.ih, 0)
	}
}

// retreat runs the backward pass of one time step. dh is the gradient of h_t
// without dy, and dc is the gradient of c_t. retreat replaces them by the gradients
// of the step before.
func (s *lstmSteps) retreat(dy, dh, dc backend.Tensor, now span) {
	b, n, hidden := s.backend, dh.Rows, dc.Cols
	i, f, g, o := now.slice(s.gates[0]), now.slice(s.gates[1]), now.slice(s.gates[2]), now.slice(s.gates[3])
	squashed, dz := now.slice(s.squashed), now.slice(s.z)
	d, e := s.scratch.cell[0].Slice(0, n), s.scratch.cell[1].Slice(0, n)
	gate := func(k int, d backend.Tensor) { b.CopyCols(dz, k*hidden, d, 0, hidden) }

	b.Add(dh, dh, now.slice(dy))
	output := dh // gradient of h̃, then of o ⊙ squashed
	if s.zoneoutHidden.rate > 0 {
		output = s.scratch.hidden.Slice(0, n)
		s.zoneoutHidden.backward(b, output, dh, now)
	}
	if s.unprojected.Present() {
		b.Copy(now.slice(s.dProjected), output)
		b.Gemm(d, backend.NoTrans, backend.NoTrans, 1, output, s.value.hr, 0)
		output = d
	}
	b.Mul(e, output, squashed)
	b.SigmoidGrad(e, o, e)
	gate(3, e)
	b.Mul(d, output, o)
	b.TanhGrad(d, squashed, d)
	if s.normC.present() {
		b.SumRows(s.grad.biasC, d, 1)
		s.normC.backward(b, d, d, e, now)
	}
	// From here on d is the gradient of c̃.
	if s.zoneoutCell.rate > 0 {
		s.zoneoutCell.backward(b, e, dc, now)
		b.Add(d, d, e)
		b.AddMul(dc, d, f)
	} else {
		b.Add(d, d, dc)
		b.Mul(dc, d, f)
	}
	b.Mul(e, d, g)
	b.SigmoidGrad(e, i, e)
	gate(0, e)
	b.Mul(e, d, now.slice(s.cell.values))
	b.SigmoidGrad(e, f, e)
	gate(1, e)
	b.Mul(e, d, i)
	b.TanhGrad(e, g, e)
	gate(2, e)

	keep := 0.0 // 1 if dh holds the part that zoneout passed to h_{t−1}
	if s.zoneoutHidden.rate > 0 {
		keep = 1
	}
	scratch := s.scratch.gates.Slice(0, n)
	if s.normHH.present() {
		s.normIH.backward(b, now.slice(s.normIH.y), dz, scratch, now)
		s.normHH.backward(b, now.slice(s.normHH.y), dz, scratch, now)
	}
	b.Gemm(dh, backend.NoTrans, backend.NoTrans, 1, now.slice(s.dzRecurrent()), s.value.hh, keep)
}

// dzInput returns the gradient of x·W_ihᵀ.
func (s *lstmSteps) dzInput() backend.Tensor {
	if s.normIH.present() {
		return s.normIH.y
	}
	return s.z
}

// dzRecurrent returns the gradient of h·W_hhᵀ.
func (s *lstmSteps) dzRecurrent() backend.Tensor {
	if s.normHH.present() {
		return s.normHH.y
	}
	return s.z
}

// weightGrads computes the gradients of the weights and biases over the rows of
// part, one product each.
func (s *lstmSteps) weightGrads(part span) {
	b, beta := s.backend, s.beta()
	b.Gemm(s.grad.ih, backend.Trans, backend.NoTrans, 1, part.slice(s.dzInput()), part.slice(s.x), beta)
	b.Gemm(s.grad.hh, backend.Trans, backend.NoTrans, 1, part.slice(s.dzRecurrent()), part.slice(s.hidden.values), beta)
	for _, bias := range [...]backend.Tensor{s.grad.bih, s.grad.bhh} {
		if bias.Present() {
			b.SumRows(bias, part.slice(s.z), beta)
		}
	}
	if s.unprojected.Present() {
		b.Gemm(s.grad.hr, backend.Trans, backend.NoTrans, 1, part.slice(s.dProjected), part.slice(s.unprojected), beta)
	}
}
