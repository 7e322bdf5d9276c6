package emulator

import (
	"fmt"
	"testing"
)

// The cases follow the PTX ISA, "Parallel Synchronization and Communication
// Instructions: bar, barrier". A barrier without .aligned waits for all threads of the
// warp that have not ended, wherever they execute it. All of them must execute an
// aligned one, such as every bar, together. A barrier for b threads is for whole
// warps.
func TestBarriers(t *testing.T) {
	// Each thread writes its number. After the barrier it reads the number of the
	// thread 16 places before it, which is in the same warp or in the one before.
	const (
		write = "st.shared.u32 [%own], %tid;"
		read  = "ld.shared.u32 %r, [%other]; st.global.u32 [%out], %r;"
		lower = "and.b32 %r, %tid, 16; setp.eq.u32 %p, %r, 0;" // the lower half of the warp
	)
	for _, c := range []struct {
		name    string
		text    string
		readers int // the first threads, which read; 0 if a check reports
		check   Check
	}{
		{"bar of all", write + "bar.sync 0;" + read, 96, ""},
		{"paths of a warp at barriers of their own",
			lower + "@%p bra low; " + write + "barrier.sync 3; " + read + " bra join; low: " + write + "barrier.sync 3;" + read + " join: activemask.b32 %r;", 96, ""},
		{"paths of a warp at aligned barriers",
			lower + "@%p bra low; " + write + "barrier.sync.aligned 3; " + read + " bra join; low: " + write + "barrier.sync.aligned 3;" + read + " join:", 0, DivergentBarrier},
		{"paths of a warp at bars",
			lower + "@%p bra low; " + write + "bar.sync 3; " + read + " bra join; low: " + write + "bar.sync 3;" + read + " join:", 0, DivergentBarrier},
		{"paths of a warp at different barriers",
			lower + "@%p bra low; barrier.sync 3; bra join; low: barrier.sync 4; join:" + write + "bar.sync 0;" + read, 0, DivergentBarrier},
		{"switched off by the guard, at the next one", write + lower + "@%p barrier.sync 0; @!%p barrier.sync 0;" + read, 96, ""},
		{"aligned and switched off by the guard", write + lower + "@%p barrier.sync.aligned 0; @!%p barrier.sync.aligned 0;" + read, 0, DivergentBarrier},
		// The upper half is one barrier ahead when it meets the lower half, and ends.
		{"a path that goes on past the meeting point",
			write + lower + "@!%p bra join; barrier.sync 0; join: barrier.sync 0;" + read, 96, ""},
		{"paths that meet again after it",
			write + lower + "@%p bra low; barrier.sync 0; bra join; low: barrier.sync 0; join: bar.sync 0;" + read, 96, ""},
		{"a path that meets a barrier in a loop",
			write + lower + `mov.u32 %i, 0;
			again: @%p bra low; barrier.sync 0; bra join; low: barrier.sync 0; join:
			add.u32 %i, %i, 1; setp.lt.u32 %q, %i, 3; @%q bra again;` + read, 96, ""},
		{"threads that have ended", write + "setp.ge.u32 %p, %tid, 80; @%p exit; bar.sync 0;" + read, 80, ""},
		{"threads that end while others of the warp wait",
			write + "setp.ge.u32 %p, %tid, 80; @%p bra low; barrier.sync 0;" + read + "exit; low: mov.u32 %r, 0;", 80, ""},
		{"some of the warps",
			"setp.ge.u32 %p, %tid, 64; @%p exit;" + write + "barrier.sync 1, 64;" + read, 64, ""},
		{"some of the warps, while another waits elsewhere", `setp.ge.u32 %p, %tid, 64; @%p bra third;` +
			write + "barrier.sync 1, 64;" + read + "bra join; third: " + write + "barrier.sync 2, 32; join:", 64, ""},
		{"more threads than come", write + "bar.sync 1, 128;" + read, 0, Deadlock},
		{"not a whole number of warps", write + "bar.sync 1, 48;" + read, 0, DivergentBarrier},
		{"no such barrier", write + "bar.sync 16;" + read, 0, DivergentBarrier},
		{"arrival of no threads", write + "mov.u32 %r, 0; bar.arrive 1, %r;" + read, 0, DivergentBarrier},
		{"count on paths of their own", `.reg .u32 %n, %m; mov.u32 %n, 0; mov.u32 %m, 0;` + lower + `setp.lt.u32 %q, %tid, 40;
			@%p bra low; barrier.red.popc.u32 %n, 0, %q; bra join; low: barrier.red.popc.u32 %m, 0, %q;
			join: add.u32 %n, %n, %m; sub.u32 %n, %n, 40;` + write + `bar.sync 0;
			ld.shared.u32 %r, [%other]; add.u32 %r, %r, %n; st.global.u32 [%out], %r;`, 96, ""},
		{"conjunction on paths of their own", lower + `setp.lt.u32 %q, %tid, 96;` + write + `
			@%p bra low; barrier.red.and.pred %q, 0, %q; bra join; low: barrier.red.and.pred %q, 0, %q;
			join: @!%q exit;` + read, 96, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			const threads, unread = 96, 1000
			before := make([]uint32, threads)
			for i := range before {
				before[i] = unread
			}
			for seed := range uint64(10) {
				b := newBench(t, barrierKernel(c.text), Options{Seed: seed})
				out := upload(b, before)
				checkReport(t, b.launch("k", dim(1), dim(threads), 0, out), c.check, "")
				if c.check != "" {
					continue
				}
				for i, got := range download[uint32](b, out, threads) {
					want := uint32(max(i-16, i%16))
					if i >= c.readers {
						want = unread
					}
					if got != want {
						t.Fatalf("seed %d: thread %d reads %d, want %d", seed, i, got, want)
					}
				}
			}
		})
	}
}

// barrierKernel returns a kernel around the text. Each thread has a word of shared
// memory to write, the word of another thread to read, and a word of global memory
// for what it has read.
func barrierKernel(text string) string {
	return fmt.Sprintf(`.version 7.8
.target sm_70
.address_size 64
.visible .entry k(.param .u64 out)
{
	.reg .pred %%p, %%q;
	.reg .u32 %%tid, %%own, %%other, %%r, %%i;
	.reg .u64 %%out, %%offset;
	.shared .align 4 .b8 words[384];
	mov.u32 %%tid, %%tid.x;
	mov.u32 %%own, words;
	mad.lo.u32 %%own, %%tid, 4, %%own;
	setp.lt.u32 %%p, %%tid, 16;
	mov.u32 %%other, %%own;
	@!%%p sub.u32 %%other, %%own, 64;
	ld.param.u64 %%out, [out];
	mul.wide.u32 %%offset, %%tid, 4;
	add.u64 %%out, %%out, %%offset;
	%s
	ret;
}
`, text)
}
