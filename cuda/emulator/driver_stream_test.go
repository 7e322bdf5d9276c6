package emulator

import (
	"testing"

	"gputrain/cuda"
)

// What a program leaves open happens in one order with one seed and in another
// with another; what it decides does not.
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
