package cpu_test

import (
	"testing"
	"time"

	"gputrain/cpu"
)

// A core does between a hundredth of a GFLOP/s and a few hundred.
func TestPeakIsThatOfAMachine(t *testing.T) {
	began := time.Now()
	got := cpu.PeakFlops(2, 10*time.Millisecond)
	if took := time.Since(began); got < 1e7 || got > 2e12 || took < 10*time.Millisecond {
		t.Errorf("%g operations per second in %v", got, took)
	}
}
