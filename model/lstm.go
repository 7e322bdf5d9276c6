package model

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"gputrain/backend"
)

// LSTM is a stack of modern LSTM layers (Hochreiter, Schmidhuber 1997; Gers et
// al. 2000) trained by full backpropagation through time. backend.LSTMArgs has
// the equations. The output is h of the top layer at every step.
//
// The parameters are those of PyTorch's LSTM, all drawn from U(±1/√Hidden):
// per layer weight_ih [4·Hidden, Width or Hidden], weight_hh [4·Hidden,
// Hidden] and, unless NoBias, bias_ih [4·Hidden], bias_hh [4·Hidden], with rows
// in the order i, f, g, o. Peephole (Gers et al. 2002) adds weight_peep
// [3, Hidden], rows i, f, o, which PyTorch does not have.
type LSTM struct {
	Hidden     int
	Layers     int // 0 stands for 1
	Peephole   bool
	NoBias     bool
	Stateful   bool    // the caller sets h_{−1} and c_{−1} through Network.States; else they are zero
	ForgetBias float64 // added to the initial bias_ih of the forget gate
}

func (l LSTM) recurrent() recurrent {
	return recurrent{gates: 4, hidden: l.Hidden, layers: cmp.Or(l.Layers, 1), noBias: l.NoBias, peephole: l.Peephole}
}

// Output returns in with width l.Hidden.
func (l LSTM) Output(in Shape) (Shape, error) {
	if math.IsNaN(l.ForgetBias) || math.IsInf(l.ForgetBias, 0) {
		return Shape{}, fmt.Errorf("ForgetBias is %v", l.ForgetBias)
	}
	if l.NoBias && l.ForgetBias != 0 {
		return Shape{}, errors.New("ForgetBias is set, and so is NoBias")
	}
	return l.recurrent().output(in)
}

// Params describes the parameters of all layers.
func (l LSTM) Params(in Shape) []Param {
	params := l.recurrent().params(in)
	for i, p := range params {
		if strings.HasPrefix(p.Name, "bias_ih") {
			params[i].Init = func(dst []float64, rng *rand.Rand) {
				p.Init(dst, rng)
				for j := l.Hidden; j < 2*l.Hidden; j++ {
					dst[j] += l.ForgetBias
				}
			}
		}
	}
	return params
}

// Build allocates the states and gates of all steps and what Backward needs.
// All layers share the scratch.
func (l LSTM) Build(b *Builder, in Shape) Module {
	stack := newStack(b, in, l.recurrent())
	dims := backend.LSTMDims{Steps: in.Steps, Batch: in.Batch, Input: max(in.Width, l.Hidden), Hidden: l.Hidden, Peephole: l.Peephole}
	scratch := b.New(1, backend.LSTMScratch(b.Backend(), dims))
	for i := range stack.dx {
		value, grad := l.recurrent().weights(b, i)
		stack.layers = append(stack.layers, &lstm{
			backend: b.Backend(),
			hidden:  newHistory(b, in, l.Hidden, l.Stateful),
			cell:    newHistory(b, in, l.Hidden, l.Stateful),
			gates:   b.New(in.Rows(), 4*l.Hidden),
			args: backend.LSTMGradArgs{
				LSTMArgs: backend.LSTMArgs{
					WIH: value.ih, WHH: value.hh,
					BIH: value.bih, BHH: value.bhh,
					Peep:    value.peep,
					Scratch: scratch,
				},
				DWIH: grad.ih, DWHH: grad.hh,
				DBIH: grad.bih, DBHH: grad.bhh,
				DPeep: grad.peep,
			},
		})
	}
	return stack
}

// lstm is one layer.
type lstm struct {
	backend      backend.Backend
	hidden, cell history
	gates        backend.Tensor
	args         backend.LSTMGradArgs // of the last pass
}

func (l *lstm) forward(x backend.Tensor, in Shape) backend.Tensor {
	n, rows := in.Batch, in.Rows()
	h, c := l.hidden.cut(in.Steps, n), l.cell.cut(in.Steps, n)
	a := &l.args
	a.Batch, a.X, a.H, a.C = n, x, h.values, c.values
	a.DH0, a.DHLast = h.initialGrad, h.lastGrad
	a.DC0, a.DCLast = c.initialGrad, c.lastGrad
	a.Gates = l.gates.Slice(0, rows)
	a.DZ = a.Gates // which nothing needs after it
	h.start(l.backend, n)
	c.start(l.backend, n)
	backend.LSTMForward(l.backend, a.LSTMArgs)
	return a.H.Slice(n, rows+n)
}

func (l *lstm) backward(dy, dx backend.Tensor) {
	l.args.DY, l.args.DX = dy, dx
	backend.LSTMBackward(l.backend, l.args)
}

func (l *lstm) states(steps, batch int) []State {
	return append(l.hidden.cut(steps, batch).state("h", batch), l.cell.cut(steps, batch).state("c", batch)...)
}
