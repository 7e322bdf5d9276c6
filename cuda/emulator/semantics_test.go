package emulator

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// An operation is an instruction under test: its text with the registers %d (the
// result), %q (a second one), %a, %b, %c, %e, and their kinds in that order.
// Each case runs in a thread of its own.
type operation struct {
	text    string
	kinds   map[byte]kind
	cases   []opCase
	options Options
}

type opCase struct {
	in   []uint64 // a, b, c, e
	want uint64   // bits of %d; those of %q, if there is one, in want2
	q    uint64
}

// op reads "add.s32 %d, %a, %b | s32 s32 s32": kinds of d, a, b, ... or of d, q,
// a, ... if %q occurs.
func op(spec string, cases ...opCase) operation {
	text, list, ok := strings.Cut(spec, " | ")
	if !ok {
		panic(spec)
	}
	o := operation{text: text, kinds: map[byte]kind{}, cases: cases}
	names := "dabce"
	if strings.Contains(text, "%q") {
		names = "dqabce"
	}
	for i, word := range strings.Fields(list) {
		o.kinds[names[i]] = kinds[word]
	}
	return o
}

func in(want uint64, operands ...uint64) opCase { return opCase{in: operands, want: want} }

func in2(want, q uint64, operands ...uint64) opCase { return opCase{in: operands, want: want, q: q} }

func bits32(f float32) uint64 { return uint64(math.Float32bits(f)) }

func bits64(f float64) uint64 { return math.Float64bits(f) }

// run executes the operation and returns the bits of %d and %q in each case.
func (o operation) run(t testing.TB) (d, q []uint64) {
	t.Helper()
	var body strings.Builder
	body.WriteString(".version 7.8\n.target sm_80\n.address_size 64\n.visible .entry op(.param .u64 out, .param .u64 in, .param .u32 n)\n{\n")
	body.WriteString(".reg .pred %go;\n.reg .b32 %i, %n, %w;\n.reg .b64 %out, %in, %x;\n")
	for _, name := range []byte("dqabce") {
		if k, ok := o.kinds[name]; ok {
			fmt.Fprintf(&body, ".reg %v %%%c;\n", storage(k), name)
		}
	}
	body.WriteString("ld.param.u64 %out, [out];\nld.param.u64 %in, [in];\nld.param.u32 %n, [n];\n")
	body.WriteString("mov.u32 %i, %tid.x;\nmov.u32 %w, %ctaid.x;\nshl.b32 %w, %w, 5;\nadd.s32 %i, %i, %w;\n")
	body.WriteString("setp.ge.u32 %go, %i, %n;\n@%go exit;\n")
	body.WriteString("mul.wide.u32 %x, %i, 32;\nadd.s64 %in, %in, %x;\nmul.wide.u32 %x, %i, 16;\nadd.s64 %out, %out, %x;\n")
	for i, name := range []byte("abce") {
		if k, ok := o.kinds[name]; ok {
			fmt.Fprintf(&body, "ld.global.u64 %%x, [%%in+%d];\n%s", 8*i, fromX(k, name))
		}
	}
	body.WriteString(o.text + ";\n")
	for i, name := range []byte("dq") {
		if k, ok := o.kinds[name]; ok {
			fmt.Fprintf(&body, "%sst.global.u64 [%%out+%d], %%x;\n", toX(k, name), 8*i)
		}
	}
	body.WriteString("ret;\n}\n")

	b := newBench(t, body.String(), o.options)
	operands := make([]uint64, 4*len(o.cases))
	for i, c := range o.cases {
		copy(operands[4*i:], c.in)
	}
	out := upload(b, make([]uint64, 2*len(o.cases)))
	b.must(b.launch("op", dim((len(o.cases)+31)/32), dim(32), 0, out, upload(b, operands), len(o.cases)))
	all := download[uint64](b, out, 2*len(o.cases))
	for i := range o.cases {
		d, q = append(d, all[2*i]), append(q, all[2*i+1])
	}
	return d, q
}

// storage is the type of a register that holds kind k.
func storage(k kind) kind {
	switch {
	case k == pred || k == f32 || k == f64:
		return k
	case k.size() == 2:
		return b16
	case k.size() == 4:
		return b32
	case k.size() == 1:
		return b16
	}
	return b64
}

func fromX(k kind, name byte) string {
	switch {
	case k == pred:
		return fmt.Sprintf("setp.ne.u64 %%%c, %%x, 0;\n", name)
	case k.size() <= 2:
		return fmt.Sprintf("cvt.u16.u64 %%%c, %%x;\n", name)
	case k == f32:
		return fmt.Sprintf("cvt.u32.u64 %%w, %%x;\nmov.b32 %%%c, %%w;\n", name)
	case k.size() == 4:
		return fmt.Sprintf("cvt.u32.u64 %%%c, %%x;\n", name)
	}
	return fmt.Sprintf("mov.b64 %%%c, %%x;\n", name)
}

func toX(k kind, name byte) string {
	switch {
	case k == pred:
		return fmt.Sprintf("selp.u64 %%x, 1, 0, %%%c;\n", name)
	case k.size() <= 2:
		return fmt.Sprintf("cvt.u64.u16 %%x, %%%c;\n", name)
	case k == f32:
		return fmt.Sprintf("mov.b32 %%w, %%%c;\ncvt.u64.u32 %%x, %%w;\n", name)
	case k.size() == 4:
		return fmt.Sprintf("cvt.u64.u32 %%x, %%%c;\n", name)
	}
	return fmt.Sprintf("mov.b64 %%x, %%%c;\n", name)
}

// test runs the cases in a part of a warp, and then, repeated, in a whole one:
// the commonest instructions have a loop of their own for that.
func (o operation) test(t *testing.T) {
	t.Helper()
	o.compare(t)
	n := len(o.cases)
	o.cases = slices.Repeat(o.cases, 32)[:32*((n+31)/32)]
	o.compare(t)
}

func (o operation) compare(t *testing.T) {
	t.Helper()
	d, q := o.run(t)
	_, hasQ := o.kinds['q']
	for i, c := range o.cases {
		if d[i] != c.want || hasQ && q[i] != c.q {
			t.Errorf("%s of %#x is %#x (%#x), want %#x (%#x)", o.text, c.in, d[i], q[i], c.want, c.q)
		}
	}
}

const (
	ones32 = math.MaxUint32
	ones64 = math.MaxUint64
	min32  = 1 << 31
	min64  = 1 << 63
)

// The wanted values are worked out by hand from the definitions in the PTX ISA.
var integerOperations = []operation{
	op("add.s32 %d, %a, %b | s32 s32 s32", in(1, ones32, 2), in(min32, min32-1, 1)),
	op("add.sat.s32 %d, %a, %b | s32 s32 s32", in(min32-1, min32-1, 1), in(min32, min32, ones32), in(3, 1, 2)),
	op("sub.sat.s32 %d, %a, %b | s32 s32 s32", in(min32, min32, 1), in(min32-1, 0, min32)),
	op("add.u16 %d, %a, %b | u16 u16 u16", in(1, 0xffff, 2)),
	op("sub.u64 %d, %a, %b | u64 u64 u64", in(ones64, 1, 2)),
	op("mul.lo.s32 %d, %a, %b | s32 s32 s32", in(0xfffffffa, 0xfffffffd, 2)),
	op("mul.hi.s32 %d, %a, %b | s32 s32 s32", in(ones32, 0xfffffffd, 2), in(0x40000000, min32, min32)),
	op("mul.hi.u32 %d, %a, %b | u32 u32 u32", in(0xfffffffe, ones32, ones32)),
	op("mul.hi.s64 %d, %a, %b | s64 s64 s64", in(ones64, ones64, 5), in(1<<62, min64, min64), in(0, ones64, ones64), in(2, 1<<62, 8)),
	op("mul.hi.u64 %d, %a, %b | u64 u64 u64", in(ones64-1, ones64, ones64)),
	op("mul.hi.u16 %d, %a, %b | u16 u16 u16", in(0xfffe, 0xffff, 0xffff)),
	op("mul.wide.s16 %d, %a, %b | s32 s16 s16", in(0xfffffffa, 0xfffd, 2)),
	op("mul.wide.s32 %d, %a, %b | s64 s32 s32", in(^uint64(5), 0xfffffffd, 2)),
	op("mul.wide.u32 %d, %a, %b | u64 u32 u32", in(0xfffffffe00000001, ones32, ones32)),
	op("mad.lo.u32 %d, %a, %b, %c | u32 u32 u32 u32", in(17, 3, 4, 5)),
	op("mad.hi.u32 %d, %a, %b, %c | u32 u32 u32 u32", in(1, 1<<31, 4, ones32)),
	op("mad.hi.sat.s32 %d, %a, %b, %c | s32 s32 s32 s32", in(min32-1, min32, min32, 0x7ffffff0)),
	op("mad.wide.s32 %d, %a, %b, %c | s64 s32 s32 s64", in(0, ones32, 7, 7)),
	op("mul24.lo.s32 %d, %a, %b | s32 s32 s32", in(0xfffffffe, 0x00ffffff, 2)), // -1·2
	op("mul24.hi.u32 %d, %a, %b | u32 u32 u32", in(0xfffffe00, 0xffffff, 0xffffff)),
	op("mad24.lo.u32 %d, %a, %b, %c | u32 u32 u32 u32", in(0x1fffffd+1, 0xffffffff, 2, 0), in(7, 2, 3, 1)),
	op("div.s32 %d, %a, %b | s32 s32 s32", in(0xfffffffd, 0xfffffff9, 2), in(min32, min32, ones32)),
	op("div.u64 %d, %a, %b | u64 u64 u64", in(0x5555555555555555, ones64, 3)),
	op("rem.s32 %d, %a, %b | s32 s32 s32", in(ones32, 0xfffffff9, 2), in(1, 7, 0xfffffffe)),
	op("rem.u32 %d, %a, %b | u32 u32 u32", in(1, 0xfffffff9, 2)),
	op("abs.s32 %d, %a | s32 s32", in(5, 0xfffffffb), in(min32, min32)),
	op("neg.s64 %d, %a | s64 s64", in(ones64, 1), in(min64, min64)),
	op("min.s32 %d, %a, %b | s32 s32 s32", in(ones32, ones32, 1)),
	op("min.u32 %d, %a, %b | u32 u32 u32", in(1, ones32, 1)),
	op("max.s64 %d, %a, %b | s64 s64 s64", in(1, ones64, 1)),
	op("max.u16 %d, %a, %b | u16 u16 u16", in(0xffff, 0xffff, 1)),
	op("max.s16 %d, %a, %b | s16 s16 s16", in(1, 0xffff, 1)),
	op("sad.s32 %d, %a, %b, %c | s32 s32 s32 s32", in(13, ones32, 2, 10)),
	op("sad.u32 %d, %a, %b, %c | u32 u32 u32 u32", in(ones32-2+10-(1<<32), ones32, 2, 10)),
	op("{ add.cc.u32 %d, %a, %b; addc.u32 %q, %c, %e; } | u32 u32 u32 u32 u32 u32",
		in2(0, 6, ones32, 1, 2, 3), in2(3, 5, 1, 2, 2, 3)),
	op("{ sub.cc.u32 %d, %a, %b; subc.u32 %q, %c, %e; } | u32 u32 u32 u32 u32 u32",
		in2(ones32, 1, 1, 2, 5, 3), in2(1, 2, 3, 2, 5, 3)),
	op("{ add.cc.u64 %d, %a, %b; addc.u64 %q, %c, %e; } | u64 u64 u64 u64 u64 u64", in2(0, 6, ones64, 1, 2, 3)),
	op("{ mad.lo.cc.u32 %d, %a, %b, %c; madc.hi.u32 %q, %a, %b, %e; } | u32 u32 u32 u32 u32 u32",
		in2(0, ones32, ones32, ones32, ones32, 0)), // (2^32-1)^2 + 2^32-1 = (2^32-1)·2^32
	op("dp4a.s32.s32 %d, %a, %b, %c | s32 b32 b32 s32", in(100-1*1-2*2+3*3+4*4, 0x0403feff, 0x04030201, 100)),
	op("dp4a.u32.s32 %d, %a, %b, %c | s32 b32 b32 s32", in(0xffffff01, 0xff, 0xff, 0)), // 255·(-1)
	op("dp2a.lo.u32.u32 %d, %a, %b, %c | u32 b32 b32 u32", in(1+2*5+3*7, 0x00030002, 0x63630705, 1)),
	op("dp2a.hi.s32.u32 %d, %a, %b, %c | s32 b32 b32 s32", in(3*7-2*5, 0x0003fffe, 0x07056363, 0)),
}

var bitOperations = []operation{
	op("and.b32 %d, %a, %b | b32 b32 b32", in(0x0f00, 0xff00, 0x0ff0)),
	op("or.b64 %d, %a, %b | b64 b64 b64", in(0xf00000000000000f, 0xf000000000000000, 0xf)),
	op("xor.b16 %d, %a, %b | b16 b16 b16", in(0xf0f0, 0xffff, 0x0f0f)),
	op("not.b32 %d, %a | b32 b32", in(0xffff0000, 0xffff)),
	op("not.b16 %d, %a | b16 b16", in(0xff00, 0xff)),
	op("cnot.b32 %d, %a | b32 b32", in(1, 0), in(0, 7)),
	op("and.pred %d, %a, %b | pred pred pred", in(1, 1, 1), in(0, 1, 0)),
	op("xor.pred %d, %a, !%b | pred pred pred", in(1, 1, 1), in(0, 1, 0)),
	op("not.pred %d, %a | pred pred", in(0, 1), in(1, 0)),
	// The table is f(0xF0, 0xCC, 0xAA): (a & b) ^ c = 0xC0 ^ 0xAA.
	op("lop3.b32 %d, %a, %b, %c, 106 | b32 b32 b32 b32", in(0xff00ff00&0xf0f0f0f0^0x12345678, 0xff00ff00, 0xf0f0f0f0, 0x12345678)),
	op("lop3.b32 %d, %a, %b, %c, 128 | b32 b32 b32 b32", in(4, 7, 12, 0x84)),
	op("shl.b32 %d, %a, %b | b32 b32 u32", in(min32, 1, 31), in(0, 1, 32), in(0, 1, 1<<31)),
	op("shl.b64 %d, %a, %b | b64 b64 u32", in(min64, 1, 63), in(0, 1, 64)),
	op("shl.b16 %d, %a, %b | b16 b16 u32", in(0x8000, 1, 15), in(0, 1, 16)),
	op("shr.u32 %d, %a, %b | u32 u32 u32", in(1, min32, 31), in(0, min32, 32)),
	op("shr.s32 %d, %a, %b | s32 s32 u32", in(ones32, min32, 31), in(ones32, min32, 99), in(0, 1, 99)),
	op("shr.s64 %d, %a, %b | s64 s64 u32", in(ones64, min64, 64)),
	op("shr.s16 %d, %a, %b | s16 s16 u32", in(0xfffc, 0x8000, 13)),
	op("shf.l.wrap.b32 %d, %a, %b, %c | b32 b32 b32 u32", in(0x6789abcd, 0xabcdef01, 0x23456789, 16), in(0x23456789, 0xabcdef01, 0x23456789, 32)),
	op("shf.l.clamp.b32 %d, %a, %b, %c | b32 b32 b32 u32", in(0xabcdef01, 0xabcdef01, 0x23456789, 33), in(0xabcdef01, 0xabcdef01, 0x23456789, 32)),
	op("shf.r.wrap.b32 %d, %a, %b, %c | b32 b32 b32 u32", in(0x6789abcd, 0xabcdef01, 0x23456789, 48)),
	op("shf.r.clamp.b32 %d, %a, %b, %c | b32 b32 b32 u32", in(0x23456789, 0xabcdef01, 0x23456789, 48), in(0x9abcdef0, 0xabcdef01, 0x23456789, 4)),
	op("popc.b32 %d, %a | u32 b32", in(32, ones32), in(0, 0)),
	op("popc.b64 %d, %a | u32 b64", in(64, ones64)),
	op("clz.b32 %d, %a | u32 b32", in(32, 0), in(0, min32), in(31, 1)),
	op("clz.b64 %d, %a | u32 b64", in(64, 0), in(63, 1)),
	op("bfind.u32 %d, %a | u32 u32", in(ones32, 0), in(31, ones32), in(4, 16)),
	op("bfind.s32 %d, %a | u32 s32", in(ones32, 0), in(ones32, ones32), in(2, 0xfffffffb), in(30, min32)),
	op("bfind.shiftamt.u32 %d, %a | u32 u32", in(ones32, 0), in(27, 16)),
	op("bfind.s64 %d, %a | u32 s64", in(62, min64), in(ones32, ones64)),
	op("fns.b32 %d, %a, %b, %c | b32 b32 b32 s32",
		in(5, 0x24, 3, 1), in(2, 0x24, 3, ones32), in(ones32, 0x24, 3, 2), in(2, 0x24, 2, 0), in(ones32, 0x24, 3, 0), in(5, 0x24, 0, 2)),
	op("brev.b32 %d, %a | b32 b32", in(min32, 1), in(0x1e6a2c48, 0x12345678)),
	op("brev.b64 %d, %a | b64 b64", in(min64, 1)),
	op("bfe.u32 %d, %a, %b, %c | u32 u32 u32 u32", in(0x56, 0x12345678, 8, 8), in(0, 0x12345678, 8, 0), in(0x12, 0x12345678, 24, 16), in(0, ones32, 40, 4), in(0x12345678, 0x12345678, 0, 255), in(0x78, 0x12345678, 256, 8)),
	op("bfe.s32 %d, %a, %b, %c | s32 s32 u32 u32", in(0xffffffab, 0x0000ab00, 8, 8), in(0x2b, 0x0000ab00, 8, 7), in(0xfffffffa, 0xa0000000, 28, 4), in(0xfffffffa, 0xa0000000, 28, 20), in(ones32, min32, 40, 4), in(0, 1, 40, 4)),
	op("bfe.u64 %d, %a, %b, %c | u64 u64 u32 u32", in(0xabc, 0xabc0000000000, 40, 12)),
	op("bfe.s64 %d, %a, %b, %c | s64 s64 u32 u32", in(^uint64(0x543), 0xabc0000000000, 40, 12)),
	op("bfi.b32 %d, %a, %b, %c, %e | b32 b32 b32 u32 u32", in(0x1234ab78, 0xffab, 0x12345678, 8, 8), in(0x12345678, 0xff, 0x12345678, 8, 0), in(0xff345678, 0xffff, 0x12345678, 24, 99), in(5, 0xff, 5, 32, 4)),
	op("bfi.b64 %d, %a, %b, %c, %e | b64 b64 b64 u32 u32", in(0xffffff00000000ff, 0, ones64, 8, 32), in(7, 7, 5, 0, 64)),
	op("szext.clamp.s32 %d, %a, %b | s32 s32 u32", in(0xffffff80, 0x180, 8), in(0x180, 0x180, 32), in(0x180, 0x180, 10)),
	op("szext.wrap.u32 %d, %a, %b | u32 u32 u32", in(0x80, 0x180, 40)),
	op("szext.clamp.s32 %d, %a, %b | s32 s32 u32", in(0, ones32, 0)),
	op("szext.wrap.s32 %d, %a, %b | s32 s32 u32", in(0, ones32, 32)),
	op("bmsk.clamp.b32 %d, %a, %b | b32 u32 u32", in(0xff0, 4, 8), in(0xf0000000, 28, 20), in(0, 32, 4), in(ones32, 0, 32)),
	op("bmsk.wrap.b32 %d, %a, %b | b32 u32 u32", in(0xff0, 36, 40), in(0, 0, 32)),
	// The bytes of b:a are 7 to 0.
	op("prmt.b32 %d, %a, %b, %c | b32 b32 b32 b32",
		in(0x07000306, 0x03020100, 0x07060504, 0x7036), in(0x76543210, 0x76543210, 0, 0x3210),
		in(0x00ff0080, 0x0000807f, 0, 0x2981)), // selectors 9 and 8 replicate the signs of bytes 1 and 0
	op("prmt.b32.f4e %d, %a, %b, %c | b32 b32 b32 b32", in(0x05040302, 0x03020100, 0x07060504, 2)),
	op("prmt.b32.b4e %d, %a, %b, %c | b32 b32 b32 b32", in(0x07000102, 0x03020100, 0x07060504, 2)),
	op("prmt.b32.rc8 %d, %a, %b, %c | b32 b32 b32 b32", in(0x02020202, 0x03020100, 0x07060504, 2)),
	op("prmt.b32.ecl %d, %a, %b, %c | b32 b32 b32 b32", in(0x03020202, 0x03020100, 0x07060504, 2)),
	op("prmt.b32.ecr %d, %a, %b, %c | b32 b32 b32 b32", in(0x02020100, 0x03020100, 0x07060504, 2)),
	op("prmt.b32.rc16 %d, %a, %b, %c | b32 b32 b32 b32", in(0x01000100, 0x03020100, 0x07060504, 2), in(0x03020302, 0x03020100, 0x07060504, 1)),
}

var (
	inf32, nan = bits32(float32(math.Inf(1))), uint64(0x7fc01234)
	tiny       = bits32(math.SmallestNonzeroFloat32)
	largest    = bits32(math.MaxFloat32)
)

var floatOperations = []operation{
	op("add.f32 %d, %a, %b | f32 f32 f32", in(bits32(3.5), bits32(1.25), bits32(2.25)), in(nan32, nan, bits32(1)), in(nan32, inf32, inf32|min32), in(2, tiny, tiny)),
	op("add.ftz.f32 %d, %a, %b | f32 f32 f32", in(0, tiny, tiny), in(min32, tiny|min32, min32), in(bits32(1), tiny, bits32(1)), in(min32, bits32(0x1p-126), bits32(-0x1.8p-126))),
	op("add.sat.f32 %d, %a, %b | f32 f32 f32", in(bits32(1), bits32(1), bits32(2)), in(0, bits32(1), bits32(-2)), in(0, nan, bits32(1)), in(bits32(0.5), bits32(0.25), bits32(0.25))),
	op("sub.rm.f32 %d, %a, %b | f32 f32 f32", in(min32, bits32(1), bits32(1))),
	op("sub.rn.f32 %d, %a, %b | f32 f32 f32", in(0, bits32(1), bits32(1))),
	op("mul.ftz.f32 %d, %a, %b | f32 f32 f32", in(min32, bits32(0x1p-100), bits32(-0x1p-40)), in(0, tiny, bits32(0x1p100))),
	op("mul.rp.f32 %d, %a, %b | f32 f32 f32", in(inf32, largest, bits32(2)), in(largest|min32, largest, bits32(-2)), in(tiny, tiny, bits32(0.25))),
	op("mul.rz.f32 %d, %a, %b | f32 f32 f32", in(largest, largest, bits32(2)), in(0, tiny, bits32(0.75))),
	op("fma.rn.f32 %d, %a, %b, %c | f32 f32 f32 f32", in(nan32, inf32, 0, bits32(1)), in(inf32, largest, bits32(2), bits32(1)), in(largest, largest, bits32(2), largest|min32)),
	op("fma.rn.ftz.sat.f32 %d, %a, %b, %c | f32 f32 f32 f32", in(bits32(1), bits32(2), bits32(2), bits32(2)), in(0, tiny, bits32(0x1p120), 0)),
	op("abs.f32 %d, %a | f32 f32", in(bits32(2), bits32(-2))),
	op("neg.ftz.f32 %d, %a | f32 f32", in(min32, tiny)),
	op("min.f32 %d, %a, %b | f32 f32 f32", in(bits32(1), nan, bits32(1)), in(nan32, nan, nan), in(min32, 0, min32), in(min32, min32, 0)),
	op("max.f32 %d, %a, %b | f32 f32 f32", in(bits32(1), bits32(1), nan), in(0, 0, min32)),
	op("max.NaN.f32 %d, %a, %b | f32 f32 f32", in(nan32, bits32(1), nan)),
	op("min.xorsign.abs.f32 %d, %a, %b | f32 f32 f32", in(bits32(-1), bits32(-3), bits32(1))),
	op("copysign.f32 %d, %a, %b | f32 f32 f32", in(bits32(-3), bits32(-1), bits32(3))),
	op("testp.subnormal.f32 %d, %a | pred f32", in(1, tiny), in(0, 0), in(0, bits32(1))),
	op("testp.notanumber.f64 %d, %a | pred f64", in(1, nan64), in(0, bits64(1))),
	op("div.rn.f32 %d, %a, %b | f32 f32 f32", in(bits32(1.0/3), bits32(1), bits32(3)), in(inf32, bits32(1), 0), in(nan32, 0, 0)),
	op("rcp.rn.f32 %d, %a | f32 f32", in(bits32(0.125), bits32(8)), in(inf32|min32, min32)),
	op("sqrt.rn.f32 %d, %a | f32 f32", in(min32, min32), in(nan32, bits32(-1)), in(inf32, inf32)),
	op("rsqrt.approx.f32 %d, %a | f32 f32", in(bits32(0.5), bits32(4)), in(inf32, 0), in(0, inf32), in(nan32, bits32(-1))),
	op("rcp.approx.ftz.f64 %d, %a | f64 f64", in(bits64(0.25), bits64(4)), in(0xfff0000000000000, 1<<63|1), in(0, bits64(math.Inf(1))), in(0x7fffffff00000000, nan64)),
	op("rsqrt.approx.ftz.f64 %d, %a | f64 f64", in(bits64(0.5), bits64(4)), in(0x7ff0000000000000, 1), in(0x7fffffff00000000, bits64(-1))),
	op("ex2.approx.f32 %d, %a | f32 f32", in(bits32(8), bits32(3)), in(0, inf32|min32), in(inf32, inf32), in(bits32(1), 0), in(nan32, nan)),
	op("ex2.approx.ftz.f32 %d, %a | f32 f32", in(0, bits32(-140)), in(bits32(1), tiny)),
	op("lg2.approx.f32 %d, %a | f32 f32", in(bits32(3), bits32(8)), in(inf32|min32, 0), in(nan32, bits32(-1)), in(bits32(-149), tiny)),
	op("sin.approx.f32 %d, %a | f32 f32", in(min32, min32), in(nan32, inf32)),
	op("cos.approx.f32 %d, %a | f32 f32", in(bits32(1), 0)),
	op("tanh.approx.f32 %d, %a | f32 f32", in(bits32(1), inf32), in(0, 0)),
	op("div.approx.f32 %d, %a, %b | f32 f32 f32", in(bits32(2), bits32(6), bits32(3)), in(0, bits32(6), bits32(0x1.8p126)), in(nan32, inf32, bits32(0x1.8p126))),
	op("div.full.f32 %d, %a, %b | f32 f32 f32", in(bits32(1), bits32(0x1.8p126), bits32(0x1.8p126))),
	op("add.f64 %d, %a, %b | f64 f64 f64", in(bits64(0.30000000000000004), bits64(0.1), bits64(0.2))),
	op("fma.rz.f64 %d, %a, %b, %c | f64 f64 f64 f64", in(bits64(math.MaxFloat64), bits64(math.MaxFloat64), bits64(2), bits64(1))),
	op("min.f64 %d, %a, %b | f64 f64 f64", in(bits64(-1), bits64(-1), nan64)),
	op("slct.f32.s32 %d, %a, %b, %c | f32 f32 f32 s32", in(1, 1, 2, 0), in(2, 1, 2, ones32)),
	op("slct.b32.f32 %d, %a, %b, %c | b32 b32 b32 f32", in(1, 1, 2, min32), in(2, 1, 2, bits32(-1)), in(2, 1, 2, nan)),
	op("selp.b32 %d, %a, %b, %c | b32 b32 b32 pred", in(1, 1, 2, 1), in(2, 1, 2, 0)),
	op("setp.lt.f32 %d|%q, %a, %b | pred pred f32 f32", in2(1, 0, bits32(1), bits32(2)), in2(0, 1, nan, bits32(1))),
	op("setp.ltu.f32 %d, %a, %b | pred f32 f32", in(1, nan, bits32(1)), in(0, bits32(2), bits32(1))),
	op("setp.num.f32 %d, %a, %b | pred f32 f32", in(1, 0, 0), in(0, nan, 0)),
	op("setp.eq.ftz.f32 %d, %a, %b | pred f32 f32", in(1, tiny, min32)),
	op("setp.ne.f64 %d, %a, %b | pred f64 f64", in(0, nan64, nan64), in(1, 0, bits64(1))),
	op("setp.neu.f64 %d, %a, %b | pred f64 f64", in(1, nan64, nan64)),
	op("setp.lo.u32 %d, %a, %b | pred u32 u32", in(1, 1, ones32)),
	op("setp.lt.s32 %d, %a, %b | pred s32 s32", in(1, ones32, 1)),
	op("setp.gt.u16 %d, %a, %b | pred u16 u16", in(1, 0xffff, 1)),
	op("setp.le.and.s64 %d|%q, %a, %b, %c | pred pred s64 s64 pred", in2(1, 0, 1, 1, 1), in2(0, 0, 1, 1, 0), in2(0, 1, 2, 1, 1)),
	op("setp.eq.xor.b32 %d, %a, %b, !%c | pred b32 b32 pred", in(0, 1, 1, 0), in(1, 1, 1, 1)),
	op("set.gt.u32.f32 %d, %a, %b | u32 f32 f32", in(ones32, bits32(2), bits32(1)), in(0, nan, 0)),
	op("set.ge.f32.s32 %d, %a, %b | f32 s32 s32", in(bits32(1), 2, 2)),
}

var convertOperations = []operation{
	op("cvt.rni.s32.f32 %d, %a | s32 f32", in(2, bits32(2.5)), in(4, bits32(3.5)), in(0xfffffffe, bits32(-2.5)), in(0, nan), in(min32-1, bits32(3e9)), in(min32, inf32|min32)),
	op("cvt.rzi.u32.f32 %d, %a | u32 f32", in(2, bits32(2.9)), in(0, bits32(-2)), in(ones32, bits32(1e20)), in(4e9, bits32(4e9))),
	op("cvt.rzi.u32.f64 %d, %a | u32 f64", in(min32, bits64(math.NaN()))),
	op("cvt.rzi.s16.f64 %d, %a | s16 f64", in(0x8000, bits64(math.NaN()))),
	op("cvt.rzi.s64.f32 %d, %a | s64 f32", in(min64, nan)),
	op("cvt.rzi.u64.f16 %d, %a | u64 f16", in(min64, 0x7e00)),
	op("cvt.rzi.u16.f16 %d, %a | u16 f16", in(0, 0x7e00)),
	op("cvt.rmi.s32.f32 %d, %a | s32 f32", in(0xfffffffd, bits32(-2.1)), in(2, bits32(2.9))),
	op("cvt.rpi.s32.f64 %d, %a | s32 f64", in(0xfffffffe, bits64(-2.9)), in(3, bits64(2.1))),
	op("cvt.rzi.s64.f64 %d, %a | s64 f64", in(min64, bits64(-1e30)), in(min64-1, bits64(1e30)), in(ones64, bits64(-1.5))),
	op("cvt.rzi.u64.f32 %d, %a | u64 f32", in(1<<63, bits32(0x1p63)), in(ones64, inf32)),
	op("cvt.rzi.s16.f32 %d, %a | s16 f32", in(0x7fff, bits32(1e6)), in(0x8000, bits32(-1e6))),
	op("cvt.rzi.u8.f32 %d, %a | u8 f32", in(255, bits32(300))),
	op("cvt.rni.f32.f32 %d, %a | f32 f32", in(bits32(2), bits32(2.5)), in(min32, bits32(-0.25))),
	op("cvt.sat.f32.f32 %d, %a | f32 f32", in(bits32(1), bits32(7)), in(0, nan), in(0, min32), in(bits32(0.5), bits32(0.5))),
	op("cvt.ftz.f32.f32 %d, %a | f32 f32", in(min32, tiny|min32)),
	op("cvt.f64.f32 %d, %a | f64 f32", in(bits64(math.SmallestNonzeroFloat32), tiny)),
	op("cvt.rn.f32.f64 %d, %a | f32 f64", in(bits32(0.1), bits64(0.1)), in(inf32, bits64(1e300))),
	op("cvt.rz.f32.f64 %d, %a | f32 f64", in(largest, bits64(1e300))),
	op("cvt.rp.f32.f64 %d, %a | f32 f64", in(tiny, bits64(1e-300)), in(min32, bits64(-1e-300))),
	op("cvt.rn.f32.s32 %d, %a | f32 s32", in(bits32(0x1p24), 1<<24+1), in(bits32(-0x1p31), min32)),
	op("cvt.rp.f32.u32 %d, %a | f32 u32", in(bits32(0x1p24+2), 1<<24+1)),
	op("cvt.rn.f32.u64 %d, %a | f32 u64", in(bits32(0x1p64), ones64), in(bits32(0x1.000002p63), min64+1<<39+1), in(bits32(0x1p63), min64+1<<39)),
	op("cvt.rz.f64.u64 %d, %a | f64 u64", in(bits64(0x1.fffffffffffffp63), ones64)),
	op("cvt.rn.f64.s64 %d, %a | f64 s64", in(bits64(-0x1p63), min64+1)),
	op("cvt.rn.f64.u32 %d, %a | f64 u32", in(bits64(1), 1), in(bits64(0x1.fffffffep31), ones32)),
	op("cvt.rn.f64.s32 %d, %a | f64 s32", in(bits64(-1), ones32)),
	op("cvt.s64.s32 %d, %a | s64 s32", in(ones64, ones32)),
	op("cvt.sat.u64.s32 %d, %a | u64 s32", in(0, ones32), in(5, 5)),
	op("{ .reg .b64 %wide; cvt.s32.s64 %wide, %a; mov.b64 %d, %wide; } | b64 s64", in(ones64, ones32)), // extended to the register
	op("{ .reg .b64 %wide; cvt.u32.s64 %wide, %a; mov.b64 %d, %wide; } | b64 s64", in(ones32, ones64)),
	op("cvt.u64.u32 %d, %a | u64 u32", in(ones32, ones32)),
	op("cvt.u32.u64 %d, %a | u32 u64", in(0x9abcdef0, 0x123456789abcdef0)),
	op("cvt.s16.s8 %d, %a | s16 s8", in(0xff80, 0x180)),
	op("cvt.u16.u8 %d, %a | u16 u8", in(0x80, 0x180)),
	op("cvt.s32.s8 %d, %a | s32 s8", in(0xffffff80, 0x80)),
	op("cvt.s8.s32 %d, %a | s16 s32", in(0xff80, 0x180)), // extended to the register
	op("cvt.u8.u32 %d, %a | u16 u32", in(0x80, 0x180)),
	op("cvt.sat.u8.s32 %d, %a | u16 s32", in(0, ones32), in(255, 256), in(7, 7)),
	op("cvt.sat.s8.s32 %d, %a | s16 s32", in(0xff80, 0xffff0000), in(127, 1000)),
	op("cvt.sat.s32.u32 %d, %a | s32 u32", in(min32-1, ones32)),
	op("cvt.rn.f16.f32 %d, %a | f16 f32", in(0x3c00, bits32(1)), in(0x7c00, bits32(65520)), in(0x7bff, bits32(65519)), in(1, bits32(0x1p-24)), in(0, bits32(0x1p-25)), in(2, bits32(0x1.8p-24)), in(0x7fff, nan)),
	op("cvt.rz.f16.f32 %d, %a | f16 f32", in(0x7bff, bits32(1e9))),
	op("cvt.rn.relu.f16.f32 %d, %a | f16 f32", in(0, bits32(-1)), in(0x3c00, bits32(1))),
	op("cvt.f32.f16 %d, %a | f32 f16", in(bits32(0x1p-24), 1), in(inf32, 0x7c00), in(bits32(-2), 0xc000), in(nan32, 0x7c01)),
	op("cvt.rn.bf16.f32 %d, %a | bf16 f32", in(0x3f80, bits32(1)), in(0x3f80, 0x3f808000), in(0x3f82, 0x3f818000), in(0x7f80, largest)),
	op("cvt.rn.bf16.f16 %d, %a | bf16 f16", in(0x3f80, 0x3c04), in(0x3f82, 0x3c0c), in(0x3380, 1), in(0x7fff, 0x7c01)),
	op("cvt.rz.f16.bf16 %d, %a | f16 bf16", in(0x3c00, 0x3f80), in(0x7bff, 0x7f00), in(0x8000, 0xb300)),
	op("cvt.rn.f16x2.f32 %d, %a, %b | f16x2 f32 f32", in(0x3c004000, bits32(1), bits32(2))),
	op("cvt.rn.bf16x2.f32 %d, %a, %b | bf16x2 f32 f32", in(0x3f804000, bits32(1), bits32(2))),
	op("cvt.rna.tf32.f32 %d, %a | b32 f32", in(0x3f802000, 0x3f801000), in(0x3f800000, 0x3f800fff), in(inf32, inf32)),
	op("add.f16 %d, %a, %b | f16 f16 f16", in(0x4200, 0x3c00, 0x4000), in(0x6800, 0x6800, 0x3c00)), // 2048+1 rounds to even
	op("mul.f16x2 %d, %a, %b | f16x2 f16x2 f16x2", in(0x46004000, 0x40003c00, 0x42004000)),
	op("fma.rn.f16 %d, %a, %b, %c | f16 f16 f16 f16", in(0x6801, 0x3c00, 0x6800, 0x3e00)),
	op("fma.rn.bf16 %d, %a, %b, %c | bf16 bf16 bf16 bf16", in(0x40e0, 0x4000, 0x4040, 0x3f80)),
	op("fma.rn.relu.f16x2 %d, %a, %b, %c | f16x2 f16x2 f16x2 f16x2", in(0x00004200, 0xc0003c00, 0x3c003c00, 0x3c004000)),
	op("neg.f16x2 %d, %a | f16x2 f16x2", in(0xbc003c00, 0x3c00bc00)),
	op("max.f16 %d, %a, %b | f16 f16 f16", in(0x3c00, 0x7e00, 0x3c00)),
	op("mov.b64 %d, {%a, %b} | b64 b32 b32", in(0x0000000200000001, 1, 2)),
	op("mov.b64 {%d, %q}, %a | b32 b32 b64", in2(1, 2, 0x0000000200000001)),
	op("mov.b32 {%d, _}, %a | b16 b32", in(0x5678, 0x12345678)),
	op("mov.b32 %d, {%a, %b} | b32 b16 b16", in(0x12345678, 0x5678, 0x1234)),
	op("mov.b32 %d, %a | f32 b32", in(bits32(1), bits32(1))),
}

func TestInstructions(t *testing.T) {
	for _, o := range slices.Concat(integerOperations, bitOperations, floatOperations, convertOperations) {
		o.test(t)
	}
}
