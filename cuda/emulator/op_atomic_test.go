package emulator

import "testing"

func TestAtomics(t *testing.T) {
	// Each text changes shared memory once per lane. Then all lanes read it.
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

// With the check off, an update of memory without a value still happens.
func TestAtomicOperationGoesOnWithoutTheCheck(t *testing.T) {
	b := newBench(t, wrap("ld.param.u64 %rd1, [out];\nred.global.add.u32 [%rd1], 1;"), Options{Off: []Check{Uninitialised, UninitialisedCopy}})
	p := b.alloc(4)
	b.must(b.launch("k", dim(1), dim(32), 0, p))
	if got := download[uint32](b, p, 1)[0]; got != 32 {
		t.Errorf("32 threads have added %d, want 32", got)
	}
}
