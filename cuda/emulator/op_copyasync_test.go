package emulator

import (
	"strings"
	"testing"
)

func TestCopyAsyncFillsWithZeros(t *testing.T) {
	for _, n := range []int{0, 4, 12, 16} {
		b := newBench(t, tensorPTX, Options{})
		y, want := b.alloc(16), make([]float32, 4)
		for i := range n / 4 {
			want[i] = float32(i + 1)
		}
		// Only the bytes that are copied have to exist.
		x := upload(b, append([]float32{1, 2, 3, 4}[:n/4:n/4], make([]float32, 0)...))
		b.must(b.launch("copy_with_zeros", dim(1), dim(32), 0, y, x, n))
		compareExactly(t, "copy_with_zeros", download[float32](b, y, 4), want)
		if p := b.device.Profile()[0]; n == 0 && p.GlobalSectors != 1 {
			t.Errorf("a copy of nothing touches %d sectors, beside the one that is stored", p.GlobalSectors-1)
		}
	}
}

func TestCopyAsyncMustBeWaitedFor(t *testing.T) {
	x := randomFloats(64, 9)
	for _, c := range []struct {
		all   int
		check Check
	}{{1, ""}, {0, SharedRace}, {-1, ""}} {
		b := newBench(t, tensorPTX, Options{})
		y := b.alloc(128)
		err := b.launch("copy_groups", dim(1), dim(32), 0, y, upload(b, x), c.all)
		checkReport(t, err, c.check, "")
		if err != nil {
			// Thread 0 reads what is to come from itself.
			for _, where := range []string{"of thread (0,0,0) still copies", "\n  block (0,0,0) of (1,1,1), thread (0,0,0)", "\n  the other: block (0,0,0), thread (0,0,0)", ": cp.async.ca.shared.global"} {
				if !strings.Contains(err.Error(), where) {
					t.Errorf("the report lacks %q: %v", where, err)
				}
			}
			continue
		}
		want := make([]float32, 32)
		for i := range want {
			want[i] = x[31-i]
			if c.all > 0 {
				want[i] += x[32+i]
			}
		}
		compareExactly(t, "copy_groups", download[float32](b, y, 32), want)
	}
}
