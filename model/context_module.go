package model

import (
	"fmt"
	"slices"

	"gputrain/backend"
)

// contextModule is the Module of a contextLayer. Its tensors have the size of the
// largest input. Row t·Batch+i is time step t of sequence i.
type contextModule struct {
	contextLayer
	*overwriter // nil with RTRL
	backend     backend.Backend

	weight, weightGrad             backend.Tensor // W
	outputWeight, outputWeightGrad backend.Tensor // V, absent without a readout
	outputBias, outputBiasGrad     backend.Tensor // b
	mask                           backend.Tensor // like W: 1 where units are connected; absent if all are
	masked                         backend.Tensor // W with zeros where units are not connected

	sources backend.Tensor // m
	h, y    backend.Tensor // the same tensor without a readout
	out     backend.Tensor // the first columns of y, or y
	context backend.Tensor // c, of Steps+1 time steps
	target  backend.Tensor // what the teacher gave for the next Forward

	feedback backend.Tensor // W's columns for the context
	bptt     *unrolled      // nil with RTRL
	rtrl     *sensitivity   // nil with BPTT

	in Shape // of the last Forward
}

// build allocates the states of all steps and what Backward needs.
func (c contextLayer) build(b *Builder, in Shape) Module {
	if c.window != WholeSequence && c.window > in.Steps {
		b.Fail(fmt.Errorf("the Window is %d, but sequences have at most %d time steps", c.window, in.Steps))
	}
	m := &contextModule{
		contextLayer: c, backend: b.Backend(),
		sources:  b.New(in.Rows(), c.sources(in)),
		h:        b.New(in.Rows(), c.units),
		context:  b.New(in.Rows()+in.Batch, c.width()),
		feedback: b.New(c.units, c.width()),
	}
	m.weight, m.weightGrad = b.Parameter(0)
	m.masked = m.weight
	m.y = m.h
	if c.readout > 0 {
		m.outputWeight, m.outputWeightGrad = b.Parameter(1)
		m.outputBias, m.outputBiasGrad = b.Parameter(2)
		m.y = b.New(in.Rows(), c.readout)
	}
	m.out = m.y
	if c.outputs < c.width() {
		m.out = b.New(in.Rows(), c.outputs)
	}
	if c.connected != nil {
		mask := slices.Repeat([]float64{1}, m.weight.Size())
		c.mask(mask, m.weight.Cols)
		m.mask = b.NewConstant(c.units, m.weight.Cols, mask)
		m.masked = b.New(c.units, m.weight.Cols)
	}
	if ones := b.New(in.Rows(), 1); ones.Present() {
		m.backend.Fill(ones, 1)
		m.backend.CopyCols(m.sources, m.sources.Cols-1, ones, 0, 1)
	}
	if c.teacher {
		b.OnTeach(c.outputs, m.teach)
	}
	if c.gradient == RTRL {
		m.rtrl = newSensitivity(b, c, in)
	} else {
		m.bptt = newUnrolled(b, c, in)
		m.overwriter = b.overwriter(m.weightGrad, m.outputWeightGrad, m.outputBiasGrad)
	}
	return m
}

func (m *contextModule) Forward(x backend.Tensor, in Shape, mode Mode) backend.Tensor {
	m.in = in
	b, all := m.backend, span{0, in.Rows()}
	target := m.takeTarget(mode)
	if m.mask.Present() {
		b.Mul(m.masked, m.weight, m.mask)
	}
	if !m.stateful {
		b.Fill(timeStep(0, in.Batch).slice(m.context), 0)
	}
	b.CopyCols(all.slice(m.sources), 0, x, 0, in.Width)
	for t := range in.Steps {
		m.advance(timeStep(t, in.Batch), timeStep(t+1, in.Batch), target)
	}
	if m.out != m.y {
		b.CopyCols(all.slice(m.out), 0, all.slice(m.y), 0, m.outputs)
	}
	return all.slice(m.out)
}

// advance runs one time step.
func (m *contextModule) advance(now, next span, target backend.Tensor) {
	b := m.backend
	sources, h, y, context := now.slice(m.sources), now.slice(m.h), now.slice(m.y), next.slice(m.context)
	b.CopyCols(sources, m.in.Width, now.slice(m.context), 0, context.Cols)
	b.Gemm(h, backend.NoTrans, backend.Trans, 1, sources, m.masked, 0)
	m.activation.apply(b, h, h)
	if m.readout > 0 {
		b.Gemm(y, backend.NoTrans, backend.Trans, 1, h, m.outputWeight, 0)
		b.AddRow(y, y, m.outputBias)
		m.outputActivation.apply(b, y, y)
	}
	b.Copy(context, y)
	if target.Present() {
		b.CopyCols(context, 0, now.slice(target), 0, m.outputs)
	}
	if m.decay > 0 {
		b.AddScaled(context, m.decay, now.slice(m.context))
	}
}

func (m *contextModule) Backward(dy backend.Tensor) backend.Tensor {
	b := m.backend
	b.CopyCols(m.feedback, 0, m.masked, m.in.Width, m.feedback.Cols)
	var dx backend.Tensor
	if m.rtrl != nil {
		m.learnForward(dy)
	} else {
		dx = m.learnBackward(dy)
	}
	if m.mask.Present() {
		b.Mul(m.weightGrad, m.weightGrad, m.mask)
	}
	return dx
}

// States returns the context and, with RTRL, the sensitivities.
func (m *contextModule) States(steps, batch int) []State {
	if !m.stateful {
		return nil
	}
	context := State{
		Name:    "context",
		Initial: timeStep(0, batch).slice(m.context),
		Final:   timeStep(steps, batch).slice(m.context),
	}
	if m.rtrl != nil {
		return []State{context, m.rtrl.state(steps, batch)}
	}
	if m.window == WholeSequence {
		context.InitialGrad, context.FinalGrad = m.bptt.carry.Slice(0, batch), m.bptt.finalGrad.Slice(0, batch)
	}
	return []State{context}
}

func (m *contextModule) teach(target backend.Tensor) {
	if target.Cols != m.outputs {
		panic(fmt.Sprintf("model: Teach: target is %v, want %d columns", target, m.outputs))
	}
	m.target = target
}

// takeTarget returns the targets that the teacher gave, which serve one Forward.
// They are absent without a teacher and in evaluation.
func (m *contextModule) takeTarget(mode Mode) backend.Tensor {
	if !m.teacher || mode == Evaluation {
		return backend.Tensor{}
	}
	target := m.target
	m.target = backend.Tensor{}
	if target.Rows != m.in.Rows() {
		panic(fmt.Sprintf("model: Forward: the teacher gave targets for %d rows, want %d: call Teach before each Forward in mode Training", target.Rows, m.in.Rows()))
	}
	return target
}
