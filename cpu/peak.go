package cpu

import (
	"sync"
	"time"

	"gputrain/cpu/internal/simd"
)

// PeakFlops measures, for d, the floating-point operations per second of
// independent multiply-adds in registers on so many cores at once. No product of
// matrices is faster. On a virtual machine the figure changes from second to
// second: measure it right beside what is compared with it.
func PeakFlops(workers int, d time.Duration) float64 {
	rates := make([]float64, workers)
	var group sync.WaitGroup
	for i := range rates {
		group.Go(func() { rates[i] = multiplyAddsPerSecond(d) })
	}
	group.Wait()
	sum := 0.0
	for _, rate := range rates {
		sum += rate
	}
	return sum
}

func multiplyAddsPerSecond(d time.Duration) float64 {
	const rounds = 1000 // some µs, between two looks at the clock
	level := simd.Best()
	operations := 0
	for began := time.Now(); ; {
		operations += level.MultiplyAdds(rounds)
		if elapsed := time.Since(began); elapsed >= d {
			return float64(operations) / elapsed.Seconds()
		}
	}
}
