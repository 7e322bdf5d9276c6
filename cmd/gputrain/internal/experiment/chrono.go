package experiment

import (
	"math"
	"math/rand/v2"

	"gputrain/model"
)

// chrono is an LSTM of one layer whose gates are set for lags of up to Lag
// steps: the bias of each cell's forget gate is log U(1, Lag−1), the bias of
// its input gate is the negative of that, and all other biases are 0 (C.
// Tallec, Y. Ollivier, Can Recurrent Neural Networks Warp Time?, 2018).
type chrono struct {
	model.LSTM
	Lag float64
}

// Parameters implements model.Layer.
func (c chrono) Parameters(in model.Shape) []model.ParameterSpec {
	params := c.LSTM.Parameters(in)
	for i, p := range params {
		switch p.Name {
		case "bias_ih_l0":
			params[i].Init = func(dst []float64, rng *rand.Rand) {
				for cell := range c.Hidden {
					bias := math.Log(1 + (c.Lag-2)*rng.Float64())
					dst[cell], dst[c.Hidden+cell] = -bias, bias
				}
			}
		case "bias_hh_l0":
			params[i].Init = nil
		}
	}
	return params
}
