package emulator

import (
	"runtime"
	"strings"
	"testing"
)

// What a kernel repeats takes no more memory the more often it does so.
func TestMemoryDoesNotGrowWithTime(t *testing.T) {
	if testing.Short() {
		t.Skip("counts what is allocated, which the race detector changes")
	}
	for name, text := range map[string]string{
		"fence":               "membar.cta; fence.acq_rel.gpu;",
		"flag":                "membar.gl; st.volatile.global.u32 [%rd0], %r3; ld.volatile.global.u32 %r4, [%rd1]; membar.gl;",
		"flag of all":         "membar.gl; red.global.add.u32 [%rd2], 1; ld.acquire.gpu.global.u32 %r4, [%rd2];",
		"atomic":              "atom.acq_rel.gpu.global.add.u32 %r4, [%rd0], 1; red.release.gpu.global.add.u32 [%rd1], 1;",
		"atomic of all":       "atom.acq_rel.gpu.global.add.u32 %r4, [%rd2], 1;",
		"shared atomic":       "atom.acq_rel.cta.shared.add.u32 %r4, [flags], 1;",
		"release and acquire": "st.release.gpu.global.u32 [%rd0], %r3; ld.acquire.gpu.global.u32 %r4, [%rd1];",
		"part of a warp":      "setp.lt.u32 %p2, %r0, 9; @%p2 bar.warp.sync 0x1ff; membar.cta; shfl.sync.idx.b32 %r4, %r3, 0, 31, -1;",
		"part of a block":     "barrier.sync 1, 64; membar.cta; barrier.sync 2, 64; bar.red.popc.u32 %r4, 3, %p1;",
		"mbarrier":            "mbarrier.arrive.shared.b64 %rd3, [phase]; mbarrier.test_wait.shared.b64 %p2, [phase], %rd3;",
		"copies":              "cp.async.ca.shared.global [%r5], [%rd0], 4; cp.async.commit_group; cp.async.wait_all;",
		"copies not awaited":  "cp.async.ca.shared.global [%r5], [%rd0], 4;",
		"copies at mbarriers": "cp.async.ca.shared.global [%r5], [%rd0], 4; cp.async.mbarrier.arrive.shared.b64 [phase];",
	} {
		ptx := `.version 7.8
.target sm_80
.address_size 64
.visible .entry k(.param .u64 out, .param .u32 rounds)
{
.reg .pred %p<4>; .reg .b32 %r<8>; .reg .b64 %rd<6>;
.shared .align 8 .b8 phase[8]; .shared .align 4 .b8 flags[4]; .shared .align 4 .b8 place[256];
ld.param.u64 %rd0, [out]; ld.param.u32 %r1, [rounds]; mov.u32 %r0, %tid.x; mov.u32 %r2, place;
mov.u64 %rd2, %rd0; xor.b32 %r4, %r0, 32; mul.wide.u32 %rd1, %r4, 4; add.u64 %rd1, %rd1, %rd0;
mul.wide.u32 %rd3, %r0, 4; add.u64 %rd0, %rd0, %rd3; mad.lo.u32 %r5, %r0, 4, %r2;
setp.eq.u32 %p1, %r0, 0; mov.u32 %r3, 0; @%p1 st.shared.u32 [flags], %r3; @%p1 mbarrier.init.shared.b64 [phase], 64; bar.sync 0;
AGAIN: ` + text + `
add.u32 %r3, %r3, 1; setp.lt.u32 %p3, %r3, %r1; @%p3 bra AGAIN;
ret;
}
`
		take := func(rounds int) uint64 {
			b := newBench(t, ptx, Options{})
			out := upload(b, make([]uint32, 64))
			runtime.GC() // the pools of memory that has served are emptied by the second
			runtime.GC()
			before := allocated()
			if err := b.launch("k", dim(2), dim(64), 0, out, rounds); err != nil && !strings.Contains(name, "mbarriers") {
				t.Fatalf("%s: %v", name, err)
			}
			return allocated() - before
		}
		few, many := take(400), take(2400)
		if many > 4*few+1<<20 {
			t.Errorf("%s: 400 rounds take %d bytes, 2400 take %d", name, few, many)
		}
	}
}
