package backendtest

import (
	"fmt"
	"testing"
	"time"

	"gputrain/backend"
)

// Benchmark runs all measurements, each as a sub-benchmark. The names are the
// same on all backends, so that benchstat compares them.
func Benchmark(b *testing.B, open Opener, opts ...Option) {
	for _, m := range Measurements(opts...) {
		b.Run(m.Name, func(b *testing.B) {
			err := m.on(open, func(run runner) error {
				if _, err := run(1); err != nil {
					return err
				}
				b.ReportAllocs()
				b.ResetTimer()
				elapsed, err := run(b.N)
				b.StopTimer()
				for _, f := range m.figures(elapsed, b.N) {
					b.ReportMetric(f.Value, f.Unit)
				}
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}

// Measurements returns what Benchmark measures: the operations in which training
// spends its time, and whole recurrent layers.
func Measurements(opts ...Option) []Measurement {
	o := newOptions(opts)
	var kept []Measurement
	for _, m := range measurements() {
		if m.largest <= o.maxSize {
			kept = append(kept, m)
		}
	}
	return kept
}

// Measurement is an operation or a layer of certain sizes, to be timed.
type Measurement struct {
	Name string // such as "Gemm/512x512x512"

	largest int                          // dimension
	prepare func(b *bench) (call func()) // what it allocates counts on b.err
	work    []work                       // of a call
	parts   int                          // that a call has and whose time is told too; 0 for none
	part    string                       // what they are
}

// work is an amount of what the unit counts in a second.
type work struct {
	amount float64
	unit   string
}

// Figure is a measured quantity.
type Figure struct {
	Value float64
	Unit  string // GFLOP/s; GB/s, of memory read and written; samples/s, sequences; µs/step; µs/op
}

// Run measures on a backend of its own, for the given time at least. The clock
// is that of backend.Time. The error is that of the backend, such as one of
// memory.
func (m Measurement) Run(open Opener, least time.Duration) ([]Figure, error) {
	var figures []Figure
	err := m.on(open, func(run runner) error {
		elapsed, calls, err := repeat(run, least)
		figures = m.figures(elapsed, calls)
		return err
	})
	if err != nil {
		return nil, err
	}
	return figures, nil
}

// Prepare allocates on device what m works on, until device is closed, and returns
// the call that m times. It is for those who time in their own way. The error is
// one of memory.
func (m Measurement) Prepare(device backend.Backend) (call func(), err error) {
	b := &bench{Backend: device}
	call = m.prepare(b)
	return call, b.err
}

// runner makes so many calls and returns how long they took.
type runner func(calls int) (time.Duration, error)

// on calls body with a runner of calls on a backend that is open meanwhile.
func (m Measurement) on(open Opener, body func(runner) error) error {
	device, err := open()
	if err != nil {
		return fmt.Errorf("a backend cannot be opened: %w", err)
	}
	defer device.Close()
	call, err := m.Prepare(device)
	if err != nil {
		return err
	}
	return body(func(calls int) (time.Duration, error) {
		return backend.Time(device, func() {
			for range calls {
				call()
			}
		})
	})
}

// repeat runs more and more calls until they take the given time by the clock on
// the wall, which is not the one that is measured with. The first call warms up;
// it counts if it takes so long that a second one would be a waste.
func repeat(run runner, least time.Duration) (elapsed time.Duration, calls int, err error) {
	const long = 10
	timed := func(calls int) (wall time.Duration) {
		began := time.Now()
		elapsed, err = run(calls)
		return time.Since(began)
	}
	if wall := timed(1); err != nil || wall >= long*least {
		return elapsed, 1, err
	}
	for calls = 1; ; {
		wall := timed(calls)
		if err != nil || wall >= least {
			return elapsed, calls, err
		}
		wanted := int(1.2 * float64(calls) * float64(least) / float64(max(wall, 1)))
		calls = min(max(wanted, calls+1), 100*calls)
	}
}

func (m Measurement) figures(elapsed time.Duration, calls int) []Figure {
	perCall := elapsed.Seconds() / float64(calls)
	var figures []Figure
	for _, w := range m.work {
		figures = append(figures, Figure{w.amount / perCall, w.unit})
	}
	if m.parts > 0 {
		figures = append(figures, Figure{1e6 * perCall / float64(m.parts), "µs/" + m.part})
	}
	return figures
}

// bench is a backend to measure, and the first error of its memory.
type bench struct {
	backend.Backend
	err error
}

// tensor allocates a tensor; it is absent after an error.
func (b *bench) tensor(rows, cols int) backend.Tensor {
	if b.err != nil {
		return backend.Tensor{}
	}
	var t backend.Tensor
	t, b.err = b.New(rows, cols)
	return t
}

// random returns a tensor of numbers from [low, high).
func (b *bench) random(rows, cols int, low, high float64) backend.Tensor {
	x := b.tensor(rows, cols)
	if b.err == nil {
		b.Upload(x, newSource(1).uniform(x.Size(), low, high))
	}
	return x
}

// place allocates operands with their content, zero where they have none.
func (b *bench) place(operands []operand) tensors {
	x := tensors{}
	for _, o := range operands {
		t := b.tensor(o.rows, o.cols)
		if b.err != nil {
			return nil
		}
		content := make([]float32, t.Size())
		for k, bits := range o.content {
			content[k] = float32(number(o.integer, bits))
		}
		b.Upload(t, content)
		x[o.name] = t
	}
	return x
}
