// Package bench times the work by which this project tells its speed: six training
// steps and some products of matrices. It times several sides in turn, such as
// gputrain and PyTorch, so that a phase of the machine meets all of them alike.
package bench

import (
	"encoding/json"
	"fmt"

	"gputrain/backend"
	"gputrain/backend/backendtest"
)

// Work is what is timed: a Step or a Product. In JSON it is what pytorch.py is asked
// to do.
type Work interface {
	Name() string

	// Flops returns the floating-point operations of its matrix products, two for
	// each multiplication. The rest does not count.
	Flops() float64

	// Prepare allocates on b, until b is closed, and returns a function that queues
	// the work once.
	Prepare(b backend.Backend) (call func(), err error)

	json.Marshaler
}

// Product is dst = op(a)·op(b) in float32. op(a) is [M,K], op(b) [K,N].
type Product struct {
	TransA, TransB backend.Transpose
	M, N, K        int
}

// Products returns those that the training of recurrent nets in batches is made
// of, and a large square one.
func Products() []Product {
	const no, yes = backend.NoTrans, backend.Trans
	return []Product{
		{no, no, 64, 4096, 1024},
		{no, yes, 64, 4096, 1024},
		{no, no, 256, 1024, 1024},
		{no, no, 32, 2048, 512},
		{no, no, 64, 512, 128},
		{no, no, 1024, 1024, 1024},
		{no, no, 1, 2048, 512},
		{yes, no, 1024, 1024, 64},
		{yes, no, 64, 1024, 4096},
		{yes, no, 2048, 512, 6400},
	}
}

// Name returns the sizes and, as in BLAS, N or T for each operand.
func (p Product) Name() string {
	letter := map[backend.Transpose]string{backend.NoTrans: "N", backend.Trans: "T"}
	return fmt.Sprintf("%s%s %d×%d×%d", letter[p.TransA], letter[p.TransB], p.M, p.N, p.K)
}

// Flops returns 2·M·N·K.
func (p Product) Flops() float64 { return 2 * float64(p.M) * float64(p.N) * float64(p.K) }

// Prepare returns the call that the measurement of the conformance suite times.
func (p Product) Prepare(b backend.Backend) (call func(), err error) {
	return backendtest.MeasureGemm(p.M, p.N, p.K, p.TransA, p.TransB).Prepare(b)
}

// MarshalJSON returns {"product": {...}}.
func (p Product) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"product": map[string]any{
		"trans_a": p.TransA, "trans_b": p.TransB, "m": p.M, "n": p.N, "k": p.K,
	}})
}
