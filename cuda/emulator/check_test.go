package emulator

import (
	_ "embed"
	"errors"
	"strings"
	"testing"

	"gputrain/cuda"
)

//go:embed testdata/bad.ptx
var badPTX string

func ints(n int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(i)
	}
	return x
}

// Each kernel makes one mistake, which the check must report. If the check is "", the
// kernel makes none.
var faults = []struct {
	kernel string
	check  Check
	detail string // part of the report
	run    func(b *bench) error
}{
	{"guard_off_by_one", OutOfBounds, "4 bytes past the end of allocation", func(b *bench) error {
		return b.launch("guard_off_by_one", dim(1), dim(128), 0, b.alloc(400), upload(b, make([]float32, 100)), 100)
	}},
	{"no_tail_guard", OutOfBounds, "4 bytes past the end of allocation 1 of 400 bytes", func(b *bench) error {
		return b.launch("no_tail_guard", dim(1), dim(128), 0, b.alloc(400))
	}},
	{"no_tail_guard before the start", OutOfBounds, "8 bytes before allocation", func(b *bench) error {
		return b.launch("no_tail_guard", dim(1), dim(1), 0, b.alloc(400)-8)
	}},
	{"no_tail_guard exact", "", "", func(b *bench) error { return b.launch("no_tail_guard", dim(1), dim(128), 0, b.alloc(512)) }},
	{"no_tail_guard null", NullPointer, "", func(b *bench) error { return b.launch("no_tail_guard", dim(1), dim(128), 0, cuda.Pointer(0)) }},
	{"no_tail_guard freed", UseAfterFree, "allocation 1 of 512 bytes, which has been freed", func(b *bench) error {
		p := b.alloc(512)
		b.must(b.device.Free(p))
		return b.launch("no_tail_guard", dim(1), dim(128), 0, p)
	}},
	{"no_tail_guard shared address", WrongSpace, "", func(b *bench) error {
		return b.launch("no_tail_guard", dim(1), dim(128), 0, cuda.Pointer(sharedWindow+16))
	}},
	{"misaligned_vector", Misaligned, "16 bytes at", func(b *bench) error {
		return b.launch("misaligned_vector", dim(1), dim(8), 0, b.alloc(512), upload(b, make([]float32, 40)))
	}},
	{"accumulate uninitialised", Uninitialised, "of allocation 1 of 128 bytes, which nothing has written yet", func(b *bench) error {
		return b.launch("accumulate", dim(1), dim(32), 0, b.alloc(128), upload(b, make([]float32, 32)), 32)
	}},
	{"accumulate initialised", "", "", func(b *bench) error {
		return b.launch("accumulate", dim(1), dim(32), 0, upload(b, make([]float32, 32)), upload(b, make([]float32, 32)), 32)
	}},
	{"shared_uninitialised", Uninitialised, "of shared memory, which nothing has written yet", func(b *bench) error {
		return b.launch("shared_uninitialised", dim(1), dim(64), 0, b.alloc(256), 63)
	}},
	{"shared_uninitialised all set", "", "", func(b *bench) error {
		return b.launch("shared_uninitialised", dim(1), dim(64), 0, b.alloc(256), 64)
	}},
	{"missing_barrier", SharedRace, "", func(b *bench) error {
		return b.launch("missing_barrier", dim(1), dim(128), 0, upload(b, make([]float32, 128)))
	}},
	{"missing_second_barrier", SharedRace, "", func(b *bench) error {
		return b.launch("missing_second_barrier", dim(1), dim(64), 0, b.alloc(256), 4)
	}},
	{"missing_syncwarp", SharedRace, "", func(b *bench) error {
		return b.launch("missing_syncwarp", dim(1), dim(32), 0, upload(b, make([]float32, 32)))
	}},
	{"with_syncwarp", "", "", func(b *bench) error {
		return b.launch("with_syncwarp", dim(1), dim(32), 0, upload(b, make([]float32, 32)))
	}},
	{"same_address different values", SharedRace, "", func(b *bench) error {
		return b.launch("same_address", dim(1), dim(32), 0, b.alloc(128), 1)
	}},
	{"same_address same value", "", "", func(b *bench) error { return b.launch("same_address", dim(1), dim(32), 0, b.alloc(128), 0) }},
	{"blocks_write_one", GlobalRace, "nothing orders the two", func(b *bench) error { return b.launch("blocks_write_one", dim(8), dim(32), 0, b.alloc(4)) }},
	{"blocks_read_neighbour", GlobalRace, "", func(b *bench) error {
		return b.launch("blocks_read_neighbour", dim(4), dim(32), 0, upload(b, make([]int32, 128)), 128)
	}},
	{"blocks_add", "", "", func(b *bench) error { return b.launch("blocks_add", dim(4), dim(32), 0, upload(b, []int32{0})) }},
	{"blocks_share_word", "", "", func(b *bench) error { return b.launch("blocks_share_word", dim(64), dim(32), 0, b.alloc(64)) }},
	{"plain_last_block", GlobalRace, "", func(b *bench) error {
		return b.launch("plain_last_block", dim(8), dim(1), 0, b.alloc(4), b.alloc(32), upload(b, []int32{0}), 0)
	}},
	{"plain_last_block with fence", "", "", func(b *bench) error {
		return b.launch("plain_last_block", dim(8), dim(1), 0, b.alloc(4), b.alloc(32), upload(b, []int32{0}), 1)
	}},
	{"divergent_barrier", DivergentBarrier, "", func(b *bench) error { return b.launch("divergent_barrier", dim(1), dim(64), 0, b.alloc(256)) }},
	{"early_exit", "", "", func(b *bench) error { return b.launch("early_exit", dim(1), dim(128), 0, b.alloc(512), 41) }},
	{"stuck", Deadlock, "at barrier", func(b *bench) error { return b.launch("stuck", dim(1), dim(64), 0, b.alloc(256)) }},
	{"producer_consumer", "", "", func(b *bench) error { return b.launch("producer_consumer", dim(1), dim(64), 0, b.alloc(128)) }},
	{"shuffle_half", InactiveLane, "is on another path", func(b *bench) error { return b.launch("shuffle_half", dim(1), dim(32), 0, b.alloc(128)) }},
	{"shuffle_after_exit", InactiveLane, "has ended", func(b *bench) error {
		return b.launch("shuffle_after_exit", dim(1), dim(32), 0, b.alloc(128), 20)
	}},
	{"local_overflow", OutOfBounds, "local memory", func(b *bench) error {
		return b.launch("local_overflow", dim(1), dim(1), 0, upload(b, ints(16)), upload(b, []int32{16}))
	}},
	{"local_overflow in range", "", "", func(b *bench) error {
		return b.launch("local_overflow", dim(1), dim(1), 0, upload(b, ints(16)), upload(b, []int32{15}))
	}},
	{"trap", Trap, "", func(b *bench) error { return b.launch("trap", dim(1), dim(32), 0, upload(b, ints(32))) }},
	{"endless", Deadlock, "waits for a value that nobody writes", func(b *bench) error { return b.launch("endless", dim(1), dim(1), 0, upload(b, []int32{0})) }},
}

func TestFaultsAreReportedByName(t *testing.T) {
	for _, f := range faults {
		t.Run(f.kernel, func(t *testing.T) {
			seeds := uint64(20)
			if testing.Short() {
				seeds = 3
			}
			for seed := range seeds {
				b := newBench(t, badPTX, Options{Seed: seed, Budget: 1 << 20})
				err := f.run(b)
				checkReport(t, err, f.check, f.detail)
				if f.check != "" && b.device.SyncStream(0) == nil {
					t.Errorf("seed %d: the context is usable after a fault", seed)
				}
			}
		})
	}
}

// A loop that counts never comes back to a state in which it was: no proof that it has no
// end, so it spends the budget.
func TestALoopThatCountsSpendsTheBudget(t *testing.T) {
	b := newBench(t, wrap(`.reg .u64 %n; .reg .pred %p; mov.u64 %n, 0; L: add.u64 %n, %n, 1; setp.ne.u64 %p, %n, 0; @%p bra L;`), Options{Budget: 1 << 16})
	checkReport(t, b.launch("k", dim(1), dim(1), 0, upload(b, []int32{0})), Endless, "Options.Budget")
}

// checkReport fails the test unless the error is a report of the check, or nil for "".
func checkReport(t testing.TB, err error, check Check, detail string) {
	t.Helper()
	var r *Report
	switch {
	case check == "" && err == nil:
	case check == "":
		t.Fatalf("a correct program gives: %v", err)
	case err == nil:
		t.Fatalf("no report, want %q", check)
	case !errors.As(err, &r) || r.Check != check || !strings.Contains(r.Detail, detail):
		t.Fatalf("the report is %v\nwant %q with %q", err, check, detail)
	}
}

func TestReportSaysWhere(t *testing.T) {
	b := newBench(t, badPTX, Options{Seed: 5})
	var r *Report
	if !errors.As(b.launch("no_tail_guard", dim(3, 2), dim(8, 4), 0, b.alloc(20)), &r) {
		t.Fatal("no report")
	}
	if r.Kernel != "no_tail_guard" || r.Seed != 5 || r.Launch != 1 || r.Grid != dim(3, 2) || r.Line == 0 ||
		!strings.HasPrefix(r.Text, "st.global.u32") && !strings.HasPrefix(r.Text, "st.global.f32") {
		t.Errorf("the report is %+v", *r)
	}
	// The index is blockIdx.x·8 + threadIdx.x.
	if at := 8*r.Block.X + r.Thread.X; at < 5 || r.Address == 0 {
		t.Errorf("the report names thread %v of block %v", r.Thread, r.Block)
	}
}

func TestChecksCanBeSwitchedOff(t *testing.T) {
	b := newBench(t, badPTX, Options{Off: []Check{SharedRace, Uninitialised, Leak, GlobalRace}})
	b.must(b.launch("missing_barrier", dim(1), dim(128), 0, upload(b, make([]float32, 128))))
	b.must(b.launch("accumulate", dim(1), dim(32), 0, b.alloc(128), upload(b, make([]float32, 32)), 32))
	b.must(b.device.Close())
}
