package model_test

import (
	"math"
	"slices"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

// initialised returns the values that Init gives each parameter of spec.
func initialised(t *testing.T, spec model.Spec, seed uint64) map[string][]float64 {
	b := reference.New()
	defer b.Close()
	net := build(t, b, spec, model.Shape{Steps: 1, Batch: 1, Width: 25}, model.Options{})
	net.Init(seed)
	values := make(map[string][]float64)
	for _, w := range net.Parameters() {
		values[w.Name] = download(t, b, w.Value)
	}
	return values
}

func TestInitIsUniformAsInPyTorch(t *testing.T) {
	for _, test := range []struct {
		layer model.Layer
		bound float64
	}{
		{model.Dense{Out: 100}, 1. / 5},
		{model.RNN{Hidden: 100, Layers: 2}, 1. / 10},
		{model.LSTM{Hidden: 64, Peepholes: true}, 1. / 8},
	} {
		for name, values := range initialised(t, model.Spec{{Name: "layer", Layer: test.layer}}, 1) {
			n := float64(len(values))
			lowest, highest, sum, squares := math.Inf(1), math.Inf(-1), 0.0, 0.0
			for _, v := range values {
				lowest, highest = min(lowest, v), max(highest, v)
				sum += v
				squares += v * v
				if v != float64(float32(v)) {
					t.Fatalf("%s: %v is no float32", name, v)
				}
			}
			// Five standard errors of the mean and of the mean square, and the
			// extremes of n draws.
			mean, square := sum/n/test.bound, squares/n/(test.bound*test.bound)
			if math.Abs(mean) > 5*math.Sqrt(1/(3*n)) || math.Abs(square-1./3) > 5*math.Sqrt(4/(45*n)) ||
				lowest < -test.bound || highest > test.bound || highest-lowest < 2*test.bound*(1-10/n) {
				t.Errorf("%s: %v values from %v to %v, in units of %v mean %v, mean square %v", name, n, lowest, highest, test.bound, mean, square)
			}
		}
	}
}

func TestInitDependsOnSeedAndIndexOnly(t *testing.T) {
	spec := func(hidden int) model.Spec {
		return model.Spec{
			{Name: "lstm", Layer: model.LSTM{Hidden: hidden}},
			{Name: "narrow", Layer: model.Dense{Out: 6}},
			{Name: "head", Layer: model.Dense{Out: 3}},
		}
	}
	a, same, wider, other := initialised(t, spec(4), 1), initialised(t, spec(4), 1), initialised(t, spec(9), 1), initialised(t, spec(4), 2)
	for name := range a {
		if !slices.Equal(a[name], same[name]) {
			t.Errorf("%s differs for the same seed", name)
		}
		if slices.Equal(a[name], other[name]) {
			t.Errorf("%s is the same for another seed", name)
		}
	}
	for _, name := range []string{"head.weight", "head.bias"} {
		if !slices.Equal(a[name], wider[name]) {
			t.Errorf("%s differs when another layer is wider", name)
		}
	}
}

func TestForgetBiasIsAddedToTheForgetGate(t *testing.T) {
	const hidden, forgetBias = 5, 1.5
	spec := func(bias float64) model.Spec {
		return model.Spec{{Name: "lstm", Layer: model.LSTM{Hidden: hidden, Layers: 2, ForgetBias: bias}}}
	}
	plain, biased := initialised(t, spec(0), 1), initialised(t, spec(forgetBias), 1)
	for name, values := range plain {
		want := slices.Clone(values)
		if name == "lstm.bias_ih_l0" || name == "lstm.bias_ih_l1" {
			for i := hidden; i < 2*hidden; i++ {
				want[i] += forgetBias
			}
		}
		compare(t, name, biased[name], want, 1e-6)
	}
}
