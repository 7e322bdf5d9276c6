package simd

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// BLAS is gonum's BLAS with the matrix product of a level. It may be used by many
// goroutines at once.
type BLAS struct {
	gonum.Implementation
	level   Level
	scratch chan []float32 // those that no call uses at the moment
}

// NewBLAS returns the BLAS of a level that this machine executes.
func NewBLAS(level Level) *BLAS {
	return &BLAS{level: level, scratch: make(chan []float32, 256)}
}

// Sgemm sets c = alpha·op(a)·op(b) + beta·c, as Level.Sgemm does. It allocates
// only where more calls run at the same time than ever before.
func (s *BLAS) Sgemm(transA, transB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	var scratch []float32
	select {
	case scratch = <-s.scratch:
	default:
		scratch = make([]float32, s.level.ScratchSize())
	}
	s.level.Sgemm(isTransposed(transA), isTransposed(transB), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, scratch)
	select {
	case s.scratch <- scratch:
	default:
	}
}

func isTransposed(t blas.Transpose) bool {
	switch t {
	case blas.NoTrans:
		return false
	case blas.Trans, blas.ConjTrans:
		return true
	}
	panic("simd: Sgemm: no such transpose")
}
