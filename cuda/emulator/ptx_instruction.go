package emulator

import (
	"math"
	"strings"
)

// instruction reads @p name.mods args;
func (s *body) instruction() {
	p := s.p
	raw := rawInstruction{line: p.peek().line, guard: absent}
	if p.accept("@") {
		raw.guardNot = p.accept("!")
		name := p.name()
		r, ok := s.register(name)
		if !ok || s.f.registers[r].kind != pred {
			p.fail("%s is not a predicate", name)
		}
		raw.guard = r
	}
	words := strings.Split(p.name(), ".")
	raw.name, raw.mods = words[0], words[1:]
	if raw.name == "" {
		p.fail("directive .%s is not known inside a function", strings.Join(raw.mods, "."))
	}
	if what := unsupported[raw.name]; what != "" {
		p.fail("%s: %s are not supported", raw.name, what)
	}
	at := len(s.f.body)
	for p.peek().text != ";" || p.peek().kind != tokenPunctuation {
		if len(raw.args) > 0 {
			p.expect(",")
		}
		raw.args = append(raw.args, s.operand(&raw, at, 0))
	}
	p.expect(";")
	s.f.body = append(s.f.body, raw)
}

// unsupported are the instructions of what the emulator leaves out.
var unsupported = map[string]string{
	"tex": "textures", "tld4": "textures", "txq": "textures", "istypep": "textures",
	"suld": "surfaces", "sust": "surfaces", "sured": "surfaces", "suq": "surfaces",
	"wgmma": "products of warp groups", "setmaxnreg": "products of warp groups",
	"mapa": "clusters", "getctarank": "clusters", "griddepcontrol": "launches that depend on others",
}

// operand reads one operand of the instruction raw. The instruction will be at index
// at of the body.
func (s *body) operand(raw *rawInstruction, at, depth int) operand {
	if depth > 2 {
		s.p.fail("operands are nested too deeply")
	}
	p := s.p
	t := p.peek()
	switch {
	case p.accept("{"):
		return operand{kind: operandVector, parts: s.operands(raw, at, depth, "}")}
	case p.accept("("):
		return operand{kind: operandTuple, parts: s.operands(raw, at, depth, ")")}
	case p.accept("["):
		return s.address(raw, at, depth)
	case p.accept("!"):
		o := s.named(raw, at)
		if o.kind != operandRegister || s.f.registers[o.register].kind != pred {
			p.fail("! stands before something that is not a predicate")
		}
		o.negated = true
		return o
	case t.text == "-" && p.tokens[p.pos+1].kind == tokenName:
		p.next()
		o := s.named(raw, at)
		o.negated = true
		return o
	case t.kind == tokenNumber || t.text == "-":
		return p.literal()
	}
	o := s.named(raw, at)
	if p.accept("|") {
		return operand{kind: operandPair, parts: []operand{o, s.operand(raw, at, depth+1)}}
	}
	return o
}

func (s *body) operands(raw *rawInstruction, at, depth int, end string) []operand {
	var parts []operand
	for !s.p.accept(end) {
		if len(parts) > 0 {
			s.p.expect(",")
		}
		parts = append(parts, s.operand(raw, at, depth+1))
	}
	return parts
}

// address reads the text between brackets: a register, a variable or a number, and
// an offset.
func (s *body) address(raw *rawInstruction, at, depth int) operand {
	p := s.p
	base := s.operand(raw, at, depth+1)
	o := operand{kind: operandAddress, parts: []operand{base}}
	for {
		switch {
		case p.accept("+"):
			o.offset += s.offset()
		case p.peek().text == "-":
			o.offset += s.offset()
		default:
			p.expect("]")
			return o
		}
	}
}

func (s *body) offset() int64 {
	v := s.p.literal()
	if v.kind != operandInteger || int64(v.value) > math.MaxInt32 || int64(v.value) < math.MinInt32 {
		s.p.fail("an offset must be an integer of 32 bits")
	}
	return int64(v.value)
}

// named reads an operand that is a name.
func (s *body) named(raw *rawInstruction, at int) operand {
	p := s.p
	if p.peek().kind != tokenName {
		p.fail("expected an operand, found %q", p.peek().text)
	}
	name := p.next().text
	if name == "_" {
		return operand{kind: operandSink}
	}
	switch {
	case raw.name == "bra":
		s.fixups = append(s.fixups, fixup{at, len(raw.args), s.scope, raw.line, []string{name}})
		return operand{kind: operandLabel, name: name}
	case raw.name == "brx" && len(raw.args) == 1:
		s.fixups = append(s.fixups, fixup{at, len(raw.args), s.scope, raw.line, []string{name}})
		return operand{kind: operandTargets, name: name}
	}
	if r, ok := s.register(name); ok {
		return operand{kind: operandRegister, register: r}
	}
	if whole, part, ok := strings.Cut(name, "."); ok && raw.name[0] == 'v' {
		if r, ok := s.register(whole); ok {
			return operand{kind: operandRegister, register: r, name: part}
		}
	}
	if special, ok := strings.CutPrefix(name, "%"); ok {
		return operand{kind: operandSpecial, name: special}
	}
	if v := s.variable(name); v != nil {
		o := operand{kind: operandVariable, variable: v, name: name}
		if p.peek().text == "+" && p.tokens[p.pos+1].kind == tokenNumber && raw.name == "mov" {
			p.next()
			o.offset = s.offset()
		}
		return o
	}
	if name == "WARP_SZ" {
		return operand{kind: operandInteger, value: 32}
	}
	if raw.name == "mov" && p.module.functions[name] != nil {
		p.module.pointed[name] = true
		return operand{kind: operandFunction, name: name}
	}
	if raw.name == "call" {
		return operand{kind: operandFunction, name: name}
	}
	p.fail("%s is not declared", name)
	return operand{}
}
