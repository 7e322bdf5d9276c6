package emulator

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// An operation is an instruction under test. Its text uses the registers %d (the
// result), %q (a second result), %a, %b, %c and %e. kinds has their kinds in that
// order. Each case runs in a thread of its own.
type operation struct {
	text    string
	kinds   map[byte]kind
	cases   []opCase
	options Options
}

type opCase struct {
	in   []uint64 // a, b, c, e
	want uint64   // bits of %d
	q    uint64
}

// op reads "add.s32 %d, %a, %b | s32 s32 s32". The kinds are those of d, a, b, ... or
// of d, q, a, ... if %q occurs.
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

// storage returns the type of a register that holds kind k.
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

// test runs the cases in part of a warp. Then it repeats them until they fill a whole
// warp, because the most common instructions have a loop of their own for that.
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
	for _, i := range o.mismatches(d, q) {
		c := o.cases[i]
		t.Errorf("%s of %#x is %#x (%#x), want %#x (%#x)", o.text, c.in, d[i], q[i], c.want, c.q)
	}
}

// mismatches returns the cases where %d or %q differ from what is wanted.
func (o operation) mismatches(d, q []uint64) (wrong []int) {
	_, hasQ := o.kinds['q']
	for i, c := range o.cases {
		if d[i] != c.want || hasQ && q[i] != c.q {
			wrong = append(wrong, i)
		}
	}
	return wrong
}

const (
	ones32 = math.MaxUint32
	ones64 = math.MaxUint64
	min32  = 1 << 31
	min64  = 1 << 63
)

var (
	inf32, nan = bits32(float32(math.Inf(1))), uint64(0x7fc01234)
	tiny       = bits32(math.SmallestNonzeroFloat32)
	largest    = bits32(math.MaxFloat32)
)

// The tables stand beside the files of the instructions. The wanted values are
// worked out by hand from the definitions in the PTX ISA.
func TestInstructions(t *testing.T) {
	for _, o := range slices.Concat(integerOperations, carryOperations, dotProductOperations, videoOperations, bitOperations,
		floatOperations, approximateOperations, halfOperations, compareOperations, convertOperations, moveOperations) {
		o.test(t)
	}
}
