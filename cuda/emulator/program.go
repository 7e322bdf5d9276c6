package emulator

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"
)

// Limits of a kernel, above those of any GPU.
const (
	maxPhysicalRegisters = 8192
	maxLocalBytes        = 512 << 10
	maxFunctions         = 256
	stackBytes           = 64 << 10 // of local memory, if functions call themselves
)

// A program is a kernel ready to run, with the functions it calls.
type program struct {
	name       string
	module     *ptxModule
	entry      *function
	code       []instruction
	registers  int // 64-bit, per lane
	predicates int
	constants  []lanes // immediate operands
	constantAt map[uint64]int32
	specials   uint32 // which of specialRegisters are read, a bit for each

	paramOffset  map[*variable]int // of the kernel's parameters
	paramSize    int
	sharedOffset map[*variable]int
	sharedSize   int // without dynamic memory
	dynamicAlign int
	localOffset  map[*variable]int
	localSize    int               // per thread, once
	localStride  int               // per thread, with room for functions that call themselves
	callOffset   map[*variable]int // parameters of calls, per thread
	callSize     int
	globals      map[*variable]uint64
	callees      map[string]*callable

	sites  []int // lines of the instructions that access memory, see touch
	siteAt map[int]uint16

	granule       int  // bytes of the narrowest access to global memory
	sharedGranule int  // bytes of the narrowest access to shared memory
	timed         bool // a clock is read
	communicates  bool // blocks may talk to each other, by atomics, fences or volatile accesses
	perturb       uint64
	refused       error // why the kernel cannot run; nil if it can
}

// lanes is a register of a warp: 32 values. The bits beyond their width are zero.
type lanes = [32]uint64

// An instruction is decoded. run does all its work for the lanes of the mask.
type instruction struct {
	run      func(w *warp, mask uint32)
	guard    int32
	guardNot bool
	straight int   // instructions from this one on that are plain, see plain; 0 if it is not
	chain    []fma // this instruction and those after it, as long as they are fma and plain
	join     bool  // divergent branches reconverge here
	writes   bool  // to memory; atomic operations count their changes
	class    Class
	flops    uint32 // floating-point operations per lane; per warp for Matrix
	tensor   Tensor // of a Matrix
	line     int32
}

// A loadError is an error in a PTX module, with its line.
type loadError struct {
	line int
	text string
	why  string
}

func (e *loadError) Error() string { return fmt.Sprintf("%d: %s: %s", e.line, e.text, e.why) }

// link builds the program of an entry. globals holds the addresses of the module's
// variables.
func link(m *ptxModule, entry *function, globals map[*variable]uint64) (*program, error) {
	p := &program{
		name: entry.name, module: m, entry: entry, globals: globals, dynamicAlign: 1, granule: 8, sharedGranule: 8,
		paramOffset: map[*variable]int{}, sharedOffset: map[*variable]int{},
		localOffset: map[*variable]int{}, callOffset: map[*variable]int{},
		constantAt: map[uint64]int32{}, siteAt: map[int]uint16{}, registers: len(specialRegisters),
	}
	functions, err := p.reachable()
	if err != nil {
		return nil, err
	}
	if err := p.layout(functions); err != nil {
		return nil, err
	}
	entries := map[string]int{}
	total := 0
	for _, f := range functions {
		entries[f.name] = total
		total += len(f.body) + 1
	}
	p.callees = p.callables(functions, entries)
	for _, f := range functions {
		registers, predicates := p.registers, p.predicates
		if err := p.addFunction(f, entries); err != nil {
			return nil, err
		}
		if c := p.callees[f.name]; c != nil {
			c.registers = [2]int{registers, p.registers}
			c.predicates = [2]int{predicates, p.predicates}
		}
	}
	if p.registers > maxPhysicalRegisters {
		return nil, &loadError{entry.line, m.line(entry.line), fmt.Sprintf("%s needs %d registers at once", entry.name, p.registers)}
	}
	return p, nil
}

// A callSite is a call: of a function by name, or through a pointer.
type callSite struct {
	results, args []operand
	target        operand // operandFunction, or a register
	extra         bool    // operands that do not belong there
}

func siteOf(raw *rawInstruction) (c callSite) {
	rest := raw.args
	if len(rest) > 0 && rest[0].kind == operandTuple {
		c.results, rest = rest[0].parts, rest[1:]
	}
	if len(rest) > 0 {
		c.target, rest = rest[0], rest[1:]
	}
	if len(rest) > 0 && rest[0].kind == operandTuple {
		c.args, rest = rest[0].parts, rest[1:]
	}
	if c.target.kind == operandRegister && len(rest) > 0 && rest[0].kind == operandFunction {
		rest = rest[1:] // the prototype
	}
	c.extra = len(rest) > 0
	return c
}

// reachable lists the functions that the entry may call, itself first. Through a pointer
// it may call any whose address is taken.
func (p *program) reachable() ([]*function, error) {
	order := []*function{p.entry}
	seen := map[*function]bool{p.entry: true}
	for i := 0; i < len(order); i++ {
		if order[i].refused != nil {
			return nil, order[i].refused
		}
		callees, err := p.calledBy(order[i])
		if err != nil {
			return nil, err
		}
		for _, g := range callees {
			if !seen[g] {
				seen[g] = true
				order = append(order, g)
			}
		}
		if len(order) > maxFunctions {
			return nil, &loadError{p.entry.line, p.module.line(p.entry.line), fmt.Sprintf("%s calls more than %d functions", p.entry.name, maxFunctions)}
		}
	}
	return order, nil
}

// calledBy lists the functions that f may call itself.
func (p *program) calledBy(f *function) (all []*function, err error) {
	m := p.module
	for i := range f.body {
		raw := &f.body[i]
		if raw.name != "call" {
			continue
		}
		target := siteOf(raw).target
		if target.kind == operandRegister {
			for _, name := range slices.Sorted(maps.Keys(m.pointed)) {
				if g := m.functions[name]; g != nil && !g.entry && !g.external {
					all = append(all, g)
				}
			}
			continue
		}
		why := ""
		switch g := m.functions[target.name]; {
		case target.kind != operandFunction:
			why = "expected the name of a function, or a pointer to one"
		case g != nil && g.entry:
			why = fmt.Sprintf("%s is a kernel, not a function", target.name)
		case g != nil && !g.external:
			all = append(all, g)
		case strings.HasPrefix(target.name, "cuda"):
			why = fmt.Sprintf("%s: dynamic parallelism, kernels that call the CUDA runtime, is not supported", target.name)
		case builtins[target.name].run == nil:
			why = fmt.Sprintf("function %s is not defined in this module", target.name)
		}
		if why != "" {
			return nil, &loadError{raw.line, m.line(raw.line), why}
		}
	}
	return all, nil
}

// A callable is a function that calls reach.
type callable struct {
	*function
	entry     int  // where it begins
	recursive bool // it may call itself, by way of others too

	// What a further activation would overwrite: registers and predicates from the first
	// to before the second, and parameters.
	registers, predicates [2]int
	variables             []*variable
}

// callables returns the functions but for the entry.
func (p *program) callables(functions []*function, entries map[string]int) map[string]*callable {
	all := map[string]*callable{}
	next := map[*function][]*function{}
	for _, f := range functions {
		next[f], _ = p.calledBy(f) // reachable has found no error
	}
	for _, f := range functions[1:] {
		c := &callable{function: f, entry: entries[f.name]}
		seen := map[*function]bool{}
		for list := slices.Clone(next[f]); len(list) > 0; list = list[1:] {
			if g := list[0]; !seen[g] {
				seen[g] = true
				list = append(list, next[g]...)
			}
		}
		if c.recursive = seen[f]; c.recursive {
			for v := range p.callOffset {
				if slices.Contains(f.params, v) || slices.Contains(f.results, v) || slices.Contains(f.variables, v) {
					c.variables = append(c.variables, v)
				}
			}
			if p.localSize > 0 {
				p.localStride = max(p.localSize, stackBytes)
			}
		}
		all[f.name] = c
	}
	return all
}

// layout places the variables of the entry and its functions.
func (p *program) layout(functions []*function) error {
	place := func(v *variable, offsets map[*variable]int, size *int, limit int) error {
		at := (*size + v.align - 1) &^ (v.align - 1)
		offsets[v] = at
		*size = at + v.size
		if *size > limit {
			return &loadError{v.line, p.module.line(v.line), fmt.Sprintf("more than %d bytes of %v memory", limit, v.space)}
		}
		return nil
	}
	for _, v := range p.entry.params {
		if err := place(v, p.paramOffset, &p.paramSize, 4096); err != nil {
			return err
		}
	}
	used := usedVariables(functions)
	for _, v := range used {
		var err error
		switch {
		case v.space == shared && v.dynamic:
			p.dynamicAlign = max(p.dynamicAlign, v.align)
		case v.space == shared:
			err = place(v, p.sharedOffset, &p.sharedSize, sharedWindowSize)
		case v.space == local:
			err = place(v, p.localOffset, &p.localSize, maxLocalBytes)
		case v.space == parameter:
			if _, ok := p.paramOffset[v]; !ok {
				err = place(v, p.callOffset, &p.callSize, maxLocalBytes)
			}
		}
		if err != nil {
			return err
		}
	}
	dynamic := (p.sharedSize + p.dynamicAlign - 1) &^ (p.dynamicAlign - 1)
	for _, v := range used {
		if v.dynamic {
			p.sharedOffset[v] = dynamic
			p.sharedSize = dynamic
		}
	}
	p.localStride = p.localSize
	return nil
}

// usedVariables lists the variables that the functions declare or use, in order of
// declaration.
func usedVariables(functions []*function) []*variable {
	seen := map[*variable]bool{}
	var all []*variable
	add := func(v *variable) {
		if v != nil && !seen[v] {
			seen[v] = true
			all = append(all, v)
		}
	}
	var walk func(o operand)
	walk = func(o operand) {
		add(o.variable)
		for _, part := range o.parts {
			walk(part)
		}
	}
	for _, f := range functions {
		for _, list := range [][]*variable{f.params, f.results} {
			for _, v := range list {
				add(v)
			}
		}
		for _, raw := range f.body {
			for _, arg := range raw.args {
				walk(arg)
			}
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].line < all[j].line })
	return all
}

// addFunction decodes a function and appends it to the code. It decodes twice. The
// first pass only finds out which instructions read and write which registers. So
// only the decoders need to know that.
func (p *program) addFunction(f *function, entries map[string]int) error {
	flow := newFlow(f)
	identity := make([]int32, len(f.registers))
	counts := [2]int{}
	for i, r := range f.registers {
		n := 0
		if r.kind == pred {
			n = 1
		}
		identity[i] = int32(counts[n])
		counts[n]++
	}
	probe := &decoder{program: p, function: f, entries: entries, flow: flow, mapping: identity}
	if _, err := probe.decode(); err != nil {
		return err
	}
	mapping, data, predicates := allocate(f, flow, probe.uses, probe.defs)
	for i, r := range f.registers {
		if r.kind == pred {
			mapping[i] += int32(p.predicates)
		} else {
			mapping[i] += int32(p.registers)
		}
	}
	p.registers += data
	p.predicates += predicates
	d := &decoder{program: p, function: f, entries: entries, flow: flow, mapping: mapping}
	code, err := d.decode()
	if err != nil {
		return err
	}
	for at := range flow.joins {
		code[at].join = true
	}
	for at := len(f.body) - 1; at >= 0; at-- {
		switch {
		case !plain(&f.body[at]):
		case code[at+1].join:
			code[at].straight = 1
		default:
			code[at].straight = 1 + code[at+1].straight
		}
	}
	chain(code)
	p.code = append(p.code, code...)
	return nil
}

// chain links each fma to the plain ones that follow it without a gap.
func chain(code []instruction) {
	for at := 0; at < len(code); {
		var all []fma
		for n := range code[at].straight {
			if code[at+n].chain == nil {
				break
			}
			all = append(all, code[at+n].chain[0])
		}
		for n := range all {
			code[at+n].chain = all[n:]
		}
		at += max(len(all), 1)
	}
}

// plain tells whether an instruction only computes registers, for all active lanes: it does
// not branch, wait, fail or look at the time.
func plain(raw *rawInstruction) bool {
	switch raw.name {
	case "mov":
		return raw.guard == absent && raw.args[1].kind != operandSpecial
	case "add", "sub", "mul", "mad", "fma", "min", "max", "abs", "neg", "and", "or", "xor", "not", "shl", "shr", "cvt", "cvta", "selp", "setp":
		return raw.guard == absent
	}
	return false
}

// site returns the number of the site at a line, or 0 if there are too many.
func (p *program) site(line int) uint16 {
	s, ok := p.siteAt[line]
	if !ok && len(p.sites) < math.MaxUint16 {
		p.sites = append(p.sites, line)
		s = uint16(len(p.sites))
		p.siteAt[line] = s
	}
	return s
}

// constant returns the operand number of an immediate value.
func (p *program) constant(v uint64) int32 {
	if i, ok := p.constantAt[v]; ok {
		return ^i
	}
	i := int32(len(p.constants))
	var all lanes
	for lane := range all {
		all[lane] = v
	}
	p.constants = append(p.constants, all)
	p.constantAt[v] = i
	return ^i
}
