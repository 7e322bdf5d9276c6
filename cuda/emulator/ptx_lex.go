package emulator

import (
	"fmt"
	"strings"
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenNumber
	tokenString
	tokenPunctuation
)

// A token is a word of PTX. An instruction with its modifiers, ld.global.f32, is
// one name.
type token struct {
	kind tokenKind
	text string
	line int
}

// A syntaxError says what is wrong with a PTX text, and where.
type syntaxError struct {
	line int
	why  string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.why) }

// lex splits PTX into tokens. The last one has the kind tokenEnd.
func lex(text string) ([]token, error) {
	tokens := make([]token, 0, len(text)/4+1)
	line := 1
	for i := 0; i < len(text); {
		c := text[i]
		rest := text[i:]
		switch {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case strings.HasPrefix(rest, "//"):
			i += lengthUntil(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest, "*/")
			if end < 0 {
				return nil, &syntaxError{line, "a comment without an end"}
			}
			line += strings.Count(rest[:end], "\n")
			i += end + 2
		case c == '"':
			end := strings.IndexAny(rest[1:], "\"\n")
			if end < 0 || rest[1+end] != '"' {
				return nil, &syntaxError{line, "a string without an end"}
			}
			tokens = append(tokens, token{tokenString, rest[1 : 1+end], line})
			i += end + 2
		case isDigit(c):
			n := numberLength(rest)
			tokens = append(tokens, token{tokenNumber, rest[:n], line})
			i += n
		case isNameStart(c):
			n := nameLength(rest)
			if dot := strings.IndexByte(rest[1:n], '.'); c == '.' && dot >= 0 {
				n = 1 + dot // directives may be written as one word: .reg.b32
			}
			tokens = append(tokens, token{tokenName, rest[:n], line})
			i += n
		case strings.IndexByte("{}()[]<>,;:@!|+-*=", c) >= 0:
			tokens = append(tokens, token{tokenPunctuation, rest[:1], line})
			i++
		default:
			return nil, &syntaxError{line, fmt.Sprintf("character %q is not part of PTX", c)}
		}
	}
	return append(tokens, token{tokenEnd, "end of text", line}), nil
}

func lengthUntil(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i
	}
	return len(s)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNameStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte("_$%.", c) >= 0
}

// numberLength counts the bytes of the number at the start of s: 12, 0x1F, 0U,
// 0f3F800000, 1.5e-3.
func numberLength(s string) int {
	hex := len(s) > 1 && s[0] == '0' && strings.IndexByte("xXfFdD", s[1]) >= 0
	for i := 1; i < len(s); i++ {
		c := s[i]
		exponentSign := !hex && (c == '+' || c == '-') && (s[i-1] == 'e' || s[i-1] == 'E')
		letter := c == '.' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !isDigit(c) && !letter && !exponentSign {
			return i
		}
	}
	return len(s)
}

// nameLength counts the bytes of the name at the start of s. Two colons belong to the
// name, as in .shared::cta and .L2::128B. A single one ends a label.
func nameLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case isNameStart(s[i]) || isDigit(s[i]):
		case s[i] == ':' && i+2 < len(s) && s[i+1] == ':' && (isNameStart(s[i+2]) || isDigit(s[i+2])):
			i++
		default:
			return i
		}
	}
	return len(s)
}
