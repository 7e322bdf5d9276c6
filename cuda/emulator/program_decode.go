package emulator

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A decoder turns the instructions of one function into closures that do their
// work. It notes which registers each of them reads and writes.
type decoder struct {
	program  *program
	function *function
	entries  map[string]int
	flow     *flow
	mapping  []int32 // number of each register
	uses     [][]int32
	defs     [][]int32
	used     []bool                // see usedRegisters
	swapped  map[namedAddress]bool // see compared
	bases    []int32               // see again

	at     int // position in the body
	raw    *rawInstruction
	mods   []string // modifiers that nothing has taken yet
	class  Class
	flops  uint32
	tensor Tensor
	chain  []fma
}

// A runner does the work of an instruction for the lanes of the mask.
type runner = func(w *warp, mask uint32)

// decode decodes the whole body and the return that ends it.
func (d *decoder) decode() (code []instruction, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*loadError)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	f := d.function
	d.uses = make([][]int32, len(f.body))
	d.defs = make([][]int32, len(f.body))
	for i := range f.body {
		code = append(code, d.instruction(i))
	}
	end := instruction{run: (*warp).end, guard: absent, class: Control, line: int32(f.line)}
	if !f.entry {
		end.run = (*warp).finishCall
	}
	return append(code, end), nil
}

func (d *decoder) instruction(i int) instruction {
	raw := &d.function.body[i]
	d.at, d.raw = i, raw
	d.mods = append(d.mods[:0], raw.mods...)
	decode, ok := decoders[raw.name]
	if !ok {
		d.fail("instruction %s is not known", raw.name)
	}
	in := instruction{guard: absent, guardNot: raw.guardNot, line: int32(raw.line)}
	if raw.guard != absent {
		d.uses[i] = append(d.uses[i], raw.guard)
		in.guard = d.mapping[raw.guard]
	}
	d.class, d.flops, d.chain = Integer, 0, nil
	if d.flow.targets[i] {
		d.bases = d.bases[:0]
	}
	in.run = decode(d)
	d.bases = slices.DeleteFunc(d.bases, func(base int32) bool {
		return raw.name == "call" || slices.ContainsFunc(d.defs[i], func(r int32) bool { return d.mapping[r] == base })
	})
	if len(d.mods) > 0 {
		d.fail("modifier .%s is not known here", d.mods[0])
	}
	in.class, in.flops, in.tensor, in.chain = d.class, d.flops, d.tensor, d.chain
	switch raw.name {
	case "st", "stmatrix", "wmma", "cp", "mbarrier", "call":
		in.writes = true
	}
	return in
}

func (d *decoder) fail(format string, args ...any) {
	panic(&loadError{d.raw.line, d.program.module.line(d.raw.line), fmt.Sprintf(format, args...)})
}

// recursive tells whether the function may call itself.
func (d *decoder) recursive() bool {
	c := d.program.callees[d.function.name]
	return c != nil && c.recursive
}

// mod takes a modifier and tells whether it was there.
func (d *decoder) mod(name string) bool {
	i := slices.Index(d.mods, name)
	if i < 0 {
		return false
	}
	d.mods = slices.Delete(d.mods, i, i+1)
	return true
}

// option takes the one modifier of the list that is there, or returns "".
func (d *decoder) option(names ...string) string {
	found := ""
	for _, name := range names {
		if d.mod(name) {
			if found != "" {
				d.fail(".%s and .%s exclude each other", found, name)
			}
			found = name
		}
	}
	return found
}

// cacheHints drops the modifiers that are only hints to caches of these levels.
func (d *decoder) cacheHints(levels ...string) {
	d.mods = slices.DeleteFunc(d.mods, func(m string) bool {
		return m != "L2::cache_hint" && slices.ContainsFunc(levels, func(level string) bool { return strings.HasPrefix(m, level) })
	})
}

// choice is like option, but one modifier of the list must be there.
func (d *decoder) choice(names ...string) string {
	found := d.option(names...)
	if found == "" {
		d.fail("one of .%s is missing", strings.Join(names, ", ."))
	}
	return found
}

// kind takes the next type among the modifiers. If a list is given, the type must
// be in it.
func (d *decoder) kind(allowed ...kind) kind {
	for i, m := range d.mods {
		k, ok := kinds[m]
		if !ok {
			continue
		}
		if len(allowed) > 0 && !slices.Contains(allowed, k) {
			d.fail("type .%s does not fit the instruction", m)
		}
		d.mods = slices.Delete(d.mods, i, i+1)
		return k
	}
	d.fail("the type is missing")
	return none
}

// count requires n operands.
func (d *decoder) count(n int) {
	if len(d.raw.args) != n {
		d.fail("%d operands, expected %d", len(d.raw.args), n)
	}
}

func (d *decoder) countBetween(low, high int) {
	if n := len(d.raw.args); n < low || n > high {
		d.fail("%d operands, expected %d to %d", n, low, high)
	}
}

// dst returns the register that argument i writes.
func (d *decoder) dst(i int, k kind) int32 { return d.dstOperand(d.raw.args[i], k, false) }

func (d *decoder) dstOperand(o operand, k kind, wider bool) int32 {
	if o.kind == operandSpecial {
		d.fail("register %%%s is not known or cannot be written", o.name)
	}
	if o.kind != operandRegister || o.negated {
		d.fail("the result must go to a register")
	}
	d.checkRegister(o, k, wider)
	d.defs[d.at] = append(d.defs[d.at], o.register)
	return d.mapping[o.register]
}

func (d *decoder) checkRegister(o operand, k kind, wider bool) {
	r := d.function.registers[o.register]
	if !k.accepts(r.kind) && !(wider && k.acceptsWider(r.kind)) {
		d.fail("%s has type %v, which does not fit %v", r.name, r.kind, k)
	}
}

// src returns the operand that argument i reads: a register or a constant.
func (d *decoder) src(i int, k kind) int32 { return d.srcOperand(d.raw.args[i], k, false) }

func (d *decoder) srcOperand(o operand, k kind, wider bool) int32 {
	switch o.kind {
	case operandRegister:
		if o.negated {
			d.fail("! or - stands before a register that takes neither")
		}
		d.checkRegister(o, k, wider)
		d.uses[d.at] = append(d.uses[d.at], o.register)
		return d.mapping[o.register]
	case operandSpecial:
		if at := slices.Index(specialRegisters[:], o.name); at >= 0 {
			d.program.specials |= 1 << at
			return int32(at)
		}
		d.fail("register %%%s is not known here", o.name)
	}
	return d.program.constant(d.immediate(o, k))
}

// immediate returns the bits of a number as an operand of kind k.
func (d *decoder) immediate(o operand, k kind) uint64 {
	switch {
	case o.kind == operandInteger && (k.integer() || k.untyped()):
		return truncate(o.value, k.size())
	case o.kind == operandFloat32 && (k == f32 || k == b32):
		return o.value
	case (o.kind == operandFloat32 || o.kind == operandFloat64) && k == f32:
		return uint64(math.Float32bits(float32(o.float())))
	case o.kind == operandFloat64 && k == b64:
		return o.value
	case (o.kind == operandFloat32 || o.kind == operandFloat64) && k == f64:
		return math.Float64bits(o.float())
	}
	d.fail("an operand does not fit type %v", k)
	return 0
}

// immediateArg returns argument i, which must be a number up to limit.
func (d *decoder) immediateArg(i, limit int) int {
	o := d.raw.args[i]
	if o.kind != operandInteger || o.value > uint64(limit) {
		d.fail("operand %d must be a number from 0 to %d", i+1, limit)
	}
	return int(o.value)
}

// predicateDst returns the predicate that the operand writes.
func (d *decoder) predicateDst(o operand) int32 {
	if o.kind == operandSink {
		return absent
	}
	return d.dstOperand(o, pred, false)
}

// A predicateSource is a predicate that is read, perhaps negated, or a constant.
type predicateSource struct {
	register int32
	flip     uint32 // all ones for !p
}

func (d *decoder) predicateSrc(o operand) predicateSource {
	switch o.kind {
	case operandRegister:
		d.checkRegister(o, pred, false)
		d.uses[d.at] = append(d.uses[d.at], o.register)
		s := predicateSource{register: d.mapping[o.register]}
		if o.negated {
			s.flip = math.MaxUint32
		}
		return s
	case operandInteger:
		s := predicateSource{register: absent}
		if o.value != 0 {
			s.flip = math.MaxUint32
		}
		return s
	}
	d.fail("expected a predicate")
	return predicateSource{}
}

func (s predicateSource) value(w *warp) uint32 {
	if s.register == absent {
		return s.flip
	}
	return w.predicates[s.register] ^ s.flip
}

func truncate(v uint64, bytes int) uint64 {
	if bytes >= 8 {
		return v
	}
	return v & (1<<(8*bytes) - 1)
}

// A decoding reads the modifiers and operands of an instruction.
type decoding = func(d *decoder) runner

// decoders joins the tables of the op_ files.
var decoders = merge(
	arithmeticDecoders, integerDecoders, carryDecoders, dotProductDecoders, bitwiseDecoders, floatDecoders,
	approximateDecoders, compareDecoders, convertDecoders, moveDecoders, loadStoreDecoders, copyAsyncDecoders,
	atomicDecoders, controlDecoders, syncDecoders, shuffleDecoders, matrixDecoders, wmmaDecoders, videoDecoders, mbarrierDecoders,
)

func merge(tables ...map[string]decoding) map[string]decoding {
	all := map[string]decoding{}
	for _, table := range tables {
		for name, decode := range table {
			all[name] = decode
		}
	}
	return all
}
