//go:build !amd64

package simd

// Vector returns the functions of a level, which are Go.
func (l Level) Vector() *Vector { return &vectorGeneric }
