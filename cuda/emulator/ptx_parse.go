package emulator

import (
	"fmt"
	"strconv"
	"strings"
)

// Limits of what the parser accepts. They are far above what a compiler emits.
const (
	maxVariableBytes = 64 << 20
	maxRegisters     = 1 << 18
	maxNesting       = 64
)

// parse reads a PTX module.
func parse(text string) (*ptxModule, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{
		tokens:  tokens,
		module:  &ptxModule{lines: strings.Split(text, "\n"), functions: map[string]*function{}, pointed: map[string]bool{}, files: map[int]string{}, texts: map[string]string{}},
		globals: map[string]*variable{},
	}
	if failed := p.parse(); failed != nil {
		return nil, failed
	}
	return p.module, nil
}

type parser struct {
	tokens  []token
	pos     int
	module  *ptxModule
	globals map[string]*variable
}

// parse runs the parser. Inside the parser a syntax error travels as a panic, as in
// encoding/json, because almost every call can fail.
func (p *parser) parse() *syntaxError {
	return p.attempt(func() {
		for p.peek().kind != tokenEnd {
			p.statement()
		}
		if p.module.target == "" {
			p.fail("no .target")
		}
	})
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	if t.kind != tokenEnd {
		p.pos++
	}
	return t
}

func (p *parser) fail(format string, args ...any) {
	panic(&syntaxError{p.peek().line, fmt.Sprintf(format, args...)})
}

// accept takes the next token if it is this text.
func (p *parser) accept(text string) bool {
	t := p.peek()
	if t.text != text || t.kind == tokenString || t.kind == tokenEnd {
		return false
	}
	p.pos++
	return true
}

func (p *parser) expect(text string) {
	if !p.accept(text) {
		p.fail("expected %q, found %q", text, p.peek().text)
	}
}

func (p *parser) name() string {
	if p.peek().kind != tokenName {
		p.fail("expected a name, found %q", p.peek().text)
	}
	return p.next().text
}

// count takes an unsigned number up to limit.
func (p *parser) count(limit int) int {
	v, ok := parseInteger(p.peek().text)
	if p.peek().kind != tokenNumber || !ok || v > uint64(limit) {
		p.fail("expected a number up to %d, found %q", limit, p.peek().text)
	}
	p.next()
	return int(v)
}

// statement reads one directive of the module.
func (p *parser) statement() {
	for p.accept(";") {
	}
	external := false
	for {
		switch t := p.peek(); t.text {
		case ".visible", ".weak", ".common":
			p.next()
			continue
		case ".extern":
			p.next()
			external = true
			continue
		case ".version":
			p.next()
			p.next()
		case ".target":
			p.next()
			p.target()
		case ".address_size":
			p.next()
			if p.count(64) != 64 {
				p.fail("only 64-bit addresses are supported")
			}
		case ".file":
			p.file()
		case ".section":
			p.section()
		case ".global", ".const", ".shared":
			p.module.variables = append(p.module.variables, p.variables(p.globals, external)...)
		case ".entry", ".func":
			p.function(external)
		case "end of text":
			if t.kind == tokenEnd {
				return
			}
			fallthrough
		default:
			p.fail("%q is not a known directive", t.text)
		}
		return
	}
}

// target reads the architecture and skips the options that follow it.
func (p *parser) target() {
	m := p.module
	number, found := strings.CutPrefix(p.peek().text, "sm_")
	var err error
	if m.architecture, err = strconv.Atoi(strings.TrimSuffix(number, "a")); !found || err != nil || m.architecture <= 0 {
		p.fail("target %q is not of the form sm_70", p.peek().text)
	}
	m.target = p.name()
	for p.accept(",") {
		p.name()
	}
}

// function reads a function, from .entry or .func to the end of its body. What cannot
// be understood of it makes that function unusable, not the module.
func (p *parser) function(external bool) {
	f := &function{line: p.peek().line, entry: p.next().text == ".entry"}
	s := newBody(p, f)
	if !f.entry && p.accept("(") {
		f.results = s.parameters()
	}
	f.name = p.name()
	if f.refused = p.attempt(s.header); f.refused != nil {
		for t := p.peek(); t.kind != tokenEnd && t.text != "{" && t.text != ";"; t = p.peek() {
			p.next()
		}
	}
	old := p.module.functions[f.name]
	if old != nil && (!old.external || old.entry != f.entry) && p.peek().text == "{" {
		p.fail("%s is defined twice", f.name)
	}
	if p.accept(";") {
		f.external = true
		if old == nil {
			p.module.functions[f.name] = f
		}
		return
	}
	if external {
		p.fail(".extern %s has a body", f.name)
	}
	p.module.functions[f.name] = f
	p.module.locations = append(p.module.locations, location{from: p.peek().line}) // unknown, up to the first .loc
	p.expect("{")
	start := p.pos
	if f.refused == nil {
		f.refused = p.attempt(func() {
			s.block(0)
			s.resolveLabels()
		})
	}
	if f.refused != nil {
		p.pos = start
		p.skipBlock()
	}
	if f.entry {
		p.module.entries = append(p.module.entries, f)
	}
}

// attempt reads a part of a function and returns the syntax error that ended it.
func (p *parser) attempt(read func()) (failed *syntaxError) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*syntaxError)
			if !ok {
				panic(r)
			}
			failed = e
		}
	}()
	read()
	return nil
}

// skipBlock skips the rest of a block, with its closing brace.
func (p *parser) skipBlock() {
	for depth := 1; depth > 0 && p.peek().kind != tokenEnd; {
		switch t := p.next(); {
		case t.kind != tokenPunctuation:
		case t.text == "{":
			depth++
		case t.text == "}":
			depth--
		}
	}
}

// header reads the parameters of a function and the directives after them.
func (s *body) header() {
	if s.p.accept("(") {
		s.f.params = s.parameters()
	}
	s.functionDirectives()
	if text := s.p.peek().text; text != "{" && text != ";" {
		s.p.fail("%q is not a known directive of a function", text)
	}
}

// functionDirectives reads the directives between a function's parameters and its
// body.
func (s *body) functionDirectives() {
	p := s.p
	for {
		switch p.peek().text {
		case ".maxntid":
			p.next()
			s.f.maxThreads = s.dimensions()
		case ".reqntid":
			p.next()
			s.f.needThreads = s.dimensions()
		case ".minnctapersm", ".maxnreg", ".maxnctapersm":
			p.next()
			p.count(1 << 20)
		case ".noreturn":
			p.next()
		case ".pragma":
			p.next()
			p.next()
			p.expect(";")
		default:
			return
		}
	}
}

func (s *body) dimensions() [3]int {
	d := [3]int{1, 1, 1}
	d[0] = s.p.count(1 << 20)
	for i := 1; i < 3 && s.p.accept(","); i++ {
		d[i] = s.p.count(1 << 20)
	}
	return d
}

// parameters reads formal parameters. The opening parenthesis has been read.
func (s *body) parameters() []*variable {
	var all []*variable
	for !s.p.accept(")") {
		if len(all) > 0 {
			s.p.expect(",")
		}
		if s.p.peek().text != ".param" {
			s.p.fail("expected .param, found %q", s.p.peek().text)
		}
		all = append(all, s.p.oneVariable(s.scope.variables, false))
	}
	return all
}
