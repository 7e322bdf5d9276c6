package reference_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/backend"
)

// These tests run the layers of package backend, composed of plain operations, on
// the backend that defines the operations.

// layer is a recurrent layer with random operands. Its value is the sum of its
// outputs, weighted by the gradients that the backward pass starts from.
type layer struct {
	fixture
	on                backend.Backend // the fixture, or a wrapper of it
	rng               *rand.Rand
	inputs            []layerInput
	outputs           []layerOutput
	forward, backward func()
}

type layerInput struct {
	name         string
	x, grad      backend.Tensor
	accumulating bool // the backward pass adds to grad
}

// accumulated is the initial value of gradients that the backward pass adds to.
const accumulated = 0.5

type layerOutput struct{ y, weight backend.Tensor }

const layerSeed = 3

func newLayer(t *testing.T) *layer {
	f := open(t)
	return &layer{fixture: f, on: f, rng: rand.New(rand.NewPCG(1, layerSeed))}
}

func (l *layer) random(rows, cols int) backend.Tensor {
	return l.tensor(rows, cols, normal(l.rng, rows*cols)...)
}

// data makes x an input of the layer and returns its gradient, which the backward
// pass overwrites.
func (l *layer) data(name string, x backend.Tensor) (grad backend.Tensor) {
	grad = l.tensor(x.Rows, x.Cols)
	l.UploadFloat64(x, normal(l.rng, x.Size()))
	l.inputs = append(l.inputs, layerInput{name: name, x: x, grad: grad})
	return grad
}

// param makes a parameter. The backward pass adds to its gradient.
func (l *layer) param(name string, rows, cols int) (x, grad backend.Tensor) {
	x, grad = l.random(rows, cols), l.tensor(rows, cols)
	l.Fill(grad, accumulated)
	l.inputs = append(l.inputs, layerInput{name: name, x: x, grad: grad, accumulating: true})
	return x, grad
}

// output adds y to the value and returns the gradient of the value by y.
func (l *layer) output(y backend.Tensor) (weight backend.Tensor) {
	weight = l.random(y.Rows, y.Cols)
	l.outputs = append(l.outputs, layerOutput{y, weight})
	return weight
}

func (l *layer) value() (sum float64) {
	l.forward()
	for _, o := range l.outputs {
		sum += dot(l.values(o.y), l.values(o.weight))
	}
	return sum
}

// gradients returns two gradients by an input: the one of the backward pass, which
// must have run, and the one from differences.
func (l *layer) gradients(in layerInput) (analytic, numeric []float64) {
	analytic = l.values(in.grad)
	if in.accumulating {
		for k := range analytic {
			analytic[k] -= accumulated
		}
	}
	values := l.values(in.x)
	numeric = numericGradient(func() float64 {
		l.UploadFloat64(in.x, values)
		return l.value()
	}, values)
	l.UploadFloat64(in.x, values)
	return analytic, numeric
}

func (l *layer) checkGradients(t *testing.T) {
	t.Helper()
	l.forward()
	l.backward()
	for _, in := range l.inputs {
		if err := gradientError(l.gradients(in)); err != nil {
			t.Errorf("gradient of %s, %v, seed %d: %v", in.name, in.x, layerSeed, err)
		}
	}
}

// recurrentOptions are the optional operands of a layer.
type recurrentOptions struct {
	biases, last, peephole, inPlace bool
}

type size struct{ steps, batch, input, hidden int }

var typical = size{steps: 4, batch: 2, input: 3, hidden: 2}

func newLSTM(t *testing.T, s size, o recurrentOptions) (*layer, backend.LSTMGradArgs) {
	steps, n, d, h := s.steps, s.batch, s.input, s.hidden
	l := newLayer(t)
	a := backend.LSTMGradArgs{LSTMArgs: backend.LSTMArgs{
		Batch: n,
		X:     l.tensor(steps*n, d),
		H:     l.tensor((steps+1)*n, h),
		C:     l.tensor((steps+1)*n, h),
		Gates: l.tensor(steps*n, 4*h),
	}}
	a.DX = l.data("X", a.X)
	a.DH0 = l.data("h0", a.H.Slice(0, n))
	a.DC0 = l.data("c0", a.C.Slice(0, n))
	a.WIH, a.DWIH = l.param("WIH", 4*h, d)
	a.WHH, a.DWHH = l.param("WHH", 4*h, h)
	if o.biases {
		a.BIH, a.DBIH = l.param("BIH", 1, 4*h)
		a.BHH, a.DBHH = l.param("BHH", 1, 4*h)
	}
	if o.peephole {
		a.Peep, a.DPeep = l.param("Peep", 3, h)
	}
	a.DY = l.output(a.H.Slice(n, (steps+1)*n))
	if o.last {
		a.DHLast = l.output(a.H.Slice(steps*n, (steps+1)*n))
		a.DCLast = l.output(a.C.Slice(steps*n, (steps+1)*n))
	}
	a.DZ = a.Gates
	if !o.inPlace {
		a.DZ = l.tensor(steps*n, 4*h)
	}
	a.Scratch = l.tensor(1, backend.LSTMScratch(l.on, a.Dims()))
	l.forward = func() { backend.LSTMForward(l.on, a.LSTMArgs) }
	l.backward = func() { backend.LSTMBackward(l.on, a) }
	return l, a
}

func newRNN(t *testing.T, s size, relu bool, o recurrentOptions) (*layer, backend.RNNGradArgs) {
	steps, n, d, h := s.steps, s.batch, s.input, s.hidden
	l := newLayer(t)
	a := backend.RNNGradArgs{RNNArgs: backend.RNNArgs{
		Batch: n,
		ReLU:  relu,
		X:     l.tensor(steps*n, d),
		H:     l.tensor((steps+1)*n, h),
	}}
	a.DX = l.data("X", a.X)
	a.DH0 = l.data("h0", a.H.Slice(0, n))
	a.WIH, a.DWIH = l.param("WIH", h, d)
	a.WHH, a.DWHH = l.param("WHH", h, h)
	if o.biases {
		a.BIH, a.DBIH = l.param("BIH", 1, h)
		a.BHH, a.DBHH = l.param("BHH", 1, h)
	}
	a.DY = l.output(a.H.Slice(n, (steps+1)*n))
	if o.last {
		a.DHLast = l.output(a.H.Slice(steps*n, (steps+1)*n))
	}
	a.DZ = l.tensor(steps*n, h)
	a.Scratch = l.tensor(1, backend.RNNScratch(l.on, a.Dims()))
	l.forward = func() { backend.RNNForward(l.on, a.RNNArgs) }
	l.backward = func() { backend.RNNBackward(l.on, a) }
	return l, a
}

func TestLSTMBackwardIsTheDerivativeOfForward(t *testing.T) {
	for _, o := range []recurrentOptions{
		{},
		{biases: true},
		{last: true},
		{peephole: true},
		{biases: true, last: true, peephole: true},
		{biases: true, last: true, inPlace: true},
		{biases: true, last: true, peephole: true, inPlace: true},
	} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			l, _ := newLSTM(t, typical, o)
			l.checkGradients(t)
		})
	}
}

func TestRNNBackwardIsTheDerivativeOfForward(t *testing.T) {
	for _, relu := range []bool{false, true} {
		for _, o := range []recurrentOptions{{}, {biases: true}, {last: true}, {biases: true, last: true}} {
			t.Run(fmt.Sprintf("relu %v, %+v", relu, o), func(t *testing.T) {
				l, _ := newRNN(t, typical, relu, o)
				l.checkGradients(t)
			})
		}
	}
}

func TestLayersOfAnySize(t *testing.T) {
	for _, s := range []size{
		{steps: 1, batch: 1, input: 1, hidden: 1},
		{steps: 2, batch: 3, input: 1, hidden: 4},
		{steps: 0, batch: 2, input: 3, hidden: 2},
		{steps: 3, batch: 0, input: 3, hidden: 2},
		{steps: 3, batch: 2, input: 0, hidden: 2},
		{steps: 3, batch: 2, input: 3, hidden: 0},
	} {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			all := recurrentOptions{biases: true, last: true, peephole: true}
			lstm, _ := newLSTM(t, s, all)
			lstm.checkGradients(t)
			rnn, _ := newRNN(t, s, false, all)
			rnn.checkGradients(t)
		})
	}
}

func TestLayerGradientCheckRejectsMistakes(t *testing.T) {
	for name, backward := range map[string]func(l *layer, a backend.LSTMGradArgs){
		"gradient perturbed": func(l *layer, a backend.LSTMGradArgs) {
			backend.LSTMBackward(l, a)
			l.Scale(a.DX, 1+3e-6, a.DX)
		},
		"final h forgotten": func(l *layer, a backend.LSTMGradArgs) {
			a.DHLast = backend.Tensor{}
			backend.LSTMBackward(l, a)
		},
		"final c forgotten": func(l *layer, a backend.LSTMGradArgs) {
			a.DCLast = backend.Tensor{}
			backend.LSTMBackward(l, a)
		},
		"peepholes forgotten": func(l *layer, a backend.LSTMGradArgs) {
			a.Peep, a.DPeep = backend.Tensor{}, backend.Tensor{}
			backend.LSTMBackward(l, a)
		},
		"another input": func(l *layer, a backend.LSTMGradArgs) {
			a.X = l.random(a.X.Rows, a.X.Cols)
			backend.LSTMBackward(l, a)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, a := newLSTM(t, typical, recurrentOptions{biases: true, last: true, peephole: true})
			l.forward()
			backward(l, a)
			for _, in := range l.inputs {
				if gradientError(l.gradients(in)) != nil {
					return
				}
			}
			t.Error("accepted")
		})
	}
}

func TestLSTMForwardIsItsDefinition(t *testing.T) {
	n, d, h := typical.batch, typical.input, typical.hidden
	l, a := newLSTM(t, typical, recurrentOptions{biases: true, peephole: true})
	l.forward()
	x, wih, whh := l.values(a.X), l.values(a.WIH), l.values(a.WHH)
	bih, bhh, peep := l.values(a.BIH), l.values(a.BHH), l.values(a.Peep)
	hidden, cell, gates := l.values(a.H), l.values(a.C), l.values(a.Gates)
	for row := range typical.steps * n {
		for unit := range h {
			z := func(gate int) float64 {
				r := gate*h + unit
				return bih[r] + bhh[r] + dot(wih[r*d:(r+1)*d], x[row*d:]) + dot(whh[r*h:(r+1)*h], hidden[row*h:])
			}
			before := cell[row*h+unit]
			i := sigmoid(z(0) + peep[unit]*before)
			f := sigmoid(z(1) + peep[h+unit]*before)
			g := math.Tanh(z(2))
			c := f*before + i*g
			o := sigmoid(z(3) + peep[2*h+unit]*c)

			at := (row+n)*h + unit
			name := fmt.Sprintf("row %d, unit %d: c, h, i, f, g, o (seed %d)", row, unit, layerSeed)
			gate := gates[row*4*h+unit:]
			got := []float64{cell[at], hidden[at], gate[0], gate[h], gate[2*h], gate[3*h]}
			wantValues(t, name, got, 1e-14, []float64{c, o * math.Tanh(c), i, f, g, o})
		}
	}
}

func TestRNNForwardIsItsDefinition(t *testing.T) {
	n, d, h := typical.batch, typical.input, typical.hidden
	for _, relu := range []bool{false, true} {
		l, a := newRNN(t, typical, relu, recurrentOptions{biases: true})
		l.forward()
		x, wih, whh := l.values(a.X), l.values(a.WIH), l.values(a.WHH)
		bih, bhh, hidden := l.values(a.BIH), l.values(a.BHH), l.values(a.H)
		for row := range typical.steps * n {
			for r := range h {
				z := bih[r] + bhh[r] + dot(wih[r*d:(r+1)*d], x[row*d:]) + dot(whh[r*h:(r+1)*h], hidden[row*h:])
				want := math.Tanh(z)
				if relu {
					want = max(z, 0)
				}
				name := fmt.Sprintf("relu %v, row %d, unit %d (seed %d)", relu, row, r, layerSeed)
				wantValues(t, name, hidden[(row+n)*h+r:][:1], 1e-14, []float64{want})
			}
		}
	}
}
