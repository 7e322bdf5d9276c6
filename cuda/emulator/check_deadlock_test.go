package emulator

import (
	"errors"
	"fmt"
	"testing"
)

// Kernels of some blocks, with a flag, a count and words of the blocks, all 0.
func waitingKernel(text string) string {
	return fmt.Sprintf(`
.version 7.8
.target sm_80
.address_size 64
.visible .entry k(.param .u64 flag) {
	.reg .pred %%p, %%q;
	.reg .b32 %%tid, %%block, %%blocks, %%r<4>, %%i;
	.reg .b64 %%flag, %%count, %%t<2>;
	ld.param.u64 %%flag, [flag]; add.u64 %%count, %%flag, 4;
	mov.u32 %%tid, %%tid.x; mov.u32 %%block, %%ctaid.x; mov.u32 %%blocks, %%nctaid.x;
	mov.u32 %%i, 0; setp.ne.u32 %%q, %%block, 0;
	%s
	ret;
}
`, text)
}

func TestWaitingForEverIsADeadlock(t *testing.T) {
	const arrive = "setp.ne.u32 %p, %tid, 0; @%p exit; red.release.gpu.global.add.u32 [%count], 1;"
	for name, text := range map[string]string{
		"one arrival too many":                     arrive + "add.u32 %blocks, %blocks, 1; again: ld.acquire.gpu.global.u32 %r0, [%count]; setp.lt.u32 %p, %r0, %blocks; @%p bra again;",
		"with volatile reads":                      "again: ld.volatile.global.u32 %r0, [%flag]; setp.eq.u32 %p, %r0, 0; @%p bra again;",
		"a count that is right, and a wrong block": arrive + "again: ld.acquire.gpu.global.u32 %r0, [%count]; setp.lt.u32 %p, %r0, %blocks; @%p bra again; @!%q bra again;",
		"with atomic reads":                        "again: atom.global.add.u32 %r0, [%flag], 0; nanosleep.u32 100; setp.eq.u32 %p, %r0, 0; @%p bra again;",
		"a lock that nobody gives back":            `again: atom.acquire.gpu.global.cas.b32 %r0, [%flag], 0, 1; setp.ne.u32 %p, %r0, 0; @%p bra again;`,
		"one block at a barrier of its own": `setp.ne.u32 %p, %tid, 0; @%p bra met;
			again: ld.acquire.gpu.global.u32 %r0, [%flag]; setp.eq.u32 %p, %r0, 0; @%p bra again; met: bar.sync 0;`,
		"the block that would write waits too": `@%q bra again; wait: ld.acquire.gpu.global.u32 %r0, [%count]; setp.eq.u32 %p, %r0, 0; @%p bra wait; st.release.gpu.global.u32 [%flag], 1;
			again: ld.acquire.gpu.global.u32 %r0, [%flag]; setp.eq.u32 %p, %r0, 0; @%p bra again;` + arrive,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, waitingKernel(text), Options{Seed: 1, Budget: 1 << 20})
			err := b.launch("k", dim(5), dim(64), 0, upload(b, make([]uint32, 2)))
			checkReport(t, err, Deadlock, "waits for a value that nobody writes")
			if r, _ := errors.AsType[*Report](err); r.Line == 0 || r.Text == "" || r.Kernel != "k" {
				t.Errorf("the report does not say where: %v", err)
			}
		})
	}
}

// Nobody changes memory for a long time, and yet everybody comes to the end.
func TestWaitingForLongIsNoDeadlock(t *testing.T) {
	const wait = "again: ld.acquire.gpu.global.u32 %r0, [%flag]; setp.eq.u32 %p, %r0, 0; @%p bra again; bra end;"
	for name, text := range map[string]string{
		"block 0 counts": "@%q bra again; more: add.u32 %i, %i, 1; setp.lt.u32 %p, %i, 60000; @%p bra more; st.release.gpu.global.u32 [%flag], 1;" + wait + "end:",
		"block 0 looks again and again, and counts": `@%q bra again; more: ld.volatile.global.u32 %r0, [%flag]; ld.volatile.global.u32 %r0, [%flag]; add.u32 %i, %i, 1;
			setp.lt.u32 %p, %i, 20000; @%p bra more; st.release.gpu.global.u32 [%flag], 1;` + wait + "end:",
		"block 0 looks at a clock": `@%q bra again; mov.u64 %t0, %clock64; more: ld.volatile.global.u32 %r0, [%flag]; mov.u64 %t1, %clock64; sub.u64 %t1, %t1, %t0;
			setp.lt.u64 %p, %t1, 60000; @%p bra more; st.release.gpu.global.u32 [%flag], 1;` + wait + "end:",
		"a lock changes hands": `more: atom.acquire.gpu.global.cas.b32 %r0, [%flag], 0, 1; setp.ne.u32 %p, %r0, 0; @%p bra more;
			add.u32 %i, %i, 1; atom.release.gpu.global.exch.b32 %r0, [%flag], 0; setp.lt.u32 %p, %i, 300; @%p bra more;`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, waitingKernel("setp.ne.u32 %p, %tid, 0; @%p exit;"+text), Options{Seed: 1, Budget: 1 << 23})
			checkReport(t, b.launch("k", dim(40), dim(64), 0, upload(b, make([]uint32, 2))), "", "")
		})
	}
}
