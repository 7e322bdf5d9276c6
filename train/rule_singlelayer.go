package train

import (
	"errors"
	"fmt"
	"math"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
)

// singleLayer is a net of one layer, y = f(x·weightᵀ + bias), with the samples that
// it learns by the perceptron rule or the delta rule. Both correct the parameters
// by
//
//	weight += η·(d−y)ᵀ·x    bias += η·Σ (d−y)
//
// where d are the targets.
type singleLayer struct {
	net          *model.Network
	b            backend.Backend
	weight, bias backend.Tensor // bias may be absent

	memory     memory
	x, targets backend.Tensor // of all samples
	y, miss    backend.Tensor // of the last forward; miss is d−y
	loss, sum  backend.Tensor // [1,1]
	finite     backend.Tensor // the last parameters with finite errors; at first, those of net
	received   []float32      // where sum is downloaded to
}

// newSingleLayer copies set, which must fit the net, to its backend.
func newSingleLayer(net *model.Network, set *data.Dataset) (*singleLayer, error) {
	b, n, out := net.Backend(), set.Len(), net.Output().Width
	l := &singleLayer{net: net, b: b, weight: net.Parameters()[0].Value, memory: memory{b: b}, received: make([]float32, 1)}
	if len(net.Parameters()) > 1 {
		l.bias = net.Parameters()[1].Value
	}
	m := &l.memory
	l.x, l.targets, l.miss = m.tensor(n, set.Width), m.tensor(n, out), m.tensor(n, out)
	l.loss, l.sum = m.tensor(1, 1), m.tensor(1, 1)
	l.finite = m.tensor(net.Values().Rows, net.Values().Cols)
	if m.err != nil {
		m.free()
		return nil, fmt.Errorf("no memory for %d samples: %w", n, m.err)
	}
	b.Upload(l.x, set.X)
	b.Upload(l.targets, set.Targets)
	b.Copy(l.finite, net.Values())
	return l, nil
}

func (l *singleLayer) free() { l.memory.free() }

// forward sets y and miss for the samples from..to−1.
func (l *singleLayer) forward(from, to int) {
	l.y = l.net.Forward(l.x.Slice(from, to), 1, model.Evaluation)
	l.b.Sub(l.miss.Slice(from, to), l.targets.Slice(from, to), l.y)
}

// addSquares adds scale·Σ(d−y)² of the samples of the last forward to sum.
func (l *singleLayer) addSquares(from, to int, scale float64) {
	l.b.SquaredError(l.loss, backend.Tensor{}, l.y, l.targets.Slice(from, to), scale)
	l.b.AddScaled(l.sum, 1, l.loss)
}

// correct makes the correction for the samples of the last forward.
func (l *singleLayer) correct(from, to int, lr float64) {
	step := l.miss.Slice(from, to)
	l.b.Scale(step, lr, step)
	l.b.Gemm(l.weight, backend.Trans, backend.NoTrans, 1, step, l.x.Slice(from, to), 1)
	if l.bias.Present() {
		l.b.SumRows(l.bias, step, 1)
	}
}

// takeSum waits for sum, sets it to zero and returns what it was.
func (l *singleLayer) takeSum() (float64, error) {
	if err := l.b.Download(l.received, l.sum); err != nil {
		return 0, err
	}
	l.b.Fill(l.sum, 0)
	return float64(l.received[0]), nil
}

// checkRule returns the only layer of net, which must be an L, or says why a rule
// cannot run on net and set with these settings.
func checkRule[L model.Layer](net *model.Network, set *data.Dataset, lr float64, epochs int) (L, error) {
	spec := net.Spec()
	layer, ok := spec[0].Layer.(L)
	switch {
	case len(spec) > 1:
		return layer, fmt.Errorf("the network has %d layers, want one %T", len(spec), layer)
	case !ok:
		return layer, fmt.Errorf("the layer is a %T, want a %T", spec[0].Layer, layer)
	case !(lr > 0) || math.IsInf(lr, 0):
		return layer, fmt.Errorf("option LR is %v, want a finite number above 0", lr)
	case epochs < 1:
		return layer, fmt.Errorf("option Epochs is %d, want at least 1", epochs)
	case set.Steps != 1:
		return layer, fmt.Errorf("the samples have %d time steps, want 1", set.Steps)
	case set.Lengths != nil:
		return layer, errors.New("the samples have lengths, which the rule does not know: leave out the samples without a time step")
	case set.Mask != nil:
		return layer, errors.New("the targets have a mask, which the rule does not know: leave out the samples without a target")
	}
	if err := checkSet(net, MSE{}, set); err != nil {
		return layer, err
	}
	return layer, checkNumbers(set)
}
