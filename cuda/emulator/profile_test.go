package emulator

import (
	"fmt"
	"testing"
)

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
