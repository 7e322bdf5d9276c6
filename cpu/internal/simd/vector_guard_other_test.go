//go:build !linux

package simd

import "testing"

// guarded is plain memory: there are guard pages on Linux only.
type guarded struct{}

func newGuarded(*testing.T) *guarded { return &guarded{} }

func (*guarded) before(i, n int) []float32 { return make([]float32, n) }
func (*guarded) behind(i, n int) []float32 { return make([]float32, n) }

func (*guarded) try(f func()) string {
	f()
	return ""
}
