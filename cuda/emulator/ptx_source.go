package emulator

import (
	"fmt"
	"strings"

	"github.com/ianlancetaylor/demangle"
)

// nvcc -lineinfo says with .loc from which line of which file the instructions come that
// follow, and where the function that the line is in has been inlined.

// A place is a position in a source file.
type place struct{ file, line, column int }

// A location is a .loc: the instructions of PTX from a line on, up to the next location.
type location struct {
	from     int // line of PTX
	place    place
	function string // label of the name of the inlined function, or ""
	caller   place  // where it is inlined
}

// location reads .loc file line column, function_name label, inlined_at file line column.
func (p *parser) location() {
	const most = 1 << 30
	l := location{from: p.next().line}
	number := func() int { return p.count(most) }
	l.place = place{number(), number(), number()}
	for p.accept(",") {
		switch word := p.name(); word {
		case "function_name":
			l.function = p.name()
			if p.accept("+") {
				number()
			}
		case "inlined_at":
			l.caller = place{number(), number(), number()}
		default:
			p.fail("%q is not part of .loc", word)
		}
	}
	p.module.locations = append(p.module.locations, l)
}

// file reads .file number "name", and what may follow.
func (p *parser) file() {
	line := p.next().line
	number := p.count(1 << 30)
	if t := p.peek(); t.kind == tokenString {
		p.module.files[number] = t.text[strings.LastIndexAny(t.text, `/\`)+1:]
	}
	for p.peek().kind != tokenEnd && p.peek().line == line {
		p.next()
	}
}

// section skips a section of debug information, but for the texts of .debug_str, which
// are lists of bytes behind labels.
func (p *parser) section() {
	p.next()
	names := p.name() == ".debug_str"
	label := ""
	var text []byte
	for p.peek().kind != tokenEnd && !p.accept("}") {
		t := p.next()
		switch {
		case !names:
		case t.kind == tokenName && p.peek().text == ":":
			label, text = t.text, nil
		case t.kind == tokenNumber:
			if v, ok := parseInteger(t.text); ok && v != 0 && v < 256 {
				text = append(text, byte(v))
			}
			p.module.texts[label] = string(text)
		}
	}
}

// source says from where in the source a line of PTX comes, innermost function first, or
// "" if the PTX does not tell.
func (m *ptxModule) source(line int) string {
	at := -1
	for i, l := range m.locations {
		if l.from > line {
			break
		}
		at = i
	}
	if at < 0 || m.locations[at].place.file == 0 {
		return ""
	}
	l := m.locations[at]
	text := m.place(l.place)
	const deepest = 32
	for range deepest {
		if l.caller.file == 0 {
			break
		}
		if name := m.texts[l.function]; name != "" {
			text += " in " + demangle.Filter(name)
		}
		text += ", inlined at " + m.place(l.caller)
		l = m.calledFrom(l.caller, at)
	}
	return text
}

// calledFrom returns the location of a caller, the last before number at.
func (m *ptxModule) calledFrom(caller place, at int) location {
	for i := at - 1; i >= 0; i-- {
		if m.locations[i].place == caller {
			return m.locations[i]
		}
	}
	return location{}
}

func (m *ptxModule) place(p place) string { return fmt.Sprintf("%s:%d", m.files[p.file], p.line) }
