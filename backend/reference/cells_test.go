package reference_test

import (
	"math"
	"testing"

	"gputrain/backend"
)

// cells is the fixture with fused cells, which follow the scalar formulas.
type cells struct{ fixture }

var (
	_ backend.LSTMCeller = cells{}
	_ backend.RNNCeller  = cells{}
)

// peep returns the peepholes p_i, p_f, p_o, which are zero if absent.
func (f cells) peep(x backend.Tensor, hidden int) []float64 {
	if x.Present() {
		return f.values(x)
	}
	return make([]float64, 3*hidden)
}

func (f cells) LSTMCell(a backend.LSTMCellArgs) {
	backend.CheckLSTMCell(f.Backend, a)
	n, h := a.C.Rows, a.C.Cols
	gates, before, peep := f.values(a.Gates), f.values(a.CPrev), f.peep(a.Peep, h)
	cell, hidden := make([]float64, n*h), make([]float64, n*h)
	for k := range cell {
		unit := k % h
		z := gates[k/h*4*h+unit:]
		i := sigmoid(z[0] + peep[unit]*before[k])
		f := sigmoid(z[h] + peep[h+unit]*before[k])
		g := math.Tanh(z[2*h])
		cell[k] = f*before[k] + i*g
		o := sigmoid(z[3*h] + peep[2*h+unit]*cell[k])
		hidden[k] = o * math.Tanh(cell[k])
		z[0], z[h], z[2*h], z[3*h] = i, f, g, o
	}
	f.UploadFloat64(a.Gates, gates)
	f.UploadFloat64(a.C, cell)
	f.UploadFloat64(a.H, hidden)
}

func (f cells) LSTMCellGrad(a backend.LSTMCellGradArgs) {
	backend.CheckLSTMCellGrad(f.Backend, a)
	h := a.C.Cols
	gates, before, cell, peep := f.values(a.Gates), f.values(a.CPrev), f.values(a.C), f.peep(a.Peep, h)
	dy, dh, dc, dz := f.values(a.DY), f.values(a.DH), f.values(a.DC), make([]float64, a.DZ.Size())
	for k := range cell {
		unit, at := k%h, k/h*4*h+k%h
		i, f, g, o := gates[at], gates[at+h], gates[at+2*h], gates[at+3*h]
		squashed, dhidden := math.Tanh(cell[k]), dy[k]+dh[k]

		do := dhidden * squashed * o * (1 - o)
		dcell := dc[k] + dhidden*o*(1-squashed*squashed) + do*peep[2*h+unit]
		di := dcell * g * i * (1 - i)
		df := dcell * before[k] * f * (1 - f)
		dg := dcell * i * (1 - g*g)
		dc[k] = dcell*f + di*peep[unit] + df*peep[h+unit]
		dz[at], dz[at+h], dz[at+2*h], dz[at+3*h] = di, df, dg, do
	}
	f.UploadFloat64(a.DC, dc)
	f.UploadFloat64(a.DZ, dz)
}

func (f cells) RNNCell(a backend.RNNCellArgs) {
	backend.CheckRNNCell(f.Backend, a)
	h := f.values(a.Z)
	for k, z := range h {
		if h[k] = math.Tanh(z); a.ReLU {
			h[k] = max(z, 0)
		}
	}
	f.UploadFloat64(a.H, h)
}

func (f cells) RNNCellGrad(a backend.RNNCellGradArgs) {
	backend.CheckRNNCellGrad(f.Backend, a)
	h, dy, dh := f.values(a.H), f.values(a.DY), f.values(a.DH)
	dz := make([]float64, len(h))
	for k := range dz {
		slope := 1 - h[k]*h[k]
		if a.ReLU {
			slope = math.Ceil(min(h[k], 1)) // 1 where h > 0, else 0
		}
		dz[k] = (dy[k] + dh[k]) * slope
	}
	f.UploadFloat64(a.DZ, dz)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func TestLayersOfFusedCellsEqualPlainOnes(t *testing.T) {
	// run returns the outputs and gradients of a layer on a backend.
	run := func(l *layer, on backend.Backend) (values []float64) {
		l.on = on
		l.forward()
		l.backward()
		for _, o := range l.outputs {
			values = append(values, l.values(o.y)...)
		}
		for _, in := range l.inputs {
			values = append(values, l.values(in.grad)...)
		}
		return values
	}
	for name, build := range map[string]func(t *testing.T) *layer{
		"LSTM": func(t *testing.T) *layer {
			l, _ := newLSTM(t, typical, recurrentOptions{biases: true, last: true})
			return l
		},
		"LSTM with peepholes": func(t *testing.T) *layer {
			l, _ := newLSTM(t, typical, recurrentOptions{biases: true, last: true, peephole: true})
			return l
		},
		"LSTM with peepholes, DZ in Gates": func(t *testing.T) *layer {
			l, _ := newLSTM(t, typical, recurrentOptions{last: true, peephole: true, inPlace: true})
			return l
		},
		"RNN of tanh": func(t *testing.T) *layer {
			l, _ := newRNN(t, typical, false, recurrentOptions{biases: true, last: true})
			return l
		},
		"RNN of ReLU": func(t *testing.T) *layer {
			l, _ := newRNN(t, typical, true, recurrentOptions{biases: true, last: true})
			return l
		},
	} {
		t.Run(name, func(t *testing.T) {
			plain, fused := build(t), build(t)
			want := run(plain, plain.fixture)
			wantValues(t, "outputs and gradients", run(fused, cells{fused.fixture}), 1e-14, want)
		})
	}
}
