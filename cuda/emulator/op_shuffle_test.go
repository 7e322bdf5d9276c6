package emulator

import "testing"

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

// What is known beforehand of shuffles is what the definition says for each lane.
func TestExchanges(t *testing.T) {
	for mode, source := range map[string]func(lane, delta int) int{
		"up": func(lane, delta int) int { return lane - delta }, "down": func(lane, delta int) int { return lane + delta },
		"bfly": func(lane, delta int) int { return lane ^ delta }, "idx": func(_, delta int) int { return delta },
	} {
		exchanges, _ := newExchanges(mode)
		for delta, e := range exchanges {
			for lane := range 32 {
				from := source(lane, delta)
				exists := from >= 0 && from < 32
				if !exists {
					from = lane
				}
				if int(e.from[lane]) != from || e.valid>>lane&1 != 0 != exists {
					t.Errorf("%s by %d: lane %d reads from %d, want %d, exists: %v", mode, delta, lane, e.from[lane], from, exists)
				}
			}
		}
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
