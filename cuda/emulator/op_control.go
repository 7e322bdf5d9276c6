package emulator

import "slices"

var controlDecoders = map[string]decoding{
	"bra":       branch,
	"brx":       indexedBranch,
	"call":      call,
	"ret":       leave,
	"exit":      exit,
	"trap":      trap,
	"brkpt":     trap,
	"nanosleep": nanosleep,
	"pmevent":   pmevent,
}

// position turns an index in the body into an index in the program.
func (d *decoder) position(i int) int { return d.entries[d.function.name] + i }

// meeting is where the paths of the current branch meet again.
func (d *decoder) meeting() int {
	if at := d.flow.reconverge[d.at]; at != absent {
		return d.position(at)
	}
	return absent
}

func branch(d *decoder) runner {
	d.option("uni")
	d.count(1)
	d.class = Control
	if d.raw.args[0].kind != operandLabel {
		d.fail("expected a label")
	}
	target, meeting := d.position(d.raw.args[0].target), d.meeting()
	targetEnds, nextEnds := d.ends(d.raw.args[0].target), d.ends(d.at+1)
	return func(w *warp, mask uint32) {
		switch rest := w.active &^ mask; {
		case rest == 0:
			w.pc = target
		case targetEnds:
			w.end(mask)
		case nextEnds:
			w.pc = target
			w.end(rest)
		default:
			w.diverge([]path{{pc: target, mask: mask}, {pc: w.pc, mask: rest}}, meeting)
		}
	}
}

// ends tells whether a thread at position i of a kernel is about to end. Such a
// thread ends at once, so that it and the others need not wait for each other.
func (d *decoder) ends(i int) bool {
	if !d.function.entry {
		return false
	}
	if i == len(d.function.body) {
		return true
	}
	raw := &d.function.body[i]
	return raw.guard == absent && (raw.name == "ret" || raw.name == "exit")
}

// indexedBranch is brx.idx: each lane goes where its index says.
func indexedBranch(d *decoder) runner {
	d.choice("idx")
	d.option("uni")
	d.count(2)
	d.class = Control
	index := d.src(0, u32)
	if d.raw.args[1].kind != operandTargets {
		d.fail("expected a table of labels")
	}
	var targets []int
	for _, at := range d.raw.args[1].targets {
		targets = append(targets, d.position(at))
	}
	meeting := d.meeting()
	return func(w *warp, mask uint32) {
		var paths []path
		if rest := w.active &^ mask; rest != 0 {
			paths = append(paths, path{pc: w.pc, mask: rest})
		}
		indices := w.source(index)
		w.eachLane(mask, func(lane int) {
			n := indices[lane]
			if n >= uint64(len(targets)) {
				w.fail(BadBranch, lane, 0, "index %d is beyond the table, which has %d labels", n, len(targets))
				n = 0
			}
			for i := range paths {
				if paths[i].pc == targets[n] {
					paths[i].mask |= 1 << lane
					return
				}
			}
			paths = append(paths, path{pc: targets[n], mask: 1 << lane})
		})
		if len(paths) == 1 {
			w.pc = paths[0].pc
			return
		}
		w.diverge(paths, meeting)
	}
}

// call copies the arguments into the parameters of the function. When the function
// has returned, it copies the results back.
func call(d *decoder) runner {
	d.option("uni")
	d.class = Control
	c := siteOf(d.raw)
	if c.extra {
		d.fail("the call has operands after its arguments")
	}
	if c.target.kind == operandRegister {
		return d.indirectCall(c)
	}
	name := c.target.name
	g := d.program.callees[name]
	if g == nil {
		return d.builtin(name, c.results, c.args)
	}
	in, out := d.copies(c.args, g.params, name, "arguments"), d.copies(c.results, g.results, name, "results")
	return func(w *warp, mask uint32) { w.call(g, in, out, mask) }
}

// indirectCall calls through a pointer. Lanes that call different functions diverge:
// each path comes here again, and they meet at the next instruction.
func (d *decoder) indirectCall(c callSite) runner {
	pointer := d.srcOperand(c.target, b64, false)
	type candidate struct {
		*callable
		in, out []callCopy
	}
	candidates := map[uint64]candidate{} // those that the arguments fit
	others := map[uint64]string{}
	for name, g := range d.program.callees {
		if !d.program.module.pointed[name] {
			continue
		}
		at := d.program.module.address(name)
		if fit(c.args, g.params) && fit(c.results, g.results) {
			candidates[at] = candidate{g, d.copies(c.args, g.params, name, "arguments"), d.copies(c.results, g.results, name, "results")}
		} else {
			others[at] = name
		}
	}
	again, meeting := d.position(d.at), d.position(d.at+1)
	return func(w *warp, mask uint32) {
		pointers := w.source(pointer)
		first := pointers[lowest(mask)]
		same := uint32(0)
		w.eachLane(mask, func(lane int) {
			if pointers[lane] == first {
				same |= 1 << lane
			}
		})
		if same != mask || mask != w.active {
			paths := []path{{pc: again, mask: same}}
			if rest := mask &^ same; rest != 0 {
				paths = append(paths, path{pc: again, mask: rest})
			}
			if off := w.active &^ mask; off != 0 {
				paths = append(paths, path{pc: meeting, mask: off})
			}
			w.diverge(paths, meeting)
			return
		}
		g, ok := candidates[first]
		switch {
		case ok:
			w.call(g.callable, g.in, g.out, mask)
		case others[first] != "":
			w.fail(BadBranch, lowest(mask), first, "calls %s, whose parameters are not those of the call", others[first])
		default:
			w.fail(BadBranch, lowest(mask), first, "calls 0x%x, which is not the address of a function", first)
		}
	}
}

// fit tells whether variables of a call have the sizes of the parameters.
func fit(outer []operand, inner []*variable) bool {
	if len(outer) != len(inner) {
		return false
	}
	for i, o := range outer {
		if o.kind != operandVariable || o.variable.size != inner[i].size {
			return false
		}
	}
	return true
}

// A callCopy pairs a parameter of a function with the variable of its caller.
type callCopy struct{ outer, inner, size int }

// A frame is a call that has not returned yet.
type frame struct {
	function *callable
	results  []callCopy
	mask     uint32
	saved    *activation // of a function that was active already
	shift    uint64      // of its local variables in local memory
}

// An activation is what a function held when it was called again.
type activation struct {
	registers  []lanes
	predicates []uint32
	parameters []byte // of all lanes, variable after variable
}

func (d *decoder) copies(outer []operand, inner []*variable, name, what string) []callCopy {
	if len(outer) != len(inner) {
		d.fail("%s has %d %s, not %d", name, len(inner), what, len(outer))
	}
	var all []callCopy
	for i, o := range outer {
		if o.kind != operandVariable || o.variable.space != parameter {
			d.fail("an argument of a call must be a .param variable")
		}
		at, ok := d.program.callOffset[o.variable]
		if !ok || o.variable.size != inner[i].size {
			d.fail("argument %s does not fit parameter %s", o.name, inner[i].name)
		}
		all = append(all, callCopy{at, d.program.callOffset[inner[i]], inner[i].size})
	}
	return all
}

// call enters a function. If it is active already, what it holds is put aside.
func (w *warp) call(g *callable, in, out []callCopy, mask uint32) {
	f := frame{function: g, results: out, mask: mask}
	values := w.take(mask, in, func(c callCopy) int { return c.outer })
	if g.recursive && slices.ContainsFunc(w.calling, func(f frame) bool { return f.function == g }) {
		f.saved = w.put(g)
	}
	if g.recursive && w.program.localSize > 0 {
		for _, outer := range w.calling {
			if outer.function.recursive {
				f.shift += uint64(w.program.localSize)
			}
		}
	}
	if len(w.calling) >= maxCalls || f.shift+uint64(w.program.localSize) > uint64(w.program.localStride) {
		w.fail(StackOverflow, lowest(mask), 0, "calls %s inside of %d other calls, which is deeper than the stack", g.name, len(w.calling))
		return
	}
	w.give(mask, in, func(c callCopy) int { return c.inner }, values)
	w.stack = append(w.stack, path{w.pc, w.reconverge, w.active, len(w.calling), false})
	w.calling = append(w.calling, f)
	w.pc, w.reconverge, w.active = g.entry, absent, mask
}

// maxCalls bounds the calls that have not returned.
const maxCalls = 1 << 10

// take reads variables of a call, for the lanes of the mask.
func (w *warp) take(mask uint32, copies []callCopy, at func(callCopy) int) (values []byte) {
	for _, c := range copies {
		w.eachLane(mask, func(lane int) {
			values = append(values, w.calls.data[lane*w.program.callSize+at(c):][:c.size]...)
		})
	}
	return values
}

// give writes what take has read.
func (w *warp) give(mask uint32, copies []callCopy, at func(callCopy) int, values []byte) {
	for _, c := range copies {
		w.eachLane(mask, func(lane int) {
			copy(w.calls.data[lane*w.program.callSize+at(c):][:c.size], values)
			values = values[c.size:]
		})
	}
}

// put returns what a function holds.
func (w *warp) put(g *callable) *activation {
	a := &activation{
		registers:  slices.Clone(w.registers[g.registers[0]:g.registers[1]]),
		predicates: slices.Clone(w.predicates[g.predicates[0]:g.predicates[1]]),
	}
	for _, v := range g.variables {
		for lane := range 32 {
			a.parameters = append(a.parameters, w.calls.data[lane*w.program.callSize+w.program.callOffset[v]:][:v.size]...)
		}
	}
	return a
}

// get gives the lanes of the mask back what their function held.
func (w *warp) get(g *callable, a *activation, mask uint32) {
	for i := range a.registers {
		w.eachLane(mask, func(lane int) { w.registers[g.registers[0]+i][lane] = a.registers[i][lane] })
	}
	for i, p := range a.predicates {
		w.setPredicate(int32(g.predicates[0]+i), mask, p)
	}
	rest := a.parameters
	for _, v := range g.variables {
		for lane := range 32 {
			if mask>>lane&1 != 0 {
				copy(w.calls.data[lane*w.program.callSize+w.program.callOffset[v]:][:v.size], rest)
			}
			rest = rest[v.size:]
		}
	}
}

// finishCall returns from a function once all lanes of the call have met at its end.
func (w *warp) finishCall(uint32) {
	f := w.calling[len(w.calling)-1]
	mask := f.mask &^ w.exited
	values := w.take(mask, f.results, func(c callCopy) int { return c.inner })
	if f.saved != nil {
		w.get(f.function, f.saved, mask)
	}
	w.give(mask, f.results, func(c callCopy) int { return c.outer }, values)
	w.pop()
}

// leave is ret. In a kernel it ends the threads. In a function it sends them to the
// end of the body, where they wait for each other.
func leave(d *decoder) runner {
	d.option("uni")
	d.count(0)
	d.class = Control
	if d.function.entry {
		return (*warp).end
	}
	end := d.position(len(d.function.body))
	return func(w *warp, mask uint32) {
		if mask == w.active {
			w.pc = end
			return
		}
		w.diverge([]path{{pc: end, mask: mask}, {pc: w.pc, mask: w.active &^ mask}}, end)
	}
}

func exit(d *decoder) runner {
	d.count(0)
	d.class = Control
	return (*warp).end
}

func trap(d *decoder) runner {
	d.count(0)
	d.class = Control
	name := d.raw.name
	return func(w *warp, mask uint32) {
		w.eachLane(mask, func(lane int) { w.fail(Trap, lane, 0, "the kernel executed %s", name) })
	}
}

func nanosleep(d *decoder) runner {
	d.kind(u32)
	d.count(1)
	d.class = Control
	d.src(0, u32)
	return func(w *warp, _ uint32) { w.state = pausing }
}

func pmevent(d *decoder) runner {
	d.option("mask")
	d.count(1)
	d.class = Control
	d.immediateArg(0, 1<<16)
	return func(*warp, uint32) {}
}
