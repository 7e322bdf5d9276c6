package model

import (
	"math"
	"math/rand/v2"
)

// uniform draws from U(−1/√n, 1/√n), as PyTorch does for Linear, RNN and LSTM,
// where n is the number of inputs or of hidden units.
func uniform(n int) func(dst []float64, rng *rand.Rand) {
	bound := 1 / math.Sqrt(float64(n))
	return func(dst []float64, rng *rand.Rand) {
		for i := range dst {
			dst[i] = bound * (2*rng.Float64() - 1)
		}
	}
}
