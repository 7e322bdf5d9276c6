package backendtest

import (
	"errors"
	"math"
	"testing"
	"time"

	"gputrain/backend"
	"gputrain/backend/reference"
)

func TestMeasurementsRunAndHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range Measurements() {
		if seen[m.Name] {
			t.Errorf("%s: two measurements have this name", m.Name)
		}
		seen[m.Name] = true
	}
	open := func() (backend.Backend, error) { return reference.New(), nil }
	small := Measurements(MaxSize(64))
	if len(small) == 0 || len(small) == len(seen) {
		t.Fatalf("%d of %d measurements have no dimension above 64", len(small), len(seen))
	}
	for _, m := range small {
		figures, err := m.Run(open, 1)
		if err != nil || len(figures) == 0 {
			t.Errorf("%s: figures %v, error %v", m.Name, figures, err)
		}
		for _, f := range figures {
			if !(f.Value > 0) || math.IsInf(f.Value, 0) || f.Unit == "" {
				t.Errorf("%s: got %v %q, want a number above 0 and a unit", m.Name, f.Value, f.Unit)
			}
		}
	}
}

// A timer says how long things take, whatever they take.
type timer struct {
	backend.Backend
	perRun time.Duration
}

func (d timer) Time(ops func()) (time.Duration, error) {
	ops()
	return d.perRun, d.Sync()
}

func TestFiguresAreWorkOverTime(t *testing.T) {
	m := Measurement{
		prepare: func(*bench) func() { return func() {} },
		work:    []work{{6, "GB/s"}}, parts: 4, part: "step",
	}
	open := func() (backend.Backend, error) { return timer{reference.New(), 3 * time.Second}, nil }
	// So short that the first call counts.
	got, err := m.Run(open, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Figure{{2, "GB/s"}, {750_000, "µs/step"}} {
		if i >= len(got) || got[i] != want {
			t.Errorf("got %v, want %v at %d", got, want, i)
		}
	}
}

func TestMeasurementReportsTheErrorOfTheBackend(t *testing.T) {
	broken := errors.New("no memory")
	m := Measurement{prepare: func(b *bench) func() {
		b.err = broken
		return func() { t.Error("an operation was queued without its operands") }
	}}
	if _, err := m.Run(func() (backend.Backend, error) { return reference.New(), nil }, 0); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if _, err := m.Run(func() (backend.Backend, error) { return nil, broken }, 0); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}
