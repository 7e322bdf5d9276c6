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
// The output is h of the top layer at every step. With Bidirectional it is h of
// both directions side by side, [forward, backward].
//
// The parameters are those of PyTorch's RNN, all drawn from U(±1/√Hidden). Each
// layer has weight_ih [Hidden, Width or Hidden], weight_hh [Hidden, Hidden] and,
// unless NoBias, bias_ih [Hidden], bias_hh [Hidden].
type RNN struct {
	Hidden        int
	Layers        int  // 0 means 1
	ReLU          bool // f is ReLU instead of tanh
	NoBias        bool
	Bidirectional bool
	Stateful      bool    // the caller sets h_{−1} through Network.States; else it is zero
	Dropout       float64 // rate, between the layers
	Window        int     // time steps that an error goes back, its own included; 0 means WholeSequence
}

func (r RNN) stack() stackLayer {
	return stackLayer{
		gates: 1, hidden: r.Hidden, layers: cmp.Or(r.Layers, 1),
		noBias: r.NoBias, window: r.Window, bidirectional: r.Bidirectional, dropout: r.Dropout,
	}
}

// Output returns in with width r.Hidden, twice that if Bidirectional.
func (r RNN) Output(in Shape) (Shape, error) { return r.stack().output(in) }

// OutputRange returns −1 and 1, or 0 and +Inf with ReLU.
func (r RNN) OutputRange(_, _ float64) (float64, float64) {
	if r.ReLU {
		return ReLU.OutputRange(unbounded())
	}
	return -1, 1
}

// Path returns backend.RNNPath.
func (RNN) Path(b backend.Backend) string { return backend.RNNPath(b) }

// Parameters describes the parameters of all layers.
func (r RNN) Parameters(in Shape) []ParameterSpec { return r.stack().parameters(in) }

// Build allocates the hidden states of all steps and what Backward needs. All
// layers share the scratch and the gradient of f's argument.
func (r RNN) Build(b *Builder, in Shape) Module {
	s := r.stack()
	dims := backend.RNNDims{Steps: in.Steps, Batch: in.Batch, Input: s.widestInput(in), Hidden: r.Hidden}
	dz := perDirection(s, func() backend.Tensor { return b.New(in.Rows(), r.Hidden) })
	scratch := perDirection(s, func() backend.Tensor { return b.New(1, backend.RNNScratch(b.Backend(), dims)) })
	return s.build(b, in, func(direction int, in Shape, value, grad weights) recurrence {
		return &rnn{
			overwriter: b.overwriter(grad.ih, grad.hh, grad.bih, grad.bhh),
			backend:    b.Backend(),
			hidden:     newHistory(b, in, r.Hidden, r.Stateful),
			dz:         dz[direction],
			args: backend.RNNGradArgs{
				RNNArgs: backend.RNNArgs{
					ReLU: r.ReLU,
					WIH:  value.ih, WHH: value.hh,
					BIH: value.bih, BHH: value.bhh,
					Scratch: scratch[direction],
				},
				DWIH: grad.ih, DWHH: grad.hh,
				DBIH: grad.bih, DBHH: grad.bhh,
			},
		}
	})
}

// rnn is one layer in one direction.
type rnn struct {
	*overwriter
	backend backend.Backend
	hidden  history
	dz      backend.Tensor
	args    backend.RNNGradArgs // of the last pass
}

func (l *rnn) forward(x backend.Tensor, in Shape, _ Mode) backend.Tensor {
	n, rows := in.Batch, in.Rows()
	h := l.hidden.cut(in.Steps, n)
	a := &l.args
	a.Batch, a.X, a.H = n, x, h.values
	a.DH0, a.DHLast = h.initialGrad, h.lastGrad
	h.start(l.backend, n)
	backend.RNNForward(l.backend, a.RNNArgs)
	return a.H.Slice(n, rows+n)
}

func (l *rnn) backward(dy, dx backend.Tensor, part span) {
	a := l.args
	a.X, a.H = part.slice(a.X), a.H.Slice(part.from, part.to+a.Batch)
	a.DZ, a.DY, a.DX = part.slice(l.dz), part.slice(dy), part.sliceOptional(dx)
	a.Overwrite = l.next()
	backend.RNNBackward(l.backend, a)
}

func (l *rnn) histories() []*history { return []*history{&l.hidden} }
