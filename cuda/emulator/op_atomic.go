package emulator

import "math"

var atomicDecoders = map[string]decoding{"atom": atomicInstruction, "red": atomicInstruction}

// atomicInstruction is atom and red. The scheduler chooses which lane goes first.
func atomicInstruction(d *decoder) runner {
	d.class = Atomic
	order := d.option("relaxed", "acquire", "release", "acq_rel")
	a := &access{
		write: true, atomic: true, count: 1, strength: d.scope(strongDevice),
		acquire: true, release: order == "release" || order == "acq_rel",
	}
	a.space = d.space()
	if a.space != generic && a.space != global && a.space != shared {
		d.fail("atomic operations exist only on global and shared memory")
	}
	name := d.choice("add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec")
	noFlush := d.mod("noftz")
	k := d.kind(b32, u32, s32, b64, u64, s64, f32, f64, b16, f16, f16x2, bf16, bf16x2)
	a.size = k.size()
	op := atomicOperation(name, k)
	if op == nil || noFlush != (k == f16 || k == f16x2 || k == bf16 || k == bf16x2) {
		d.fail("atomic .%s does not exist for type %v", name, k)
	}
	dst, first := int32(absent), 0
	if d.raw.name == "red" {
		a.acquire = false // it returns nothing
	} else {
		first = 1
		if d.raw.args != nil && d.raw.args[0].kind != operandSink {
			dst = d.dst(0, k)
		}
	}
	n := first + 2
	if name == "cas" {
		n++
	}
	d.count(n)
	d.address(first, a)
	d.class = Atomic
	b := d.src(first+1, k)
	c := b
	if name == "cas" {
		c = d.src(first+2, k)
	}
	update := &atomicUpdate{a, dst, op}
	return func(w *warp, mask uint32) {
		base, x, y := *w.source(a.base), *w.source(b), *w.source(c)
		w.measure(a, &base, mask, nil)
		start := w.block.choose(decideLane, 32)
		for i := range 32 {
			lane := (start + i) & 31
			if mask>>lane&1 == 0 {
				continue
			}
			update.run(w, lane, a.at(base[lane]), x[lane], y[lane])
			if w.block.fault != nil {
				return
			}
		}
		w.released(a)
		if dst != absent {
			w.poll(w.registers[dst][lowest(mask)])
		}
	}
}

// An atomicUpdate is what an atomic instruction does in one lane.
type atomicUpdate struct {
	access *access
	dst    int32 // register for the old value, or absent
	op     func(old, b, c uint64) uint64
}

func (u *atomicUpdate) run(w *warp, lane int, address, b, c uint64) {
	a := u.access
	m, at := w.reach(a, lane, address)
	if m == nil {
		return
	}
	s, offset := a.resolve(address)
	if !m.hasValue(at, uint64(a.size)) {
		w.fail(Uninitialised, lane, address, "updates %d bytes %s, which nothing has written yet", a.size, w.place(s, offset))
		if w.block.fault != nil {
			return
		}
	}
	old := little(m.data[at:], a.size)
	value := u.op(old, b, c)
	if putLittle(m.data[at:], a.size, value); value != old {
		w.block.stats.changed++
	}
	if u.dst != absent {
		w.registers[u.dst][lane] = old
	}
	w.synchronize(a, lane, address)
}

// atomicOperation returns the function that computes the new value from the old one
// and the operands. It returns nil if the ISA does not have the operation.
func atomicOperation(name string, k kind) func(old, b, c uint64) uint64 {
	size := k.size()
	bitwise := k.untyped() && size >= 4
	integer := k.integer() && size >= 4
	switch {
	case name == "exch" && bitwise:
		return func(_, b, _ uint64) uint64 { return b }
	case name == "cas" && k.untyped():
		return func(old, b, c uint64) uint64 {
			if old == b {
				return c
			}
			return old
		}
	case name == "and" && bitwise:
		return func(old, b, _ uint64) uint64 { return old & b }
	case name == "or" && bitwise:
		return func(old, b, _ uint64) uint64 { return old | b }
	case name == "xor" && bitwise:
		return func(old, b, _ uint64) uint64 { return old ^ b }
	case name == "add" && integer:
		return func(old, b, _ uint64) uint64 { return truncate(old+b, size) }
	case name == "add" && k == f32:
		// The ISA keeps subnormal numbers in global memory.
		return func(old, b, _ uint64) uint64 { return toFloat32(fromFloat32(old) + fromFloat32(b)) }
	case name == "add" && k == f64:
		return func(old, b, _ uint64) uint64 {
			return toFloat64(math.Float64frombits(old) + math.Float64frombits(b))
		}
	case name == "add" && k.float():
		form := halfForm{kind: k, format: formatOf(k), packed: k.packed()}
		return form.lift(func(a, b, _ float64) float64 { return sumOdd(a, b) })
	case name == "inc" && k == u32:
		return func(old, b, _ uint64) uint64 {
			if old >= b {
				return 0
			}
			return old + 1
		}
	case name == "dec" && k == u32:
		return func(old, b, _ uint64) uint64 {
			if old == 0 || old > b {
				return b
			}
			return old - 1
		}
	case (name == "min" || name == "max") && integer:
		return func(old, b, _ uint64) uint64 {
			if k.less(old, b) == (name == "min") {
				return old
			}
			return b
		}
	}
	return nil
}
