package cpu_test

import (
	"fmt"
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/cpu"
)

func TestConformance(t *testing.T) {
	for _, workers := range []int{0, 1} {
		t.Run(fmt.Sprintf("Workers=%d", workers), func(t *testing.T) {
			backendtest.Test(t, open(workers), backendtest.MaxSize(33))
		})
	}
	t.Run("Workers=3", func(t *testing.T) {
		if testing.Short() {
			t.Skip("large sizes")
		}
		backendtest.Test(t, open(3))
	})
}

func open(workers int) backendtest.Opener {
	return func() (backend.Backend, error) { return cpu.Open(cpu.Options{Workers: workers}) }
}

func BenchmarkBackend(b *testing.B) { backendtest.Benchmark(b, open(0)) }
