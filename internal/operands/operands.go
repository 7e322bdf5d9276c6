// Package operands makes the operands of operations for the tests of backends.
package operands

import (
	"math/rand/v2"
	"testing"

	"gputrain/backend"
)

// Maker makes operands on a backend. They depend on Rand and the order of the
// calls only. The test ends where the backend has no memory.
type Maker struct {
	On   backend.Backend
	T    testing.TB
	Rand *rand.Rand
}

// Zeros returns a tensor of zeros.
func (m Maker) Zeros(rows, cols int) backend.Tensor {
	m.T.Helper()
	x, err := m.On.New(rows, cols)
	if err != nil {
		m.T.Fatal(err)
	}
	return x
}

// Uniform returns a tensor of numbers from −1 to 1.
func (m Maker) Uniform(rows, cols int) backend.Tensor {
	m.T.Helper()
	x := m.Zeros(rows, cols)
	m.On.Upload(x, Uniform(m.Rand, x.Size()))
	return x
}

// Ints returns integers.
func (m Maker) Ints(values ...int32) backend.Ints {
	m.T.Helper()
	x, err := m.On.NewInts(len(values))
	if err != nil {
		m.T.Fatal(err)
	}
	m.On.UploadInts(x, values)
	return x
}

// Uniform returns n numbers from −1 to 1.
func Uniform(r *rand.Rand, n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = 2*r.Float32() - 1
	}
	return values
}
