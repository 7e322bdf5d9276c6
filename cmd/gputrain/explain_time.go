package main

import (
	"fmt"
	"regexp"

	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// leastTime estimates what a training step takes at least on e.gpu, and says what that
// assumes.
func (e *explanation) leastTime() string {
	products, gaps := e.flops/e.gpu.Float32, e.gaps()
	assumptions := []string{
		e.gpu.Rates(),
		fmt.Sprintf("The products run at the rate of float32, and nothing else takes time but the gaps between kernels: %.1f µs in a graph and %.1f µs in a stream, as on a V100.",
			1e6*emulator.GraphGap, 1e6*emulator.StreamGap),
	}
	if e.path < len(e.launches) {
		assumptions = append(assumptions, fmt.Sprintf("Branches of the graph run at the same time, so that the gaps of %d kernels count, on the longest path; their products share the GPU, and are added.", e.path))
	}
	return fmt.Sprintf("a training step takes at least %s on the %s (estimate, not a measurement): %s for the matrix products, %s between the kernels\n\n%s",
		microseconds(products+gaps), e.gpu.Name, microseconds(products), microseconds(gaps),
		assumed(append(assumptions, "gputrain profile executes a step and estimates the time of each kernel.")))
}

// gaps estimates the time between kernels.
func (e *explanation) gaps() float64 {
	alone := e.calls - e.graphs
	return emulator.StreamGap*float64(alone) + emulator.GraphGap*float64(e.path-alone)
}

func microseconds(seconds float64) string { return decimal(1e6*seconds) + " µs" }

// similarGPU returns the GPU of the datasheets that a device is, by its name. If there
// is none, known is false and the GPU is one that at least has the same kind of
// multiprocessors, or else the default.
func similarGPU(info cuda.DeviceInfo) (gpu emulator.GPU, known bool) {
	gpu = emulator.DefaultGPU()
	for _, g := range emulator.GPUs() {
		if regexp.MustCompile(`\b` + g.Name + `\b`).MatchString(info.Name) {
			return g, true
		}
		if g.Major == info.Major && g.Minor == info.Minor {
			gpu = g
		}
	}
	return gpu, false
}
