package cuda_test

import (
	"testing"

	speed "gputrain/bench"
	"gputrain/cuda"
	"gputrain/cuda/emulator"
)

// BenchmarkStep makes the training steps of package bench, at 128 hidden units, with all
// checks. -cpu sets the number of workers.
func BenchmarkStep(b *testing.B) {
	for _, s := range speed.Steps() {
		s.Hidden = 128
		b.Run(s.Number, func(b *testing.B) {
			var device *emulator.Device
			driver := &tap{Driver: newDriver(b, emulator.Options{}), opened: func(d *emulator.Device) { device = d }}
			on, err := cuda.Open(driver, 0, cuda.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer on.Close()
			step, err := s.Prepare(on)
			if err != nil {
				b.Fatal(err)
			}
			device.ResetProfile()
			for b.Loop() {
				step()
				if err := on.Sync(); err != nil {
					b.Fatal(err)
				}
			}
			n := uint64(0)
			for _, k := range emulator.Aggregate(device.Profile()) {
				n += k.Total().Threads
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Minstr/s")
		})
	}
}
