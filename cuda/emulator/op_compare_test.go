package emulator

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// A halfComparison is a set or setp of 16-bit floats. The oracle of these tests
// computes it in float64, by the PTX ISA 7.8, "Half Precision Comparison
// Instructions".
type halfComparison struct {
	relation relation
	join     join
	ftz      bool
	result   kind // pred for setp
	operands kind
}

type relation struct {
	name  string
	holds func(x, y float64) bool
}

var relations = []relation{
	{"eq", func(x, y float64) bool { return x == y }},
	{"ne", func(x, y float64) bool { return x < y || x > y }},
	{"lt", func(x, y float64) bool { return x < y }},
	{"le", func(x, y float64) bool { return x <= y }},
	{"gt", func(x, y float64) bool { return x > y }},
	{"ge", func(x, y float64) bool { return x >= y }},
	{"equ", func(x, y float64) bool { return unordered(x, y) || x == y }},
	{"neu", func(x, y float64) bool { return unordered(x, y) || x != y }},
	{"ltu", func(x, y float64) bool { return unordered(x, y) || x < y }},
	{"leu", func(x, y float64) bool { return unordered(x, y) || x <= y }},
	{"gtu", func(x, y float64) bool { return unordered(x, y) || x > y }},
	{"geu", func(x, y float64) bool { return unordered(x, y) || x >= y }},
	{"num", func(x, y float64) bool { return !unordered(x, y) }},
	{"nan", unordered},
}

func unordered(x, y float64) bool { return math.IsNaN(x) || math.IsNaN(y) }

// A join says how the third operand is combined with the outcome. text is how the
// operand is written in the instruction.
type join struct {
	name, operand string
	outcome       func(holds, c bool) bool
}

var joins = []join{
	{"", "", func(holds, _ bool) bool { return holds }},
	{".and", ", %c", func(holds, c bool) bool { return holds && c }},
	{".or", ", %c", func(holds, c bool) bool { return holds || c }},
	{".xor", ", %c", func(holds, c bool) bool { return holds != c }},
	{".and", ", !%c", func(holds, c bool) bool { return holds && !c }},
	{".or", ", !%c", func(holds, c bool) bool { return holds || !c }},
	{".xor", ", !%c", func(holds, c bool) bool { return holds == c }},
}

// halfForms lists the types of the result for operands of each type.
var halfForms = map[kind][]kind{
	f16:    {pred, u16, s16, u32, s32, f16, bf16},
	bf16:   {pred, u16, s16, u32, s32, bf16},
	f16x2:  {pred, u32, s32, f16x2},
	bf16x2: {pred, u32, s32, bf16x2},
}

// eachHalfComparison calls do with every form of the relation.
func (r relation) eachHalfComparison(do func(h halfComparison)) {
	for _, operands := range []kind{f16, bf16, f16x2, bf16x2} {
		for _, result := range halfForms[operands] {
			for _, j := range joins {
				do(halfComparison{r, j, false, result, operands})
				if (operands == f16 || operands == f16x2) && result != bf16 {
					do(halfComparison{r, j, true, result, operands})
				}
			}
		}
	}
}

func (h halfComparison) pairs() bool { return h.operands.size() == 4 }

func (h halfComparison) operation() operation {
	modifiers, d := h.relation.name+h.join.name, "%d"
	o := operation{kinds: map[byte]kind{'d': h.result, 'a': h.operands, 'b': h.operands, 'c': pred}, cases: h.cases()}
	if h.ftz {
		modifiers += ".ftz"
	}
	switch {
	case h.result != pred:
		modifiers = "set." + modifiers + h.result.String()
	case h.pairs():
		o.kinds['q'] = pred
		d = "%d|%q"
		fallthrough
	default:
		modifiers = "setp." + modifiers
	}
	o.text = modifiers + h.operands.String() + " " + d + ", %a, %b" + h.join.operand
	return o
}

// cases returns all pairs of special numbers. The upper halves hold the same pairs as
// the lower ones, in another order.
func (h halfComparison) cases() (cases []opCase) {
	special := specialHalves(h.operands)
	n := len(special)
	for i := range n * n {
		a, b := special[i%n], special[i/n]
		if h.pairs() {
			j := (13*i + 5) % (n * n)
			a, b = a|special[j%n]<<16, b|special[j/n]<<16
		}
		cases = append(cases, h.want(a, b, uint64(i/3%2)))
	}
	return cases
}

// trueResults are what one comparison gives where it holds.
var trueResults = map[kind]uint64{
	u16: 0xffff, s16: 0xffff, u32: 0xffffffff, s32: 0xffffffff, f16: 0x3c00, bf16: 0x3f80, f16x2: 0x3c00, bf16x2: 0x3f80,
}

// want computes the expected results of one case.
func (h halfComparison) want(a, b, c uint64) opCase {
	lower, upper := h.half(a&0xffff, b&0xffff, c), h.half(a>>16, b>>16, c)
	yes := trueResults[h.result]
	switch {
	case h.result == pred:
		return in2(lower, upper, a, b, c)
	case !h.pairs():
		return in(lower*yes, a, b, c)
	}
	yes &= 0xffff
	return in(lower*yes|upper*yes<<16, a, b, c)
}

// half returns 1 if the comparison of two numbers, joined with c, is true, and else 0.
func (h halfComparison) half(a, b, c uint64) uint64 {
	holds := h.relation.holds(halfValue(a, h.operands, h.ftz), halfValue(b, h.operands, h.ftz))
	if h.join.outcome(holds, c != 0) {
		return 1
	}
	return 0
}

// halfValue returns the number that 16 bits stand for, by the definition of the
// format.
func halfValue(u uint64, k kind, ftz bool) float64 {
	width, bias := halfLayout(k)
	exponent, fraction := int(u&0x7fff>>width), float64(u&(1<<width-1))
	v := math.Ldexp(math.Ldexp(1, width)+fraction, exponent-bias-width)
	switch {
	case exponent == 0 && ftz:
		v = 0
	case exponent == 0:
		v = math.Ldexp(fraction, 1-bias-width)
	case exponent == 2*bias+1 && fraction == 0:
		v = math.Inf(1)
	case exponent == 2*bias+1:
		v = math.NaN()
	}
	if u>>15 != 0 {
		return -v
	}
	return v
}

// halfLayout returns the width of the fraction and the bias of the exponent.
func halfLayout(k kind) (width, bias int) {
	if k == f16 || k == f16x2 {
		return 10, 15
	}
	return 7, 127
}

// specialHalves returns zeros, subnormal and normal numbers at the ends of their
// ranges, numbers around 1, infinities, and NaNs with several payloads, in both signs.
func specialHalves(k kind) []uint64 {
	width, bias := halfLayout(k)
	step := uint64(1) << width
	one, inf := uint64(bias)*step, uint64(2*bias+1)*step
	all := []uint64{0, 1, step - 1, step, step + 1, one - 1, one, one + 1, inf - 1, inf, inf + 1, inf + step/4, inf + step/2, inf + step - 1}
	for _, u := range slices.Clone(all) {
		all = append(all, u|0x8000)
	}
	return all
}

func TestHalfComparisonsAgainstOracle(t *testing.T) {
	for _, r := range relations {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.eachHalfComparison(func(h halfComparison) {
				if h.join.name == "" || !testing.Short() {
					h.operation().compare(t)
				}
			})
		})
	}
}

// Positive control: the results of one comparison must fail the test of another.
func TestHalfComparisonsAreToldApart(t *testing.T) {
	for _, r := range relations {
		r.eachHalfComparison(func(h halfComparison) {
			if h.operands != f16x2 || h.result == u32 || h.result == s32 || h.join.name != "" && r.name != "lt" {
				return
			}
			o := h.operation()
			d, q := o.run(t)
			mustFail := func(h halfComparison) {
				if other := h.operation(); len(other.mismatches(d, q)) == 0 {
					t.Errorf("%s passes for %s", o.text, other.text)
				}
			}
			for _, other := range relations {
				if other.name != r.name {
					mustFail(halfComparison{other, h.join, h.ftz, h.result, h.operands})
				}
			}
			for _, other := range joins {
				if other.name+other.operand != h.join.name+h.join.operand {
					mustFail(halfComparison{r, other, h.ftz, h.result, h.operands})
				}
			}
			if r.name != "num" && r.name != "nan" {
				mustFail(halfComparison{r, h.join, !h.ftz, h.result, h.operands})
			}
			for i := range d {
				if h.result == pred {
					d[i], q[i] = q[i], d[i]
				} else {
					d[i] = d[i]>>16 | d[i]<<16&0xffffffff
				}
			}
			if len(o.mismatches(d, q)) == 0 {
				t.Errorf("%s passes with its halves exchanged", o.text)
			}
		})
	}
}

// comparisonForms lists the operand types, with or without .ftz, that ptxas 11.8
// accepts for sm_90.
var comparisonForms = map[string]string{
	"setp %p1":     integers + "f16 f16.ftz bf16 f32 f32.ftz f64 f16x2 f16x2.ftz bf16x2",
	"setp %p1|%p2": integers + "f32 f32.ftz f64 f16x2 f16x2.ftz bf16x2",
	"set u32":      integers + "f16 f16.ftz bf16 f32 f32.ftz f64 f16x2 f16x2.ftz bf16x2",
	"set s32":      integers + "f16 f16.ftz bf16 f32 f32.ftz f64 f16x2 f16x2.ftz bf16x2",
	"set f32":      integers + "f32 f32.ftz f64",
	"set f16":      integers + "f16 f16.ftz f32 f32.ftz f64",
	"set bf16":     integers + "f16 bf16 f32 f64",
	"set u16":      "f16 f16.ftz bf16",
	"set s16":      "f16 f16.ftz bf16",
	"set f16x2":    "f16x2 f16x2.ftz",
	"set bf16x2":   "bf16x2",
}

const integers = "b16 b32 b64 u16 u32 u64 s16 s32 s64 "

// relationForms lists the types for which one relation of each sort exists.
var relationForms = map[string]string{
	"eq":  integers + "f16 bf16 f32 f64 f16x2 bf16x2",
	"lt":  "u16 u32 u64 s16 s32 s64 f16 bf16 f32 f64 f16x2 bf16x2",
	"lo":  "u16 u32 u64",
	"ltu": "f16 bf16 f32 f64 f16x2 bf16x2",
	"num": "f16 bf16 f32 f64 f16x2 bf16x2",
}

// The loader accepts what ptxas accepts, and nothing else.
func TestComparisonForms(t *testing.T) {
	d := newBench(t, wrap(""), Options{}).device
	register := func(k kind, number string) string {
		prefix := map[int]string{0: "%p", 1: "%h", 2: "%h", 4: "%r", 8: "%rd"}[k.size()]
		if k == f32 {
			prefix = "%f"
		}
		return prefix + number
	}
	has := func(list, word string) bool { return slices.Contains(strings.Fields(list), word) }
	check := func(form, destination, modifiers string) {
		for name, k := range kinds {
			for relation, types := range relationForms {
				for _, ftz := range []string{"", ".ftz"} {
					instruction, _, _ := strings.Cut(form, " ")
					text := instruction + "." + relation + ftz + modifiers + "." + name + " " +
						strings.Join([]string{destination, register(k, "1"), register(k, "2")}, ", ") + ";"
					_, err := d.Load(wrap(text))
					if want := has(comparisonForms[form], name+ftz) && has(types, name); want != (err == nil) {
						t.Errorf("%s: accepted should be %v, the error is %v", text, want, err)
					}
				}
			}
		}
	}
	check("setp %p1", "%p1", "")
	check("setp %p1|%p2", "%p1|%p2", "")
	for name, k := range kinds {
		check("set "+name, register(k, "3"), "."+name)
	}
}

// These cases have 16-bit results of wider operands, and setp without one of its
// results.
func TestMixedComparisons(t *testing.T) {
	for _, o := range []operation{
		op("set.lt.f16.s32 %d, %a, %b | f16 s32 s32", in(0x3c00, ones32, 0), in(0, 0, ones32)),
		op("set.eq.f16.b64 %d, %a, %b | f16 b64 b64", in(0x3c00, min64, min64), in(0, min64, 0)),
		op("set.gtu.ftz.f16.f32 %d, %a, %b | f16 f32 f32", in(0x3c00, nan, 0), in(0, tiny, 0), in(0x3c00, bits32(1), 0)),
		op("set.ge.or.bf16.f64 %d, %a, %b, !%c | bf16 f64 f64 pred", in(0x3f80, nan64, 0, 0), in(0, nan64, 0, 1), in(0x3f80, 0, 0, 1)),
		op("setp.lt.f16x2 %d, %a, %b | pred f16x2 f16x2", in(1, 0x40003c00, 0x3c004000), in(0, 0x3c004000, 0x40003c00)),
		op("setp.lt.f16x2 _|%d, %a, %b | pred f16x2 f16x2", in(0, 0x40003c00, 0x3c004000), in(1, 0x3c004000, 0x40003c00)),
		op("setp.lt.f16 %d|_, %a, %b | pred f16 f16", in(1, 0x3c00, 0x4000), in(0, 0x4000, 0x3c00)),
		op("{ mov.b32 %d, %a; set.eq.u32.f16x2 %d, %d, %b; } | b32 b32 b32", in(0xffff0000, 0x3c000000, 0x3c003c00)),            // in its own operand
		op("setp.eq.and.f16x2 %c|%d, %a, %b, %c | pred f16x2 f16x2 pred", in(1, 0x3c00, 0x4000, 1)),                             // c is read before it is written
		op("{ .reg .b16 %h; set.eq.u16.f16 %h, %a, %b; setp.eq.b16 %d, %h, %c; } | pred f16 f16 b16", in(1, 0, 0x8000, 0xffff)), // no bit beyond the 16
		op("setp.eq.xor.bf16x2 %d|%q, %a, %b, %c | pred pred bf16x2 bf16x2 pred", in2(0, 1, 0x3f80, 0x3f803f80, 1)),
	} {
		o.test(t)
	}
}

var compareOperations = []operation{
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
