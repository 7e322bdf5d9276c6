package model

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"gputrain/backend"
)

// LSTM is a stack of modern LSTM layers (Hochreiter, Schmidhuber 1997; Gers et al.
// 2000) trained by full backpropagation through time. backend.LSTMArgs has the
// equations. The output is h of the top layer at every step. With Bidirectional it
// is h of both directions side by side, [forward, backward].
//
// The parameters are those of PyTorch's LSTM, all drawn from U(±1/√Hidden). Each
// layer has weight_ih [4·Hidden, Width or Hidden], weight_hh [4·Hidden, Hidden]
// and, unless NoBias, bias_ih [4·Hidden], bias_hh [4·Hidden], with rows in the
// order i, f, g, o. Projection adds weight_hr [Projection, Hidden] and makes
// Projection the width of h. Peepholes (Gers et al. 2002) add weight_peep
// [3, Hidden], rows i, f, o, which PyTorch does not have; this is the LSTM of
// Graves and Schmidhuber (2005). For the memory blocks and the truncated gradient
// of the years before, see LSTM1997.
//
// LayerNorm (Ba, Kiros, Hinton 2016, eqs. 20-22) normalizes x_t·W_ihᵀ,
// h_{t−1}·W_hhᵀ and the c_t in tanh(c_t), each over its columns. Each has a gain, 1
// at first: weight_norm_ih, weight_norm_hh [4·Hidden] and weight_norm_c [Hidden].
// The last also has a bias, 0 at first: bias_norm_c [Hidden].
//
// Zoneout (Krueger et al. 2017, section 3.2) keeps elements of h or c at their
// values of the step before. In training this happens by chance, seeded by
// Network.SetSeed; evaluation takes the mean. As in the paper, a new h is computed
// from c before zoneout. Projection, LayerNorm and zoneout run as plain operations
// for each time step.
type LSTM struct {
	Hidden        int
	Layers        int // 0 means 1
	Projection    int // width of h, h_t = W_hr·(o ⊙ tanh(c_t)); 0 means none, and h has width Hidden
	Peepholes     bool
	NoBias        bool
	Bidirectional bool
	Stateful      bool    // the caller sets h_{−1} and c_{−1} through Network.States; else they are zero
	ForgetBias    float64 // added to the initial bias_ih of the forget gate
	Dropout       float64 // rate, between the layers
	Window        int     // time steps that an error goes back, its own included; 0 means WholeSequence

	LayerNorm     bool    // normalizes x·W_ih, h·W_hh and c_t
	ZoneoutHidden float64 // rate at which an element of h keeps its value of the step before
	ZoneoutCell   float64 // likewise for c
}

func (l LSTM) stack() stackLayer {
	return stackLayer{
		gates: 4, hidden: l.Hidden, layers: cmp.Or(l.Layers, 1), projection: l.Projection,
		noBias: l.NoBias, peepholes: l.Peepholes, layerNorm: l.LayerNorm,
		bidirectional: l.Bidirectional, dropout: l.Dropout, window: l.Window,
	}
}

// stepwise reports whether the layer needs operations that the fused LSTM does not
// have.
func (l LSTM) stepwise() bool {
	return l.Projection > 0 || l.LayerNorm || l.ZoneoutHidden > 0 || l.ZoneoutCell > 0
}

// Output returns in with width l.Hidden, or l.Projection, twice that if
// Bidirectional.
func (l LSTM) Output(in Shape) (Shape, error) {
	out, err := l.stack().output(in)
	if err != nil {
		return Shape{}, err
	}
	if notFinite(float32(l.ForgetBias)) {
		return Shape{}, fmt.Errorf("ForgetBias is %v, want a finite number that fits a float32", l.ForgetBias)
	}
	if l.stepwise() && l.stack().truncated() {
		return Shape{}, errors.New("the Window does not go with Projection, LayerNorm or zoneout: leave one of them out")
	}
	if l.NoBias && l.ForgetBias != 0 {
		return Shape{}, errors.New("ForgetBias is set, but NoBias leaves no bias to add it to")
	}
	if l.Projection != 0 && (l.Projection < 0 || l.Projection >= l.Hidden) {
		return Shape{}, fmt.Errorf("the Projection is %d, want 1 to %d, less than Hidden, or 0 for none", l.Projection, l.Hidden-1)
	}
	if err := cmp.Or(checkRate("ZoneoutHidden", l.ZoneoutHidden), checkRate("ZoneoutCell", l.ZoneoutCell)); err != nil {
		return Shape{}, err
	}
	if l.Peepholes && l.stepwise() {
		return Shape{}, errors.New("the option Peepholes does not go with Projection, LayerNorm or zoneout: leave one of them out")
	}
	return out, nil
}

// OutputRange returns −1 and 1, or −Inf and +Inf with a Projection.
func (l LSTM) OutputRange(_, _ float64) (float64, float64) {
	if l.Projection > 0 {
		return unbounded()
	}
	return -1, 1
}

// Path returns backend.LSTMPath, or PathPlain with Projection, LayerNorm or zoneout.
func (l LSTM) Path(b backend.Backend) string {
	if l.stepwise() {
		return backend.PathPlain
	}
	return backend.LSTMPath(b)
}

// Parameters describes the parameters of all layers.
func (l LSTM) Parameters(in Shape) []ParameterSpec {
	params := l.stack().parameters(in)
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
// All layers share the scratch of a direction.
func (l LSTM) Build(b *Builder, in Shape) Module {
	r := l.stack()
	if l.stepwise() {
		scratch := perDirection(r, func() *lstmScratch { return newLSTMScratch(b, in, l) })
		return r.build(b, in, func(direction int, in Shape, value, grad weights) recurrence {
			return newLSTMSteps(b, in, l, value, grad, scratch[direction])
		})
	}
	dims := backend.LSTMDims{Steps: in.Steps, Batch: in.Batch, Input: r.widestInput(in), Hidden: l.Hidden, Peepholes: l.Peepholes}
	scratch := perDirection(r, func() backend.Tensor { return b.New(1, backend.LSTMScratch(b.Backend(), dims)) })
	return r.build(b, in, func(direction int, in Shape, value, grad weights) recurrence {
		gates := b.New(in.Rows(), 4*l.Hidden)
		dz := gates
		if r.truncated() {
			dz = b.New(in.Rows(), 4*l.Hidden)
		}
		return &lstm{
			overwriter: b.overwriter(grad.ih, grad.hh, grad.bih, grad.bhh, grad.peep),
			backend:    b.Backend(),
			hidden:     newHistory(b, in, l.Hidden, l.Stateful),
			cell:       newHistory(b, in, l.Hidden, l.Stateful),
			gates:      gates,
			dz:         dz,
			args: backend.LSTMGradArgs{
				LSTMArgs: backend.LSTMArgs{
					WIH: value.ih, WHH: value.hh,
					BIH: value.bih, BHH: value.bhh,
					Peep:    value.peep,
					Scratch: scratch[direction],
				},
				DWIH: grad.ih, DWHH: grad.hh,
				DBIH: grad.bih, DBHH: grad.bhh,
				DPeep: grad.peep,
			},
		}
	})
}

// lstm is one layer in one direction.
type lstm struct {
	*overwriter
	backend      backend.Backend
	hidden, cell history
	gates, dz    backend.Tensor       // the same tensor without a window: nothing needs the gates afterwards
	args         backend.LSTMGradArgs // of the last pass
}

func (l *lstm) forward(x backend.Tensor, in Shape, _ Mode) backend.Tensor {
	n, rows := in.Batch, in.Rows()
	h, c := l.hidden.cut(in.Steps, n), l.cell.cut(in.Steps, n)
	a := &l.args
	a.Batch, a.X, a.H, a.C = n, x, h.values, c.values
	a.DH0, a.DHLast = h.initialGrad, h.lastGrad
	a.DC0, a.DCLast = c.initialGrad, c.lastGrad
	a.Gates = l.gates.Slice(0, rows)
	h.start(l.backend, n)
	c.start(l.backend, n)
	backend.LSTMForward(l.backend, a.LSTMArgs)
	return a.H.Slice(n, rows+n)
}

func (l *lstm) backward(dy, dx backend.Tensor, part span) {
	a, n := l.args, l.args.Batch
	a.X, a.H, a.C = part.slice(a.X), a.H.Slice(part.from, part.to+n), a.C.Slice(part.from, part.to+n)
	a.Gates = part.slice(a.Gates)
	a.DZ = part.slice(l.dz)
	a.DY, a.DX = part.slice(dy), part.sliceOptional(dx)
	a.Overwrite = l.next()
	backend.LSTMBackward(l.backend, a)
}

func (l *lstm) histories() []*history { return []*history{&l.hidden, &l.cell} }
