// Package nearest finds what a misspelt word was meant to be.
package nearest

import (
	"strings"
	"unicode/utf8"

	edlib "github.com/hbollon/go-edlib"
)

// longest is the most letters that a word or a candidate may have. A comparison
// takes time in proportion to the product of both lengths, and nobody misspells a
// text of this size.
const longest = 64

// Word returns the candidate that is nearest to word, the first of several, or ""
// if none is near. Letters that are missing, added, exchanged or swapped with
// their neighbour are edits; upper and lower case are the same. A candidate is
// near if it takes one edit, or no more than a third of the letters of the longer
// one, or if one of the two begins with the other and that has 3 letters or more.
// Words of more than 64 letters are near nothing.
func Word(word string, candidates []string) string {
	if !short(word) {
		return ""
	}
	word = strings.ToLower(word)
	best, least := "", 0
	for _, candidate := range candidates {
		if !short(candidate) {
			continue
		}
		distance, near := compare(word, strings.ToLower(candidate))
		if near && (best == "" || distance < least) {
			best, least = candidate, distance
		}
	}
	return best
}

func short(word string) bool {
	return word != "" && len(word) <= longest*utf8.UTFMax && utf8.RuneCountInString(word) <= longest
}

// compare returns how many edits turn a into b, and whether they are near.
func compare(a, b string) (distance int, near bool) {
	shorter, longer := utf8.RuneCountInString(a), utf8.RuneCountInString(b)
	if shorter > longer {
		shorter, longer = longer, shorter
	}
	begins := shorter >= 3 && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a))
	if begins {
		return longer - shorter, true
	}
	most := max(1, longer/3)
	if longer-shorter > most {
		return 0, false
	}
	distance = edlib.OSADamerauLevenshteinDistance(a, b)
	return distance, distance <= most && distance < longer
}
