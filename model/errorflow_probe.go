package model

import (
	"errors"
	"fmt"
	"slices"

	"gputrain/backend"
)

// probe runs a network over copies of one sequence, time step by time step, to
// measure how one of its states depends on earlier values of that state.
type probe struct {
	net     *Network
	x       []float32      // [steps, Width]
	copies  int            // sequences in a batch
	states  []State        // of a pass of one step
	target  int            // index of the state that is measured
	size    int            // of that state
	history [][][]float32  // of each state, before each time step
	grads   [][]float64    // derivatives of the measured state after the last step by each state, [size, ...]
	input   backend.Tensor // [copies, Width]
	dy      backend.Tensor // zero
}

// byDifferences reports whether the measured state has no gradient.
func (p *probe) byDifferences() bool { return !p.states[p.target].InitialGrad.Present() }

func newProbe(net *Network, x []float32, state string) (*probe, error) {
	p := &probe{net: net, x: x, states: net.States(1, 1)}
	p.target = slices.IndexFunc(p.states, func(s State) bool { return s.Name == state })
	if p.target < 0 {
		var names []string
		for _, s := range p.states {
			names = append(names, s.Name)
		}
		return nil, fmt.Errorf("the network has no state %q, it has %q", state, names)
	}
	switch restarts := net.Restarts(); {
	case len(restarts) > 0:
		return nil, fmt.Errorf("stage %q is not Stateful: it would begin each time step at zero", restarts[0])
	case slices.ContainsFunc(p.states, func(s State) bool { return s.Reversed }):
		return nil, errors.New("a layer goes backward in time, but the measurement goes forward")
	case net.Taught() && !p.byDifferences():
		return nil, errors.New("a layer has TeacherForcing set: measure a network without it, with the same parameters")
	}
	p.size = p.states[p.target].Initial.Cols
	p.copies = p.size
	if p.byDifferences() {
		p.copies *= 2
	}
	if most := net.input.Batch; p.copies > most {
		return nil, fmt.Errorf("state %q has %d elements: build the network for batches of %d, not %d", state, p.size, p.copies, most)
	}
	if net.Ragged() {
		net.SetLengths(1, nil)
	}
	p.states = net.States(1, p.copies)
	var err error
	if p.input, err = net.backend.New(p.copies, net.input.Width); err != nil {
		return nil, err
	}
	out := net.OutputShape(Shape{Steps: 1, Batch: p.copies, Width: net.input.Width})
	if p.dy, err = net.backend.New(out.Rows(), out.Width); err != nil {
		net.backend.Free(p.input.Buf)
		return nil, err
	}
	return p, nil
}

func (p *probe) free() {
	p.net.backend.Free(p.input.Buf)
	p.net.backend.Free(p.dy.Buf)
}

// measure returns the flow for all lags.
func (p *probe) measure() ([]Flow, error) {
	defer p.clear()
	if err := p.record(); err != nil {
		return nil, err
	}
	p.grads = make([][]float64, len(p.states))
	for k, s := range p.states {
		p.grads[k] = make([]float64, p.size*s.Initial.Cols)
	}
	for i := range p.size {
		p.grads[p.target][i*p.size+i] = 1
	}
	back := p.backByGradient
	if p.byDifferences() {
		back = p.backByDifferences
	}
	steps := len(p.history)
	flow := []Flow{p.flow(0)}
	for lag := 1; lag <= steps; lag++ {
		if err := back(steps - lag); err != nil {
			return nil, err
		}
		flow = append(flow, p.flow(lag))
	}
	return flow, nil
}

func (p *probe) flow(lag int) Flow {
	grad := p.grads[p.target]
	return Flow{Lag: lag, Largest: rowSum(grad, 1), Norm: rowSum(grad, p.size)}
}

// clear removes all traces of the measurement from the network.
func (p *probe) clear() {
	b := p.net.backend
	// Those of the largest batch: a smaller one writes on them.
	for _, s := range p.net.States(1, p.net.input.Batch) {
		b.Fill(s.Initial, 0)
		if s.FinalGrad.Present() {
			b.Fill(s.FinalGrad, 0)
		}
	}
	b.Fill(p.net.grads, 0)
}

// record runs the sequence from states of zero and keeps the states before each
// step.
func (p *probe) record() error {
	b := p.net.backend
	p.clear()
	for t := range len(p.x) / p.net.input.Width {
		before := make([][]float32, len(p.states))
		for k, s := range p.states {
			before[k] = make([]float32, s.Initial.Size())
			if err := b.Download(before[k], s.Initial); err != nil {
				return err
			}
		}
		p.history = append(p.history, before)
		p.forward(t, Evaluation)
		for _, s := range p.states {
			b.Copy(s.Initial, s.Final)
		}
	}
	return nil
}

// forward runs time step t from the Initial states.
func (p *probe) forward(t int, mode Mode) {
	width := p.net.input.Width
	p.net.backend.Upload(p.input, slices.Repeat(p.x[t*width:(t+1)*width], p.copies))
	p.net.Forward(p.input, 1, mode)
}

// restore sets the Initial states to those before time step t.
func (p *probe) restore(t int) {
	for k, s := range p.states {
		p.net.backend.Upload(s.Initial, p.history[t][k])
	}
}

// backByGradient takes grads from the end of time step t to its beginning. Sequence
// u of the batch is for element u of the measured state.
func (p *probe) backByGradient(t int) error {
	b := p.net.backend
	// The gradients are scaled to 1 so that vanishing ones do not underflow.
	scale := 0.0
	for _, grad := range p.grads {
		scale = max(scale, rowSum(grad, 1))
	}
	if scale == 0 {
		return nil
	}
	p.restore(t)
	p.forward(t, Training)
	single := make([]float32, 0)
	for k, s := range p.states {
		if !s.FinalGrad.Present() {
			continue
		}
		single = single[:0]
		for _, v := range p.grads[k] {
			single = append(single, float32(v/scale))
		}
		b.Upload(s.FinalGrad, single)
	}
	p.net.Backward(p.dy)
	for k, s := range p.states {
		if !s.InitialGrad.Present() {
			continue
		}
		single = slices.Grow(single[:0], s.InitialGrad.Size())[:s.InitialGrad.Size()]
		if err := b.Download(single, s.InitialGrad); err != nil {
			return err
		}
		for i, v := range single {
			p.grads[k][i] = scale * float64(v)
		}
	}
	return nil
}

// differenceStep is how far a state is moved to either side.
const differenceStep = 1.0 / 32

// backByDifferences does the same for the measured state alone. Element v is moved
// up in sequence v and down in sequence size+v.
func (p *probe) backByDifferences(t int) error {
	p.restore(t)
	s, n := p.states[p.target], p.size
	moved := slices.Clone(p.history[t][p.target])
	for v := range n {
		moved[v*n+v] += differenceStep
		moved[(n+v)*n+v] -= differenceStep
	}
	p.net.backend.Upload(s.Initial, moved)
	p.forward(t, Evaluation)
	after := make([]float32, len(moved))
	if err := p.net.backend.Download(after, s.Final); err != nil {
		return err
	}
	grads := make([]float64, n*n)
	for u := range n {
		for v := range n {
			for w := range n { // ∂s_w(t+1)/∂s_v(t)
				slope := (float64(after[v*n+w]) - float64(after[(n+v)*n+w])) / (float64(moved[v*n+v]) - float64(moved[(n+v)*n+v]))
				grads[u*n+v] += p.grads[p.target][u*n+w] * slope
			}
		}
	}
	p.grads[p.target] = grads
	return nil
}
