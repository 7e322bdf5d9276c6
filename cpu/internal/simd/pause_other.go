//go:build !amd64 && !arm64

package simd

// Pause does nothing for a moment, n times.
func Pause(n uint32) {
	for range n {
	}
}
