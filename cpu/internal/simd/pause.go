//go:build amd64 || arm64

package simd

// Pause does nothing for a moment, n times, and leaves the core to its other hardware
// thread. It is what a loop calls that waits for another core.
//
//go:noescape
func Pause(n uint32)
