package cpu

import "gputrain/cpu/internal/simd"

// Memory is the limit of backends in tests that open thousands of them. Without one, each
// would collect the garbage, to see how much memory is left.
const Memory = 4 << 30

// OpenOracle opens a backend whose products of that math are those of the oracle, which
// has the bits of AMX on every machine.
func OpenOracle(workers int, math string) (*Backend, error) {
	parsed, err := simd.ParseMath(math)
	if err != nil {
		return nil, err
	}
	c, err := Open(Options{Workers: workers, MemoryLimit: Memory})
	if err == nil {
		c.multiplier = newMultiplier(simd.NewOracle(simd.Best(), parsed), nil, workers)
	}
	return c, err
}
