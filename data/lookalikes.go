package data

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// lookalikes returns notes about names that a reader cannot tell apart: they
// differ by how Unicode composes their letters, or by what is invisible. It also
// notes names with U+FFFD, which a bad conversion leaves for lost letters. what
// the names belong to is in the plural.
func lookalikes(what string, names []string) []string {
	const most = 3
	var notes []string
	seen := map[string]string{}
	for _, name := range names {
		visible := visible(name)
		if before, again := seen[visible]; again {
			notes = append(notes, fmt.Sprintf("the %s %s and %s look alike, but count as two", what, escape(before), escape(name)))
		} else {
			seen[visible] = name
		}
		if strings.ContainsRune(name, unicode.ReplacementChar) {
			notes = append(notes, fmt.Sprintf("among the %s is %s: U+FFFD stands for letters lost in a conversion", what, escape(name)))
		}
	}
	if more := len(notes) - most; more > 0 {
		notes = append(notes[:most], fmt.Sprintf("%d more doubts of this kind about the %s", more, what))
	}
	return notes
}

// visible returns what a reader sees of name.
func visible(name string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, norm.NFC.String(name)))
}

// escape quotes name with all its letters beyond ASCII as codes.
func escape(name string) string { return strconv.QuoteToASCII(clip(name)) }
