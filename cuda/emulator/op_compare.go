package emulator

import (
	"math"
	"math/bits"
)

var compareDecoders = map[string]decoding{
	"set":  set,
	"setp": setp,
	"selp": selp,
	"slct": slct,
}

// comparisons maps each comparison to the orders that it accepts: less, equal,
// greater, unordered.
var comparisons = map[string][4]bool{
	"eq": {false, true, false, false}, "ne": {true, false, true, false},
	"lt": {true, false, false, false}, "le": {true, true, false, false},
	"gt": {false, false, true, false}, "ge": {false, true, true, false},
	"lo": {true, false, false, false}, "ls": {true, true, false, false},
	"hi": {false, false, true, false}, "hs": {false, true, true, false},
	"equ": {false, true, false, true}, "neu": {true, false, true, true},
	"ltu": {true, false, false, true}, "leu": {true, true, false, true},
	"gtu": {false, false, true, true}, "geu": {false, true, true, true},
	"num": {true, true, true, false}, "nan": {false, false, false, true},
}

var comparisonNames = []string{
	"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan",
}

// A comparison is the part that set and setp have in common.
type comparison struct {
	kind kind
	test func(a, b uint64) bool
	name string
	join string // and, or, xor or ""
}

// comparison reads the modifiers. The type of the operands comes last. For a packed
// type, the test compares the lower halves.
func (d *decoder) comparison(result func() kind) (c comparison, r kind) {
	c.name = d.choice(comparisonNames...)
	accepts := comparisons[c.name]
	c.join = d.option("and", "or", "xor")
	ftz := d.mod("ftz")
	r = result()
	c.kind = d.kind()
	k := c.kind
	unsignedOnly := len(c.name) == 2 && (c.name == "lo" || c.name == "ls" || c.name == "hi" || c.name == "hs")
	floatOnly := len(c.name) == 3
	switch {
	case k == pred || k.size() < 2 || k == tf32:
		d.fail("type %v does not fit the instruction", k)
	case floatOnly && !k.float(), unsignedOnly && (k.float() || k.signed()), k.untyped() && c.name != "eq" && c.name != "ne":
		d.fail("comparison .%s does not exist for type %v", c.name, k)
	case ftz && k != f32 && k != f16 && k != f16x2:
		d.fail(".ftz does not exist for type %v", k)
	case ftz && r == bf16:
		d.fail(".ftz does not exist for a result of type %v", r)
	}
	switch {
	case k == f32:
		c.test = func(a, b uint64) bool {
			x, y := fromFloat32(a), fromFloat32(b)
			if ftz {
				x, y = flush32(x), flush32(y)
			}
			return accepts[order(float64(x), float64(y))]
		}
	case k == f64:
		c.test = func(a, b uint64) bool { return accepts[order(math.Float64frombits(a), math.Float64frombits(b))] }
	case k.float():
		form := halfForm{kind: k, format: formatOf(k), ftz: ftz}
		c.test = func(a, b uint64) bool { return accepts[order(form.input(a), form.input(b))] }
	case k.signed():
		c.test = func(a, b uint64) bool { return accepts[order(extend(a, k), extend(b, k))] }
	default:
		c.test = func(a, b uint64) bool { return accepts[order(a, b)] }
	}
	return c, r
}

// order is 0 if a < b, 1 if a = b, 2 if a > b, and 3 if they are unordered.
func order[T int64 | uint64 | float64](a, b T) int {
	switch {
	case a < b:
		return 0
	case a == b:
		return 1
	case a > b:
		return 2
	}
	return 3
}

// combine joins the outcome with the third operand by .and, .or or .xor.
func combine(join string, outcome, third uint32) uint32 {
	switch join {
	case "and":
		return outcome & third
	case "or":
		return outcome | third
	case "xor":
		return outcome ^ third
	}
	return outcome
}

// outcomes returns two functions. Each gives the mask of the lanes where the
// comparison holds: lower for the operands or their lower halves, upper for their
// upper halves. upper is nil if the operands are not packed.
func (c comparison) outcomes(a, b int32) (lower, upper func(w *warp, mask uint32) uint32) {
	switch {
	case c.kind.packed():
		upper = test(a, b, func(a, b uint64) bool { return c.test(a>>16, b>>16) })
	case !c.kind.float():
		return c.integers(a, b), nil
	}
	return test(a, b, c.test), upper
}

// integers is test for integers, for a whole warp at once.
func (c comparison) integers(a, b int32) func(w *warp, mask uint32) uint32 {
	accepts, sign := comparisons[c.name], uint64(0)
	if c.kind.signed() {
		sign = 1 << (8*c.kind.size() - 1) // flipped, it orders signed numbers as unsigned ones
	}
	return func(w *warp, mask uint32) uint32 {
		x, y := w.source(a), w.source(b)
		var less, equal, result uint32
		for i := range x {
			if x[i]^sign < y[i]^sign {
				less |= 1 << i
			}
			if x[i] == y[i] {
				equal |= 1 << i
			}
		}
		for i, outcome := range [...]uint32{less, equal, ^(less | equal)} {
			if accepts[i] {
				result |= outcome
			}
		}
		return result & mask
	}
}

// third reads the predicate that the outcome is joined with.
func (d *decoder) third(join string) predicateSource {
	if join == "" {
		d.count(3)
		return predicateSource{register: absent}
	}
	d.count(4)
	return d.predicateSrc(d.raw.args[3])
}

func (d *decoder) comparisonClass(k kind) {
	switch {
	case k == f64:
		d.class = Float64
	case k.float():
		d.class = Float32
	}
}

// setp writes p and, if it is there, q. For packed operands q is the outcome of the
// upper halves. Otherwise it is the opposite of p, before the join.
func setp(d *decoder) runner {
	c, _ := d.comparison(func() kind { return none })
	d.comparisonClass(c.kind)
	third := d.third(c.join)
	a, b := d.src(1, c.kind), d.src(2, c.kind)
	p, q := d.raw.args[0], operand{kind: operandSink}
	if p.kind == operandPair {
		p, q = p.parts[0], p.parts[1]
	}
	if q.kind != operandSink && (c.kind == f16 || c.kind == bf16) {
		d.fail("setp of type %v has one result", c.kind)
	}
	dst, second := d.predicateDst(p), d.predicateDst(q)
	outcome, upper := c.outcomes(a, b)
	if full := fullComparison(c); full != nil {
		partial := outcome
		outcome = func(w *warp, mask uint32) uint32 {
			if mask == allLanes {
				return full(w.source(a), w.source(b))
			}
			return partial(w, mask)
		}
	}
	join := c.join
	if join == "" && second == absent {
		return func(w *warp, mask uint32) { w.setPredicate(dst, mask, outcome(w, mask)) }
	}
	return func(w *warp, mask uint32) {
		r, t := outcome(w, mask), third.value(w)
		other := ^r
		if upper != nil {
			other = upper(w, mask)
		}
		w.setPredicate(dst, mask, combine(join, r, t))
		w.setPredicate(second, mask, combine(join, other, t))
	}
}

// fullComparison is the loop over a whole warp for the most common comparisons.
func fullComparison(c comparison) func(a, b *lanes) uint32 {
	switch {
	case c.kind == s32 && c.name == "lt":
		return vector.lessS32
	case c.kind == s32 && c.name == "ge":
		return func(a, b *lanes) uint32 { return ^vector.lessS32(a, b) }
	case c.kind == s32 && c.name == "gt":
		return func(a, b *lanes) uint32 { return vector.lessS32(b, a) }
	case c.kind == s32 && c.name == "le":
		return func(a, b *lanes) uint32 { return ^vector.lessS32(b, a) }
	case !c.kind.float() && (c.name == "eq" || c.name == "ne"):
		flip := uint32(0)
		if c.name == "ne" {
			flip = math.MaxUint32
		}
		return func(a, b *lanes) uint32 { return vector.equal(a, b) ^ flip }
	}
	return nil
}

// set gives all ones, or 1.0, where the comparison holds. For packed operands it
// does so in each half.
func set(d *decoder) runner {
	c, result := d.comparison(func() kind { return d.kind(u16, s16, u32, s32, f16, bf16, f32, f16x2, bf16x2) })
	if !setExists(result, c.kind) {
		d.fail("set does not exist from type %v to %v", c.kind, result)
	}
	d.comparisonClass(c.kind)
	third := d.third(c.join)
	dst, a, b := d.dst(0, result), d.src(1, c.kind), d.src(2, c.kind)
	holds := uint64(math.MaxUint32)
	switch {
	case result == f32:
		holds = uint64(math.Float32bits(1))
	case result.float():
		holds = formatOf(result).encode(1)
	case result.size() == 2 || c.kind.packed():
		holds = math.MaxUint16
	}
	outcome, upper := c.outcomes(a, b)
	join := c.join
	return func(w *warp, mask uint32) {
		t := third.value(w)
		low, high := combine(join, outcome(w, mask), t), uint32(0)
		if upper != nil {
			high = combine(join, upper(w, mask), t)
		}
		r := &w.registers[dst]
		w.eachLane(mask, func(i int) { r[i] = holds*uint64(low>>i&1) | holds<<16*uint64(high>>i&1) })
	}
}

// setExists tells whether set has this type of result for operands of kind k.
func setExists(result, k kind) bool {
	switch result {
	case u32, s32:
		return true
	case u16, s16:
		return k == f16 || k == bf16
	case f32:
		return !k.float() || k == f32 || k == f64
	case f16:
		return k != bf16 && !k.packed()
	case bf16:
		return !k.packed()
	}
	return k == result
}

func selp(d *decoder) runner {
	k := d.kind()
	if k.size() < 2 {
		d.fail("type %v does not fit the instruction", k)
	}
	d.count(4)
	d.class = Move
	dst, a, b := d.dst(0, k), d.src(1, k), d.src(2, k)
	p := d.predicateSrc(d.raw.args[3])
	return func(w *warp, mask uint32) {
		r, x, y := &w.registers[dst], w.source(a), w.source(b)
		choose := p.value(w)
		if mask == allLanes {
			vector.choose(r, x, y, choose)
			return
		}
		for m := mask; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			if choose>>i&1 != 0 {
				r[i] = x[i]
			} else {
				r[i] = y[i]
			}
		}
	}
}

// slct gives a where c is at least zero, and b elsewhere.
func slct(d *decoder) runner {
	ftz := d.mod("ftz")
	k := d.kind()
	test := d.kind(s32, f32)
	if k.size() < 2 || ftz && test != f32 {
		d.fail("types %v and %v do not fit the instruction", k, test)
	}
	d.count(4)
	d.class = Move
	return lanes3(d.dst(0, k), d.src(1, k), d.src(2, k), d.src(3, test), func(a, b, c uint64) uint64 {
		choose := int32(c) >= 0
		if test == f32 {
			f := fromFloat32(c)
			if ftz {
				f = flush32(f)
			}
			choose = f >= 0
		}
		if choose {
			return a
		}
		return b
	})
}
