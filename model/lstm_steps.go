package model

import "gputrain/backend"

// lstmSteps is an LSTM layer in one direction, made of plain operations, for the
// options that the fused LSTM does not have. L is the layer norm of a row, if there
// is one:
//
//	z   = L(x_t·W_ihᵀ) ⊙ gain_ih + b_ih + L(h_{t−1}·W_hhᵀ) ⊙ gain_hh + b_hh
//	i, f, g, o = σ(z_i), σ(z_f), tanh(z_g), σ(z_o)
//	c̃   = f ⊙ c_{t−1} + i ⊙ g
//	h̃   = W_hr·(o ⊙ tanh(L(c̃) ⊙ gain_c + b_c))
//	c_t = zoneout of c̃ and c_{t−1}
//	h_t = zoneout of h̃ and h_{t−1}
//
// Tensors have the size of the largest input, and a row for each row of it unless
// another shape is given.
type lstmSteps struct {
	*overwriter // of all but the layer norms, whose gradients come step by step
	backend     backend.Backend
	value, grad weights
	scratch     *lstmScratch

	hidden, cell history
	z            backend.Tensor    // [·, 4·Hidden]: the arguments of the gates; in Backward their gradient
	gates        [4]backend.Tensor // i, f, g, o
	candidate    backend.Tensor    // c̃; absent if c̃ is c
	squashed     backend.Tensor    // the tanh in h̃, the factor of o

	unprojected, dProjected    backend.Tensor // o ⊙ squashed, and gradient of h̃; absent without projection
	normIH, normHH, normC      layerNorm
	zoneoutHidden, zoneoutCell zoneout

	x  backend.Tensor // of the last forward
	in Shape
}

// lstmScratch is what all layers use one after another, for one time step.
type lstmScratch struct {
	gates  backend.Tensor    // [Batch, 4·Hidden]
	hidden backend.Tensor    // like h
	cell   [2]backend.Tensor // like c
	dh, dc backend.Tensor    // gradients of h and c, which go from each step to the one before
}

func newLSTMScratch(b *Builder, in Shape, l LSTM) *lstmScratch {
	n, width := in.Batch, l.stack().width()
	return &lstmScratch{
		gates:  b.New(n, 4*l.Hidden),
		hidden: b.New(n, width),
		cell:   [2]backend.Tensor{b.New(n, l.Hidden), b.New(n, l.Hidden)},
		dh:     b.New(n, width),
		dc:     b.New(n, l.Hidden),
	}
}

func newLSTMSteps(b *Builder, in Shape, l LSTM, value, grad weights, scratch *lstmScratch) *lstmSteps {
	rows, width := in.Rows(), l.stack().width()
	s := &lstmSteps{
		overwriter: b.overwriter(grad.ih, grad.hh, grad.bih, grad.bhh, grad.hr),
		backend:    b.Backend(), value: value, grad: grad, scratch: scratch,
		hidden:        newHistory(b, in, width, l.Stateful),
		cell:          newHistory(b, in, l.Hidden, l.Stateful),
		z:             b.New(rows, 4*l.Hidden),
		squashed:      b.New(rows, l.Hidden),
		zoneoutHidden: newZoneout(b, l.ZoneoutHidden),
		zoneoutCell:   newZoneout(b, l.ZoneoutCell),
	}
	for k := range s.gates {
		s.gates[k] = b.New(rows, l.Hidden)
	}
	if l.ZoneoutCell > 0 {
		s.candidate = b.New(rows, l.Hidden)
	}
	if l.Projection > 0 {
		s.unprojected, s.dProjected = b.New(rows, l.Hidden), b.New(rows, l.Projection)
	}
	if l.LayerNorm {
		s.normIH = newLayerNorm(b, rows, value.normIH, grad.normIH)
		s.normHH = newLayerNorm(b, rows, value.normHH, grad.normHH)
		s.normC = newLayerNorm(b, rows, value.normC, grad.normC)
	}
	return s
}

func (s *lstmSteps) histories() []*history { return []*history{&s.hidden, &s.cell} }

func (s *lstmSteps) forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor {
	s.x, s.in = x, in
	b, all := s.backend, span{0, in.Rows()}
	s.hidden.start(b, in.Batch)
	s.cell.start(b, in.Batch)
	z := all.slice(s.z)
	b.Gemm(z, backend.NoTrans, backend.Trans, 1, x, s.value.ih, 0)
	if s.normIH.present() {
		s.normIH.forward(b, z, z, all)
	}
	for _, bias := range [...]backend.Tensor{s.value.bih, s.value.bhh} {
		if bias.Present() {
			b.AddRow(z, z, bias)
		}
	}
	for t := range in.Steps {
		s.advance(timeStep(t, in.Batch), timeStep(t+1, in.Batch), mode)
	}
	return timeSteps(1, in.Steps+1, in.Batch).slice(s.hidden.values)
}

// advance runs one time step.
func (s *lstmSteps) advance(now, next span, mode Mode) {
	b, hidden := s.backend, s.cell.values.Cols
	h, c, z := now.slice(s.hidden.values), now.slice(s.cell.values), now.slice(s.z)
	if s.normHH.present() {
		product := s.scratch.gates.Slice(0, z.Rows)
		b.Gemm(product, backend.NoTrans, backend.Trans, 1, h, s.value.hh, 0)
		s.normHH.forward(b, product, product, now)
		b.Add(z, z, product)
	} else {
		b.Gemm(z, backend.NoTrans, backend.Trans, 1, h, s.value.hh, 1)
	}
	for k, gate := range s.gates {
		gate = now.slice(gate)
		b.CopyCols(gate, 0, z, k*hidden, hidden)
		if k == 2 {
			b.Tanh(gate, gate)
		} else {
			b.Sigmoid(gate, gate)
		}
	}
	i, f, g, o := now.slice(s.gates[0]), now.slice(s.gates[1]), now.slice(s.gates[2]), now.slice(s.gates[3])

	candidate, after := next.slice(s.cell.values), next.slice(s.cell.values)
	if s.candidate.Present() {
		candidate = now.slice(s.candidate)
	}
	b.Mul(candidate, f, c)
	b.AddMul(candidate, i, g)
	s.zoneoutCell.forward(b, after, c, candidate, now, mode)

	squashed := now.slice(s.squashed)
	if s.normC.present() {
		s.normC.forward(b, squashed, candidate, now)
		b.AddRow(squashed, squashed, s.value.biasC)
		b.Tanh(squashed, squashed)
	} else {
		b.Tanh(squashed, candidate)
	}
	output, after := next.slice(s.hidden.values), next.slice(s.hidden.values)
	if s.zoneoutHidden.rate > 0 {
		output = s.scratch.hidden.Slice(0, output.Rows)
	}
	if s.unprojected.Present() {
		unprojected := now.slice(s.unprojected)
		b.Mul(unprojected, o, squashed)
		b.Gemm(output, backend.NoTrans, backend.Trans, 1, unprojected, s.value.hr, 0)
	} else {
		b.Mul(output, o, squashed)
	}
	s.zoneoutHidden.forward(b, after, h, output, now, mode)
}
