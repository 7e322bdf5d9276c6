package emulator

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
	name := callee(*d.raw)
	f := d.program.module.functions[name]
	var results, args []operand
	rest := d.raw.args
	if len(rest) > 0 && rest[0].kind == operandTuple {
		results, rest = rest[0].parts, rest[1:]
	}
	if len(rest) == 0 || rest[0].kind != operandFunction {
		d.fail("expected the name of a function")
	}
	if rest = rest[1:]; len(rest) > 0 && rest[0].kind == operandTuple {
		args, rest = rest[0].parts, rest[1:]
	}
	if len(rest) > 0 {
		d.fail("the call has operands after its arguments")
	}
	in := d.copies(args, f.params, name, "arguments")
	out := d.copies(results, f.results, name, "results")
	entry := d.entries[name]
	return func(w *warp, mask uint32) {
		for _, c := range in {
			w.copyCall(mask, c.outer, c.inner, c.size)
		}
		w.stack = append(w.stack, path{w.pc, w.reconverge, w.active, len(w.calling), false})
		w.calling = append(w.calling, frame{out, mask})
		w.pc, w.reconverge, w.active = entry, absent, mask
	}
}

// A callCopy pairs a parameter of a function with the variable of its caller.
type callCopy struct{ outer, inner, size int }

// A frame is a call that has not returned yet.
type frame struct {
	results []callCopy
	mask    uint32
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

func (w *warp) copyCall(mask uint32, from, to, size int) {
	stride := w.program.callSize
	w.eachLane(mask, func(lane int) {
		copy(w.calls.data[lane*stride+to:][:size], w.calls.data[lane*stride+from:][:size])
	})
}

// finishCall returns from a function once all lanes of the call have met at its end.
func (w *warp) finishCall(uint32) {
	f := w.calling[len(w.calling)-1]
	for _, c := range f.results {
		w.copyCall(f.mask&^w.exited, c.inner, c.outer, c.size)
	}
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
