package collective

import (
	"unsafe"

	"gonum.org/v1/gonum/blas/blas32"
)

// Adder is a Group that can add by itself, in an order of its own: faster, but the last
// bits may differ from one call, library or number of machines to another.
type Adder interface {
	Group

	// Add sets x to Σ x over the ranks, with the same bytes on all of them.
	Add(x []float32) error
}

// Sum adds vectors of one length over the ranks of a group. It allocates nothing but in
// NewSum.
//
// Each rank adds one chunk of the vector, in the order of the ranks, ((x₀ + x₁) + x₂) + …,
// in float32. So the result has the same bytes on all ranks, in every run, and whatever
// library moves the chunks. Of S bytes each of N ranks sends 2·(N−1)/N·S, as many as the
// ring of an MPI library does.
type Sum struct {
	group Group
	adder Adder     // nil: in the order of the ranks
	x     []float32 // of the caller, and zeros up to a multiple of the ranks
	parts []float32 // the chunk of this rank, of all ranks
	n     int
}

// NewSum returns a sum of vectors of n elements. With fast, the group adds by itself if it
// can: see Adder.
func NewSum(g Group, n int, fast bool) *Sum {
	s := &Sum{group: g, n: n}
	if adder, ok := g.(Adder); ok && fast {
		s.adder, s.x = adder, make([]float32, n)
		return s
	}
	s.x, s.parts = make([]float32, Padded(g, n)), make([]float32, Padded(g, n))
	return s
}

// Vector is where the caller puts the vector of its rank, and finds the sum after Add. The
// length is that of NewSum.
func (s *Sum) Vector() []float32 { return s.x[:s.n] }

// Add replaces Vector by the sum over the ranks. All ranks call it together.
func (s *Sum) Add() error {
	if s.adder != nil {
		return s.adder.Add(s.x)
	}
	if err := s.group.Exchange(Bytes(s.parts), Bytes(s.x)); err != nil {
		return err
	}
	chunk := len(s.parts) / s.group.Size()
	total := blas32.Vector{N: chunk, Inc: 1, Data: s.parts[:chunk]}
	for r := 1; r < s.group.Size(); r++ {
		blas32.Axpy(1, blas32.Vector{N: chunk, Inc: 1, Data: s.parts[r*chunk : (r+1)*chunk]}, total)
	}
	return s.group.Gather(Bytes(s.x), Bytes(total.Data))
}

// Bytes returns the memory of x, for the calls of a Group.
func Bytes[T float32 | float64 | uint64](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
}
