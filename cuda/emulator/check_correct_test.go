package emulator

import (
	"fmt"
	"testing"
)

// Each text is correct code of one warp that a check could take for wrong. It leaves
// a word in %r1, which each lane stores, and want is that word.
var correct = []struct {
	name, text string
	threads    int
	want       func(lane int) uint32
}{
	{"an address of 32 bits that wraps around", `.shared .align 4 .b8 s[128];
		shl.b32 %r2, %r0, 2; mov.u32 %r3, s; add.u32 %r2, %r2, %r3; st.shared.u32 [%r2], %r0;
		add.s32 %r2, %r2, -256; ld.shared.u32 %r1, [%r2+256];`, 32, func(lane int) uint32 { return uint32(lane) }},
	{"an address of 32 bits that wraps around, in one lane", `.shared .align 4 .b8 s[128];
		mov.u32 %r3, s; setp.eq.u32 %p1, %r0, 0; mov.u32 %r1, 5;
		@%p1 st.shared.u32 [%r3+8], %r1; bar.warp.sync -1;
		add.s32 %r3, %r3, -16; ld.shared.u32 %r1, [%r3+24];`, 32, func(int) uint32 { return 5 }},
	{"an atomic operation at an address that wraps around", `.shared .align 4 .b32 s;
		setp.eq.u32 %p1, %r0, 0; mov.u32 %r3, 0; @%p1 st.shared.u32 [s], %r3; bar.warp.sync -1;
		mov.u32 %r3, s; add.s32 %r3, %r3, -4; red.shared.add.u32 [%r3+4], 1; bar.warp.sync -1; ld.shared.u32 %r1, [s];`,
		32, func(int) uint32 { return 32 }},
	{"an address of local memory that wraps around", `.local .align 4 .b8 s[16];
		mov.u32 %r3, s; add.s32 %r3, %r3, -32; st.local.u32 [%r3+40], %r0; ld.local.u32 %r1, [s+8];`,
		32, func(lane int) uint32 { return uint32(lane) }},
	{"volatile stores give their bytes a value", stores("st.volatile.shared"), 32, storesSum},
	{"relaxed stores give their bytes a value", stores("st.relaxed.cta.shared"), 32, storesSum},
	{"release stores give their bytes a value", stores("st.release.gpu.shared"), 32, storesSum},
	{"weak stores give their bytes a value", stores("st.shared"), 32, storesSum},
	{"a volatile store to global memory gives its bytes a value", `ld.param.u64 %rd2, [out]; mul.wide.u32 %rd3, %r0, 4; add.u64 %rd2, %rd2, %rd3;
		cvt.u16.u32 %h0, %r0; st.volatile.global.u8 [%rd2+3], %h0; ld.volatile.global.u8 %h1, [%rd2+3]; cvt.u32.u16 %r1, %h1;`,
		32, func(lane int) uint32 { return uint32(lane) }},
	{"a copy of a struct takes the gap between its fields along", structs("ld.local.v2.u64 {%rd4, %rd5}, [s]; st.local.v2.u64 [t], {%rd4, %rd5};"), 32, func(lane int) uint32 { return uint32(lane + 7) }},
	{"and so it does in smaller words", structs("ld.local.v4.u32 {%r2, %r3, %r4, %r5}, [s]; st.local.v4.u32 [t], {%r2, %r3, %r4, %r5};"), 32, func(lane int) uint32 { return uint32(lane + 7) }},
	{"a loop around atom.cas reads first without care", swapping("[s]"), 32, func(int) uint32 { return 32 }},
	{"shfl does not wait for lanes that have ended", half + "shfl.sync.bfly.b32 %r1, %r0, 1, 31, -1;", 32, func(lane int) uint32 { return uint32(lane ^ 1) }},
	{"shfl does not wait for lanes that never were", "shfl.sync.idx.b32 %r1, %r0, 3, 31, -1;", 20, func(int) uint32 { return 3 }},
	{"vote does not wait for lanes that have ended", half + "vote.sync.ballot.b32 %r1, 1, -1;", 32, func(int) uint32 { return 0xffff }},
	{"vote.all asks only lanes that are there", half + "setp.lt.u32 %p1, %r0, 16; vote.sync.all.pred %p2, %p1, -1; selp.u32 %r1, 1, 0, %p2;", 32, func(int) uint32 { return 1 }},
	{"match does not wait for lanes that have ended", half + "and.b32 %r2, %r0, 1; match.any.sync.b32 %r1, %r2, -1;", 32, func(lane int) uint32 { return 0x5555 << (lane & 1) }},
	{"match.all asks only lanes that are there", half + "match.all.sync.b32 %r1|%p1, 7, -1;", 32, func(int) uint32 { return 0xffff }},
	{"redux does not wait for lanes that have ended", half + "redux.sync.add.u32 %r1, 1, -1;", 32, func(int) uint32 { return 16 }},
	{"shfl does not wait for lanes that end on a path of their own", apart + "shfl.sync.bfly.b32 %r1, %r0, 1, 31, -1;", 32, func(lane int) uint32 { return uint32(lane ^ 1) }},
	{"nor for those that do so later", `setp.ge.u32 %p1, %r0, 16; setp.ge.u32 %p2, %r0, 8; setp.ge.u32 %p3, %r0, 24; @%p1 bra upper; @%p2 bra middle;
		shfl.sync.bfly.b32 %r1, %r0, 1, 31, 0xffff00ff; bra on;
		upper: add.u32 %r2, %r0, 1; @%p3 bra on; add.u32 %r2, %r0, 2; exit;
		middle: mov.u32 %r1, %r0; on: @%p3 exit; xor.b32 %r2, %r0, 1; @%p2 mov.u32 %r1, %r2;`, 32, func(lane int) uint32 { return uint32(lane ^ 1) }},
	{"bar.warp.sync does not wait for lanes that end on a path of their own", apart + "bar.warp.sync -1; mov.u32 %r1, 1;", 32, func(int) uint32 { return 1 }},
}

// apart ends the upper half of the warp, after some instructions.
const apart = "setp.lt.u32 %p1, %r0, 16; @%p1 bra on; add.u32 %r2, %r0, 1; add.u32 %r2, %r2, 1; exit; on:"

// swapping adds 1 to s in each lane, in a loop that reads it first at the address.
func swapping(address string) string {
	return `.shared .align 4 .b32 s; setp.eq.u32 %p1, %r0, 0; mov.u32 %r5, s; @%p1 st.shared.u32 [s], 0; bar.warp.sync -1;
		ld.shared.u32 %r2, ` + address + `;
		again: add.u32 %r3, %r2, 1; atom.shared.cas.b32 %r4, [s], %r2, %r3; setp.ne.u32 %p2, %r4, %r2; mov.u32 %r2, %r4; @%p2 bra again;
		bar.warp.sync -1; ld.shared.u32 %r1, [s+0];`
}

// structs copies a struct of a byte and a word of 8 bytes by the text, from s to t, and adds up its fields.
func structs(copy string) string {
	return `.local .align 16 .b8 s[16]; .local .align 16 .b8 t[16];
		cvt.u16.u32 %h0, %r0; mov.u64 %rd3, 7; st.local.u8 [s], %h0; st.local.u64 [s+8], %rd3; ` + copy + `
		ld.local.u8 %h2, [t]; ld.local.u32 %r1, [t+8]; cvt.u32.u16 %r0, %h2; add.u32 %r1, %r1, %r0; mov.u32 %r0, %laneid;`
}

// half ends the upper half of the warp.
const half = "setp.ge.u32 %p1, %r0, 16; @%p1 exit;"

// stores writes 1, 2, 4 and 8 bytes to scattered places and adds up what it reads there.
func stores(st string) string {
	return fmt.Sprintf(`.shared .align 8 .b8 s[2048]; .shared .align 8 .b8 t[2048];
		mul.lo.u32 %%r2, %%r0, 5; and.b32 %%r2, %%r2, 31; shl.b32 %%r2, %%r2, 4; mov.u32 %%r3, s; add.u32 %%r2, %%r2, %%r3;
		cvt.u16.u32 %%h0, %%r0; cvt.u64.u32 %%rd1, %%r0;
		%[1]s.u8 [%%r2], %%h0; %[1]s.u16 [%%r2+2], %%h0; %[1]s.u32 [%%r2+4], %%r0; %[1]s.u64 [%%r2+8], %%rd1;
		ld.shared.u8 %%h1, [%%r2]; ld.shared.u16 %%h2, [%%r2+2]; ld.shared.u32 %%r1, [%%r2+4]; ld.shared.u64 %%rd2, [%%r2+8];
		cvt.u32.u16 %%r2, %%h1; add.u32 %%r1, %%r1, %%r2; cvt.u32.u16 %%r2, %%h2; add.u32 %%r1, %%r1, %%r2;
		cvt.u32.u64 %%r2, %%rd2; add.u32 %%r1, %%r1, %%r2;`, st)
}

func storesSum(lane int) uint32 { return uint32(4 * lane) }

func TestCorrectCodeIsNotReported(t *testing.T) {
	for _, c := range correct {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(4) {
				b := newBench(t, oneWarp(c.text), Options{Seed: seed})
				out := b.alloc(128)
				if err := b.launch("k", dim(1), dim(c.threads), 0, out); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				for lane, got := range download[uint32](b, out, 16) {
					if want := c.want(lane); got != want {
						t.Errorf("seed %d: lane %d has %d, want %d", seed, lane, got, want)
					}
				}
			}
		})
	}
}

// oneWarp returns a kernel around the text. %r0 is the lane, and each lane stores %r1.
func oneWarp(text string) string {
	return ".version 7.8\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 out)\n{\n" +
		".reg .pred %p<4>;\n.reg .b16 %h<4>;\n.reg .b32 %r<6>;\n.reg .b64 %rd<6>;\nmov.u32 %r0, %laneid;\n" + text + `
		ld.param.u64 %rd0, [out]; mul.wide.u32 %rd1, %r0, 4; add.u64 %rd0, %rd0, %rd1; st.global.u32 [%rd0], %r1; ret;
}
`
}

// A read at any other address than that of the atom.cas races with it.
func TestReadsBesideASwapRace(t *testing.T) {
	b := newBench(t, oneWarp(swapping("[%r5]")), Options{})
	checkReport(t, b.launch("k", dim(1), dim(32), 0, b.alloc(128)), SharedRace, "bytes at address 0 of shared memory, which ")
}

// What is not only copied must have a value whole, and a word without any is no gap.
func TestGapsAreNotRead(t *testing.T) {
	for _, text := range []string{
		"ld.local.v2.u64 {%rd4, %rd5}, [s]; st.local.v2.u64 [t], {%rd4, %rd5}; add.u64 %rd5, %rd5, %rd4;",
		"ld.local.u64 %rd4, [s]; st.local.u64 [%rd4], %rd4;",
		"ld.local.u32 %r3, [s+4]; st.local.u32 [t], %r3;",
	} {
		b := newBench(t, oneWarp(structs(text)), Options{})
		checkReport(t, b.launch("k", dim(1), dim(32), 0, b.alloc(128)), Uninitialised, "of local memory, which nothing has written yet")
	}
}

// What a lane that has ended would bring is not there to be read.
func TestShuffleFromALaneThatHasEnded(t *testing.T) {
	b := newBench(t, oneWarp(half+"shfl.sync.bfly.b32 %r1, %r0, 16, 31, -1;"), Options{})
	checkReport(t, b.launch("k", dim(1), dim(32), 0, upload(b, make([]uint32, 32))), InactiveLane, "from lane 16, which has ended")
}

// An acquire orders what follows also where its value takes the place of its address.
func TestAcquireOverItsAddress(t *testing.T) {
	b := newBench(t, `.version 7.8
.target sm_70
.address_size 64
.visible .entry k(.param .u64 out, .param .u64 flag)
{
	.reg .b32 %r<4>; .reg .b64 %rd<5>; .reg .pred %p<3>;
	ld.param.u64 %rd1, [out];
	ld.param.u64 %rd2, [flag];
	mov.u32 %r1, %ctaid.x;
	setp.eq.u32 %p1, %r1, 0;
	@%p1 bra reads;
	st.global.u32 [%rd1], 7;
	st.release.gpu.global.u64 [%rd2], 1;
	ret;
reads:
	ld.volatile.global.u64 %rd3, [%rd2];
	setp.eq.u64 %p2, %rd3, 0;
	@%p2 bra reads;
	ld.acquire.gpu.global.u64 %rd2, [%rd2];
	ld.global.u32 %r2, [%rd1];
	st.global.u32 [%rd1+4], %r2;
	ret;
}`, Options{})
	out, flag := b.alloc(8), b.alloc(8)
	b.must(b.device.Fill32(flag, 0, 2, 0))
	b.must(b.launch("k", dim(2), dim(1), 0, out, flag))
	compareExactly(t, "what was read", download[uint32](b, out, 2), []uint32{7, 7})
}
