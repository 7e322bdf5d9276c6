package model

import (
	"cmp"

	"gputrain/backend"
)

// RNN is a stack of Elman's recurrent layers (Elman 1990) trained by
// backpropagation through time. Layer l computes, with f = tanh or ReLU and
// its input x from the layer below,
//
//	h_t = f(weight_ih_l·x_t + bias_ih_l + weight_hh_l·h_{t−1} + bias_hh_l)
//
// and the output is h of the top layer at every step. The parameters are those
// of PyTorch's RNN, all drawn from U(±1/√Hidden): per layer weight_ih
// [Hidden, Width or Hidden], weight_hh [Hidden, Hidden] and, unless NoBias,
// bias_ih [Hidden], bias_hh [Hidden].
type RNN struct {
	Hidden   int
	Layers   int  // 0 stands for 1
	ReLU     bool // f is ReLU instead of tanh
	NoBias   bool
	Stateful bool // the caller sets h_{−1} through Network.States; else it is zero
}

func (r RNN) recurrent() recurrent {
	return recurrent{gates: 1, hidden: r.Hidden, layers: cmp.Or(r.Layers, 1), noBias: r.NoBias}
}

// Output returns in with width r.Hidden.
func (r RNN) Output(in Shape) (Shape, error) { return r.recurrent().output(in) }

// Params describes the parameters of all layers.
func (r RNN) Params(in Shape) []Param { return r.recurrent().params(in) }

// Build allocates the hidden states of all steps and what Backward needs. All
// layers share the scratch and the gradient of f's argument.
func (r RNN) Build(b *Builder, in Shape) Module {
	stack := newStack(b, in, r.recurrent())
	dz := b.New(in.Rows(), r.Hidden)
	dims := backend.RNNDims{Steps: in.Steps, Batch: in.Batch, Input: max(in.Width, r.Hidden), Hidden: r.Hidden}
	scratch := b.New(1, backend.RNNScratch(b.Backend(), dims))
	for i := range stack.dx {
		value, grad := r.recurrent().weights(b, i)
		stack.layers = append(stack.layers, &rnn{
			backend: b.Backend(),
			hidden:  newHistory(b, in, r.Hidden, r.Stateful),
			dz:      dz,
			args: backend.RNNGradArgs{
				RNNArgs: backend.RNNArgs{
					ReLU: r.ReLU,
					WIH:  value.ih, WHH: value.hh,
					BIH: value.bih, BHH: value.bhh,
					Scratch: scratch,
				},
				DWIH: grad.ih, DWHH: grad.hh,
				DBIH: grad.bih, DBHH: grad.bhh,
			},
		})
	}
	return stack
}

// rnn is one layer.
type rnn struct {
	backend backend.Backend
	hidden  history
	dz      backend.Tensor
	args    backend.RNNGradArgs // of the last pass
}

func (l *rnn) forward(x backend.Tensor, in Shape) backend.Tensor {
	n, rows := in.Batch, in.Rows()
	h := l.hidden.cut(in.Steps, n)
	a := &l.args
	a.Batch, a.X, a.H = n, x, h.values
	a.DH0, a.DHLast = h.initialGrad, h.lastGrad
	a.DZ = l.dz.Slice(0, rows)
	h.start(l.backend, n)
	backend.RNNForward(l.backend, a.RNNArgs)
	return a.H.Slice(n, rows+n)
}

func (l *rnn) backward(dy, dx backend.Tensor) {
	l.args.DY, l.args.DX = dy, dx
	backend.RNNBackward(l.backend, l.args)
}

func (l *rnn) states(steps, batch int) []State {
	return l.hidden.cut(steps, batch).state("h", batch)
}
