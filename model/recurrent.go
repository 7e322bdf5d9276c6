package model

import (
	"fmt"

	"gputrain/backend"
)

// recurrent describes what RNN and LSTM have in common: a stack of layers,
// each over the whole sequence, with parameters in PyTorch's layout.
type recurrent struct {
	gates          int // rows of the weights per hidden unit
	hidden, layers int
	noBias         bool
	peephole       bool
}

// maxLayers bounds the layers of a stack.
const maxLayers = 1 << 10

func (r recurrent) output(in Shape) (Shape, error) {
	if err := checkSize("Hidden", r.hidden, maxSize); err != nil {
		return Shape{}, err
	}
	if err := checkSize("Layers", r.layers, maxLayers); err != nil {
		return Shape{}, err
	}
	return Shape{Steps: in.Steps, Batch: in.Batch, Width: r.hidden}, nil
}

func (r recurrent) params(in Shape) []Param {
	var params []Param
	draw := uniform(r.hidden)
	for layer := range r.layers {
		add := func(name string, shape ...int) {
			params = append(params, Param{Name: fmt.Sprintf("%s_l%d", name, layer), Shape: shape, Init: draw})
		}
		add("weight_ih", r.gates*r.hidden, r.inputWidth(layer, in))
		add("weight_hh", r.gates*r.hidden, r.hidden)
		if !r.noBias {
			add("bias_ih", r.gates*r.hidden)
			add("bias_hh", r.gates*r.hidden)
		}
		if r.peephole {
			add("weight_peep", 3, r.hidden)
		}
	}
	return params
}

func (r recurrent) inputWidth(layer int, in Shape) int {
	if layer == 0 {
		return in.Width
	}
	return r.hidden
}

// weights are the parameters of one layer, or their gradients.
type weights struct {
	ih, hh   backend.Tensor
	bih, bhh backend.Tensor // absent if noBias
	peep     backend.Tensor // absent unless peephole
}

// weights takes the parameters of a layer from b, in the order of params.
func (r recurrent) weights(b *Builder, layer int) (value, grad weights) {
	index := layer * len(b.windows) / r.layers
	take := func(value, grad *backend.Tensor) {
		*value, *grad = b.Param(index)
		index++
	}
	take(&value.ih, &grad.ih)
	take(&value.hh, &grad.hh)
	if !r.noBias {
		take(&value.bih, &grad.bih)
		take(&value.bhh, &grad.bhh)
	}
	if r.peephole {
		take(&value.peep, &grad.peep)
	}
	return value, grad
}

// sequence is one layer of a stack, built. Its tensors are at their largest;
// each pass cuts them to the batch at hand.
type sequence interface {
	forward(x backend.Tensor, in Shape) (y backend.Tensor)
	backward(dy, dx backend.Tensor) // dx may be absent
	states(steps, batch int) []State
}

// stack is the Module of a stack of recurrent layers.
type stack struct {
	layers []sequence
	dx     []backend.Tensor // gradient of each layer's input, at its largest
	rows   int              // of the last Forward
}

// newStack allocates the gradients between the layers. Those of layer 1 and up
// take turns on two tensors, for none is read after the layer below it.
func newStack(b *Builder, in Shape, r recurrent) *stack {
	s := &stack{dx: make([]backend.Tensor, r.layers)}
	if b.InputGrad() {
		s.dx[0] = b.New(in.Rows(), in.Width)
	}
	for layer := 1; layer < r.layers; layer++ {
		if layer < 3 {
			s.dx[layer] = b.New(in.Rows(), r.hidden)
		} else {
			s.dx[layer] = s.dx[layer-2]
		}
	}
	return s
}

func (s *stack) Forward(x backend.Tensor, in Shape, _ Mode) backend.Tensor {
	s.rows = x.Rows
	for _, layer := range s.layers {
		x = layer.forward(x, in)
	}
	return x
}

func (s *stack) Backward(dy backend.Tensor) backend.Tensor {
	for i := len(s.layers) - 1; i >= 0; i-- {
		dx := s.dx[i]
		if dx.Present() {
			dx = dx.Slice(0, s.rows)
		}
		s.layers[i].backward(dy, dx)
		dy = dx
	}
	return dy
}

// States returns the states of all layers.
func (s *stack) States(steps, batch int) []State {
	var states []State
	for i, layer := range s.layers {
		for _, state := range layer.states(steps, batch) {
			state.Name = fmt.Sprintf("%s_l%d", state.Name, i)
			states = append(states, state)
		}
	}
	return states
}

// history holds a state of a layer before the first and after every step.
type history struct {
	values                backend.Tensor // [(Steps+1)·Batch, Hidden]
	initialGrad, lastGrad backend.Tensor // [Batch, Hidden], absent unless Stateful
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
	if h.initialGrad.Present() {
		h.initialGrad = h.initialGrad.Slice(0, batch)
		h.lastGrad = h.lastGrad.Slice(0, batch)
	}
	return h
}

// start sets the initial state to zero, unless the caller sets it.
func (h history) start(b backend.Backend, batch int) {
	if !h.initialGrad.Present() {
		b.Fill(h.values.Slice(0, batch), 0)
	}
}

// state describes h, which is cut, to the caller; nil unless Stateful.
func (h history) state(name string, batch int) []State {
	if !h.initialGrad.Present() {
		return nil
	}
	return []State{{
		Name:        name,
		Initial:     h.values.Slice(0, batch),
		Final:       h.values.Slice(h.values.Rows-batch, h.values.Rows),
		InitialGrad: h.initialGrad,
		FinalGrad:   h.lastGrad,
	}}
}
