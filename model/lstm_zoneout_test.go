package model_test

import (
	"math"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

// lstmStep is one step of an LSTM layer of hidden units for one sequence, from
// its parameters by name.
func lstmStep(params map[string][]float64, x, h, c []float64) (hidden, cell []float64) {
	n := len(c)
	z := make([]float64, 4*n)
	for row := range z {
		z[row] = params["bias_ih_l0"][row] + params["bias_hh_l0"][row] +
			dot(params["weight_ih_l0"][row*len(x):(row+1)*len(x)], x) + dot(params["weight_hh_l0"][row*n:(row+1)*n], h)
	}
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for j := range n {
		cj := sigmoid(z[n+j])*c[j] + sigmoid(z[j])*math.Tanh(z[2*n+j])
		cell = append(cell, cj)
		hidden = append(hidden, sigmoid(z[3*n+j])*math.Tanh(cj))
	}
	return hidden, cell
}

// Zoneout keeps each element at its value before or lets it have its new one, in
// evaluation the mean of the two (Krueger et al. 2017, section 3.2).
func TestZoneoutKeepsElements(t *testing.T) {
	const batch, width, hidden = 300, 2, 7
	b := reference.New()
	defer b.Close()
	layer := model.LSTM{Hidden: hidden, ZoneoutHidden: 0.1, ZoneoutCell: 0.4, Stateful: true}
	net := build(t, b, model.Spec{{Name: "layer", Layer: layer}}, model.Shape{Steps: 1, Batch: batch, Width: width}, model.Options{})
	params := map[string][]float64{}
	for _, w := range net.Parameters() {
		name := w.Name[len("layer."):]
		params[name] = draws(w.Value.Size(), name)
		upload(b, w.Value, params[name])
	}
	x := draws(batch*width, "x")
	input := newTensor(t, b, batch, width)
	upload(b, input, x)
	states := net.States(1, batch)
	before := [2][]float64{draws(batch*hidden, "h"), draws(batch*hidden, "c")}
	var candidate [2][]float64
	for i := range batch {
		h, c := lstmStep(params, x[i*width:(i+1)*width], before[0][i*hidden:(i+1)*hidden], before[1][i*hidden:(i+1)*hidden])
		candidate[0], candidate[1] = append(candidate[0], h...), append(candidate[1], c...)
	}
	for mode, name := range map[model.Mode]string{model.Evaluation: "eval", model.Training: "train"} {
		for k, rate := range []float64{layer.ZoneoutHidden, layer.ZoneoutCell} {
			upload(b, states[0].Initial, before[0])
			upload(b, states[1].Initial, before[1])
			net.SetSeed(7)
			net.Forward(input, 1, mode)
			got, kept := download(t, b, states[k].Final), 0
			for i, v := range got {
				was, will := before[k][i], candidate[k][i]
				switch {
				case mode == model.Evaluation && math.Abs(v-(rate*was+(1-rate)*will)) < 1e-12:
				case mode == model.Training && math.Abs(v-will) < 1e-12:
				case mode == model.Training && v == was:
					kept++
				default:
					t.Fatalf("%s: %s: element %d is %v, before %v, candidate %v, rate %v", name, states[k].Name, i, v, was, will, rate)
				}
			}
			n := float64(len(got))
			if most := 5 * math.Sqrt(n*rate*(1-rate)); mode == model.Training && math.Abs(float64(kept)-n*rate) > most {
				t.Errorf("%s keeps %d of %v elements, want %v ± %.0f", states[k].Name, kept, n, n*rate, most)
			}
		}
	}
}
