package emulator

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

var loadStoreDecoders = map[string]decoding{
	"ld":        load,
	"ldu":       load,
	"st":        store,
	"prefetch":  prefetch,
	"prefetchu": prefetch,
}

// accessForm reads the modifiers that ld and st have in common, and the type.
func (d *decoder) accessForm(write bool) (access, kind) {
	var a access
	a.write = write
	d.option("weak")
	switch order := d.option("volatile", "relaxed", "acquire", "release"); order {
	case "":
	case "volatile":
		a.strength = strongDevice
	default:
		a.acquire, a.release = order == "acquire", order == "release"
		a.strength = d.scope(strongDevice)
	}
	a.space = d.space()
	cache := d.option("ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc")
	if a.strength == weak && (cache == "cg" || cache == "cv" || cache == "wt") {
		a.strength = strongDevice // see check_order.go
	}
	d.cacheHints("L1::", "L2::")
	a.count = map[string]int{"": 1, "v2": 2, "v4": 4}[d.option("v2", "v4")]
	k := d.kind()
	a.size = k.size()
	switch {
	case a.size == 0 || k == f16x2 || k == bf16x2 || k == tf32:
		d.fail("type %v does not fit the instruction", k)
	case a.bytes() > 16:
		d.fail("an access of %d bytes does not exist", a.bytes())
	}
	return a, k
}

// scope takes the scope of a strong access from the modifiers. Without one it is other.
func (d *decoder) scope(other strength) strength {
	switch d.option("cta", "cluster", "gpu", "sys") {
	case "":
		return other
	case "cta", "cluster": // without clusters, each block is one
		return strongBlock
	}
	return strongDevice
}

// space takes a state space from the modifiers. Without one it is generic.
func (d *decoder) space() space {
	found := generic
	for i := 0; i < len(d.mods); i++ {
		if s, ok := spaces[d.mods[i]]; ok {
			if found != generic {
				d.fail("two state spaces")
			}
			found = s
			d.mod(d.mods[i])
			i--
		}
	}
	return found
}

// address reads the address operand i and completes the access with it.
func (d *decoder) address(i int, a *access) {
	o := d.raw.args[i]
	if o.kind != operandAddress {
		d.fail("expected an address in brackets")
	}
	base := o.parts[0]
	a.offset, a.mask = uint64(o.offset), math.MaxUint64
	switch base.kind {
	case operandRegister:
		size := d.function.registers[base.register].kind.size()
		if size == 4 && (a.space == global || a.space == generic) || size < 4 {
			d.fail("the address has %d bits", 8*size)
		}
		if size == 4 {
			a.mask = math.MaxUint32
		}
		a.base = d.srcOperand(base, []kind{4: b32, 8: b64}[size], false)
	case operandInteger:
		a.base = d.program.constant(base.value)
	case operandVariable:
		v := base.variable
		at, s := d.variable(v)
		if a.space == generic && s == constant {
			s = global
		}
		if s != a.space && !(a.space == generic && s == global) {
			d.fail("variable %s is in %v, not in %v memory", v.name, v.space, a.space)
		}
		if s == local && d.recursive() {
			d.fail("a function that calls itself reaches its local variable %s through a register only", v.name)
		}
		if s == parameter {
			_, kernel := d.program.paramOffset[v]
			a.call = !kernel
			if end := o.offset + int64(a.bytes()); o.offset < 0 || end > int64(v.size) {
				d.fail("parameter %s has %d bytes", v.name, v.size)
			}
		}
		a.base = d.program.constant(at)
	default:
		d.fail("this operand is not an address")
	}
	switch a.space {
	case global, generic:
		d.program.granule = min(d.program.granule, a.size)
		if a.strength != weak {
			d.program.communicates = true
		}
	}
	if a.space == shared || a.space == generic {
		d.program.sharedGranule = min(d.program.sharedGranule, a.size)
	}
	a.site = d.program.site(d.raw.line)
	d.class = accessClass(a)
}

// addressOf is like variable, for instructions that keep the address in a register.
func (d *decoder) addressOf(v *variable) (uint64, space) {
	if _, ok := d.program.callOffset[v]; ok && v.space == parameter {
		d.fail("the address of %s, a parameter of a call, cannot be taken", v.name)
	}
	return d.variable(v)
}

// variable returns the address of a variable in its state space.
func (d *decoder) variable(v *variable) (uint64, space) {
	p := d.program
	switch v.space {
	case global, constant:
		return p.globals[v], v.space
	case shared:
		return uint64(p.sharedOffset[v]), shared
	case local:
		return uint64(p.localOffset[v]), local
	}
	if at, ok := p.paramOffset[v]; ok {
		return uint64(at), parameter
	}
	return uint64(p.callOffset[v]), parameter
}

// parts lists the registers of a vector operand, or the only register of a scalar.
func (d *decoder) parts(i, count int) []operand {
	o := d.raw.args[i]
	parts := []operand{o}
	if o.kind == operandVector {
		parts = o.parts
	}
	if len(parts) != count || (o.kind == operandVector) != (count > 1) {
		d.fail("%d registers, expected %d", len(parts), count)
	}
	return parts
}

// load is ld and ldu. The lanes read one after the other.
func load(d *decoder) runner {
	a, k := d.accessForm(false)
	d.count(2)
	if a.strength == weak && d.compared(1) {
		a.strength = strongDevice
	}
	d.address(1, &a)
	a.again = d.again(a.base)
	dst := make([]int32, a.count)
	width := 8
	a.passing = true
	for i, o := range d.parts(0, a.count) {
		if o.kind == operandSink {
			dst[i] = absent
			continue
		}
		dst[i] = d.dstOperand(o, k, true)
		a.passing = a.passing && !d.usedRegisters()[o.register]
		width = d.function.registers[o.register].kind.size()
	}
	convert := func(v uint64) uint64 { return v }
	if k.signed() && width > k.size() {
		convert = func(v uint64) uint64 { return truncate(uint64(extend(v, k)), width) }
	}
	words := k.size() == 4 && width == 4 && !slices.Contains(dst, absent)
	uniform := a.base < 0 && (a.space == parameter && !a.call || a.space == constant)
	return func(w *warp, mask uint32) {
		base := w.source(a.base)
		g := w.gatherOf(&a, base, mask)
		w.measure(&a, base, mask, g)
		left := mask
		if words && (a.strength == weak || a.space == global && w.block.launch.flags.apart(&a, base, mask)) {
			left = w.loadWords(&a, base, dst, mask, g)
		}
		for m := left; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m) & 31
			address := a.at(base[lane]) // which dst may take the place of
			from, at := w.reach(&a, lane, address)
			if from == nil {
				if w.block.fault != nil {
					return
				}
				continue
			}
			for i, r := range dst {
				if r == absent {
					continue
				}
				v := convert(little(from.data[at+uint64(i*a.size):], a.size))
				w.registers[r][lane] = v
				if uniform {
					w.spread(r, mask, v)
				}
			}
			if a.strength != weak {
				w.synchronize(&a, lane, address)
			}
			if uniform {
				return
			}
		}
		if a.strength != weak && dst[0] != absent {
			w.poll(w.registers[dst[0]][lowest(mask)])
		}
	}
}

// keepBases is off in a test that looks whether again changes anything.
var keepBases = true

// again tells whether the base of an access is sure to be as it was at an access before, which
// each thread has come by.
func (d *decoder) again(base int32) bool {
	again := keepBases && slices.Contains(d.bases, base)
	if !again && d.raw.guard == absent {
		d.bases = append(d.bases, base)
	}
	return again
}

// compared tells whether the function has an atom.cas at the very address of operand i.
// Loops that make atomic operations of it first read there without care, also in NVIDIA's
// headers and guide: the swap fails if that value is no longer there.
func (d *decoder) compared(i int) bool {
	if d.swapped == nil {
		d.swapped = map[namedAddress]bool{}
		for _, raw := range d.function.body {
			if raw.name == "atom" && len(raw.args) > 1 && slices.Contains(raw.mods, "cas") {
				d.swapped[addressName(raw.args[1])] = true
			}
		}
	}
	at := addressName(d.raw.args[i])
	return at != namedAddress{} && d.swapped[at]
}

// A namedAddress is an address as an instruction names it.
type namedAddress struct {
	kind     operandKind // operandAddress
	register int32
	variable *variable
	offset   int64
}

// addressName returns the address that an operand names, or none.
func addressName(o operand) namedAddress {
	if o.kind != operandAddress || o.parts[0].kind != operandRegister && o.parts[0].kind != operandVariable {
		return namedAddress{}
	}
	return namedAddress{operandAddress, o.parts[0].register, o.parts[0].variable, o.offset}
}

// usedRegisters tells of each register of the function whether anything but a store takes
// its value.
func (d *decoder) usedRegisters() []bool {
	if d.used != nil {
		return d.used
	}
	d.used = make([]bool, len(d.function.registers))
	var mark func(all []operand)
	mark = func(all []operand) {
		for _, o := range all {
			if o.kind == operandRegister {
				d.used[o.register] = true
			}
			mark(o.parts)
		}
	}
	for _, raw := range d.function.body {
		args := raw.args
		switch {
		case len(args) < 2:
		case raw.name == "ld":
			args = args[1:] // the first is what it writes
		case raw.name == "st":
			args = args[:1]
		}
		mark(args)
	}
	return d.used
}

// spread writes one value to all lanes of the mask.
func (w *warp) spread(r int32, mask uint32, v uint64) {
	d := &w.registers[r]
	if mask == allLanes {
		vector.broadcast(d, v)
		return
	}
	for m := mask; m != 0; m &= m - 1 {
		d[bits.TrailingZeros32(m)&31] = v
	}
}

func little(b []byte, size int) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func putLittle(b []byte, size int, v uint64) {
	switch size {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}

// A storing is the current store of a warp, for the checks. It is nil for stores whose
// values are not in registers of their own.
type storing struct {
	access  *access
	sources []int32
}

func store(d *decoder) runner {
	a, k := d.accessForm(true)
	d.count(2)
	d.address(0, &a)
	a.again = d.again(a.base)
	s := &storing{access: &a, sources: make([]int32, a.count)}
	for i, o := range d.parts(1, a.count) {
		s.sources[i] = d.srcOperand(o, k, true)
	}
	return func(w *warp, mask uint32) {
		base := w.source(a.base)
		g := w.gatherOf(&a, base, mask)
		w.measure(&a, base, mask, g)
		w.storing, w.storeMask = s, mask
		left := mask
		if a.strength == weak && a.size == 4 {
			left = w.storeWords(&a, base, s.sources, mask, g.pattern)
		}
		for m := left; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m) & 31
			to, at := w.reach(&a, lane, a.at(base[lane]))
			if to == nil {
				if w.block.fault != nil {
					return
				}
				continue
			}
			for i, r := range s.sources {
				putLittle(to.data[at+uint64(i*a.size):], a.size, w.source(r)[lane])
			}
			if a.strength != weak {
				w.synchronize(&a, lane, a.at(base[lane]))
			}
		}
		w.released(&a)
	}
}

// stored returns what a lane is about to store.
func (w *warp) stored(a *access, lane int) []byte {
	b := make([]byte, a.bytes())
	for i, r := range w.storing.sources {
		putLittle(b[i*a.size:], a.size, w.source(r)[lane])
	}
	return b
}

// storeMatches tells whether memory already holds what a lane is about to store.
func (w *warp) storeMatches(a *access, lane int, data []byte) bool {
	return a.write && !a.atomic && w.storing != nil && len(w.storing.sources) > 0 && bytes.Equal(w.stored(a, lane), data)
}

// prefetch has no effect here.
func prefetch(d *decoder) runner {
	d.space()
	d.option("L1", "L2", "L2::evict_last", "L2::evict_normal")
	d.option("tensormap")
	d.count(1)
	d.class = Control
	return func(*warp, uint32) {}
}
