package emulator

import "testing"

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
