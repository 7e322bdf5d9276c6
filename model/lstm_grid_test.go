package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

func TestGridLSTMGradientsMatchDifferences(t *testing.T) {
	head, last := model.Stage{Name: "head", Layer: model.Dense{Out: 3}}, model.Stage{Name: "last", Layer: model.LastStep{}}
	stage := func(l model.Layer) model.Stage { return model.Stage{Name: "grid", Layer: l} }
	in := model.Shape{Steps: 4, Batch: 3, Width: 2}
	for seed, test := range []struct {
		name string
		spec model.Spec
		in   model.Shape
	}{
		{"one layer", model.Spec{stage(model.GridLSTM{Hidden: 3})}, in},
		{"one block", model.Spec{stage(model.GridLSTM{Hidden: 3})}, model.Shape{Steps: 1, Batch: 2, Width: 3}},
		{"one block, with states", model.Spec{stage(model.GridLSTM{Hidden: 3, Stateful: true})}, model.Shape{Steps: 1, Batch: 2, Width: 3}},
		{"two layers", model.Spec{stage(model.GridLSTM{Hidden: 3, Layers: 2}), last, head}, in},
		{"four layers, with states", model.Spec{stage(model.GridLSTM{Hidden: 2, Layers: 4, Stateful: true}), head}, in},
		{"on an LSTM", model.Spec{{Name: "lstm", Layer: model.LSTM{Hidden: 2}}, stage(model.GridLSTM{Hidden: 3, Layers: 2}), head}, in},
	} {
		t.Run(test.name, func(t *testing.T) {
			wrong, worst := newGradientCheck(t, test.spec, test.in, uint64(seed), model.Options{}).errors(t)
			for _, text := range wrong {
				t.Errorf("seed %d: %s", seed, text)
			}
			t.Logf("largest relative error %.3g", worst)
		})
	}
}

// grid computes a Grid LSTM for one sequence, block by block.
type grid struct {
	hidden, layers int
	params         map[string][]float64 // by name
}

// add adds W·x to z.
func (g grid) add(z []float64, weight string, x []float64) []float64 {
	for i := range z {
		z[i] += dot(g.params[weight][i*len(x):(i+1)*len(x)], x)
	}
	return z
}

// transform returns (h', m') = LSTM([hTime, hDepth], m) of a dimension.
func (g grid) transform(dimension string, hTime, hDepth, m []float64) (h, next []float64) {
	z := g.add(slices.Clone(g.params["bias_"+dimension]), "weight_ih_"+dimension, hDepth)
	g.add(z, "weight_hh_"+dimension, hTime)
	for j := range g.hidden {
		i, f, o := logistic(z[j]), logistic(z[g.hidden+j]), logistic(z[3*g.hidden+j])
		next = append(next, f*m[j]+i*math.Tanh(z[2*g.hidden+j]))
		h = append(h, o*math.Tanh(next[j]))
	}
	return h, next
}

func (g grid) run(x [][]float64) (y [][]float64) {
	hTime, mTime := make([][]float64, g.layers), make([][]float64, g.layers)
	for layer := range g.layers {
		hTime[layer], mTime[layer] = make([]float64, g.hidden), make([]float64, g.hidden)
	}
	for _, x := range x {
		h := g.add(slices.Clone(g.params["bias_h"]), "weight_h", x)
		m := g.add(slices.Clone(g.params["bias_m"]), "weight_m", x)
		for layer := range g.layers {
			before, below := hTime[layer], h
			hTime[layer], mTime[layer] = g.transform(fmt.Sprintf("time_l%d", layer), before, below, mTime[layer])
			h, m = g.transform(fmt.Sprintf("depth_l%d", layer), before, below, m)
		}
		y = append(y, h)
	}
	return y
}

func TestGridLSTMFollowsItsEquations(t *testing.T) {
	in := model.Shape{Steps: 5, Batch: 3, Width: 4}
	for seed, layers := range []int{1, 2, 3} {
		b := reference.New()
		defer b.Close()
		net := build(t, b, model.Spec{{Name: "grid", Layer: model.GridLSTM{Hidden: 3, Layers: layers}}}, in, model.Options{})
		rng := rand.New(rand.NewPCG(1, uint64(seed)))
		randomize(net, rng)
		g := grid{hidden: 3, layers: layers, params: map[string][]float64{}}
		for _, w := range net.Parameters() {
			g.params[strings.TrimPrefix(w.Name, "grid.")] = download(t, b, w.Value)
		}
		x := newTensor(t, b, in.Rows(), in.Width)
		values := random(rng, x.Size())
		b.UploadFloat64(x, values)
		y := download(t, b, net.Forward(x, in.Steps, model.Evaluation))
		for n := range in.Batch {
			var sequence [][]float64
			var got []float64
			for step := range in.Steps {
				row := step*in.Batch + n
				sequence = append(sequence, values[row*in.Width:(row+1)*in.Width])
				got = append(got, y[row*3:(row+1)*3]...)
			}
			compare(t, fmt.Sprintf("seed %d: %d layers: sequence %d", seed, layers, n), got, slices.Concat(g.run(sequence)...), 1e-12)
		}
	}
}
