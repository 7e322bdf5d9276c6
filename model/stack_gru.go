package model

import (
	"cmp"

	"gputrain/backend"
)

// GRU is a stack of gated recurrent units (Cho et al. 2014) trained by full
// backpropagation through time. backend.GRUArgs has the equations. The output is h
// of the top layer at every step. With Bidirectional it is h of both directions
// side by side, [forward, backward].
//
// The parameters are those of PyTorch's GRU, all drawn from U(±1/√Hidden). Each
// layer has weight_ih [3·Hidden, Width or Hidden], weight_hh [3·Hidden, Hidden]
// and, unless NoBias, bias_ih [3·Hidden], bias_hh [3·Hidden], with rows in the
// order r, z, n.
type GRU struct {
	Hidden        int
	Layers        int // 0 means 1
	NoBias        bool
	Bidirectional bool
	Stateful      bool    // the caller sets h_{−1} through Network.States; else it is zero
	Dropout       float64 // rate, between the layers
}

func (g GRU) stack() stackLayer {
	return stackLayer{
		gates: 3, hidden: g.Hidden, layers: cmp.Or(g.Layers, 1),
		noBias: g.NoBias, bidirectional: g.Bidirectional, dropout: g.Dropout,
	}
}

// Output returns in with width g.Hidden, twice that if Bidirectional.
func (g GRU) Output(in Shape) (Shape, error) { return g.stack().output(in) }

// OutputRange returns −1 and 1.
func (g GRU) OutputRange(_, _ float64) (float64, float64) { return -1, 1 }

// Path returns backend.GRUPath.
func (GRU) Path(b backend.Backend) string { return backend.GRUPath(b) }

// Parameters describes the parameters of all layers.
func (g GRU) Parameters(in Shape) []ParameterSpec { return g.stack().parameters(in) }

// Build allocates the states and gates of all steps and what Backward needs.
// All layers share the scratch of a direction.
func (g GRU) Build(b *Builder, in Shape) Module {
	r := g.stack()
	dims := backend.GRUDims{Steps: in.Steps, Batch: in.Batch, Input: r.widestInput(in), Hidden: g.Hidden}
	scratch := perDirection(r, func() backend.Tensor { return b.New(1, backend.GRUScratch(b.Backend(), dims)) })
	return r.build(b, in, func(direction int, in Shape, value, grad weights) recurrence {
		return &gru{
			overwriter: b.overwriter(grad.ih, grad.hh, grad.bih, grad.bhh),
			backend:    b.Backend(),
			hidden:     newHistory(b, in, g.Hidden, g.Stateful),
			gates:      b.New(in.Rows(), 3*g.Hidden),
			recurrent:  b.New(in.Rows(), 3*g.Hidden),
			args: backend.GRUGradArgs{
				GRUArgs: backend.GRUArgs{
					WIH: value.ih, WHH: value.hh,
					BIH: value.bih, BHH: value.bhh,
					Scratch: scratch[direction],
				},
				DWIH: grad.ih, DWHH: grad.hh,
				DBIH: grad.bih, DBHH: grad.bhh,
			},
		}
	})
}

// gru is one layer in one direction.
type gru struct {
	*overwriter
	backend          backend.Backend
	hidden           history
	gates, recurrent backend.Tensor
	args             backend.GRUGradArgs // of the last pass
}

func (l *gru) forward(x backend.Tensor, in Shape, _ Mode) backend.Tensor {
	n, rows := in.Batch, in.Rows()
	h := l.hidden.cut(in.Steps, n)
	a := &l.args
	a.Batch, a.X, a.H = n, x, h.values
	a.DH0, a.DHLast = h.initialGrad, h.lastGrad
	a.Gates, a.Recurrent = l.gates.Slice(0, rows), l.recurrent.Slice(0, rows)
	h.start(l.backend, n)
	backend.GRUForward(l.backend, a.GRUArgs)
	return a.H.Slice(n, rows+n)
}

func (l *gru) backward(dy, dx backend.Tensor, part span) {
	a := l.args
	a.X, a.H = part.slice(a.X), a.H.Slice(part.from, part.to+a.Batch)
	a.Gates, a.Recurrent = part.slice(a.Gates), part.slice(a.Recurrent)
	a.DV, a.DU = a.Gates, a.Recurrent // nothing needs these two afterwards
	a.DY, a.DX = part.slice(dy), part.sliceOptional(dx)
	a.Overwrite = l.next()
	backend.GRUBackward(l.backend, a)
}

func (l *gru) histories() []*history { return []*history{&l.hidden} }
