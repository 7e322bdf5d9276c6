package emulator

import (
	_ "embed"
	"strings"
	"testing"

	"gputrain/cuda"
)

//go:embed testdata/calls.ptx
var callsPTX string

// Neighbouring lanes call different functions through pointers.
func TestCallsThroughPointers(t *testing.T) {
	b := newBench(t, callsPTX, Options{})
	const n = 70
	y := b.alloc(4 * n)
	b.must(b.launch("choose", dim(3), dim(32), 0, y, n))
	want := make([]int32, n)
	for i := range want {
		v := int32(i)
		want[i] = [3]int32{v + 10, v - 10, v * 10}[i%3]
	}
	compareExactly(t, "choose", download[int32](b, y, n), want)

	pointer := b.alloc(8)
	b.must(b.launch("fetch", dim(1), dim(1), 0, pointer))
	times := download[uint64](b, pointer, 1)[0]
	b.must(b.launch("apply", dim(1), dim(32), 0, y, times))
	for i := range want[:32] {
		want[i] = int32(3 * i)
	}
	compareExactly(t, "apply", download[int32](b, y, 32), want[:32])
	checkReport(t, b.launch("apply", dim(1), dim(32), 0, y, times+1), BadBranch, "which is not the address of a function")
}

func TestFunctionsThatCallThemselves(t *testing.T) {
	fibonacci := func(n int) int32 {
		a, b := int32(0), int32(1)
		for range n {
			a, b = b, a+b
		}
		return a
	}
	var digits func(n int, into *[4]int32) int32
	digits = func(n int, into *[4]int32) int32 {
		own := [4]int32{int32(4 * n), int32(4*n + 1), int32(4*n + 2), int32(4*n + 3)}
		if n > 0 {
			digits(n-1, &own)
		}
		sum := ((own[0]*10+own[1])*10+own[2])*10 + own[3]
		into[n&3] = sum
		return sum
	}
	for _, c := range []struct {
		kernel string
		want   func(thread int) int32
	}{
		{"fibonaccis", func(i int) int32 { return fibonacci(i % 13) }},
		{"parity", func(i int) int32 { return int32(1 - i%2) }},
		{"nested", func(i int) int32 {
			var into [4]int32
			sum := digits(i%6, &into)
			return sum + into[i%6&3]
		}},
	} {
		for seed := range uint64(3) {
			b := newBench(t, callsPTX, Options{Seed: seed})
			y := b.alloc(4 * 48)
			b.must(b.launch(c.kernel, dim(1), dim(48), 0, y))
			want := make([]int32, 48)
			for i := range want {
				want[i] = c.want(i)
			}
			compareExactly(t, c.kernel, download[int32](b, y, 48), want)
		}
	}
	b := newBench(t, callsPTX, Options{})
	checkReport(t, b.launch("overflow", dim(1), dim(1), 0, b.alloc(4)), StackOverflow, "deeper than the stack")
}

// Through a pointer only functions are called whose parameters fit.
func TestCallsThatDoNotFit(t *testing.T) {
	text := `.version 7.8
.target sm_70
.address_size 64
.func one(.param .b32 x) { ret; }
.func two(.param .b32 x, .param .b32 y) { ret; }
.visible .entry k(.param .u64 which)
{
	.reg .b64 %f<3>; .reg .b32 %r; .reg .pred %p;
	.param .b32 a;
	mov.u64 %f1, one;
	mov.u64 %f2, two;
	ld.param.u64 %f0, [which];
	setp.eq.u64 %p, %f0, 2;
	@%p mov.u64 %f1, %f2;
	mov.u32 %r, 7;
	st.param.b32 [a], %r;
	call %f1, (a), proto;
	proto: .callprototype _ (.param .b32 _);
	ret;
}`
	b := newBench(t, text, Options{})
	b.must(b.launch("k", dim(1), dim(32), 0, cuda.Pointer(1)))
	checkReport(t, b.launch("k", dim(1), dim(32), 0, cuda.Pointer(2)), BadBranch, "calls two, whose parameters are not those of the call")

	for _, c := range []struct{ body, why string }{
		{"{ .param .b32 a; call %r1, (a), p; p: .callprototype _ (.param .b32 _); }", "%r1 has type .b32, which does not fit .b64"},
		{"mov.u32 %r1, f;", "the address of f does not fit type .u32"},
		{"call 7;", "expected the name of a function, or a pointer to one"},
	} {
		_, err := newBench(t, wrap(""), Options{}).device.Load(strings.Replace(wrap(c.body), ".visible", ".func f() { ret; }\n.visible", 1))
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", c.body, err, c.why)
		}
	}
	_, err := newBench(t, wrap(""), Options{}).device.Load(".version 7.8\n.target sm_70\n.address_size 64\n.func f() { .local .b32 l; .reg .b32 %r; ld.local.b32 %r, [l]; call f; ret; }\n.entry k() { call f; ret; }")
	if err == nil || !strings.Contains(err.Error(), "a function that calls itself reaches its local variable l through a register only") {
		t.Errorf("a local variable by name: %v", err)
	}
}
