package memorylimit

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestLeftIsWhatTheTightestLimitLeaves(t *testing.T) {
	const mib = 1 << 20
	h := heap{live: 100 * mib, resident: 160 * mib, mapped: 240 * mib}
	for _, c := range []struct {
		name   string
		limits []Limit
		want   int64
		source string
	}{
		{"no limit", nil, math.MaxInt64, "no limit is known"},
		{"the heap alone", []Limit{{Bytes: 800 * mib, Source: "a", used: 160 * mib}}, 600 * mib, "a"},
		{"others count", []Limit{{Bytes: 800 * mib, Source: "a", used: 240 * mib}}, 530 * mib, "a"},
		{"less used than the heap has", []Limit{{Bytes: 800 * mib, Source: "a"}}, 600 * mib, "a"},
		{"address space", []Limit{{Bytes: 1600 * mib, Source: "a", counted: mapped, used: 1040 * mib}}, 500 * mib, "a"},
		{"the smaller", []Limit{{Bytes: 1600 * mib, Source: "a"}, {Bytes: 800 * mib, Source: "b"}}, 600 * mib, "b"},
		{"the larger, of which others have most", []Limit{{Bytes: 800 * mib, Source: "a"}, {Bytes: 1600 * mib, Source: "b", used: 1500 * mib}}, 127.5 * mib, "b"},
		{"nothing", []Limit{{Bytes: 100 * mib, Source: "a"}}, 0, "a"},
		{"more used than allowed", []Limit{{Bytes: 100 * mib, Source: "a", used: math.MaxInt64}}, 0, "a"},
	} {
		if left, limit := h.left(c.limits); left != c.want || limit.Source != c.source {
			t.Errorf("%s: %d are left of %v, want %d of %s", c.name, left, limit, c.want, c.source)
		}
	}
}

// What Left tells shrinks by what is taken, and not by garbage.
func TestLeftCountsWhatLives(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "1GiB")
	t.Cleanup(setLimit(1 << 30))
	const taken, tolerance = 64 << 20, 4 << 20
	before, limit := Left()
	if limit.Source != "GOMEMLIMIT" || limit.Bytes != 1<<30 {
		t.Fatalf("the limit is %v, want GOMEMLIMIT", limit)
	}
	block := make([]byte, taken)
	during, _ := Left()
	block[taken-1] = 1 // it lives until here
	block = nil
	after, _ := Left()
	if got := before - during; got < taken-tolerance || got > taken+tolerance {
		t.Errorf("%d bytes less are left after taking %d", got, taken)
	}
	if after < before-tolerance {
		t.Errorf("%d bytes are left where %d were before the garbage", after, before)
	}
}

func TestFollowSetsTheGarbageCollectorsLimit(t *testing.T) {
	t.Cleanup(setLimit(math.MaxInt64))
	t.Setenv("GOMEMLIMIT", "1GiB") // of which Go was told nothing
	Follow()
	if got := debug.SetMemoryLimit(-1); got != math.MaxInt64 {
		t.Errorf("Follow changed the user's limit to %d", got)
	}
	t.Setenv("GOMEMLIMIT", "")
	Follow()
	got := debug.SetMemoryLimit(-1)
	for _, l := range limits("/", readHeap()) {
		if got >= l.Bytes {
			t.Errorf("the limit is %d, want less than %v", got, l)
		}
	}
}

// setLimit sets Go's limit and returns what sets it back.
func setLimit(bytes int64) (back func()) {
	before := debug.SetMemoryLimit(bytes)
	return func() { debug.SetMemoryLimit(before) }
}

func TestSize(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 KiB", 1536: "2 KiB", 310 << 20: "310 MiB", 1 << 30: "1.0 GiB", 3 << 29: "1.5 GiB", 24 << 30: "24 GiB", 100 << 40: "100 TiB",
	} {
		if got := Size(bytes); got != want {
			t.Errorf("Size(%d) = %q, want %q", bytes, got, want)
		}
	}
}

// Garbage counts as left, also if it goes back to the system while it is collected.
func TestGarbageIsLeft(t *testing.T) {
	const mib = 1 << 20
	for range 16 {
		kept = make([]byte, 16*mib)
		kept[0] = 1
	}
	kept = nil
	t.Setenv("GOMEMLIMIT", "set below")
	t.Cleanup(setLimit(64 * mib))
	left, limit := leftAfter(debug.FreeOSMemory)
	if limit.Source != "GOMEMLIMIT" || left < 32*mib || left > 64*mib {
		t.Fatalf("%d bytes are left of %v", left, limit)
	}
}

var kept []byte // so that it is on the heap
