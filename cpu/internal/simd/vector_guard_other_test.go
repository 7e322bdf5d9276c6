//go:build !linux

package simd

import "testing"

// operandMemory is plain memory: there are guard pages on Linux only.
type operandMemory struct{}

func newOperandMemory(*testing.T) *operandMemory { return &operandMemory{} }

func (*operandMemory) before(i, n int) []float32 { return make([]float32, n) }
func (*operandMemory) behind(i, n int) []float32 { return make([]float32, n) }

func (*operandMemory) try(f func()) string {
	f()
	return ""
}
