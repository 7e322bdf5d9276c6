package emulator

import (
	"strconv"
	"strings"
)

// A body is the state of the parser inside a function.
type body struct {
	p      *parser
	f      *function
	scope  *scope
	fixups []fixup
}

// A scope holds the names that a pair of braces declares.
type scope struct {
	parent    *scope
	ranges    map[string]registerRange // %f of %f<12>
	registers map[string]int32         // registers used so far, and those declared without a range
	variables map[string]*variable
	labels    map[string]int // index in the body
	targets   map[string][]string
}

type registerRange struct {
	count int
	kind  kind
}

// A fixup is an operand whose labels have no positions yet.
type fixup struct {
	at, arg int
	scope   *scope
	line    int
	labels  []string
}

func newBody(p *parser, f *function) *body {
	return &body{p: p, f: f, scope: newScope(nil)}
}

func newScope(parent *scope) *scope {
	return &scope{
		parent: parent, ranges: map[string]registerRange{}, registers: map[string]int32{},
		variables: map[string]*variable{}, labels: map[string]int{}, targets: map[string][]string{},
	}
}

// block reads statements up to the closing brace.
func (s *body) block(depth int) {
	if depth > maxNesting {
		s.p.fail("blocks are nested deeper than %d", maxNesting)
	}
	p := s.p
	for !p.accept("}") {
		t := p.peek()
		switch {
		case t.kind == tokenEnd:
			p.fail("%s has no closing brace", s.f.name)
		case p.accept(";"):
		case p.accept("{"):
			s.scope = newScope(s.scope)
			s.block(depth + 1)
			s.scope = s.scope.parent
		case t.text == ".reg":
			p.next()
			s.declareRegisters()
		case t.text == ".param" || t.text == ".shared" || t.text == ".local" || t.text == ".global" || t.text == ".const":
			all := p.variables(s.scope.variables, false)
			s.f.variables = append(s.f.variables, all...)
		case t.text == ".loc":
			p.location()
		case t.text == ".pragma":
			p.next()
			p.next()
			p.expect(";")
		case t.kind == tokenName && p.tokens[p.pos+1].text == ":":
			s.label()
		default:
			s.instruction()
		}
	}
}

func (s *body) declareRegisters() {
	p := s.p
	word := p.name()
	k, ok := kinds[strings.TrimPrefix(word, ".")]
	if !ok {
		p.fail("%q is not a register type", word)
	}
	for {
		name := p.name()
		switch {
		case p.accept("<"):
			s.scope.ranges[name] = registerRange{p.count(1 << 24), k}
			p.expect(">")
		default:
			if _, ok := s.scope.registers[name]; ok {
				p.fail("%s is declared twice", name)
			}
			s.scope.registers[name] = s.newRegister(name, k)
		}
		if !p.accept(",") {
			break
		}
	}
	p.expect(";")
}

func (s *body) newRegister(name string, k kind) int32 {
	if len(s.f.registers) >= maxRegisters {
		s.p.fail("%s uses more than %d registers", s.f.name, maxRegisters)
	}
	s.f.registers = append(s.f.registers, register{name, k})
	return int32(len(s.f.registers) - 1)
}

// register finds a register by name. A register of a range gets its number when it
// is first used.
func (s *body) register(name string) (int32, bool) {
	prefix := strings.TrimRight(name, "0123456789")
	for sc := s.scope; sc != nil; sc = sc.parent {
		if r, ok := sc.registers[name]; ok {
			return r, true
		}
		// The name of a range may itself end in digits: %rd1<4> has %rd10..%rd13.
		for cut := len(prefix); cut < len(name); cut++ {
			r, ok := sc.ranges[name[:cut]]
			if !ok {
				continue
			}
			n, err := strconv.Atoi(name[cut:])
			if err != nil || n >= r.count || strconv.Itoa(n) != name[cut:] {
				continue
			}
			id := s.newRegister(name, r.kind)
			sc.registers[name] = id
			return id, true
		}
	}
	return absent, false
}

func (s *body) variable(name string) *variable {
	for sc := s.scope; sc != nil; sc = sc.parent {
		if v := sc.variables[name]; v != nil {
			return v
		}
	}
	return s.p.globals[name]
}

// label reads a label and, if there is one, the table of branch targets after it.
func (s *body) label() {
	p := s.p
	name := p.name()
	p.expect(":")
	_, isLabel := s.scope.labels[name]
	_, isTable := s.scope.targets[name]
	if isLabel || isTable {
		p.fail("label %s is defined twice", name)
	}
	switch p.peek().text {
	case ".branchtargets":
		p.next()
		list := []string{p.name()}
		for p.accept(",") {
			list = append(list, p.name())
		}
		p.expect(";")
		s.scope.targets[name] = list
	case ".calltargets", ".callprototype":
		// An indirect call finds out when it runs whether its arguments fit.
		for t := p.next(); t.kind != tokenEnd && t.text != ";"; t = p.next() {
		}
	default:
		s.scope.labels[name] = len(s.f.body)
	}
}

// resolveLabels turns labels into positions, when all are known.
func (s *body) resolveLabels() {
	for _, fix := range s.fixups {
		arg := &s.f.body[fix.at].args[fix.arg]
		labels := fix.labels
		if arg.kind == operandTargets {
			table, ok := fix.scope.branchTargets(labels[0])
			if !ok {
				panic(&syntaxError{fix.line, "no .branchtargets " + labels[0]})
			}
			labels = table
		}
		for _, label := range labels {
			at, ok := fix.scope.labelPosition(label)
			if !ok {
				panic(&syntaxError{fix.line, "there is no label " + label})
			}
			arg.target = at
			arg.targets = append(arg.targets, at)
		}
	}
}

func (sc *scope) labelPosition(name string) (int, bool) {
	for ; sc != nil; sc = sc.parent {
		if at, ok := sc.labels[name]; ok {
			return at, true
		}
	}
	return 0, false
}

func (sc *scope) branchTargets(name string) ([]string, bool) {
	for ; sc != nil; sc = sc.parent {
		if list, ok := sc.targets[name]; ok {
			return list, true
		}
	}
	return nil, false
}
