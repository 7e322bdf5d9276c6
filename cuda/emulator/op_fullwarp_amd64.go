package emulator

import "golang.org/x/sys/cpu"

var haveFMA = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// fastFma is fullFmaFloat32 by the vector instructions of the processor. It does nothing
// and returns false if there are none, or if a result is NaN, which GPUs write in a way
// of their own.
func fastFma(d, a, b, c *lanes) bool { return haveFMA && fmaAVX2(d, a, b, c) }

//go:noescape
func fmaAVX2(d, a, b, c *lanes) (done bool)
