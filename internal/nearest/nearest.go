// Package nearest finds what a misspelt word was meant to be.
package nearest

import "github.com/agnivade/levenshtein"

// compared is how many bytes of a word count, so that long ones cost no more.
const compared = 60

// Word returns the candidate that word becomes with the fewest edits, the first
// of several. It never returns an empty candidate; without others it returns "".
func Word(word string, candidates []string) string {
	best, least := "", 0
	for _, candidate := range candidates {
		distance := levenshtein.ComputeDistance(start(word), start(candidate))
		if candidate != "" && (best == "" || distance < least) {
			best, least = candidate, distance
		}
	}
	return best
}

func start(word string) string { return word[:min(len(word), compared)] }
