package emulator

import (
	_ "embed"
	"errors"
	"strings"
	"testing"
)

//go:embed testdata/order.ptx
var orderPTX string

// orders are kernels of order.cu, with the check that each must be reported by. What
// is right is right under every schedule, and a race is found under every one.
var orders = []struct {
	kernel string
	check  Check
	run    func(b *bench, kernel string) error
}{
	{"volatile_flag", "", handover},
	{"atomic_flag", "", handover},
	{"atomic_to_volatile", "", handover},
	{"release_acquire", "", handover},
	{"release_to_fence", "", handover},
	{"release_then_relaxed", "", handover},
	{"fence_to_acquire", "", handover},
	{"all_fence", "", handover},
	{"cached_flag", "", handover},
	{"no_fence", GlobalRace, handover},
	{"no_release", GlobalRace, handover},
	{"no_acquire", GlobalRace, handover},
	{"no_fence_atomic", GlobalRace, handover},
	{"fence_after", GlobalRace, handover},
	{"fence_too_early", GlobalRace, handover},
	{"relaxed", GlobalRace, handover},
	{"weak_flag", GlobalRace, handover},
	{"narrow_release", GlobalRace, handover},
	{"narrow_acquire", GlobalRace, handover},
	{"narrow_store", GlobalRace, handover},
	{"narrow_load", GlobalRace, handover},
	{"others_do_not_wait", GlobalRace, handover},
	{"within_shared", "", within},
	{"within_global", "", within},
	{"within_atomic", "", within},
	{"within_no_fence", SharedRace, within},
	{"within_no_warp", SharedRace, within},
	{"within_lanes_do_not_wait", GlobalRace, within},
	{"other_warp", GlobalRace, neighbours},
	{"other_warp_barrier", "", neighbours},
	{"other_warp_fence", GlobalRace, neighbours},
	{"other_warp_warp", GlobalRace, neighbours},
	{"other_lane", GlobalRace, neighbours},
	{"other_lane_warp", "", neighbours},
	{"in_tile", "", neighbours},
	{"other_tile", GlobalRace, neighbours},
	{"named_barrier", "", neighbours},
	{"beyond_named_barrier", GlobalRace, neighbours},
	{"read_then_write", GlobalRace, neighbours},
	{"read_then_write_barrier", "", neighbours},
	{"scan", "", scan},
	{"scan_no_release", GlobalRace, scan},
	{"scan_no_acquire", GlobalRace, scan},
	{"scan_narrow", GlobalRace, scan},
	{"lock", "", lock},
	{"lock_no_release", GlobalRace, lock},
	{"lock_narrow", GlobalRace, lock},
	{"last", "", last},
	{"last_no_fence", GlobalRace, last},
	{"last_narrow", GlobalRace, last},
	{"count_and_read", GlobalRace, func(b *bench, kernel string) error {
		return b.launch(kernel, dim(4), dim(1), 0, upload(b, []uint32{0}), b.alloc(16))
	}},
	{"count_in_block", GlobalRace, func(b *bench, kernel string) error {
		return b.launch(kernel, dim(2), dim(32), 0, upload(b, []uint32{0}))
	}},
	{"count_in_block", "", func(b *bench, kernel string) error {
		return b.launch(kernel, dim(1), dim(64), 0, upload(b, []uint32{0}))
	}},
	{"poll_counter", "", func(b *bench, kernel string) error {
		return b.launch(kernel, dim(4), dim(64), 0, upload(b, []uint32{0}))
	}},
}

func handover(b *bench, kernel string) error {
	data := upload(b, make([]int32, 64)) // with values, so that only a race can be reported
	return b.launch(kernel, dim(2), dim(64), 0, data, upload(b, []uint32{0, 0}), b.alloc(256))
}

func within(b *bench, kernel string) error {
	return b.launch(kernel, dim(1), dim(64), 0, upload(b, make([]int32, 32)), upload(b, []uint32{0}), b.alloc(128))
}

func neighbours(b *bench, kernel string) error {
	return b.launch(kernel, dim(1), dim(128), 0, upload(b, ints(128)), b.alloc(512))
}

func scan(b *bench, kernel string) error {
	const blocks = 20
	out := b.alloc(4 * blocks)
	values := func() any { return upload(b, make([]int32, blocks)) }
	err := b.launch(kernel, dim(blocks), dim(32), 0, upload(b, []uint32{0}), values(), values(), values(), out)
	if err == nil {
		for i, got := range download[int32](b, out, blocks) {
			if want := int32(i * (i + 1) / 2); got != want {
				b.Errorf("sum %d of the scan is %d, want %d", i, got, want)
			}
		}
	}
	return err
}

func lock(b *bench, kernel string) error {
	sum := upload(b, []int32{0})
	err := b.launch(kernel, dim(10), dim(32), 0, upload(b, []uint32{0}), sum)
	if got := []int32{45}; err == nil {
		compareExactly(b, kernel, download[int32](b, sum, 1), got)
	}
	return err
}

func last(b *bench, kernel string) error {
	out := b.alloc(4 * 8)
	err := b.launch(kernel, dim(8), dim(32), 0, upload(b, []uint32{0}), upload(b, make([]int32, 8)), out)
	if err == nil {
		compareExactly(b, kernel, download[int32](b, out, 8), ints(8))
	}
	return err
}

// Whole warps access memory in a way of their own. What orders blocks is the same for them.
func TestOrderOfWholeWarps(t *testing.T) {
	const (
		write   = "st.global.u32 [%rd1], %r2; " // not what the other block writes
		read    = "ld.global.u32 %r1, [%rd1]; "
		readCG  = "ld.global.cg.u32 %r1, [%rd1]; "
		release = "bar.sync 0; @%first red.release.gpu.global.add.u32 [%rd2], 1; "
		acquire = "wait: ld.acquire.gpu.global.u32 %r1, [%rd2]; setp.eq.u32 %p1, %r1, 0; @%p1 bra wait; bar.warp.sync -1; "
		flags   = "fence.acq_rel.gpu; st.volatile.global.u32 [%rd3+4], 1; "
		polls   = "wait: ld.volatile.global.u32 %r1, [%rd3+4]; setp.eq.u32 %p1, %r1, 0; @%p1 bra wait; "
		fence   = "fence.acq_rel.gpu; "
		alone   = "@!%first bra over; again: ld.acquire.gpu.global.u32 %r1, [%rd2]; setp.eq.u32 %p1, %r1, 0; @%p1 bra again; over: "
	)
	for _, c := range []struct {
		name, first, second string // what the two blocks do
		check               Check
	}{
		{"read", write + release, acquire + read, ""},
		{"read past the first cache", write + release, acquire + readCG, ""},
		{"read twice", write + release, acquire + read + readCG + read, ""},
		{"write", write + release, acquire + write, ""},
		{"write what was read", read + release, acquire + write, ""},
		{"write what was read past the first cache", readCG + release, acquire + write, ""},
		{"read without waiting", write + release, read, GlobalRace},
		{"read past the first cache without waiting", write + release, readCG, GlobalRace},
		{"write without waiting", write + release, write, GlobalRace},
		{"write what was read, without waiting", read + release, write, GlobalRace},
		{"write what was read past the first cache, without waiting", readCG + release, write, GlobalRace},
		{"write before the release, and after it too", write + release + write, acquire + readCG, GlobalRace},
		{"read before the release, and after it too", read + release + read, acquire + write, GlobalRace},
		{"a flag for each lane", write + flags, polls + fence + read, ""},
		{"a flag for each lane, and no fence", write + flags, polls + read, GlobalRace},
		{"all lanes have waited before, and only one for this", flags + write + release, polls + fence + alone + read, GlobalRace},
	} {
		text := ".version 7.8\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 data, .param .u64 flag)\n{\n" +
			".reg .pred %p<4>; .reg .pred %first, %other; .reg .b32 %r<4>; .reg .b64 %rd<6>;\n" +
			"ld.param.u64 %rd1, [data]; ld.param.u64 %rd2, [flag]; mov.u32 %r0, %tid.x; mov.u32 %r1, %ctaid.x; add.u32 %r2, %r0, %r1; setp.ne.u32 %other, %r1, 0;\n" +
			"setp.eq.u32 %first, %r0, 0; mul.wide.u32 %rd4, %r0, 4; add.u64 %rd1, %rd1, %rd4; add.u64 %rd3, %rd2, %rd4; @%other bra second;\n" +
			c.first + "ret;\nsecond: " + c.second + "ret;\n}\n"
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(4) {
				b := newBench(t, text, Options{Seed: seed, Budget: 1 << 20})
				checkReport(t, b.launch("k", dim(2), dim(32), 0, upload(b, make([]int32, 32)), upload(b, make([]uint32, 33))), c.check, "")
			}
		})
	}
}

func TestOrderOfAccesses(t *testing.T) {
	for _, c := range orders {
		t.Run(c.kernel, func(t *testing.T) {
			for seed := range uint64(6) {
				b := newBench(t, orderPTX, Options{Seed: seed, Budget: 1 << 20})
				checkReport(t, c.run(b, c.kernel), c.check, "")
			}
		})
	}
}

func TestRaceNamesBothSides(t *testing.T) {
	sides := func(t *testing.T, err error) *Report {
		t.Helper()
		var r *Report
		if !errors.As(err, &r) || r.Other == nil {
			t.Fatalf("the report is %v", err)
		}
		for _, part := range []string{r.Other.Text, "PTX line", index(r.Other.Thread), index(r.Other.Block)} {
			if r.Other.Line == 0 || !strings.Contains(r.Error(), part) {
				t.Errorf("%q is not in the report: %v", part, r)
			}
		}
		return r
	}
	for seed := range uint64(6) {
		b := newBench(t, orderPTX, Options{Seed: seed})
		r := sides(t, neighbours(b, "other_warp"))
		read, wrote := r.Thread, r.Other.Thread
		if strings.HasPrefix(r.Text, "st") {
			read, wrote = wrote, read
		}
		if read.X^32 != wrote.X || r.Other.Block != r.Block || strings.HasPrefix(r.Text, "st") == strings.HasPrefix(r.Other.Text, "st") {
			t.Errorf("seed %d: the sides do not belong together: %v", seed, r)
		}
		// Blocks on several goroutines.
		b = newBench(t, badPTX, Options{Seed: seed, Workers: 3})
		r = sides(t, b.launch("blocks_read_neighbour", dim(4), dim(32), 0, upload(b, make([]int32, 128)), 128))
		if r.Block == r.Other.Block || r.Other.Thread.X != r.Thread.X {
			t.Errorf("seed %d: the sides do not belong together: %v", seed, r)
		}
		b = newBench(t, badPTX, Options{Seed: seed})
		sides(t, b.launch("missing_barrier", dim(1), dim(128), 0, upload(b, make([]float32, 128))))
	}
}

// Several blocks read what one of them writes: the other side is not the one that writes.
func TestRaceWithReadersNamesAnother(t *testing.T) {
	const text = `.version 7.8
.target sm_70
.address_size 64
.visible .entry k(.param .u64 out)
{
	.reg .pred %p; .reg .b32 %r<4>; .reg .b64 %rd;
	ld.param.u64 %rd, [out]; mov.u32 %r0, %ctaid.x;
	ld.global.u32 %r1, [%rd];
	setp.ne.u32 %p, %r0, 2; @%p exit;
	st.global.u32 [%rd], %r0;
	ret;
}
`
	for seed := range uint64(8) {
		b := newBench(t, text, Options{Seed: seed, Workers: 3})
		var r *Report
		if !errors.As(b.launch("k", dim(6), dim(1), 0, upload(b, []int32{7})), &r) || r.Check != GlobalRace || r.Other == nil || r.Other.Block == r.Block {
			t.Errorf("seed %d: the report is %v", seed, r)
		}
	}
}

// Where the thread itself was the last of those that wrote, the report says that there are others.
func TestRaceWithWritersBeforeTheThreadItself(t *testing.T) {
	const text = `.version 7.8
.target sm_70
.address_size 64
.visible .entry k(.param .u64 out)
{
	.reg .pred %p; .reg .b32 %r<4>; .reg .b64 %rd;
	ld.param.u64 %rd, [out]; mov.u32 %r0, %ctaid.x;
	red.global.add.u32 [%rd], 1;
	setp.ne.u32 %p, %r0, 1; @%p exit;
	add.u64 %rd, %rd, 0; ld.global.u32 %r1, [%rd];
	ret;
}
`
	found := 0
	for seed := range uint64(8) {
		b := newBench(t, text, Options{Seed: seed})
		var r *Report
		if !errors.As(b.launch("k", dim(2), dim(1), 0, upload(b, []int32{7})), &r) || r.Check != GlobalRace {
			t.Fatalf("seed %d: the report is %v", seed, r)
		}
		itself := r.Other.Block == r.Block
		if itself != strings.Contains(r.Detail, "which others before thread (0,0,0) itself wrote; nothing orders the two") {
			t.Errorf("seed %d: the report is %v", seed, r)
		}
		if itself {
			found++
		}
	}
	if found == 0 {
		t.Error("no order of the blocks shows it")
	}
}

func TestEqualWrites(t *testing.T) {
	for _, c := range []struct {
		kernel         string
		blocks, differ int
		off            []Check
		check          Check
	}{
		{"found", 4, 0, nil, EqualWrites},
		{"found", 4, 1, nil, GlobalRace},
		{"found", 4, 0, []Check{EqualWrites}, ""},
		{"found", 4, 1, []Check{EqualWrites}, GlobalRace},
		{"found_by_threads", 1, 0, nil, EqualWrites},
		{"found_by_threads", 1, 1, nil, GlobalRace},
		{"found_by_threads", 1, 0, []Check{EqualWrites}, ""},
		{"found_by_threads", 1, 1, []Check{EqualWrites}, GlobalRace},
		{"found", 1, 0, nil, ""}, // lanes of one instruction
	} {
		for seed := range uint64(4) {
			b := newBench(t, orderPTX, Options{Seed: seed, Off: c.off, Workers: 3})
			threads := 32
			if c.kernel == "found_by_threads" {
				threads = 128
			}
			err := b.launch(c.kernel, dim(c.blocks), dim(threads), 0, b.alloc(4), c.differ)
			detail := ""
			if c.check == EqualWrites {
				detail = "Options.Off"
			}
			checkReport(t, err, c.check, detail)
		}
	}
}
