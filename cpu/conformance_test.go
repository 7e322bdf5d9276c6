package cpu_test

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"

	"gputrain/backend"
	"gputrain/backend/backendtest"
	"gputrain/cpu"
)

var uncapped = flag.Bool("uncapped", false, "run the conformance suite with all of its sizes on all instruction sets")

func TestConformance(t *testing.T) {
	t.Run("Workers=0", func(t *testing.T) { backendtest.Test(t, open(0), backendtest.MaxSize(9)) }) // on all cores
	if testing.Short() {
		t.Skip("large sizes, other instruction sets and math")
	}
	if *uncapped { // else the other instruction sets show what one worker does
		t.Run("Workers=1", func(t *testing.T) { backendtest.Test(t, open(1), backendtest.MaxSize(33)) })
	}
	var shorter, capped []backendtest.Option
	if !*uncapped {
		shorter = []backendtest.Option{backendtest.MaxWork(0)}
		capped = append(shorter, backendtest.MaxSize(33))
	}
	t.Run("Workers=3", func(t *testing.T) { backendtest.Test(t, open(3), shorter...) })
	levels := cpu.Levels()
	for _, level := range levels[:len(levels)-1] { // the last is that of all other tests
		t.Run("Level="+level, func(t *testing.T) {
			backendtest.Test(t, func() (backend.Backend, error) {
				return cpu.Open(cpu.Options{Level: level, Workers: 1, MemoryLimit: cpu.Memory})
			}, capped...)
		})
	}
	// bf16x6 is held to the tolerances of float32.
	for _, math := range cpu.Maths()[1:] {
		openers := mathOpeners(math)
		for unit, open := range openers {
			t.Run("Math="+math+","+unit, func(t *testing.T) {
				options := []backendtest.Option{backendtest.MaxSize(33), backendtest.MaxWork(0), backendtest.ProductError(cpu.MathError(math))}
				if unit == "oracle" && (len(openers) > 1 || math != "bf16x6") {
					options = append(options, backendtest.Only("Gemm")) // what is faster, or more exact, runs all checks
				}
				backendtest.Test(t, func() (backend.Backend, error) { return open(1) }, options...)
			})
		}
	}
}

func open(workers int) backendtest.Opener {
	return func() (backend.Backend, error) {
		return cpu.Open(cpu.Options{Workers: workers, MemoryLimit: cpu.Memory})
	}
}

func BenchmarkBackend(b *testing.B) { backendtest.Benchmark(b, open(0)) }

// The suite allocates much and keeps little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
