package emulator

import (
	_ "embed"
	"testing"
)

//go:embed testdata/tensor.ptx
var tensorPTX string

// inWarp makes the 32 cases of one warp: lane i has the operand a(i) and wants d(i), q(i).
func inWarp(o operation, a func(lane int) uint64, want func(lane int) (d, q uint64)) operation {
	for lane := range 32 {
		d, q := want(lane)
		o.cases = append(o.cases, in2(d, q, a(lane)))
	}
	return o
}

func identity(lane int) uint64 { return uint64(100 + lane) }

func TestShuffles(t *testing.T) {
	for _, s := range []struct {
		text string
		from func(lane int) (from int, ok uint64)
	}{
		{"up.b32 %d|%q, %a, 3, 0, 0xffffffff", func(i int) (int, uint64) {
			if i < 3 {
				return i, 0
			}
			return i - 3, 1
		}},
		{"down.b32 %d|%q, %a, 5, 31, 0xffffffff", func(i int) (int, uint64) {
			if i > 26 {
				return i, 0
			}
			return i + 5, 1
		}},
		{"bfly.b32 %d|%q, %a, 16, 31, 0xffffffff", func(i int) (int, uint64) { return i ^ 16, 1 }},
		{"idx.b32 %d|%q, %a, 7, 31, 0xffffffff", func(i int) (int, uint64) { return 7, 1 }},
		// Segments of 8 lanes: the mask in bits 8 to 12 is 0x18, the clamp 0x1f or 0.
		{"down.b32 %d|%q, %a, 3, 0x181f, 0xffffffff", func(i int) (int, uint64) {
			if i%8 > 4 {
				return i, 0
			}
			return i + 3, 1
		}},
		{"up.b32 %d|%q, %a, 3, 0x1800, 0xffffffff", func(i int) (int, uint64) {
			if i%8 < 3 {
				return i, 0
			}
			return i - 3, 1
		}},
		{"idx.b32 %d|%q, %a, 10, 0x181f, 0xffffffff", func(i int) (int, uint64) { return i&^7 | 2, 1 }},
		{"bfly.b32 %d|%q, %a, 9, 0x181f, 0xffffffff", func(i int) (int, uint64) {
			if i^9 > i|7 {
				return i, 0
			}
			return i ^ 9, 1
		}},
	} {
		inWarp(op("shfl.sync."+s.text+" | b32 pred b32"), identity, func(lane int) (uint64, uint64) {
			from, ok := s.from(lane)
			return identity(from), ok
		}).test(t)
	}
}

func TestVotes(t *testing.T) {
	odd := func(lane int) uint64 { return uint64(lane & 1) }
	one := func(int) uint64 { return 1 }
	constant := func(v uint64) func(int) (uint64, uint64) { return func(int) (uint64, uint64) { return v, 0 } }
	inWarp(op("vote.sync.ballot.b32 %d, %a, 0xffffffff | b32 pred"), odd, constant(0xaaaaaaaa)).test(t)
	inWarp(op("vote.sync.ballot.b32 %d, !%a, 0xffffffff | b32 pred"), odd, constant(0x55555555)).test(t)
	inWarp(op("vote.sync.all.pred %d, %a, 0xffffffff | pred pred"), odd, constant(0)).test(t)
	inWarp(op("vote.sync.all.pred %d, %a, 0xffffffff | pred pred"), one, constant(1)).test(t)
	inWarp(op("vote.sync.any.pred %d, %a, 0xffffffff | pred pred"), odd, constant(1)).test(t)
	inWarp(op("vote.sync.uni.pred %d, %a, 0xffffffff | pred pred"), odd, constant(0)).test(t)
	inWarp(op("vote.sync.uni.pred %d, !%a, 0xffffffff | pred pred"), one, constant(1)).test(t)
	inWarp(op("activemask.b32 %d | b32"), one, constant(1<<32-1)).test(t)
	inWarp(op("mov.u32 %d, %lanemask_lt | u32"), one, func(i int) (uint64, uint64) { return 1<<i - 1, 0 }).test(t)
	inWarp(op("mov.u32 %d, %lanemask_ge | u32"), one, func(i int) (uint64, uint64) { return 1<<32 - 1<<i, 0 }).test(t)
	inWarp(op("mov.u32 %d, %laneid | u32"), one, func(i int) (uint64, uint64) { return uint64(i), 0 }).test(t)
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
	// A loop with a branch inside; afterwards all lanes are together again.
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

func TestAtomics(t *testing.T) {
	// Each text changes shared memory once per lane; then all lanes read it.
	for _, a := range []struct {
		text        string
		start, want uint64
	}{
		{"red.shared.add.u32 [s], %a", 10, 10 + 528},
		{"atom.shared.min.s32 %q, [s], %a", 50, 1},
		{"atom.shared.max.u32 %q, [s], %a", 5, 32},
		{"atom.shared.inc.u32 %q, [s], 9", 0, 2}, // 32 steps around 0..9
		{"atom.shared.dec.u32 %q, [s], 9", 0, 8},
		{"atom.shared.or.b32 %q, [s], %a", 0, 63},
		{"atom.shared.and.b32 %q, [s], 0xf", 0xff, 0xf},
		{"atom.shared.xor.b32 %q, [s], %a", 0, 32},
		{"atom.shared.cas.b32 %q, [s], 10, 77", 10, 77},
		{"atom.shared.exch.b32 %q, [s], 3", 10, 3},
	} {
		inWarp(op(`{ .shared .align 4 .b32 s; .reg .pred %p; .reg .b32 %v;
		setp.eq.u32 %p, %a, 1; mov.b32 %v, `+format64(a.start)+`; mov.b32 %q, 0;
		@%p st.shared.b32 [s], %v; bar.warp.sync 0xffffffff;
		`+a.text+`; bar.warp.sync 0xffffffff; ld.shared.b32 %d, [s]; mov.b32 %q, 0; } | b32 b32 b32`),
			func(i int) uint64 { return uint64(i + 1) }, func(int) (uint64, uint64) { return a.want, 0 }).test(t)
	}
}

func format64(v uint64) string {
	digits := []byte{}
	for ; v > 0 || len(digits) == 0; v /= 10 {
		digits = append([]byte{byte('0' + v%10)}, digits...)
	}
	return string(digits)
}

func TestReductionsAcrossWarpAndBlock(t *testing.T) {
	const n = 64
	b := newBench(t, tensorPTX, Options{})
	x := ints(n)
	dst := b.alloc(4 * 9 * n)
	b.must(b.launch("reductions", dim(1), dim(n), 0, dst, upload(b, x)))
	got := download[int32](b, dst, 9*n)
	for i := range n {
		warp := i / 32
		var sum, xor, parity, least int32 = 0, 0, 0, int32(32 * warp)
		var same uint32
		for lane := range 32 {
			v := x[32*warp+lane]
			sum, xor = sum+v, xor^v
			parity |= v & 1 << lane
			if v&3 == x[i]&3 {
				same |= 1 << lane
			}
		}
		five := int32(0)
		if warp == 0 {
			five = 2
		}
		want := []int32{sum, least, xor, int32(same), 0, parity, five + 1, n / 2, 3}
		for k, v := range want {
			if got[k*n+i] != v {
				t.Errorf("reduction %d in thread %d is %d, want %d", k, i, got[k*n+i], v)
			}
		}
	}
}

func TestTensorCores(t *testing.T) {
	half := func(v float32) uint16 { return uint16(encodeHalf(float64(v))) }
	brain := func(v float32) uint16 { return uint16(bits32(v) >> 16) }
	for _, m := range []struct {
		kernel string
		k      int
		encode func(float32) uint16
	}{{"mma_tf32", 8, nil}, {"mma_tf32_k4", 4, nil}, {"mma_bf16", 8, brain}, {"mma_f16", 16, half}} {
		a, bm, c := make([]float32, 16*m.k), make([]float32, m.k*8), make([]float32, 16*8)
		for i := range a {
			a[i] = float32(i*7%23 - 11)
		}
		for i := range bm {
			bm[i] = float32(i*5%19 - 9)
		}
		want := make([]float32, len(c))
		for i := range c {
			c[i] = float32(i)
			want[i] = c[i]
			for j := range m.k {
				want[i] += a[i/8*m.k+j] * bm[j*8+i%8]
			}
		}
		b := newBench(t, tensorPTX, Options{})
		pc := upload(b, c)
		if m.encode == nil {
			b.must(b.launch(m.kernel, dim(1), dim(32), 0, pc, upload(b, a), upload(b, bm)))
		} else {
			ha, hb := make([]uint16, len(a)), make([]uint16, len(bm))
			for i, v := range a {
				ha[i] = m.encode(v)
			}
			for i, v := range bm {
				hb[i] = m.encode(v)
			}
			b.must(b.launch(m.kernel, dim(1), dim(32), 0, pc, upload(b, ha), upload(b, hb)))
		}
		compareExactly(t, m.kernel, download[float32](b, pc, len(c)), want)
	}
}

func TestCopyAsyncFillsWithZeros(t *testing.T) {
	for _, n := range []int{0, 4, 12, 16} {
		b := newBench(t, tensorPTX, Options{})
		y, want := b.alloc(16), make([]float32, 4)
		for i := range n / 4 {
			want[i] = float32(i + 1)
		}
		// Only the bytes that are asked for have to exist.
		x := upload(b, append([]float32{1, 2, 3, 4}[:n/4:n/4], make([]float32, 0)...))
		b.must(b.launch("copy_with_zeros", dim(1), dim(32), 0, y, x, n))
		compareExactly(t, "copy_with_zeros", download[float32](b, y, 4), want)
	}
}

func TestCopyAsyncMustBeWaitedFor(t *testing.T) {
	x := randomFloats(64, 9)
	for _, c := range []struct {
		all   int
		check Check
	}{{1, ""}, {0, Uninitialised}, {-1, ""}} {
		b := newBench(t, tensorPTX, Options{})
		y := b.alloc(128)
		err := b.launch("copy_groups", dim(1), dim(32), 0, y, upload(b, x), c.all)
		checkReport(t, err, c.check, "")
		if err != nil {
			continue
		}
		want := make([]float32, 32)
		for i := range want {
			want[i] = x[31-i]
			if c.all > 0 {
				want[i] += x[32+i]
			}
		}
		compareExactly(t, "copy_groups", download[float32](b, y, 32), want)
	}
}
