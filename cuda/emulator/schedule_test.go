package emulator

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// gridBarrier returns a kernel whose blocks meet at barriers in global memory. Between
// them, each block writes a number and reads the one of the block after it. arrive
// and wait are the text of one barrier: %rd0 is the address of the counter, %r2 the
// number of blocks that must have arrived.
func gridBarrier(arrive, wait string) string {
	return fmt.Sprintf(`.version 7.8
.target sm_70
.address_size 64
.visible .entry k(.param .u64 count, .param .u64 words, .param .u32 rounds)
{
	.reg .pred %%p, %%q;
	.reg .b32 %%tid, %%block, %%blocks, %%round, %%rounds, %%r<4>, %%next, %%sum;
	.reg .b64 %%rd<4>, %%base, %%own, %%other;
	ld.param.u64 %%rd0, [count]; ld.param.u64 %%base, [words]; ld.param.u32 %%rounds, [rounds];
	mov.u32 %%tid, %%tid.x; mov.u32 %%block, %%ctaid.x; mov.u32 %%blocks, %%nctaid.x;
	setp.ne.u32 %%q, %%tid, 0;
	add.u32 %%next, %%block, 1; rem.u32 %%next, %%next, %%blocks;
	mul.wide.u32 %%own, %%block, 4; add.u64 %%own, %%own, %%base;
	mul.wide.u32 %%other, %%next, 4; add.u64 %%other, %%other, %%base;
	mov.u32 %%round, 0; mov.u32 %%r2, 0;
again:
	@%%q bra written;
	add.u32 %%r0, %%block, %%round; st.global.u32 [%%own], %%r0;
written:
	bar.sync 0;
	add.u32 %%r2, %%r2, %%blocks;
	@%%q bra met;
	%s
wait:
	%s
	setp.lt.u32 %%p, %%r3, %%r2; @%%p bra wait;
	membar.gl;
met:
	bar.sync 0;
	ld.global.u32 %%r0, [%%other];
	sub.u32 %%r0, %%r0, %%round; setp.ne.u32 %%p, %%r0, %%next; @%%p trap;
	bar.sync 0;
	// The words are in two halves by turns, so that nobody overwrites what is still read.
	and.b32 %%r0, %%round, 1; setp.eq.u32 %%p, %%r0, 0; mul.wide.u32 %%rd1, %%blocks, 4;
	@!%%p neg.s64 %%rd1, %%rd1; add.u64 %%own, %%own, %%rd1; add.u64 %%other, %%other, %%rd1;
	add.u32 %%round, %%round, 1; setp.lt.u32 %%p, %%round, %%rounds; @%%p bra again;
	ret;
}
`, arrive, wait)
}

const (
	arriveAtCounter = "membar.gl; atom.global.add.u32 %r0, [%rd0], 1;"
	pollCounter     = "ld.volatile.global.u32 %r3, [%rd0];"
)

func runGridBarrier(t *testing.T, text string, blocks, rounds int, o Options) error {
	t.Helper()
	b := newBench(t, text, o)
	return b.launch("k", dim(blocks), dim(64), 0, upload(b, []uint32{0}), b.alloc(8*blocks), rounds)
}

// As many blocks can meet as the GPU holds at once, however they wait.
func TestBlocksThatMeetAreResident(t *testing.T) {
	for _, c := range []struct {
		name, arrive, wait string
	}{
		{"atomic", arriveAtCounter, "atom.global.add.u32 %r3, [%rd0], 0;"},
		{"volatile", arriveAtCounter, pollCounter},
		{"acquire and release", "red.release.gpu.global.add.u32 [%rd0], 1;", "ld.acquire.gpu.global.u32 %r3, [%rd0];"},
		{"nanosleep", arriveAtCounter, "nanosleep.u32 50; " + pollCounter},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := runGridBarrier(t, gridBarrier(c.arrive, c.wait), 132, 10, Options{Seed: 1, Budget: 1 << 23}); err != nil {
				t.Error(err)
			}
		})
	}
	// A T4 holds 40·16 blocks of 64 threads. One more can never start.
	for blocks, check := range map[int]Check{640: "", 641: Deadlock} {
		err := runGridBarrier(t, gridBarrier(arriveAtCounter, pollCounter), blocks, 1, Options{GPU: "T4", Budget: 1 << 17})
		checkReport(t, err, check, "")
	}
}

// A weak read does not look like waiting, but nanosleep says so.
func TestNanosleepYields(t *testing.T) {
	const weak = "ld.global.u32 %r3, [%rd0];"
	o := Options{Budget: 1 << 13, Off: []Check{GlobalRace}}
	if err := runGridBarrier(t, gridBarrier(arriveAtCounter, "nanosleep.u32 50;"+weak), 8, 1, o); err != nil {
		t.Error(err)
	}
	checkReport(t, runGridBarrier(t, gridBarrier(arriveAtCounter, weak), 8, 1, o), Endless, "")
}

func TestResidentBlocks(t *testing.T) {
	for _, c := range []struct {
		gpu                        string
		threads, registers, shared int
		want                       int
	}{
		{"H100", 1024, 32, 0, 2 * 132}, {"H100", 32, 32, 0, 32 * 132}, {"H100", 256, 128, 0, 2 * 132}, {"H100", 256, 0, 0, 8 * 132},
		{"H100", 64, 32, 48 << 10, 4 * 132}, {"A100", 64, 32, 48 << 10, 3 * 108}, {"T4", 1024, 64, 0, 40}, {"RTX 4090", 512, 40, 1, 3 * 128},
	} {
		gpu, err := FindGPU(c.gpu)
		if err != nil {
			t.Fatal(err)
		}
		s := LaunchStats{Block: dim(c.threads), Registers: c.registers, SharedBytes: c.shared}
		if got, limit := gpu.perMultiprocessor(s); got*gpu.Multiprocessors != c.want {
			t.Errorf("%+v: %d blocks are resident on a multiprocessor, limited by %s", c, got, limit)
		}
	}
}

// Blocks that wait for one with a fault do not cover it with a spent budget.
func TestFirstFaultWins(t *testing.T) {
	for seed := range uint64(10) {
		bad := arriveAtCounter + "setp.eq.u32 %p, %block, 3; mov.u64 %rd1, 0; @%p st.global.u32 [%rd1], %r0;"
		err := runGridBarrier(t, gridBarrier(strings.Replace(bad, arriveAtCounter, "", 1)+arriveAtCounter, pollCounter), 8, 1, Options{Seed: seed, Budget: 1 << 18})
		checkReport(t, err, NullPointer, "")
	}
	// Nor does it cover a read without a value that may still turn out to be a race.
	b := newBench(t, oneWarp(".shared .align 4 .b32 s; ld.shared.u32 %r1, [s]; again: bra again;"), Options{Budget: 1 << 14})
	checkReport(t, b.launch("k", dim(1), dim(32), 0, b.alloc(128)), Uninitialised, "")
}

// Two of eight warps add to a counter, the others to another. A warp that finds a
// certain count fails, which takes one or two decisions.
const orderMatters = `.version 7.8
.target sm_70
.address_size 64
.visible .entry k(.param .u64 out)
{
	.reg .pred %p, %q;
	.reg .b32 %r<8>;
	.reg .b64 %rd<4>;
	ld.param.u64 %rd0, [out];
	mov.u32 %r0, %tid.x; shr.u32 %r1, %r0, 5; mov.u32 %r5, %laneid;
	setp.ne.u32 %p, %r5, 0; @%p exit;
	mov.u32 %r2, 0;
again:
	red.global.add.u32 [%rd0+4], 1; add.u32 %r2, %r2, 1; setp.lt.u32 %p, %r2, 20; @%p bra again;
	setp.ge.u32 %p, %r1, 2; @%p exit;
	setp.eq.u32 %p, %r1, 1; @%p bra second;
	atom.global.exch.b32 %r3, [%rd0], 1;
	ret;
second:
	atom.global.exch.b32 %r3, [%rd0], 2; setp.eq.u32 %p, %r3, 0; @%p trap;
	ret;
}
`

func TestScheduleIsShrunkAndReplays(t *testing.T) {
	run := func(o Options) *Report {
		b := newBench(t, orderMatters, o)
		out := upload(b, []uint32{0, 0})
		b.must(b.launch("k", dim(1), dim(32), 0, out)) // the launch before the one with the fault
		var r *Report
		errors.As(b.launch("k", dim(3), dim(256), 0, upload(b, []uint32{0, 0})), &r)
		return r
	}
	shrunk := 0
	for seed := range uint64(6) {
		r := run(Options{Seed: seed, Shrink: true})
		if plain := run(Options{Seed: seed}); (plain == nil) != (r == nil) {
			t.Fatalf("seed %d: with Shrink the report is %v, without %v", seed, r, plain)
		}
		if r == nil {
			continue
		}
		shrunk++
		if n := strings.Count(r.Schedule, ",") + 1; r.Check != Trap || r.Launch != 2 || !strings.HasPrefix(r.Schedule, "launch 2: ") || n > 2 {
			t.Errorf("seed %d: the report is %v", seed, r)
		}
		if !strings.Contains(r.Error(), r.Schedule) {
			t.Errorf("seed %d: the schedule is not in %v", seed, r)
		}
		again := run(Options{Seed: seed, Schedule: r.Schedule})
		if again == nil || again.Check != r.Check || again.Line != r.Line || again.Thread != r.Thread || again.Block != r.Block || again.Schedule != r.Schedule {
			t.Errorf("seed %d: %v\nreplays as %v", seed, r, again)
		}
		if calm := run(Options{Seed: seed, Schedule: "launch 2"}); calm != nil {
			t.Errorf("seed %d: without decisions it fails too: %v", seed, calm)
		}
	}
	if shrunk == 0 {
		t.Error("no seed finds the fault")
	}
}

func TestScheduleRefuses(t *testing.T) {
	for _, text := range []string{"launch", "launch 0: 3 warp 1", "3.4 warp 1", "launch 1: 3.4 warp", "launch 1: warp 3", "launch 1: 3.4 warp -1"} {
		if _, err := New(Options{Schedule: text}); err == nil || !strings.Contains(err.Error(), "Options.Schedule") {
			t.Errorf("%q: the error is %v", text, err)
		}
	}
}
