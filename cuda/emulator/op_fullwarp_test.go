package emulator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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
		"setp.ne.s64 %d, %a, %b | pred s64 s64", "setp.gt.s32 %d, %a, %b | pred s32 s32", "setp.le.s32 %d, %a, %b | pred s32 s32",
		"sub.f32 %d, %a, %b | f32 f32 f32", "min.s32 %d, %a, %b | s32 s32 s32", "max.s32 %d, %a, %b | s32 s32 s32",
		"mul.lo.s64 %d, %a, %b | s64 s64 s64", "shl.b64 %d, %a, %b | b64 b64 u32", "selp.b32 %d, %a, %b, %c | b32 b32 b32 pred",
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

// The vector instructions of the processor do what the loops do. d may be an operand.
func TestVectorLoops(t *testing.T) {
	for _, set := range vectorSets() {
		if len(set.two) != len(portable.two) {
			t.Errorf("%d loops of %d have a faster way", len(set.two), len(portable.two))
		}
		testVectorLoops(t, set)
	}
}

func testVectorLoops(t *testing.T, set vectorSet) {
	rng := rand.New(rand.NewPCG(1, 13))
	special := []uint64{0, 1, 31, 32, 63, 64, 1 << 31, 1<<32 - 1, bits32(1), inf32, inf32 | 1<<31, nan, nan | 1<<31, tiny, tiny | 1<<31, largest, largest | 1<<31}
	for name, f := range set.two {
		for i := range 2000 {
			var a, b, want lanes
			for lane := range a {
				a[lane], b[lane] = rng.Uint64(), rng.Uint64()
				if strings.HasSuffix(name, "32") {
					a[lane], b[lane] = a[lane]&ones32, b[lane]&ones32
				}
				if i%2 == 0 || rng.IntN(8) == 0 {
					a[lane] = special[rng.IntN(len(special))]
				}
				if i%2 == 0 || rng.IntN(8) == 0 {
					b[lane] = special[rng.IntN(len(special))]
				}
				if strings.HasSuffix(name, "Float32") && i%4 == 1 { // no NaN
					a[lane], b[lane] = a[lane]&^(1<<30), b[lane]&^(1<<30)
				}
				if i%16 == 0 && rng.IntN(8) == 0 { // what nothing has written
					a[lane] = garbage[0]
				}
			}
			portable.two[name](&want, &a, &b)
			d := []*lanes{{}, &a, &b}[i%3]
			if f(d, &a, &b); *d != want {
				t.Fatalf("%s, case %d: got %x, want %x", name, i, *d, want)
			}
		}
	}
}

// As TestVectorLoops, for those that move and compare.
func TestVectorMoves(t *testing.T) {
	for _, set := range vectorSets() {
		testVectorMoves(t, set)
	}
}

func testVectorMoves(t *testing.T, set vectorSet) {
	rng := rand.New(rand.NewPCG(1, 14))
	var all lanes
	for i := range 4000 {
		var in [3]lanes
		for j := range in {
			stride := uint64(rng.IntN(3)) * 4 << (rng.IntN(2) * 32)
			for lane := range in[j] {
				if in[j][lane] = rng.Uint64() >> (rng.IntN(2) * 32); i%2 == 0 {
					in[j][lane] = []uint64{0, 1, 1 << 31, 1<<31 - 1, 1<<32 - 1, garbage[0]}[rng.IntN(6)]
				}
				if i%4 == 1 {
					in[j][lane] = in[j][0] + uint64(lane)*stride
				}
			}
		}
		if i%8 == 1 {
			in[1][rng.IntN(32)]++
		}
		mask := rng.Uint32()
		var words [512]byte
		for j := range words {
			words[j] = byte(rng.Uint32())
		}
		do := func(m vectorSet) (out []any) {
			a, b, c := in[0], in[1], in[2]
			into := []*lanes{&all, &a, &b, &c}[i%4] // an operand, or not
			note := func() { out = append(out, *into); a, b, c = in[0], in[1], in[2] }
			out = append(out, m.equal(&a, &b), m.lessS32(&a, &b), m.strided(&a), m.strided(&b))
			m.choose(into, &a, &b, mask)
			note()
			m.mad32(into, &a, &b, &c)
			note()
			m.move(into, &a)
			note()
			m.signExtend(into, &a)
			note()
			m.low32(into, &a)
			note()
			m.broadcast(into, in[0][3])
			note()
			from := c // which d is not
			m.pick(into, &from, (*[32]uint8)(words[:]))
			note()
			m.widen(into, (*[128]byte)(words[128:]))
			note()
			m.widen4(into, &in[0], &in[1], &in[2], &words)
			note()
			out = append(out, in)
			var narrow [128]byte
			m.narrow(&narrow, &in[0])
			var narrow4 [512]byte
			m.narrow4(&narrow4, &in[2], &in[1], &in[0], &in[1])
			return append(out, narrow, narrow4)
		}
		before := in
		want := do(portable)
		in = before
		for j, got := range do(set) {
			if got != want[j] {
				t.Fatalf("case %d, result %d: got %x, want %x", i, j, got, want[j])
			}
		}
	}
}

// The vector instructions of the processor do what the loop does, and where the loop must
// decide, they say so. d may be an operand.
func TestVectorFma(t *testing.T) {
	for _, set := range append(vectorSets(), portable) {
		testVectorFma(t, set.fma)
	}
}

func testVectorFma(t *testing.T, fma func(d, a, b, c *lanes) bool) {
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
		switch done := fma(d, &a, &b, &c); {
		case done:
			fast++
			if *d != want {
				t.Fatalf("case %d: got %x, want %x", i, *d, want)
			}
		case *d != before:
			t.Fatalf("case %d: it is not done, but something is written", i)
		}
	}
	if fast < 5000 {
		t.Errorf("only %d of 20000 warps were fast", fast)
	}
}

// A chain of fma does what one after the other does, up to the first with a NaN.
func TestVectorChains(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 15))
	for _, set := range vectorSets() {
		one := func(all []lanes, f fma) bool {
			const bytes = 8 * 32
			return set.fma(&all[f.d/bytes], &all[f.a/bytes], &all[f.b/bytes], &all[f.c/bytes])
		}
		whole := 0
		for i := range 3000 {
			got := make([]lanes, 6)
			for r := range got {
				for lane := range got[r] {
					got[r][lane] = uint64(rng.Uint32() &^ (1 << 30))
				}
			}
			number := func() int32 { return int32(rng.IntN(len(got))) }
			if i%2 == 0 {
				got[number()][rng.IntN(32)] = []uint64{inf32, nan, nan | 1<<31, garbage[0]}[rng.IntN(4)]
			}
			chain := make([]fma, 1+rng.IntN(12))
			for j := range chain {
				chain[j], _ = newFma(number(), number(), number(), number())
			}
			want, done := slices.Clone(got), 0
			for done < len(chain) && one(want, chain[done]) {
				done++
			}
			if n := set.fmas(got, chain); n != done || !slices.Equal(got, want) {
				t.Fatalf("case %d: %d of %d are done, want %d; got %x, want %x", i, n, len(chain), done, got, want)
			}
			if done == len(chain) {
				whole++
			}
		}
		if whole < 1000 || whole > 2500 {
			t.Errorf("%d of 3000 chains have no NaN; there should be many of both", whole)
		}
	}
}

// randomBases returns a kernel that reads shared memory by registers that change in many ways.
func randomBases(rng *rand.Rand) string {
	var b strings.Builder
	b.WriteString(`.shared .align 16 .b8 s[1024]; .reg .b32 %base<6>; .reg .b32 %v<4>; .reg .pred %q<2>; mov.u32 %v3, s;
mad.lo.u32 %v0, %r0, 16, %v3; add.u32 %v1, %r0, 7; st.shared.v4.u32 [%v0], {%r0, %v1, %v0, %r0}; bar.warp.sync -1; mov.u32 %r1, 0; mov.u32 %r4, 0;
`)
	for i := range 6 {
		fmt.Fprintf(&b, "add.u32 %%base%d, %%v3, %d;\n", i, 16*i)
	}
	b.WriteString("AGAIN:\n")
	lanes := func() string {
		if rng.IntN(3) == 0 {
			return fmt.Sprintf("setp.eq.u32 %%q0, %%r4, %d;\n", rng.IntN(3)) // all or none
		}
		return fmt.Sprintf("setp.lt.u32 %%q0, %%r0, %d;\n", rng.IntN(33))
	}
	guard := func() string { return []string{"", "", "", "@%q0 ", "@!%q0 "}[rng.IntN(5)] }
	label := 0
	for range 10 + rng.IntN(30) {
		base := rng.IntN(6)
		switch rng.IntN(8) {
		case 0:
			b.WriteString(lanes())
		case 1:
			fmt.Fprintf(&b, "%sxor.b32 %%base%d, %%base%d, 64;\n", guard(), base, base)
		case 2:
			fmt.Fprintf(&b, "and.b32 %%v0, %%r0, %d; %smad.lo.u32 %%base%d, %%v0, 16, %%v3;\n", rng.IntN(16), guard(), base)
		case 3:
			label++
			fmt.Fprintf(&b, "%s@%%q0 bra L%d; ld.shared.u32 %%v0, [%%base%d+4]; xor.b32 %%r1, %%r1, %%v0;\nL%d:\n", lanes(), label, base, label)
		default:
			fmt.Fprintf(&b, "mov.u32 %%v0, 0; mov.u32 %%v1, 0; %sld.shared.v2.u32 {%%v0, %%v1}, [%%base%d+%d]; mad.lo.u32 %%r1, %%r1, 5, %%v0; xor.b32 %%r1, %%r1, %%v1;\n", guard(), base, 8*rng.IntN(2))
		}
	}
	b.WriteString("add.u32 %r4, %r4, 1; setp.lt.u32 %q1, %r4, 3; @%q1 bra AGAIN;\n")
	return b.String()
}

// What is kept of a base, as long as it does not change, is as good as looking again.
func TestKeptBases(t *testing.T) {
	defer func() { keepBases = true }()
	for n := range uint64(300) {
		text := randomBases(rand.New(rand.NewPCG(1, n)))
		run := func() ([]uint32, uint64) {
			b := newBench(t, oneWarp(fmt.Sprintf("// %t, which a kernel compiled before has not\n%s", keepBases, text)), Options{Seed: n})
			out := b.alloc(128)
			b.must(b.launch("k", dim(1), dim(32), 0, out))
			return download[uint32](b, out, 32), b.device.Profile()[0].BankConflicts
		}
		keepBases = true
		got, conflicts := run()
		keepBases = false
		if want, more := run(); !slices.Equal(got, want) || conflicts != more {
			t.Fatalf("kernel %d: got %x with %d conflicts, want %x with %d\n%s", n, got, conflicts, want, more, text)
		}
	}
}

// A warp that reads shared memory looks at each address once. What one of its lanes may
// not read is found all the same.
func TestGatheredReads(t *testing.T) {
	const setup = `.shared .align 16 .b8 s[512]; shl.b32 %r2, %r0, 2; mov.u32 %r3, s; add.u32 %r4, %r2, %r3; st.shared.u32 [%r4], %r0;
		and.b32 %r5, %r0, 28; shl.b32 %r5, %r5, 2; setp.eq.u32 %p1, %r0, 5; `
	for _, c := range []struct {
		name, text string
		check      Check
		thread     int
	}{
		{"what lane 0 wrote", setup + "ld.shared.u32 %r1, [%r3];", SharedRace, 1},
		{"what lane 0 wrote, after others have read it", setup + "bar.warp.sync -1; ld.shared.u32 %r1, [%r3]; setp.eq.u32 %p1, %r0, 0; @%p1 st.shared.u32 [%r3], %r0;", SharedRace, 0},
		{"the third of four words", setup + "bar.warp.sync -1; @%p1 st.shared.u32 [%r3+24], %r0; and.b32 %r5, %r0, 3; mad.lo.u32 %r5, %r5, 16, %r3; " +
			"setp.gt.u32 %p2, %r0, 1; @%p2 ld.shared.v4.u32 {%r1, %r2, %r4, %r5}, [%r5];", SharedRace, 9},
		{"what one lane read", setup + "bar.warp.sync -1; ld.shared.u32 %r1, [%r4]; and.b32 %r2, %r2, 124; xor.b32 %r2, %r2, 4; add.u32 %r2, %r2, %r3; st.shared.u32 [%r2], %r0;", SharedRace, 0},
		{"words without a value", setup + "bar.warp.sync -1; shl.b32 %r5, %r0, 4; add.u32 %r5, %r5, %r3; ld.shared.v4.u32 {%r1, %r2, %r3, %r4}, [%r5];", Uninitialised, 8},
		{"beyond the end", setup + "bar.warp.sync -1; @%p1 add.u32 %r3, %r3, 512; ld.shared.u32 %r1, [%r3];", OutOfBounds, 5},
		{"nothing wrong", setup + "bar.warp.sync -1; ld.shared.u32 %r1, [%r3+8]; ld.shared.u32 %r1, [%r3+12]; bar.warp.sync -1; st.shared.u32 [%r4], %r0;", "", 0},
	} {
		b := newBench(t, oneWarp(c.text), Options{})
		err := b.launch("k", dim(1), dim(32), 0, b.alloc(128))
		if c.check == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		checkReport(t, err, c.check, "")
		if r := err.(*Report); r.Thread.X != c.thread {
			t.Errorf("%s: thread %d is reported, want %d\n%v", c.name, r.Thread.X, c.thread, err)
		}
	}
}

// The result of a load may take the place of its address.
func TestLoadOverItsAddress(t *testing.T) {
	for _, guard := range []string{"", "setp.ne.u32 %p1, %r0, 7; @%p1 "} {
		b := newBench(t, oneWarp(`.shared .align 16 .b8 s[128]; shl.b32 %r2, %r0, 2; mov.u32 %r3, s; add.u32 %r2, %r2, %r3;
			mad.lo.u32 %r4, %r0, 20, 12; and.b32 %r4, %r4, 124; add.u32 %r4, %r4, %r3; st.shared.u32 [%r2], %r4;
			bar.warp.sync -1; mov.u32 %r1, %r2; `+guard+"ld.shared.u32 %r1, [%r1]; "+guard+"ld.shared.u32 %r1, [%r1]; sub.u32 %r1, %r1, %r3; shr.u32 %r1, %r1, 2;"), Options{})
		out := b.alloc(128)
		b.must(b.launch("k", dim(1), dim(32), 0, out))
		next := func(i int) int { return (5*i + 3) % 32 }
		for lane, got := range download[uint32](b, out, 32) {
			want := next(next(lane))
			if guard != "" && lane == 7 {
				want = lane
			}
			if int(got) != want {
				t.Errorf("guard %q: lane %d has %d, want %d", guard, lane, got, want)
			}
		}
	}
}
