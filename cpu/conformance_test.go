package cpu_test

import (
	"fmt"
	"os"
	"runtime/debug"
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/cpu"
)

func TestConformance(t *testing.T) {
	for workers, size := range []int{9, 33} { // 0 stands for all cores
		t.Run(fmt.Sprintf("Workers=%d", workers), func(t *testing.T) {
			backendtest.Test(t, open(workers), backendtest.MaxSize(size))
		})
	}
	levels := cpu.Levels()
	for _, level := range levels[:len(levels)-1] { // the last is that of all other tests
		t.Run("Level="+level, func(t *testing.T) {
			backendtest.Test(t, func() (backend.Backend, error) {
				return cpu.Open(cpu.Options{Level: level, Workers: 1})
			}, backendtest.MaxSize(17))
		})
	}
	// bf16x6 is held to the tolerances of float32.
	for name, open := range tileOpeners("bf16x6") {
		t.Run("Math=bf16x6,"+name, func(t *testing.T) {
			backendtest.Test(t, open, backendtest.MaxSize(33), backendtest.MaxWork(1<<16))
		})
	}
	t.Run("Workers=3", func(t *testing.T) {
		if testing.Short() {
			t.Skip("large sizes")
		}
		backendtest.Test(t, open(3))
	})
}

// tileOpeners open a backend with that math: on the oracle and, where there is AMX, on
// AMX.
func tileOpeners(math string) map[string]backendtest.Opener {
	openers := map[string]backendtest.Opener{
		"oracle": func() (backend.Backend, error) { return cpu.OpenOracle(1, math) },
	}
	if b, err := cpu.Open(cpu.Options{Math: math}); err == nil {
		b.Close()
		openers["AMX"] = func() (backend.Backend, error) { return cpu.Open(cpu.Options{Math: math}) }
	}
	return openers
}

func open(workers int) backendtest.Opener {
	return func() (backend.Backend, error) { return cpu.Open(cpu.Options{Workers: workers}) }
}

func BenchmarkBackend(b *testing.B) { backendtest.Benchmark(b, open(0)) }

// The suite allocates much and keeps little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
