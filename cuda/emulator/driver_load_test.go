package emulator

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gputrain/cuda"
)

//go:generate testdata/build.sh

// wrap makes a module with one kernel of the given body.
func wrap(body string) string {
	return ".version 7.8\n.target sm_70\n.address_size 64\n.visible .entry k(.param .u64 out)\n{\n" +
		".reg .pred %p<4>;\n.reg .b16 %h<4>;\n.reg .f32 %f<4>;\n.reg .b32 %r<4>;\n.reg .b64 %rd<4>;\n" + body + "\nret;\n}\n"
}

func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct{ body, why string }{
		{"frobnicate.s32 %r1, %r2;", "instruction frobnicate is not known"},
		{"add.s32 %r1, %r2;", "2 operands, expected 3"},
		{"add.s32 %r1, %r2, %r3, %r0;", "4 operands, expected 3"},
		{"add.s32 %r1, %r2, %rd1;", "%rd1 has type .b64, which does not fit .s32"},
		{"add.f32 %f1, %f2, %rd1;", "does not fit .f32"},
		{"add.s32 %r1, %r2, 0f3F800000;", "does not fit type .s32"},
		{"add.f32 %f1, %f2, 1;", "does not fit type .f32"},
		{"add.rn.s32 %r1, %r2, %r3;", "modifier .rn is not known here"},
		{"add.ftz.f64 %rd1, %rd2, %rd3;", ".ftz and .sat exist only for .f32"},
		{"add %r1, %r2, %r3;", "the type is missing"},
		{"fma.f32 %f1, %f1, %f1, %f1;", "rounding is missing"},
		{"mul.s32 %r1, %r2, %r3;", "one of .lo, .hi, .wide is missing"},
		{"mul.wide.s64 %rd1, %rd2, %rd3;", ".wide does not exist for 64 bits"},
		{"mul.lo.hi.s32 %r1, %r2, %r3;", "exclude each other"},
		{"setp.lt.b32 %p1, %r1, %r2;", "comparison .lt does not exist for type .b32"},
		{"setp.lo.s32 %p1, %r1, %r2;", "comparison .lo does not exist"},
		{"setp.gt.f16 %p1|%p2, %h1, %h2;", "setp of type .f16 has one result"},
		{"setp.gt.f16x2 %p1|%p2, %h1, %h2;", "%h1 has type .b16, which does not fit .f16x2"},
		{"setp.gt.f16x2 %p1|%p2, %r1, 0f3f800000;", "an operand does not fit type .f16x2"},
		{"setp.gt.f16x2 %p1|%p2, %r1, %r2, %p3;", "4 operands, expected 3"},
		{"set.gt.and.f16x2.f16x2 %r0, %r1, %r2;", "3 operands, expected 4"},
		{"set.gt.f16x2 %r0, %r1, %r2;", "the type is missing"},
		{"set.gt.f32.f16 %f0, %h1, %h2;", "set does not exist from type .f16 to .f32"},
		{"set.gt.ftz.bf16.f32 %h0, %f1, %f2;", ".ftz does not exist for a result of type .bf16"},
		{"setp.eq.s32 %r1, %r1, %r2;", "%r1 has type .b32, which does not fit .pred"},
		{"cvt.s32.f32 %r1, %f1;", "needs .rni, .rzi"},
		{"cvt.f32.s32 %f1, %r1;", "needs .rn, .rz"},
		{"cvt.f32.f64 %f1, %rd1;", "needs .rn"},
		{"ld.global.f32 %f1, %rd1;", "an address in brackets"},
		{"ld.global.f32 %f1, [%r1];", "the address has 32 bits"},
		{"ld.global.v4.f32 {%f1,%f2}, [%rd1];", "2 registers, expected 4"},
		{"ld.global.v4.b64 {%rd0,%rd1,%rd2,%rd3}, [%rd1];", "32 bytes does not exist"},
		{"ld.texture.f32 %f1, [%rd1];", "modifier .texture is not known"},
		{"ld.param.u64 %rd1, [out+4];", "parameter out has 8 bytes"},
		{"ld.global.u64 %rd1, [out];", "variable out is in parameter"},
		{"mov.b32 %r1, %envreg32;", "is not an environment register of 32 bits, 0 to 31"},
		{"vadd.u32.u32.u32 %r1.b4, %r2, %r3, %r0;", "part .b4 of a register is not known here"},
		{"vadd.u32.u32.u32.add %r1.b0, %r2, %r3, %r0;", ".add goes without a part of the result"},
		{"vadd4.u32.u32.u32 %r1, %r2.b87, %r3, %r0;", "part .b87 of a register is not known here"},
		{"vadd4.u32.u32.u32 %r1, %r2.b76, %r3, %r0;", "part .b76 of a register needs 4 digits"},
		{"add.s32 %r1.b0, %r2, %r3;", "register %r1.b0 is not known"},
		{"add.s32 %r1, -%r2, %r3;", "! or - stands before a register that takes neither"},
		{"mov.u32 %r1, %nosuch;", "register %nosuch is not known"},
		{"mov.u32 %r1, nosuch;", "nosuch is not declared"},
		{"mov.b64 %rd1, {%r1, %r2, %r3};", "3 parts do not make up .b64"},
		{"{ .param .b32 a; mov.b32 %r1, a; st.param.b32 [a], %r1; }", "the address of a, a parameter of a call, cannot be taken"},
		{"bra nowhere;", "no label nowhere"},
		{"L: L: ret;", "label L is defined twice"},
		{"brx.idx %r1, nowhere;", "no .branchtargets nowhere"},
		{"call nowhere;", "function nowhere is not defined"},
		{"call k;", "k is a kernel"},
		{"@%r1 bra L; L:", "%r1 is not a predicate"},
		{"shfl.sync.up.b32 %r1, %r1, 1, 0;", "4 operands, expected 5"},
		{"lop3.b32 %r1, %r1, %r2, %r3, 256;", "operand 5 must be a number from 0 to 255"},
		{"atom.global.add.b32 %r1, [%rd1], %r2;", "atomic .add does not exist for type .b32"},
		{"atom.local.add.u32 %r1, [%rd1], %r2;", "only on global and shared memory"},
		{"tex.2d.v4.f32.f32 {%f0,%f1,%f2,%f3}, [%rd1, {%f0,%f1}];", "tex: textures are not supported"},
		{"suld.b.2d.b32.trap %r1, [%rd1, {%r2,%r3}];", "suld: surfaces are not supported"},
		{"wgmma.fence.sync.aligned;", "wgmma: products of warp groups are not supported"},
		{"{ .param .b32 r; call (r), cudaLaunchDeviceV2, (r); }", "dynamic parallelism, kernels that call the CUDA runtime, is not supported"},
		{"{ .param .b32 r; call (r), cudaMalloc, (r); }", "cudaMalloc: dynamic parallelism"},
		{"add.s32 %r1, %r2, 1", "expected"},
		{"mov.u32 %r9, 1;", "register %r9 is not known"},
		{"mov.u32 %r1, 12ab;", "malformed number"},
		{".reg .b31 %x;", ".b31"},
	} {
		text := wrap(c.body)
		d := newBench(t, wrap(""), Options{}).device
		before := d.memory.used
		_, err := d.Load(text)
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q: the error is %v, want %q", c.body, err, c.why)
			continue
		}
		if !strings.HasPrefix(err.Error(), "cuda emulator: ptx:") {
			t.Errorf("%q: the error %v does not name the line", c.body, err)
		}
		if d.memory.used != before {
			t.Errorf("%q: the module was not loaded, but its memory is still allocated", c.body)
		}
	}
	for _, c := range []struct{ text, why string }{
		{"", "no .target"},
		{".target sm_70\n.address_size 32", "only 64-bit addresses"},
		{".version 7.8\n.target sm_120\n.entry k() { ret; }", "the PTX is for sm_120"},
		{".target compute_70", `target "compute_70" is not of the form sm_70`},
		{".target sm_x", `target "sm_x" is not of the form sm_70`},
		{".target sm_70\n.entry k() {", "no closing brace"},
		{".target sm_70\n.global .b8 x[99999999999];", "a number up to"},
		{".target sm_70\n.extern .global .b32 x;", "defined in no module"},
		{".target sm_70\n/* open", "comment without an end"},
		{".target sm_70\n.entry k() { ret; }\n.entry k() { ret; }", "k is defined twice"},
		{".target sm_70\n.address_size 64\n.entry k() { ld.global.u32 7, [16]; ret; }", "the result must go to a register"},
		{".target sm_70\n.global .u64 p = nothing;", "no variable nothing in global memory, and no function"},
	} {
		_, err := newBench(t, wrap(""), Options{}).device.Load(c.text)
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q: the error is %v, want %q", c.text, err, c.why)
		}
	}
}

// A kernel that cannot be understood leaves the others of its module alone.
func TestAKernelIsRefusedByItself(t *testing.T) {
	const good = ".visible .entry good(.param .u64 out) { .reg.b64 %p; ld.param.u64 %p, [out]; st.global.u32 [%p], 7; ret; }\n"
	for _, c := range []struct{ text, why string }{
		{".entry bad() { frobnicate.s32 r1; ret; }", "r1 is not declared"},
		{".entry bad() { { .reg .b32 %r; frobnicate.s32 {%r, %r}; } ret; }", "instruction frobnicate is not known"},
		{".entry bad() { bra nowhere; }", "no label nowhere"},
		{".entry bad(.param .texref t) { ret; }", ".texref: textures and surfaces are not supported"},
		{".global .texref t;\n.entry bad() { .reg .f32 %f; tex.1d.v4.f32.f32 {%f, %f, %f, %f}, [t, {%f}]; ret; }", "tex: textures are not supported"},
		{".global .surfref s;\n.entry bad() { .reg .b32 %r; suld.b.1d.b32.trap {%r}, [s, {%r}]; ret; }", "suld: surfaces are not supported"},
		{".entry bad() .nosuch 3 { ret; }", `".nosuch" is not a known directive of a function`},
		{".func f() { frobnicate; }\n.entry bad() { call f; ret; }", "instruction frobnicate is not known"},
		{".func f() { frobnicate r; }\n.entry bad() { call f; ret; }", "r is not declared"},
		{".entry bad() { \"}\" ret; }", "expected a name"},
	} {
		for _, text := range []string{c.text + "\n" + good, good + c.text} {
			b := newBench(t, wrap(""), Options{})
			m, err := b.device.Load(".version 7.8\n.target sm_70\n.address_size 64\n" + text)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if _, err := b.device.Function(m, "bad"); err == nil || !strings.Contains(err.Error(), "kernel bad cannot be loaded: cuda emulator: ptx:") || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%s: the error is %v, want %q", text, err, c.why)
			}
			f, err := b.device.Function(m, "good")
			if err != nil {
				t.Fatal(err)
			}
			out := b.alloc(4)
			b.must(b.device.Launch(f, dim(1), dim(1), 0, 0, []uint64{uint64(out)}))
			compareExactly(t, text, download[uint32](b, out, 1), []uint32{7})
		}
	}
}

func TestPTXIsFresh(t *testing.T) {
	sources, err := filepath.Glob("testdata/*.cu")
	if err != nil || len(sources) < 7 {
		t.Fatalf("%d sources, %v", len(sources), err)
	}
	for _, name := range append(sources, "../../examples/kernel/reduce.cu") {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(strings.TrimSuffix(name, ".cu") + ".ptx")
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		if want := fmt.Sprintf("source sha256 %x", sha256.Sum256(source)); !strings.HasSuffix(first, want) {
			t.Errorf("the PTX of %s is stale: run testdata/build.sh", name)
		}
	}
}

func TestLoadErrorNamesLineAndText(t *testing.T) {
	_, err := newBench(t, wrap(""), Options{}).device.Load(wrap("\n\nadd.s32 %r1,   %r2; // too few"))
	want := "cuda emulator: ptx:13: add.s32 %r1, %r2;: 2 operands, expected 3"
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v\nwant %s", err, want)
	}
}

func TestVariables(t *testing.T) {
	text := `.version 7.8
.target sm_70
.address_size 64
.global .align 4 .f32 numbers[2][2] = {{1.5, 0f40000000}, {-3.0, 4.0}};
.global .u64 pointer = generic(numbers)+8;
.const .align 4 .s32 fixed[4] = {1, -2};
.visible .entry k(.param .u64 out)
{
	.reg .f32 %f; .reg .b32 %r; .reg .b64 %rd, %p;
	ld.param.u64 %rd, [out];
	ld.global.u64 %p, [pointer];
	ld.f32 %f, [%p+4];
	st.global.f32 [%rd], %f;
	ld.const.s32 %r, [fixed+4];
	st.global.s32 [%rd+4], %r;
	ld.const.s32 %r, [fixed+8];
	st.global.s32 [%rd+8], %r;
	ld.global.f32 %f, [numbers+8];
	st.global.f32 [%rd+12], %f;
	ret;
}
.visible .entry overwrite()
{
	.reg .b64 %p;
	mov.u64 %p, fixed;
	st.global.u32 [%p+4], 1;
	ret;
}`
	b := newBench(t, text, Options{})
	out := b.alloc(16)
	b.must(b.launch("k", dim(1), dim(1), 0, out))
	compareExactly(t, "variables", download[uint32](b, out, 4),
		[]uint32{uint32(bits32(4)), 0xfffffffe, 0, uint32(bits32(-3))})
	checkReport(t, b.launch("overwrite", dim(1), dim(1), 0), ReadOnly, "variable fixed of 16 bytes")
}

func TestStateSpaces(t *testing.T) {
	op(`{ .shared .b32 s; .local .b32 l; .reg .b64 %p; .reg .pred %x, %y;
	mov.u64 %p, s; cvta.shared.u64 %p, %p; isspacep.shared %x, %p;
	mov.u64 %p, l; cvta.local.u64 %p, %p; st.u32 [%p], %a; ld.local.u32 %q, [l]; isspacep.local %y, %p;
	and.pred %x, %x, %y; isspacep.global %y, %p; not.pred %y, %y; and.pred %d, %x, %y; } | pred u32 u32`,
		in2(1, 42, 42), in2(1, 43, 43)).test(t)
}

// Cache hints change no result.
func TestCacheHints(t *testing.T) {
	op(`{ .shared .b32 s[32]; .reg .b32 %s; .reg .b64 %p; cvta.to.global.u64 %p, %in;
	ld.global.L1::no_allocate.L2::128B.u32 %d, [%p];
	mov.u32 %s, s;
	mad.lo.u32 %s, %i, 4, %s;
	cp.async.ca.shared.global.L2::64B [%s], [%p], 4;
	cp.async.wait_all;
	ld.shared.u32 %q, [%s]; } | u32 u32 u32`,
		in2(42, 42, 42), in2(43, 43, 43)).test(t)
}

func TestFunctions(t *testing.T) {
	text := `.version 7.8
.target sm_70
.address_size 64
.func (.param .b32 result) twice(.param .b32 x)
{
	.reg .b32 %r<3>; .reg .pred %p;
	ld.param.b32 %r1, [x];
	setp.lt.s32 %p, %r1, 16;
	@%p bra small;
	add.s32 %r2, %r1, 1000;
	st.param.b32 [result], %r2;
	ret;
small:
	shl.b32 %r2, %r1, 1;
	st.param.b32 [result], %r2;
	ret;
}
.visible .entry k(.param .u64 out)
{
	.reg .b32 %r<6>; .reg .b64 %rd<4>; .reg .pred %p;
	mov.u32 %r1, %tid.x;
	mov.u32 %r2, 7;
	setp.ge.u32 %p, %r1, 8;
	@!%p bra done;
	{
		.param .b32 a; .param .b32 r;
		st.param.b32 [a], %r1;
		call.uni (r), twice, (a);
		ld.param.b32 %r2, [r];
	}
done:
	activemask.b32 %r3;
	ld.param.u64 %rd1, [out];
	mul.wide.u32 %rd2, %r1, 8;
	add.s64 %rd1, %rd1, %rd2;
	st.global.v2.u32 [%rd1], {%r2, %r3};
	ret;
}`
	b := newBench(t, text, Options{})
	out := b.alloc(32 * 8)
	b.must(b.launch("k", dim(1), dim(32), 0, out))
	var want []uint32
	for i := range uint32(32) {
		switch {
		case i < 8:
			want = append(want, 7, 1<<32-1)
		case i < 16:
			want = append(want, 2*i, 1<<32-1)
		default:
			want = append(want, i+1000, 1<<32-1)
		}
	}
	compareExactly(t, "functions", download[uint32](b, out, 64), want)
}

// FuzzLoad feeds arbitrary text to the loader. What the loader accepts, it runs for a
// few instructions. With go test -fuzz, the flag -fuzzminimizetime 10x keeps Go from
// spending a minute on making each find smaller.
func FuzzLoad(f *testing.F) {
	f.Add(basicPTX)
	f.Add(badPTX)
	f.Add(tensorPTX)
	f.Add(builtinPTX)
	f.Add(callsPTX)
	f.Add(linesPTX)
	f.Add(wmmaPTX)
	f.Add(gridPTX)
	f.Add(mbarrierPTX)
	f.Add(wrap("L: bra L;"))
	f.Add(wrap("bar.sync 3; @%p1 exit; st.global.u32 [%rd1], %r1;"))
	f.Add(wrap("mov.u32 %r1, %tid.x; setp.gt.u32 %p1, %r1, 9; @%p1 bra L; barrier.sync 3; barrier.sync 3; L: barrier.sync 3;"))
	f.Add(wrap("{ .shared .b32 s[7]; .local .b8 l[3]; ld.local.u8 %r1, [l+2]; }"))
	f.Add(wrap("mov.u32 %r1, %tid.x; setp.gt.and.ftz.f16x2 %p1|%p2, %r1, %r1, !%p0; set.le.f16x2.f16x2 %r2, %r1, %r1;"))
	for _, o := range integerOperations {
		f.Add(wrap(o.text + ";"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		driver, err := New(Options{Budget: 2000, Memory: 1 << 22, Workers: 1, Output: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		opened, err := driver.Open(0)
		if err != nil {
			t.Fatal(err)
		}
		d := opened.(*Device)
		kernels, inspected := Inspect(text, DefaultGPU())
		m, err := d.Load(text)
		if err != nil {
			return
		}
		if inspected != nil {
			t.Fatalf("it is loaded, but Inspect says %v", inspected)
		}
		p, err := d.Alloc(1 << 10)
		if err != nil {
			return
		}
		for _, k := range kernels {
			fn, err := d.Function(m, k.Symbol)
			if (err == nil) != (k.Refused == nil) {
				t.Errorf("%s: Function says %v, Inspect %v", k.Symbol, err, k.Refused)
			}
			if err != nil {
				continue
			}
			args := make([]uint64, len(d.functions[fn].program.entry.params))
			for i := range args {
				args[i] = uint64(p)
			}
			if err := d.Launch(fn, cuda.Dim3{X: 2, Y: 1, Z: 1}, cuda.Dim3{X: 48, Y: 1, Z: 1}, 64, 0, args); err != nil {
				continue
			}
			if err := d.SyncStream(0); err != nil {
				_ = fmt.Sprint(err)
				return
			}
		}
	})
}

// Drivers share what they compile, but not with a GPU that cannot execute it, nor with a
// driver that perturbs it.
func TestCompilationsAreShared(t *testing.T) {
	load := func(o Options, ptx string) ([]*program, error) {
		driver, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		device, err := driver.Open(0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := device.Load(ptx); err != nil {
			return nil, err
		}
		return driver.remembered(ptx), nil
	}
	const ptx = ".version 7.8\n.target sm_80\n.address_size 64\n.visible .entry shared() { ret; }"
	first, err := load(Options{GPU: "A100"}, ptx)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := load(Options{GPU: "A100"}, ptx); err != nil || again[0] != first[0] {
		t.Errorf("a second driver compiles again, error %v", err)
	}
	if perturbed, err := load(Options{GPU: "A100", Perturb: 1}, ptx); err != nil || perturbed[0].perturb != 1 {
		t.Errorf("a driver that perturbs has the program of one that does not, error %v", err)
	}
	if _, err := load(Options{GPU: "T4"}, ptx); err == nil || !strings.Contains(err.Error(), "the PTX is for sm_80") {
		t.Errorf("on a T4: error %v", err)
	}
	for i := range 2 * maxCompilations {
		if _, err := load(Options{}, fmt.Sprintf("%s // %d", ptx, i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(compilations) > maxCompilations {
		t.Errorf("%d compilations are kept", len(compilations))
	}
}
