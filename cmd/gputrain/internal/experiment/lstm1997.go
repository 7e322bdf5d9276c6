package experiment

import (
	"math/rand/v2"

	"gputrain/model"
)

// lstm1997 is the network of Hochreiter and Schmidhuber (1997): a hidden layer
// of memory blocks, and sigmoid units that answer after the last step. All
// weights are drawn from U(±0.1).
func lstm1997(outputs int, layer model.LSTM1997) model.Spec {
	return model.Spec{
		{Name: "lstm", Layer: layer},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "output", Layer: within{model.Dense{Out: outputs}, 0.1}},
		{Name: "sigmoid", Layer: model.Sigmoid},
	}
}

// within is a layer whose initial parameters are all drawn from U(±bound).
type within struct {
	model.Layer
	bound float64
}

// Parameters implements model.Layer.
func (l within) Parameters(in model.Shape) []model.ParameterSpec {
	params := l.Layer.Parameters(in)
	for i := range params {
		params[i].Init = func(dst []float64, rng *rand.Rand) {
			for j := range dst {
				dst[j] = l.bound * (2*rng.Float64() - 1)
			}
		}
	}
	return params
}

// ramp returns n equally spaced values, the first is from and the last is to.
func ramp(from, to float64, n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = from + (to-from)*float64(i)/float64(n-1)
	}
	return values
}
