package emulator

import (
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

var moveDecoders = map[string]decoding{
	"mov":      move,
	"cvta":     convertAddress,
	"isspacep": isSpace,
}

func move(d *decoder) runner {
	k := d.kind()
	d.count(2)
	d.class = Move
	to, from := d.raw.args[0], d.raw.args[1]
	switch {
	case k == pred:
		dst, a := d.predicateDst(to), d.predicateSrc(from)
		return func(w *warp, mask uint32) { w.setPredicate(dst, mask, a.value(w)) }
	case k.size() < 2:
		d.fail("type %v does not fit the instruction", k)
	case to.kind == operandVector:
		return d.unpack(k, to.parts, from)
	case from.kind == operandVector:
		return d.pack(k, to, from.parts)
	case from.kind == operandFunction:
		if k.size() != 8 {
			d.fail("the address of %s does not fit type %v", from.name, k)
		}
		return d.moveConstant(k, d.program.module.address(from.name))
	case from.kind == operandVariable && from.variable.space == local && d.recursive():
		dst, at := d.dst(0, k), uint64(d.program.localOffset[from.variable])+uint64(from.offset)
		return func(w *warp, mask uint32) {
			address := at + w.calling[len(w.calling)-1].shift
			w.spread(dst, mask, address)
		}
	case from.kind == operandVariable:
		at, s := d.addressOf(from.variable)
		if k.size() < 8 && (s == global || s == constant) || k.float() || k.size() < 4 {
			d.fail("the address of %s does not fit type %v", from.name, k)
		}
		return d.moveConstant(k, at+uint64(from.offset))
	case from.kind == operandSpecial:
		if special, ok := changingRegisters[from.name]; ok {
			d.program.timed = d.program.timed || !strings.HasPrefix(from.name, "envreg")
			if special.kind.size() != k.size() {
				d.fail("%%%s has type %v", from.name, special.kind)
			}
			dst := d.dst(0, k)
			return func(w *warp, mask uint32) {
				v, r := special.read(w), &w.registers[dst]
				w.eachLane(mask, func(lane int) { r[lane] = v })
			}
		}
		if number, ok := strings.CutPrefix(from.name, "envreg"); ok {
			if n, err := strconv.Atoi(number); err != nil || n < 0 || n > 31 || k.size() != 4 {
				d.fail("%%%s is not an environment register of 32 bits, 0 to 31", from.name)
			}
			return d.moveConstant(k, 0) // what they hold is up to the driver
		}
		want := 4
		if from.name == "gridid" {
			want = 8
		}
		if k.size() != want {
			d.fail("%%%s has %d bits", from.name, 8*want)
		}
	}
	return fullWarp1(d.dst(0, k), d.src(1, k), vector.move, func(a uint64) uint64 { return a })
}

func (d *decoder) moveConstant(k kind, v uint64) runner {
	return fullWarp1(d.dst(0, k), d.program.constant(v), vector.move, func(a uint64) uint64 { return a })
}

// element returns the type of each part if a vector of parts makes up a register of
// kind k.
func (d *decoder) element(k kind, parts int) kind {
	if !k.untyped() || parts == 0 {
		d.fail("a vector needs a type .b16, .b32 or .b64")
	}
	for _, e := range []kind{b8, b16, b32} {
		if e.size()*parts == k.size() {
			return e
		}
	}
	d.fail("%d parts do not make up %v", parts, k)
	return none
}

// unpack splits a register into parts, the lowest first.
func (d *decoder) unpack(k kind, to []operand, from operand) runner {
	e := d.element(k, len(to))
	a := d.srcOperand(from, k, false)
	dst := make([]int32, len(to))
	for i, o := range to {
		dst[i] = absent
		if o.kind != operandSink {
			dst[i] = d.dstOperand(o, e, e == b8)
		}
	}
	size := e.size()
	return func(w *warp, mask uint32) {
		x := w.source(a)
		for m := mask; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m) & 31
			v := x[lane]
			for i, r := range dst {
				if r != absent {
					w.registers[r][lane] = truncate(v>>(8*size*i), size)
				}
			}
		}
	}
}

func (d *decoder) pack(k kind, to operand, from []operand) runner {
	e := d.element(k, len(from))
	src := make([]int32, len(from))
	for i, o := range from {
		src[i] = d.srcOperand(o, e, e == b8)
	}
	dst := d.dstOperand(to, k, false)
	size := e.size()
	return func(w *warp, mask uint32) {
		for m := mask; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m) & 31
			v := uint64(0)
			for i, r := range src {
				v |= truncate(w.source(r)[lane], size) << (8 * size * i)
			}
			w.registers[dst][lane] = v
		}
	}
}

var windows = map[space]uint64{
	global: 0, constant: 0, shared: sharedWindow, local: localWindow, parameter: parameterWindow,
}

// convertAddress is cvta. It converts between addresses of a state space and generic
// addresses.
func convertAddress(d *decoder) runner {
	to := d.mod("to")
	s := d.space()
	if s == generic {
		d.fail("the state space is missing")
	}
	k := d.kind(u32, u64)
	if k != u64 {
		d.fail("only 64-bit addresses are supported")
	}
	d.count(2)
	window := windows[s]
	if !to {
		if o := d.raw.args[1]; o.kind == operandVariable {
			at, own := d.addressOf(o.variable)
			if own != s {
				d.fail("variable %s is in %v memory", o.name, own)
			}
			return d.moveConstant(k, at+uint64(o.offset)+window)
		}
	} else {
		window = -window
	}
	dst, a := d.dst(0, k), d.src(1, k)
	if window == 0 {
		return fullWarp1(dst, a, vector.move, func(a uint64) uint64 { return a })
	}
	return lanes1(dst, a, func(a uint64) uint64 { return a + window })
}

func isSpace(d *decoder) runner {
	s := d.space()
	if !slices.Contains([]space{global, shared, local, constant, parameter}, s) {
		d.fail("the state space is missing")
	}
	d.count(2)
	dst := d.predicateDst(d.raw.args[0])
	outcome := test(d.src(1, u64), d.program.constant(0), func(a, _ uint64) bool {
		at, _ := spaceOf(a)
		return at == s
	})
	return func(w *warp, mask uint32) { w.setPredicate(dst, mask, outcome(w, mask)) }
}
