package cpu_test

import (
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/cpu"
)

// mathOpener opens a backend of that many workers.
type mathOpener func(workers int) (backend.Backend, error)

// mathOpeners open a backend with that math: on the oracle and, where there is AMX, on
// AMX.
func mathOpeners(math string) map[string]mathOpener {
	openers := map[string]mathOpener{
		"oracle": func(workers int) (backend.Backend, error) { return cpu.OpenOracle(workers, math) },
	}
	if cpu.CheckMath(math) == nil {
		openers["AMX"] = func(workers int) (backend.Backend, error) {
			return cpu.Open(cpu.Options{Workers: workers, Math: math, MemoryLimit: cpu.Memory})
		}
	}
	return openers
}

// results returns those of op on a backend of its own.
func (op operation) results(t *testing.T, open mathOpener, workers int) [][]float32 {
	t.Helper()
	device, err := open(workers)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	b := benchOn(t, device, 7)
	op.prepare(b)()
	return b.results()
}

// Products and layers have the bits of the oracle on one worker.
func TestMathHasTheSameBitsForAnyNumberOfWorkers(t *testing.T) {
	openers := mathOpeners("bf16x6")
	oracle, open := openers["oracle"], openers["oracle"]
	ops := append(products()[4:8], sequences()[:3]...)
	if testing.Short() {
		ops = ops[:1] // the oracle takes long under the race detector
	}
	if openers["AMX"] != nil {
		open = openers["AMX"]
	}
	for _, op := range ops {
		want := op.results(t, oracle, 1)
		float := op.results(t, func(int) (backend.Backend, error) { return cpu.Open(cpu.Options{Workers: 1}) }, 1)
		if difference(want, float) == "" {
			t.Errorf("%s: the bits are those of float32", op.name)
		}
		if text := difference(want, op.results(t, open, 3)); text != "" {
			t.Errorf("%s: the oracle and 3 workers: %s", op.name, text)
		}
	}
	if openers["AMX"] == nil {
		return
	}
	for _, op := range append(products(), sequences()...) {
		if text := difference(op.results(t, open, 1), op.results(t, open, 3)); text != "" {
			t.Errorf("%s: 1 and 3 workers: %s", op.name, text)
		}
	}
}

func TestMathAllocatesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("the oracle takes long under the race detector")
	}
	for unit, open := range mathOpeners("bf16x6") {
		device, err := open(3)
		if err != nil {
			t.Fatal(err)
		}
		b := benchOn(t, device, 7)
		for _, op := range []operation{products()[5], sequences()[1]} {
			call := op.prepare(b)
			if n := testing.AllocsPerRun(2, call); n != 0 {
				t.Errorf("%s on %s: %v allocations, want 0", op.name, unit, n)
			}
		}
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMisuseOfMathIsAnError(t *testing.T) {
	for want, o := range map[string]cpu.Options{
		`cpu: Open: Math: no math "tf32": want one of ["float32" "bf16x6" "bf16x3" "bf16"]`: {Math: "tf32"},
		`cpu: Open: Math: it is "bf16x6", but BLAS computes the products`:                   {Math: "bf16x6", BLAS: countingBLAS{}},
	} {
		if _, err := cpu.Open(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want %s", err, want)
		}
	}
	if err := cpu.CheckMath("float32"); err != nil {
		t.Error(err)
	}
}
