package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gputrain/model"
)

// loss returns Σ y⊙dy over all sequences, by the equations.
func (c *blockCheck) loss(m lstm1997, frozen []context) float64 {
	sum := 0.0
	for n := range c.in.Batch {
		var f *context
		if frozen != nil {
			f = &frozen[n]
		}
		y, _ := m.run(c.sequence(c.x, n), f)
		for t, dy := range c.sequence(c.dy, n) {
			sum += dot(y[t], dy)
		}
	}
	return sum
}

// differences returns the derivatives of the loss by all parameters.
func (c *blockCheck) differences(m lstm1997, frozen []context) map[string][]float64 {
	grads := make(map[string][]float64)
	for name, values := range map[string][]float64{"weight": m.weight, "weight_peep": m.peephole} {
		for i, v := range values {
			at := func(offset float64) float64 {
				values[i] = v + offset*gradientStep
				return c.loss(m, frozen)
			}
			grads[name] = append(grads[name], (8*(at(1)-at(-1))-(at(2)-at(-2)))/(12*gradientStep))
			values[i] = v
		}
	}
	return grads
}

// wrongGradients describes the elements of got that are wrong.
func wrongGradients(got, want map[string][]float64) (wrong []string) {
	for name := range want {
		for i, w := range want[name] {
			g := got[name][i]
			if err := math.Abs(g-w) / max(math.Abs(g), math.Abs(w), gradientFloor); !(err < gradientTolerance) {
				wrong = append(wrong, fmt.Sprintf("%s: element %d: got %v, want %v, relative error %.3g, tolerance %.3g", name, i, g, w, err, gradientTolerance))
			}
		}
	}
	return wrong
}

// The truncated gradient is the derivative with the context held constant.
func TestTruncatedGradientMatchesDifferencesInAFrozenContext(t *testing.T) {
	for seed, test := range generations {
		t.Run(test.name, func(t *testing.T) {
			c := newBlockCheck(t, test.layer, model.Shape{Steps: 6, Batch: 2, Width: 3}, uint64(seed))
			m := lstm1997{test.layer, c.param(t, "weight"), c.param(t, "weight_peep")}
			frozen := make([]context, c.in.Batch)
			for n := range frozen {
				_, frozen[n] = m.run(c.sequence(c.x, n), nil)
			}
			c.pass(t, 0, c.in.Steps)
			got := c.gradients(t)
			for _, text := range wrongGradients(got, c.differences(m, frozen)) {
				t.Errorf("seed %d: %s", seed, text)
			}
			// It is not the derivative of the network itself, because it leaves a
			// part out. The check must be able to tell.
			if len(wrongGradients(got, c.differences(m, nil))) == 0 {
				t.Errorf("seed %d: the check does not tell the truncated gradient from the whole", seed)
			}
		})
	}
}

// Without weights from the block's outputs there is nothing to truncate.
func TestTruncatedGradientIsTheWholeWithoutRecurrentWeights(t *testing.T) {
	for seed, test := range generations {
		if test.layer.Peepholes {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			c := newBlockCheck(t, test.layer, model.Shape{Steps: 6, Batch: 2, Width: 3}, uint64(seed))
			weight, _ := c.net.Parameter("lstm.weight")
			values := c.param(t, "weight")
			for i := range values {
				if column := i % weight.Value.Cols; column >= c.in.Width && column < weight.Value.Cols-1 {
					values[i] = 0
				}
			}
			c.b.UploadFloat64(weight.Value, values)
			c.pass(t, 0, c.in.Steps)
			for _, text := range wrongGradients(c.gradients(t), c.differences(lstm1997{test.layer, values, nil}, nil)) {
				t.Errorf("seed %d: %s", seed, text)
			}
		})
	}
}

// If nothing is added to a state and its derivatives, they are the same bits after
// 1000 steps: ds(t)/ds(t−1000) = 1.
func TestConstantErrorCarouselKeepsStatesAndDerivatives(t *testing.T) {
	const steps = 1000
	for _, on := range backends {
		t.Run(on.name, func(t *testing.T) {
			b := on.open(t)
			defer b.Close()
			layer := model.LSTM1997{Blocks: 2, Cells: 2, Stateful: true}
			in := model.Shape{Steps: steps, Batch: 2, Width: 3}
			net := build(t, b, model.Spec{{Name: "lstm", Layer: layer}}, in, model.Options{})
			rng := rand.New(rand.NewPCG(1, 1))
			// Cells whose weights are zero get g(0) = 0; the gates take any values.
			weight, _ := net.Parameter("lstm.weight")
			values := random(rng, weight.Value.Size())
			clear(values[4*weight.Value.Cols:])
			upload(b, weight.Value, values)
			want := make(map[string][]float64)
			for _, s := range net.States(steps, in.Batch) {
				initial := random(rng, s.Initial.Size())
				upload(b, s.Initial, initial)
				want[s.Name] = download(t, b, s.Initial)
			}
			x, dy := newTensor(t, b, in.Rows(), in.Width), newTensor(t, b, in.Rows(), 4)
			upload(b, x, random(rng, x.Size()))
			upload(b, dy, random(rng, dy.Size()))
			net.Forward(x, steps, model.Training)
			net.Backward(dy)
			for _, s := range net.States(steps, in.Batch) {
				got := download(t, b, s.Final)
				switch s.Name {
				case "lstm.s", "lstm.ds_in": // in'·g(0) = 0 is added to these
					compare(t, s.Name, got, want[s.Name], 0)
				default:
					if slices.Equal(got, want[s.Name]) {
						t.Errorf("%s does not change: the test shows nothing", s.Name)
					}
				}
			}
		})
	}
}

// A forget gate that is open gives the memory blocks of 1997.
func TestOpenForgetGatesReproduce1997(t *testing.T) {
	in := model.Shape{Steps: 20, Batch: 3, Width: 4}
	layer := model.LSTM1997{Blocks: 2, Cells: 2, NoGateFeedback: true}
	old := newBlockCheck(t, layer, in, 1)
	layer.ForgetGates = true
	open := newBlockCheck(t, layer, in, 1)
	open.x, open.dy = old.x, old.dy

	weight, _ := open.net.Parameter("lstm.weight")
	sources, rows := weight.Value.Cols, layer.Blocks
	values := old.param(t, "weight")
	forget := make([]float64, rows*sources)
	for j := range rows {
		forget[(j+1)*sources-1] = 1e3 // σ is 1 there
	}
	open.b.UploadFloat64(weight.Value, slices.Insert(values, rows*sources, forget...))

	compare(t, "outputs", open.pass(t, 0, in.Steps), old.pass(t, 0, in.Steps), 1e-12)
	grads := open.gradients(t)["weight"]
	compare(t, "gradients", slices.Delete(grads, rows*sources, 2*rows*sources), old.gradients(t)["weight"], 1e-12)
}
