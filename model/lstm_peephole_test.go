package model_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

// graves are the equations of Graves and Schmidhuber (2005) for one sequence:
// an LSTM with peepholes, and its complete gradient.
type graves struct {
	width, hidden     int
	wih, whh, b, peep []float64 // b is the sum of both biases
}

// run returns the outputs for the inputs x and, for the gradient dy of the
// outputs, that of wih, whh, b and peep.
func (g graves) run(x, dy []float64) (y []float64, grad graves) {
	h, steps := g.hidden, len(x)/g.width
	gates := make([]float64, steps*4*h) // i, f, g, o
	cell, out := make([]float64, (steps+1)*h), make([]float64, (steps+1)*h)
	for t := range steps {
		for j := range h {
			var z [4]float64
			for k := range z {
				row := k*h + j
				z[k] = g.b[row] + dot(g.wih[row*g.width:(row+1)*g.width], x[t*g.width:(t+1)*g.width]) +
					dot(g.whh[row*h:(row+1)*h], out[t*h:(t+1)*h])
			}
			before := cell[t*h+j]
			i, f := logistic(z[0]+g.peep[j]*before), logistic(z[1]+g.peep[h+j]*before)
			now := f*before + i*math.Tanh(z[2])
			o := logistic(z[3] + g.peep[2*h+j]*now)
			cell[(t+1)*h+j], out[(t+1)*h+j] = now, o*math.Tanh(now)
			for k, v := range []float64{i, f, math.Tanh(z[2]), o} {
				gates[t*4*h+k*h+j] = v
			}
		}
	}

	zeros := func(n int) []float64 { return make([]float64, n) }
	grad = graves{wih: zeros(len(g.wih)), whh: zeros(len(g.whh)), b: zeros(len(g.b)), peep: zeros(len(g.peep))}
	dOut, dCell := zeros(h), zeros(h) // from the step after
	for t := steps - 1; t >= 0; t-- {
		delta := zeros(4 * h) // by the arguments of the gates
		for j := range h {
			gate := gates[t*4*h:]
			i, f, in, o := gate[j], gate[h+j], gate[2*h+j], gate[3*h+j]
			before, now := cell[t*h+j], cell[(t+1)*h+j]
			e := dy[t*h+j] + dOut[j]
			squashed := math.Tanh(now)
			deltaO := o * (1 - o) * squashed * e
			state := e*o*(1-squashed*squashed) + dCell[j] + g.peep[2*h+j]*deltaO
			deltaI, deltaF := i*(1-i)*in*state, f*(1-f)*before*state
			delta[j], delta[h+j], delta[2*h+j], delta[3*h+j] = deltaI, deltaF, i*(1-in*in)*state, deltaO
			dCell[j] = f*state + g.peep[j]*deltaI + g.peep[h+j]*deltaF
			grad.peep[j] += deltaI * before
			grad.peep[h+j] += deltaF * before
			grad.peep[2*h+j] += deltaO * now
		}
		dOut = zeros(h)
		for row, d := range delta {
			grad.b[row] += d
			for k := range g.width {
				grad.wih[row*g.width+k] += d * x[t*g.width+k]
			}
			for k := range h {
				grad.whh[row*h+k] += d * out[t*h+k]
				dOut[k] += d * g.whh[row*h+k]
			}
		}
	}
	return out[h:], grad
}

func TestLSTMWithPeepholesIsThatOfGraves(t *testing.T) {
	in := model.Shape{Steps: 30, Batch: 1, Width: 3}
	const hidden = 4
	b := reference.New()
	defer b.Close()
	net := build(t, b, model.Spec{{Name: "lstm", Layer: model.LSTM{Hidden: hidden, Peepholes: true}}}, in, model.Options{})
	rng := rand.New(rand.NewPCG(1, 1))
	randomize(net, rng)
	values := func(name string) (value, grad []float64) {
		w, _ := net.Parameter("lstm." + name)
		return download(t, b, w.Value), download(t, b, w.Grad)
	}
	g := graves{width: in.Width, hidden: hidden}
	g.wih, _ = values("weight_ih_l0")
	g.whh, _ = values("weight_hh_l0")
	g.peep, _ = values("weight_peep_l0")
	g.b, _ = values("bias_ih_l0")
	bias, _ := values("bias_hh_l0")
	for i, v := range bias {
		g.b[i] += v
	}
	x, dy := newTensor(t, b, in.Rows(), in.Width), newTensor(t, b, in.Rows(), hidden)
	inputs, errors := random(rng, x.Size()), random(rng, dy.Size())
	b.UploadFloat64(x, inputs)
	b.UploadFloat64(dy, errors)
	y := download(t, b, net.Forward(x, in.Steps, model.Training))
	net.Backward(dy)

	want, grad := g.run(inputs, errors)
	compare(t, "outputs", y, want, 1e-12)
	for name, want := range map[string][]float64{
		"weight_ih_l0": grad.wih, "weight_hh_l0": grad.whh, "bias_ih_l0": grad.b, "bias_hh_l0": grad.b, "weight_peep_l0": grad.peep,
	} {
		_, got := values(name)
		compare(t, "gradient of "+name, got, want, 1e-12)
	}
}
