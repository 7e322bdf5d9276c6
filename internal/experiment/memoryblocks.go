package experiment

import (
	"math/rand/v2"

	"gputrain/model"
)

// lstm1997 is the network of Hochreiter and Schmidhuber (1997): a hidden
// layer of memory blocks, of which sigmoid units tell the answer after the last
// step. All weights are drawn from U(±0.1).
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

// Params implements model.Layer.
func (l within) Params(in model.Shape) []model.Param {
	params := l.Layer.Params(in)
	for i := range params {
		params[i].Init = func(dst []float64, rng *rand.Rand) {
			for j := range dst {
				dst[j] = l.bound * (2*rng.Float64() - 1)
			}
		}
	}
	return params
}
