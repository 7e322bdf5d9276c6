package emulator

import "testing"

// strided reads and writes words, with a stride in shared and in global memory.
const stridedPTX = `.version 7.8
.target sm_70
.address_size 64
.visible .entry strided(.param .u64 x, .param .u32 stride)
{
	.shared .align 16 .b8 s[8192];
	.reg .b32 %r<8>; .reg .b64 %rd<4>;
	mov.u32 %r1, %tid.x;
	ld.param.u32 %r2, [stride];
	ld.param.u64 %rd1, [x];
	mul.lo.u32 %r3, %r1, %r2;
	mul.wide.u32 %rd2, %r3, 4;
	add.s64 %rd1, %rd1, %rd2;
	st.global.u32 [%rd1], %r1;
	shl.b32 %r4, %r3, 2;
	mov.u32 %r5, s;
	add.u32 %r5, %r5, %r4;
	st.shared.u32 [%r5], %r2;
	ret;
}
.visible .entry vectors(.param .u32 stride)
{
	.shared .align 16 .b8 s[8192];
	.reg .b32 %r<8>;
	mov.u32 %r1, %tid.x;
	ld.param.u32 %r2, [stride];
	mul.lo.u32 %r3, %r1, %r2;
	mov.u32 %r5, s;
	add.u32 %r5, %r5, %r3;
	st.shared.v4.u32 [%r5], {%r1, %r1, %r1, %r1};
	ret;
}`

func TestSectorsAndBankConflicts(t *testing.T) {
	for _, c := range []struct{ stride, sectors, conflicts int }{
		{1, 4, 0},    // 32 consecutive words: 128 bytes
		{2, 8, 1},    // every other bank, twice
		{8, 32, 7},   // one word of each sector; four banks
		{32, 32, 31}, // one bank
		{33, 32, 0},  // padded
		{0, 1, 0},    // one word for all
	} {
		b := newBench(t, stridedPTX, Options{Off: []Check{SharedRace, GlobalRace}})
		b.must(b.launch("strided", dim(1), dim(32), 0, b.alloc(8192), c.stride))
		p := b.device.Profile()[0]
		if p.GlobalRequests != 1 || p.GlobalBytes != 128 || p.GlobalSectors != uint64(c.sectors) || p.BankConflicts != uint64(c.conflicts) {
			t.Errorf("stride %d: %d requests of %d bytes touch %d sectors, want %d; %d bank conflicts, want %d",
				c.stride, p.GlobalRequests, p.GlobalBytes, p.GlobalSectors, c.sectors, p.BankConflicts, c.conflicts)
		}
		if want := 4.0 / float64(c.sectors); p.Coalescing() != want {
			t.Errorf("stride %d: the coalescing is %g, want %g", c.stride, p.Coalescing(), want)
		}
	}
	// Vectors of 16 bytes go a quarter of a warp at a time: 8 lanes fill the banks.
	for _, c := range []struct{ stride, conflicts int }{{16, 0}, {32, 4}, {128, 4 * 7}, {144, 0}} {
		b := newBench(t, stridedPTX, Options{})
		b.must(b.launch("vectors", dim(1), dim(32), 0, c.stride))
		if p := b.device.Profile()[0]; p.BankConflicts != uint64(c.conflicts) {
			t.Errorf("vectors at a stride of %d bytes: %d bank conflicts, want %d", c.stride, p.BankConflicts, c.conflicts)
		}
	}
}
