package emulator

import (
	"math/rand/v2"
	"testing"
)

// A loop over the whole warp must do what its twin for single lanes does. The guard
// switches one lane off, which selects the twin.
func TestFullAndPartialWarpsAgree(t *testing.T) {
	for _, spec := range []string{
		"add.s32 %d, %a, %b | s32 s32 s32", "add.s64 %d, %a, %b | s64 s64 s64", "sub.s32 %d, %a, %b | s32 s32 s32",
		"mul.lo.s32 %d, %a, %b | s32 s32 s32", "mul.wide.s32 %d, %a, %b | s64 s32 s32", "mul.wide.u32 %d, %a, %b | u64 u32 u32",
		"mad.lo.s32 %d, %a, %b, %c | s32 s32 s32 s32", "and.b32 %d, %a, %b | b32 b32 b32", "or.b32 %d, %a, %b | b32 b32 b32",
		"xor.b64 %d, %a, %b | b64 b64 b64", "shl.b32 %d, %a, %b | b32 b32 u32", "shr.u32 %d, %a, %b | u32 u32 u32",
		"add.f32 %d, %a, %b | f32 f32 f32", "mul.f32 %d, %a, %b | f32 f32 f32", "fma.rn.f32 %d, %a, %b, %c | f32 f32 f32 f32",
		"cvt.s64.s32 %d, %a | s64 s32", "cvt.u64.u32 %d, %a | u64 u32", "cvt.u32.u64 %d, %a | u32 u64", "mov.b32 %d, %a | b32 b32",
		"setp.ge.s32 %d, %a, %b | pred s32 s32", "setp.lt.s32 %d, %a, %b | pred s32 s32", "setp.eq.s32 %d, %a, %b | pred s32 s32",
		"setp.ne.s64 %d, %a, %b | pred s64 s64",
	} {
		full := op(spec)
		rng := rand.New(rand.NewPCG(1, 11))
		for range 320 {
			c := opCase{in: make([]uint64, 3)}
			for i := range c.in {
				c.in[i] = rng.Uint64()
				if rng.IntN(4) == 0 {
					c.in[i] = uint64(rng.IntN(4)) * 0x4000000080000000
				}
			}
			full.cases = append(full.cases, c)
		}
		partial := op(spec)
		for i := range full.cases {
			if i%31 == 0 {
				partial.cases = append(partial.cases, opCase{in: []uint64{0, 0, 0}})
			}
			partial.cases = append(partial.cases, full.cases[i])
		}
		partial.text = "{ .reg .pred %on; .reg .u32 %lane; mov.u32 %lane, %laneid; setp.ne.u32 %on, %lane, 0; @%on " + partial.text + "; }"
		want, _ := full.run(t)
		got, _ := partial.run(t)
		var kept []uint64
		for i, v := range got {
			if i%32 != 0 {
				kept = append(kept, v)
			}
		}
		compareExactly(t, spec, kept, want)
	}
}

// The vector instructions of the processor do what the loop does, and where the loop must
// decide, they say so. d may be an operand.
func TestFastFma(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 12))
	fast := 0
	for i := range 20000 {
		var a, b, c lanes
		for lane := range a {
			a[lane], b[lane], c[lane] = uint64(rng.Uint32()), uint64(rng.Uint32()), uint64(rng.Uint32())
			if i%2 == 0 { // finite
				a[lane], b[lane] = a[lane]&^(1<<30), b[lane]&^(1<<30)
				c[lane] &^= uint64(rng.IntN(2)) << 30
				c[lane] &^= 1 << 23
			}
			if i%8 == 0 && rng.IntN(2) == 0 { // sums near zero, and below the normal numbers
				a[lane], b[lane], c[lane] = a[lane]&^(0x7f<<23)|0x20<<23, b[lane]&^(0x7f<<23)|0x20<<23, c[lane]&^(0xff<<23)
			}
		}
		var want lanes
		for lane := range want {
			want[lane] = fmaFloat32(a[lane], b[lane], c[lane])
		}
		d := &c
		if i%3 == 0 {
			d = &a
		}
		before := *d
		switch done := fastFma(d, &a, &b, &c); {
		case done:
			fast++
			if *d != want {
				t.Fatalf("case %d: got %x, want %x", i, *d, want)
			}
		case *d != before:
			t.Fatalf("case %d: it is not done, but something is written", i)
		}
		*d = before
		if fullFmaFloat32(d, &a, &b, &c); *d != want {
			t.Fatalf("case %d: the loop gives %x, want %x", i, *d, want)
		}
	}
	if haveFMA && fast < 5000 {
		t.Errorf("only %d of 20000 warps were fast", fast)
	}
}
