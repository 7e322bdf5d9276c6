package emulator

import (
	"fmt"
	"math"
	"testing"
)

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
		b := newBench(t, stridedPTX, Options{Off: []Check{SharedRace}})
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

func TestInstructionCounts(t *testing.T) {
	b := newBench(t, basicPTX, Options{Registers: map[string]int{"axpy": 16}})
	const n = 40 // of 64 threads
	x, y := upload(b, make([]float32, n)), upload(b, make([]float32, n))
	for range 2 {
		b.must(b.launch("axpy", dim(2), dim(32), 0, y, x, float32(1), n))
	}
	all := b.device.Profile()
	if len(all) != 1 || all[0].Launches != 2 || all[0].Registers != 16 {
		t.Fatalf("the profile is %+v", all)
	}
	p := all[0]
	for class, want := range map[Class]Count{
		Float32: {4, 2 * n}, LoadGlobal: {8, 4 * n}, StoreGlobal: {4, 2 * n}, Parameter: {16, 16 * 32}, Barrier: {},
	} {
		if got := p.Instructions[class]; got != want {
			t.Errorf("%v instructions: %+v, want %+v", class, got, want)
		}
	}
	if p.FlopFloat32 != 2*2*n {
		t.Errorf("%d floating-point operations, want %d", p.FlopFloat32, 4*n)
	}
	b.device.ResetProfile()
	if len(b.device.Profile()) != 0 {
		t.Error("the profile is not reset")
	}
}

func TestAggregateJoinsShapes(t *testing.T) {
	b := newBench(t, basicPTX, Options{})
	x, y := upload(b, make([]float32, 256)), upload(b, make([]float32, 256))
	for _, blocks := range []int{1, 2, 1} {
		b.must(b.launch("axpy", dim(blocks), dim(128), 0, y, x, float32(1), 128*blocks))
	}
	all := b.device.Profile()
	joined := Aggregate(all)
	if len(all) != 2 || len(joined) != 1 || joined[0].Launches != 3 || joined[0].GlobalBytes != 4*3*4*128 {
		t.Errorf("the profile is %+v, joined %+v", all, joined)
	}
}

// The occupancies are those that cuda_occupancy.h of the CUDA toolkit 11.8 gives.
func TestOccupancy(t *testing.T) {
	for _, c := range []struct {
		gpu                        string
		threads, registers, shared int
		want                       float64
		limit                      string
	}{
		{"A100", 256, 32, 0, 1, "threads"},
		{"A100", 256, 64, 0, 0.5, "registers"},
		{"A100", 256, 32, 48 << 10, 0.375, "shared memory"}, // 3 blocks of 49 KiB
		{"A100", 32, 16, 0, 0.5, "blocks"},
		{"T4", 256, 64, 0, 1, "threads"},
		{"RTX 4090", 1024, 32, 0, 1024.0 / 1536, "threads"},
		{"A100", 544, 40, 0, 0.53125, "registers"}, // 12 warps in each part
		{"H100", 32, 16, 10880, 0.296875, "shared memory"},
		{"T4", 32, 16, 10880, 0.15625, "shared memory"}, // 5 blocks of 11008 bytes
	} {
		g, err := FindGPU(c.gpu)
		if err != nil {
			t.Fatal(err)
		}
		got, limit := g.Occupancy(LaunchStats{Block: dim(c.threads), Registers: c.registers, SharedBytes: c.shared})
		if math.Abs(got-c.want) > 1e-12 || limit != c.limit {
			t.Errorf("%+v: the occupancy is %g, limited by %s", c, got, limit)
		}
	}
	g, _ := FindGPU("H100")
	if got, limit := g.Occupancy(LaunchStats{Block: dim(32)}); got != 0 || limit != "" {
		t.Errorf("without a number of registers the occupancy is %g, %s", got, limit)
	}
}

func ExampleDevice_Profile() {
	driver, err := New(Options{})
	if err != nil {
		panic(err)
	}
	opened, err := driver.Open(0)
	if err != nil {
		panic(err)
	}
	d := opened.(*Device)
	m, err := d.Load(stridedPTX)
	if err != nil {
		panic(err)
	}
	f, err := d.Function(m, "vectors")
	if err != nil {
		panic(err)
	}
	if err := d.Launch(f, dim(1), dim(32), 0, 0, []uint64{128}); err != nil {
		panic(err)
	}
	for _, p := range d.Profile() {
		fmt.Printf("%s: %d instructions, %d bank conflicts\n", p.Kernel, p.Total().Warps, p.BankConflicts)
	}
	// Output: vectors: 7 instructions, 28 bank conflicts
}
