package emulator

import (
	"math"
	"slices"
	"testing"

	"gputrain/cuda"
)

// Where a program leaves the order open, different seeds give different orders. Where
// it decides the order, all seeds keep it.
func TestStreamsRunAhead(t *testing.T) {
	const seeds = 40
	for _, c := range []struct {
		name    string
		decided bool
		run     func(b *bench, copies, s cuda.Stream, p, q cuda.Pointer, host []byte)
	}{
		{"two streams", false, func(b *bench, copies, s cuda.Stream, p, q cuda.Pointer, host []byte) {
			b.must(b.device.CopyToDevice(p, host, copies))
			b.must(b.device.CopyOnDevice(q, p, 4, s))
		}},
		{"two streams, one waits for an event", true, func(b *bench, copies, s cuda.Stream, p, q cuda.Pointer, host []byte) {
			e, err := b.device.NewEvent()
			b.must(err)
			b.must(b.device.CopyToDevice(p, host, copies))
			b.must(b.device.Record(e, copies))
			b.must(b.device.StreamWait(s, e))
			b.must(b.device.CopyOnDevice(q, p, 4, s))
		}},
		{"two streams, one waits for an event of before", false, func(b *bench, copies, s cuda.Stream, p, q cuda.Pointer, host []byte) {
			e, err := b.device.NewEvent()
			b.must(err)
			b.must(b.device.Record(e, copies))
			b.must(b.device.CopyToDevice(p, host, copies))
			b.must(b.device.StreamWait(s, e))
			b.must(b.device.CopyOnDevice(q, p, 4, s))
		}},
		{"host memory changes", false, func(b *bench, copies, s cuda.Stream, p, q cuda.Pointer, host []byte) {
			b.must(b.device.CopyToDevice(q, host, s))
			clear(host)
		}},
		{"host memory changes after an event", true, func(b *bench, copies, s cuda.Stream, p, q cuda.Pointer, host []byte) {
			e, err := b.device.NewEvent()
			b.must(err)
			b.must(b.device.CopyToDevice(q, host, s))
			b.must(b.device.Record(e, s))
			b.must(b.device.SyncEvent(e))
			clear(host)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			late := 0
			for seed := range uint64(seeds) {
				b := newBench(t, badPTX, Options{Seed: seed})
				copies, err := b.device.NewStream()
				b.must(err)
				s, err := b.device.NewStream()
				b.must(err)
				p, q := b.alloc(4), b.alloc(4)
				b.must(b.device.Fill32(p, 0, 1, 0))
				host, err := b.device.AllocHost(4)
				b.must(err)
				host[0] = 7
				c.run(b, copies, s, p, q, host)
				result, err := b.device.AllocHost(4)
				b.must(err)
				b.must(b.device.CopyToHost(result, q, 0))
				if result[0] != 7 {
					late++
				}
			}
			if c.decided && late > 0 {
				t.Errorf("%d of %d seeds give another result", late, seeds)
			}
			if !c.decided && (late == 0 || late == seeds) {
				t.Errorf("%d of %d seeds give another result, want some", late, seeds)
			}
		})
	}
}

func TestEvents(t *testing.T) {
	b := newBench(t, basicPTX, Options{GPU: "A100"})
	d := b.device
	from, err := d.NewEvent()
	b.must(err)
	to, err := d.NewEvent()
	b.must(err)
	if _, err := d.Elapsed(from, to); err == nil {
		t.Error("events that were not recorded have a time")
	}
	const n = 1 << 16
	x, y := upload(b, make([]float32, n)), upload(b, make([]float32, n))
	b.must(d.Record(from, 0))
	b.must(b.launch("axpy", dim(n/256), dim(256), 0, y, x, float32(1), n))
	b.must(d.Record(to, 0))
	ms, err := d.Elapsed(from, to)
	b.must(err)
	// Two vectors of 4·n bytes come from memory at 2.039 TB/s, after a gap.
	if want := 1e3 * (StreamGap + 2*4*n/2.039e12); math.Abs(ms-want) > 1e-6*want {
		t.Errorf("the launch takes %g ms, want %g", ms, want)
	}
}

// The default stream waits for the others, and they for it: so do their clocks.
func TestTheClockOfTheDefaultStreamIsThatOfAll(t *testing.T) {
	b := newBench(t, basicPTX, Options{GPU: "A100"})
	d := b.device
	var events [4]cuda.Event
	for i := range events {
		var err error
		events[i], err = d.NewEvent()
		b.must(err)
	}
	s, err := d.NewStream()
	b.must(err)
	late, err := d.NewStream()
	b.must(err)
	const n = 1 << 16
	x := b.alloc(4 * n)
	const milliseconds = 1e3 * 4 * n / 2.039e12 // of a fill
	b.must(d.Record(events[0], 0))
	b.must(d.Fill32(x, 0, n, s))
	b.must(d.Record(events[1], 0))
	b.must(d.Fill32(x, 0, n, 0))
	b.must(d.Record(events[2], late))
	b.must(d.Fill32(x, 0, n, late))
	b.must(d.Record(events[3], late))
	for i, to := range events[1:] {
		got, err := d.Elapsed(events[0], to)
		b.must(err)
		if want := float64(i+1) * milliseconds; math.Abs(got-want) > 1e-6*want {
			t.Errorf("event %d comes after %g ms, want %g", i+1, got, want)
		}
	}
}

// A stream calls a function of the host when it has come to it.
func TestCallsKeepTheOrderOfTheirStream(t *testing.T) {
	for seed := range uint64(10) {
		d := newBench(t, badPTX, Options{Seed: seed}).device
		s, err := d.NewStream()
		if err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 50 {
			if err := d.Call(s, func() { order = append(order, i) }); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.SyncStream(s); err != nil {
			t.Fatal(err)
		}
		if len(order) != 50 || !slices.IsSorted(order) {
			t.Fatalf("seed %d: the calls came in the order %v", seed, order)
		}
		if err := d.Call(s+1000, func() {}); err == nil {
			t.Error("a stream that does not exist takes a call")
		}
	}
}
