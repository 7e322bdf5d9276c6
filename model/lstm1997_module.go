package model

import "gputrain/backend"

// lstm1997 is the Module of LSTM1997. Its tensors have the size of the largest
// input; each pass cuts them to the batch at hand.
type lstm1997 struct {
	LSTM1997
	backend backend.Backend

	source              backend.Tensor // [Steps·Batch, M]: y_m
	gates               backend.Tensor // [(Steps+1)·Batch, U]: in, φ, out, g of the cells
	state, output       backend.Tensor // [(Steps+1)·Batch, B·S]: s, y
	input, forget, cell partials       // by the weights of these units

	args backend.LSTM1997GradArgs // of the last pass
}

func (m *lstm1997) Forward(x backend.Tensor, in Shape, _ Mode) backend.Tensor {
	n, rows := in.Batch, in.Rows()
	a := &m.args
	a.Batch, a.X, a.Source = n, x, m.source.Slice(0, rows)
	a.Gates, a.S, a.Y = m.gates.Slice(0, rows+n), m.state.Slice(0, rows+n), m.output.Slice(0, rows+n)
	if !m.Stateful {
		for _, history := range [...]backend.Tensor{a.Gates, a.S, a.Y} {
			m.backend.Fill(history.Slice(0, n), 0)
		}
	}
	backend.LSTM1997Forward(m.backend, a.LSTM1997Args)
	return a.Y.Slice(n, rows+n)
}

func (m *lstm1997) Backward(dy backend.Tensor) backend.Tensor {
	a := &m.args
	a.DY = dy
	states := a.Batch * m.allCells()
	a.PIn = m.input.start(m.backend, states)
	a.PCell = m.cell.start(m.backend, states)
	if m.ForgetGates {
		a.PForget = m.forget.start(m.backend, states)
	}
	backend.LSTM1997Backward(m.backend, *a)
	return backend.Tensor{}
}

// States returns what passes from chunk to chunk: the activations, and the partial
// derivatives of the states. They have no gradients.
func (m *lstm1997) States(steps, batch int) []State {
	if !m.Stateful {
		return nil
	}
	history := func(name string, x backend.Tensor) State {
		return State{Name: name, Initial: x.Slice(0, batch), Final: x.Slice(steps*batch, (steps+1)*batch)}
	}
	derivatives := func(name string, p partials) State {
		cells, weights := m.allCells(), p.current.Cols*m.allCells()
		return State{
			Name:    name,
			Initial: p.initial.Slice(0, batch*cells).Reshape(batch, weights),
			Final:   p.current.Slice(0, batch*cells).Reshape(batch, weights),
		}
	}
	states := []State{history("s", m.state), history("y", m.output)}
	if !m.NoGateFeedback {
		states = append(states, history("gates", m.gates))
	}
	states = append(states, derivatives("ds_in", m.input))
	if m.ForgetGates {
		states = append(states, derivatives("ds_forget", m.forget))
	}
	return append(states, derivatives("ds_cell", m.cell))
}

// partials holds the derivatives ∂s/∂W of all states by the weights of one kind of
// unit of their block, [Batch·B·S, weights].
type partials struct {
	initial backend.Tensor // before the first step; absent, and zero, unless Stateful
	current backend.Tensor
}

func newPartials(b *Builder, states, weights int, stateful bool) partials {
	p := partials{current: b.New(states, weights)}
	if stateful {
		p.initial = b.New(states, weights)
	}
	return p
}

// start sets the derivatives of the first states rows to their values before the
// first step, and returns them.
func (p partials) start(b backend.Backend, states int) backend.Tensor {
	current := p.current.Slice(0, states)
	if p.initial.Present() {
		b.Copy(current, p.initial.Slice(0, states))
	} else {
		b.Fill(current, 0)
	}
	return current
}
