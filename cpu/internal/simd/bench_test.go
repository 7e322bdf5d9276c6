package simd

import (
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func cpuTime() float64 {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return float64(ts.Nano()) * 1e-9
}

func TestBench(t *testing.T) {
	if os.Getenv("B") == "" {
		t.Skip()
	}
	runtime.LockOSThread()
	fill := func(n int) []float32 {
		s := make([]float32, n)
		for i := range s {
			s[i] = float32(rand.NormFloat64())
		}
		return s
	}
	for _, l := range Levels() {
		if os.Getenv("L") != "" && os.Getenv("L") != l.String() {
			continue
		}
		scratch := make([]float32, l.ScratchSize())
		for _, s := range []struct {
			m, n, k int
			ta, tb  bool
		}{
			{64, 2048, 512, false, true}, {64, 4096, 1024, false, true}, {1024, 1024, 1024, false, false}, {1024, 1024, 1024, false, true}, {64, 512, 128, false, true},
			{64, 512, 128, false, false},
			{32, 2048, 512, false, true}, {128, 512, 128, false, true}, {16, 2048, 512, false, true}, {4, 2048, 512, false, false}, {4, 2048, 512, false, true},
			{2048, 512, 6400, true, false}, {256, 1024, 1024, false, true}, {256, 1024, 1024, false, false}, {1, 2048, 512, false, false}, {1, 2048, 512, false, true},
			{1, 512, 512, false, false}, {1, 512, 512, false, true},
			{1024, 1024, 64, true, false}, {64, 1024, 4096, true, false}, {1024, 28, 128, true, false}, {1024, 784, 256, true, false}, {512, 128, 3584, true, false}, {512, 28, 3584, true, false},
			{256, 10, 1024, false, true}, {3584, 512, 28, false, true},
		} {
			if only := os.Getenv("S"); only != "" && only != fmt.Sprintf("%dx%dx%d", s.m, s.n, s.k) {
				continue
			}
			m, n, k := s.m, s.n, s.k
			lda, ldb := k, n
			if s.ta {
				lda = m
			}
			if s.tb {
				ldb = k
			}
			a, b, c := fill(m*k), fill(k*n), fill(m*n)
			packed := make([]float32, l.PackedSize(k, n))
			l.PackB(packed, s.tb, k, n, b, ldb, 0, n)
			best := [4]float64{}
			rate := func(i int, f func() float64) {
				start := cpuTime()
				flops := f()
				best[i] = max(best[i], flops/(cpuTime()-start)*1e-9)
			}
			fl := 2 * float64(m) * float64(n) * float64(k)
			reps := max(1, int(1e6/fl))
			dur := 150 * time.Millisecond
			if fl > 5e9 {
				dur = 500 * time.Millisecond
			}
			for begin := time.Now(); time.Since(begin) < dur; {
				rate(0, func() float64 { return float64(l.MultiplyAdds(10000)) })
				rate(1, func() float64 {
					for range reps {
						l.MultiplyPacked(s.ta, m, n, k, 1, a, lda, packed, 1, c, n, 0, n, scratch)
					}
					return fl * float64(reps)
				})
				rate(2, func() float64 {
					for range reps {
						l.Sgemm(s.ta, s.tb, m, n, k, 1, a, lda, b, ldb, 1, c, n, scratch)
					}
					return fl * float64(reps)
				})
				rate(3, func() float64 {
					l.PackB(packed, s.tb, k, n, b, ldb, 0, n)
					return float64(4 * k * n)
				})
			}
			nt := func(t bool) string {
				if t {
					return "T"
				}
				return "N"
			}
			fmt.Printf("%-7s %s%s %4dx%4dx%4d peak %5.1f packed %5.1f (%.2f) whole %5.1f (%.2f) pack %.1f GB/s\n", l, nt(s.ta), nt(s.tb), m, n, k, best[0], best[1], best[1]/best[0], best[2], best[2]/best[0], best[3])
		}
	}
}
