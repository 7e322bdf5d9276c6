package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf8"
)

// printable returns s as one line that a terminal shows and does not obey.
// Control characters, bytes that are no UTF-8, characters that reorder or break a
// line, and those that only look like a space become escapes as in Go. All else stays, so that printable may
// meet a text twice.
func printable(s string) string {
	var text strings.Builder
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		if part := s[i : i+size]; isPrintable(r, size) {
			text.WriteString(part)
		} else {
			text.WriteString(strings.Trim(strconv.QuoteToASCII(part), `"`))
		}
	}
	return text.String()
}

// printableLines does that to each line.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

// isPrintable says whether a terminal shows r, which has size bytes. The two
// joiners are invisible, but Persian and Hindi are written with them.
func isPrintable(r rune, size int) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	broken := r == utf8.RuneError && size == 1
	return !broken && (strconv.IsPrint(r) || r == nonJoiner || r == joiner)
}

// shortName returns the name of a class or a column for a table, a picture or a list:
// short, of one line, and in characters that can be shown.
func shortName(name string) string {
	if name == "" {
		return `""`
	}
	const most = 24
	letters := 0
	for at := range name {
		if letters == most {
			return printable(name[:at]) + "…"
		}
		letters++
	}
	return printable(name)
}

// some lists texts, the first few of many.
func some(texts []string) string {
	const most = 5
	if rest := len(texts) - most; rest > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:most], ", "), rest)
	}
	return strings.Join(texts, ", ")
}

// plural returns n and the word for so many.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// commandLine joins the words of a command so that it can be pasted into a
// shell.
func commandLine(words ...string) string {
	quote := quotePOSIX
	if runtime.GOOS == "windows" {
		quote = quoteWindows
	}
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quote(word)
	}
	return strings.Join(quoted, " ")
}

// pathArgument returns a path as an argument that does not look like a flag.
func pathArgument(path string) string {
	if strings.HasPrefix(path, "-") {
		return "." + string(filepath.Separator) + path
	}
	return path
}

// plain are words that mean themselves in every shell.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./:,@%+-]+$`)

// quotePOSIX quotes a word for sh. If the word cannot be shown, printf makes it;
// only line ends at its end get lost then.
func quotePOSIX(word string) string {
	switch {
	case plain.MatchString(word):
		return word
	case printable(word) == word:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var format strings.Builder
	for i, size := 0, 0; i < len(word); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(word[i:])
		if part := word[i : i+size]; isPrintable(r, size) && !strings.ContainsAny(part, `'\%`) {
			format.WriteString(part)
		} else {
			for _, b := range []byte(part) {
				fmt.Fprintf(&format, `\%03o`, b)
			}
		}
	}
	return `"$(printf -- '` + format.String() + `')"`
}

// quoteWindows quotes a word for cmd and PowerShell. File names have no quotes
// there, and backslashes count as such unless a quote follows.
func quoteWindows(word string) string {
	if plain.MatchString(strings.ReplaceAll(word, `\`, "/")) {
		return word
	}
	body := strings.TrimRight(word, `\`)
	return `"` + body + strings.Repeat(`\`, 2*(len(word)-len(body))) + `"`
}
