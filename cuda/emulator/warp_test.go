package emulator

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// inWarp makes the 32 cases of one warp. Lane i has the operand a(i) and wants the
// results of want(i).
func inWarp(o operation, a func(lane int) uint64, want func(lane int) (d, q uint64)) operation {
	for lane := range 32 {
		d, q := want(lane)
		o.cases = append(o.cases, in2(d, q, a(lane)))
	}
	return o
}

func TestDivergence(t *testing.T) {
	collatz := func(i int) (uint64, uint64) {
		n, steps := i+1, 0
		for ; n != 1; steps++ {
			if n%2 == 1 {
				n = 3*n + 1
			} else {
				n /= 2
			}
		}
		return uint64(steps), 1<<32 - 1
	}
	number := func(lane int) uint64 { return uint64(lane + 1) }
	// A loop with a branch inside. After it all lanes are together again.
	inWarp(op(`{ .reg .pred %p; .reg .u32 %t;
	mov.u32 %d, 0;
	again: setp.eq.u32 %p, %a, 1; @%p bra out;
	add.u32 %d, %d, 1; and.b32 %t, %a, 1; setp.eq.u32 %p, %t, 0; @%p bra even;
	mad.lo.u32 %a, %a, 3, 1; bra again;
	even: shr.u32 %a, %a, 1; bra again;
	out: activemask.b32 %q; } | u32 b32 u32`), number, collatz).test(t)
	// A table of branches, and a lane that no branch takes.
	inWarp(op(`{ .reg .u32 %t; .reg .pred %p;
	targets: .branchtargets zero, one, two;
	mov.u32 %d, 7; setp.eq.u32 %p, %a, 9; rem.u32 %t, %a, 3;
	@!%p brx.idx %t, targets;
	bra join;
	zero: mov.u32 %d, 100; bra join;
	one: mov.u32 %d, 200; bra join;
	two: mov.u32 %d, 300;
	join: activemask.b32 %q; } | u32 b32 u32`), number, func(i int) (uint64, uint64) {
		if i == 8 {
			return 7, 1<<32 - 1
		}
		return [...]uint64{100, 200, 300}[(i+1)%3], 1<<32 - 1
	}).test(t)
	// Guarded instructions change only their lanes.
	inWarp(op(`{ .reg .pred %p; setp.lt.u32 %p, %a, 10; mov.u32 %d, 1; @%p mov.u32 %d, 2; @!%p add.u32 %d, %d, 5; } | u32 u32`), number,
		func(i int) (uint64, uint64) {
			if i+1 < 10 {
				return 2, 0
			}
			return 6, 0
		}).test(t)
}

// Plain instructions in a row do what each does alone, with the same counts, and the clock
// between them tells the same.
func TestStraightCode(t *testing.T) {
	const text = `{ .reg .pred %p; .reg .u32 %t; .reg .u64 %s, %u; .reg .f32 %f;
	mov.u32 %d, 0; mov.u64 %u, 0; mov.u64 %s, %clock64; mov.u32 %q, %a;
	again: add.u32 %d, %d, 1; and.b32 %t, %q, 1; cvt.rn.f32.u32 %f, %t; fma.rn.f32 %f, %f, %f, %f; setp.neu.f32 %p, %f, 0f00000000;
	@%p bra odd; shr.u32 %q, %q, 1; mov.u32 %t, %clock; mad.lo.u32 %t, %t, 3, 1; bra join;
	odd: mad.lo.u32 %q, %q, 3, 1; xor.b32 %t, %t, %q; add.cc.u32 %t, %t, %q; addc.u32 %t, %t, 5;
	join: cvt.u64.u32 %s, %t; mul.lo.u64 %u, %u, 31; add.u64 %u, %u, %s; setp.ne.u32 %p, %q, 1; @%p bra again;
	mov.u64 %s, %clock64; mad.lo.u64 %u, %u, 31, %s; cvt.u32.u64 %q, %u; }`
	straight := 0
	for seed := range uint64(50) {
		run := func(alone bool) ([]uint32, []LaunchStats) {
			b := newBench(t, oneWarp(strings.NewReplacer("%d", "%r4", "%q", "%r1", "%a", "%r0").Replace("add.u32 %r0, %r0, 1; "+text+" sub.u32 %r0, %r0, 1;")), Options{Seed: seed})
			for _, f := range b.device.functions {
				for i := range f.program.code {
					straight = max(straight, f.program.code[i].straight)
					if alone {
						f.program.code[i].straight = 0
					}
				}
			}
			out := b.alloc(128)
			b.must(b.launch("k", dim(1), dim(32), 0, out))
			return download[uint32](b, out, 32), b.device.Profile()
		}
		got, counted := run(false)
		want, counts := run(true)
		if !slices.Equal(got, want) || !reflect.DeepEqual(counted, counts) {
			t.Fatalf("seed %d: in a row %d, alone %d\n%+v\n%+v", seed, got, want, counted, counts)
		}
	}
	if straight < 4 {
		t.Errorf("at most %d instructions are plain in a row", straight)
	}
}
