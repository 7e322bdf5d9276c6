package emulator

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// variables reads a declaration of variables and its semicolon.
func (p *parser) variables(scope map[string]*variable, external bool) []*variable {
	first := p.oneVariable(scope, external)
	all := []*variable{first}
	for p.accept(",") {
		v := &variable{space: first.space, kind: first.kind, align: first.align, line: p.peek().line}
		p.declarator(v, scope, external)
		all = append(all, v)
	}
	p.expect(";")
	return all
}

// oneVariable reads .global .align 4 .b8 name[16] = {...}.
func (p *parser) oneVariable(scope map[string]*variable, external bool) *variable {
	v := &variable{line: p.peek().line}
	v.space = spaces[strings.TrimPrefix(p.next().text, ".")]
	for v.kind == none {
		switch word := p.name(); word {
		case ".align":
			v.align = p.count(1 << 16)
			if v.align&(v.align-1) != 0 || v.align == 0 {
				p.fail(".align %d is not a power of two", v.align)
			}
		case ".attribute":
			p.expect("(")
			for p.peek().kind != tokenEnd && !p.accept(")") {
				p.next()
			}
		default:
			v.kind = kinds[strings.TrimPrefix(word, ".")]
			switch {
			case word == ".texref" || word == ".samplerref" || word == ".surfref":
				// Only kernels with an instruction for it are refused.
				if v.space != global {
					p.fail("%s: textures and surfaces are not supported", word)
				}
				v.kind = b64
			case v.kind.size() == 0:
				p.fail("%q is not a variable type", word)
			}
		}
	}
	// .ptr .global .align 4 tells what a kernel's parameter points to.
	for strings.HasPrefix(p.peek().text, ".") {
		if p.next().text == ".align" {
			p.count(1 << 16)
		}
	}
	v.align = max(v.align, v.kind.size())
	p.declarator(v, scope, external)
	return v
}

// declarator reads name[2][3] = initialiser.
func (p *parser) declarator(v *variable, scope map[string]*variable, external bool) {
	v.name = p.name()
	if old := scope[v.name]; old != nil {
		p.fail("%s is declared twice", v.name)
	}
	scope[v.name] = v
	v.size = v.kind.size()
	open := false
	for p.accept("[") {
		if p.accept("]") {
			open = true
			v.size = 0
			continue
		}
		v.size *= p.count(maxVariableBytes)
		if v.size > maxVariableBytes {
			p.fail("%s is larger than %d bytes", v.name, maxVariableBytes)
		}
		p.expect("]")
	}
	if p.accept("=") {
		p.initialiser(v, open)
	}
	switch {
	case external && v.space == shared && v.size == 0:
		v.dynamic = true
	case external:
		p.fail(".extern %s is defined in no module: separate compilation is not supported", v.name)
	case open && v.size == 0:
		p.fail("%s has no size", v.name)
	}
}

func (p *parser) initialiser(v *variable, open bool) {
	if v.space != global && v.space != constant {
		p.fail("a variable in the %v space cannot have an initialiser", v.space)
	}
	depth := 0
	for {
		for p.accept("{") {
			depth++
		}
		if p.peek().text != "}" {
			p.initialValue(v)
		}
		for depth > 0 && p.accept("}") {
			depth--
		}
		if depth == 0 {
			break
		}
		p.expect(",")
	}
	if open {
		v.size = len(v.init)
	}
	if len(v.init) > v.size {
		p.fail("%s has %d bytes, but more initial values", v.name, v.size)
	}
}

func (p *parser) initialValue(v *variable) {
	size := v.kind.size()
	at := len(v.init)
	if at >= maxVariableBytes {
		p.fail("%s is larger than %d bytes", v.name, maxVariableBytes)
	}
	v.init = append(v.init, make([]byte, size)...)
	if t := p.peek(); t.kind == tokenName {
		symbol := p.name()
		if symbol == "generic" && p.accept("(") {
			symbol = p.name()
			p.expect(")")
		}
		p.module.pointed[symbol] = true
		pointer := pointerInit{at: at, size: size, symbol: symbol}
		if p.accept("+") {
			pointer.offset = int64(p.count(math.MaxInt32))
		}
		v.pointers = append(v.pointers, pointer)
		return
	}
	value := p.literal()
	var bits uint64
	switch {
	case v.kind == f32:
		bits = uint64(math.Float32bits(float32(value.float())))
	case v.kind == f64:
		bits = math.Float64bits(value.float())
	default:
		bits = value.value
	}
	var word [8]byte
	binary.LittleEndian.PutUint64(word[:], bits)
	copy(v.init[at:], word[:size])
}

// literal reads a number with an optional sign.
func (p *parser) literal() operand {
	minus := p.accept("-")
	t := p.peek()
	if t.kind != tokenNumber {
		p.fail("expected a number, found %q", t.text)
	}
	p.next()
	text := t.text
	var o operand
	switch {
	case len(text) == 10 && (strings.HasPrefix(text, "0f") || strings.HasPrefix(text, "0F")):
		v, err := strconv.ParseUint(text[2:], 16, 32)
		if err != nil {
			p.fail("malformed number %q", text)
		}
		o = operand{kind: operandFloat32, value: v}
		if minus {
			o.value ^= 1 << 31
		}
	case len(text) == 18 && (strings.HasPrefix(text, "0d") || strings.HasPrefix(text, "0D")):
		v, err := strconv.ParseUint(text[2:], 16, 64)
		if err != nil {
			p.fail("malformed number %q", text)
		}
		o = operand{kind: operandFloat64, value: v}
		if minus {
			o.value ^= 1 << 63
		}
	default:
		if v, ok := parseInteger(text); ok {
			if minus {
				v = -v
			}
			return operand{kind: operandInteger, value: v}
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !strings.ContainsAny(text, ".eE") || strings.ContainsAny(text, "xXpP_") {
			p.fail("malformed number %q", text)
		}
		if minus {
			v = -v
		}
		o = operand{kind: operandFloat64, value: math.Float64bits(v)}
	}
	return o
}

// float returns the value of a literal of any kind.
func (o operand) float() float64 {
	switch o.kind {
	case operandFloat32:
		return float64(math.Float32frombits(uint32(o.value)))
	case operandFloat64:
		return math.Float64frombits(o.value)
	}
	return float64(int64(o.value))
}

// parseInteger reads 12, 0x1F, 017, 0b101, each with an optional U.
func parseInteger(text string) (uint64, bool) {
	text = strings.TrimSuffix(text, "U")
	if strings.Contains(text, "_") {
		return 0, false
	}
	v, err := strconv.ParseUint(text, 0, 64)
	return v, err == nil
}
