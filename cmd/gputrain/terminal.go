package main

import (
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/term"
)

// stream is stdout or stderr. To a terminal it writes what printable leaves of
// each line, whoever wrote it: names in data never reach the terminal as
// commands. A pipe gets the bytes. stream remembers the first error, because
// not every caller looks.
type stream struct {
	to      io.Writer
	escapes bool
	rest    []byte // the beginning of a character
	err     error
}

func newStream(to io.Writer) *stream { return &stream{to: to, escapes: isTerminal(to)} }

func (s *stream) Write(p []byte) (int, error) {
	text := p
	if s.escapes {
		text = s.escape(p)
	}
	if _, err := s.to.Write(text); err != nil {
		if s.err == nil {
			s.err = err
		}
		return 0, err
	}
	return len(p), nil
}

// escape keeps ends of lines, and a character that p does not complete.
func (s *stream) escape(p []byte) []byte {
	text := append(s.rest, p...)
	whole := len(text)
	for whole > 0 && len(text)-whole < utf8.UTFMax && !utf8.RuneStart(text[whole-1]) {
		whole--
	}
	if whole == 0 || utf8.FullRune(text[whole-1:]) {
		whole = len(text)
	} else {
		whole--
	}
	s.rest = append([]byte(nil), text[whole:]...)
	return []byte(printableLines(string(text[:whole])))
}

// terminalWidth returns how many columns the terminal has that w writes to, and
// 0 if w is no terminal.
func terminalWidth(w io.Writer) int {
	switch w := w.(type) {
	case *stream:
		return terminalWidth(w.to)
	case interface{ columns() int }:
		return w.columns()
	case *os.File:
		const unknown = 80 // what a serial line has, which reports 0
		width, _, err := term.GetSize(int(w.Fd()))
		switch {
		case err != nil:
			return 0
		case width <= 0:
			return unknown
		}
		return width
	}
	return 0
}

// printLine prints a line, on a terminal wrapped between words.
func printLine(w io.Writer, line string) error {
	if width := terminalWidth(w); width > 0 {
		line = wrapLines(printable(line), width)
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

func isTerminal(w io.Writer) bool { return terminalWidth(w) > 0 }
