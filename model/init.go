package model

import (
	"math"
	"math/rand/v2"
)

// uniform draws from U(−1/√n, 1/√n), as PyTorch does for Linear, RNN and LSTM,
// where n is the number of inputs or of hidden units.
func uniform(n int) func(dst []float64, rng *rand.Rand) {
	return uniformWithin(1 / math.Sqrt(float64(n)))
}

// uniformWithin draws from U(−bound, bound).
func uniformWithin(bound float64) func(dst []float64, rng *rand.Rand) {
	return func(dst []float64, rng *rand.Rand) {
		for i := range dst {
			dst[i] = bound * (2*rng.Float64() - 1)
		}
	}
}

// ones sets all values to 1.
func ones(dst []float64, _ *rand.Rand) {
	for i := range dst {
		dst[i] = 1
	}
}
