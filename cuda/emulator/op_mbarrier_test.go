package emulator

import (
	_ "embed"
	"strings"
	"testing"
)

//go:embed testdata/mbarrier.ptx
var mbarrierPTX string

func TestBuffersAreHandedOver(t *testing.T) {
	const rounds, readers = 5, 32
	for seed := range uint64(10) {
		b := newBench(t, mbarrierPTX, Options{Seed: seed, Budget: 1 << 18})
		y := b.alloc(4 * rounds * readers)
		b.must(b.launch("hand_over", dim(1), dim(32+readers), 0, y, rounds))
		want := make([]int32, rounds*readers)
		for i := range want {
			want[i] = int32(100*(i/readers) + 31 - i%readers)
		}
		compareExactly(t, "buffers", download[int32](b, y, len(want)), want)
	}
	// Readers that do not wait race with the writer.
	for seed := range uint64(10) {
		b := newBench(t, mbarrierPTX, Options{Seed: seed, Budget: 1 << 18})
		err := b.launch("hand_over_broken", dim(1), dim(32+readers), 0, b.alloc(4*rounds*readers), rounds)
		report, ok := err.(*Report)
		if !ok || report.Check != SharedRace && report.Check != Uninitialised {
			t.Errorf("seed %d: readers that do not wait: %v", seed, err)
		}
	}
}

func TestAnMbarrierWaitsForCopies(t *testing.T) {
	for seed := range uint64(5) {
		b := newBench(t, mbarrierPTX, Options{Seed: seed, Budget: 1 << 18})
		x, want := make([]int32, 64), make([]int32, 64)
		for i := range x {
			x[i], want[63-i] = int32(7*i), int32(7*i)
		}
		y := b.alloc(4 * 64)
		b.must(b.launch("copies", dim(1), dim(64), 0, y, upload(b, x), 1))
		compareExactly(t, "copies", download[int32](b, y, 64), want)
		err := b.launch("copies", dim(1), dim(64), 0, y, upload(b, x), 0)
		report, ok := err.(*Report)
		if !ok || report.Check != SharedRace && report.Check != Uninitialised {
			t.Errorf("seed %d: without waiting: %v", seed, err)
		}
	}
}

func TestThreadsThatLeaveAreNotWaitedFor(t *testing.T) {
	b := newBench(t, mbarrierPTX, Options{Budget: 1 << 18})
	y := b.alloc(4 * 32)
	b.must(b.launch("leave", dim(1), dim(64), 0, y))
	seen := map[int32]bool{}
	for _, pending := range download[int32](b, y, 32) {
		seen[pending] = true
	}
	if len(seen) != 32 || !seen[32] || !seen[1] {
		t.Errorf("the arrivals of a later phase found %v pending", seen)
	}
}

func TestMisusedMbarriers(t *testing.T) {
	b := newBench(t, mbarrierPTX, Options{Budget: 1 << 18})
	checkReport(t, b.launch("too_many", dim(1), dim(32), 0, uint64(0)), MisusedBarrier, "arrivals at an mbarrier whose phase waits for 0")
	b = newBench(t, mbarrierPTX, Options{Budget: 1 << 18})
	checkReport(t, b.launch("no_init", dim(1), dim(1), 0), Uninitialised, "an mbarrier that has not been initialised")
	for _, c := range []struct{ body, why string }{
		{"mbarrier.init.global.b64 [%rd1], 4;", "an mbarrier lies in shared memory"},
		{"mbarrier.try_wait.shared.b64 %p1, [%rd1], %rd2;", "mbarriers that count bytes, and waiting without a loop, are not supported"},
		{"mbarrier.wait.shared.b64 %p1, [%rd1];", "one of .init, .inval, .arrive"},
	} {
		_, err := newBench(t, wrap(""), Options{}).device.Load(wrap(c.body))
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", c.body, err, c.why)
		}
	}
}
