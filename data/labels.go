package data

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gputrain/internal/nearest"
)

// labels numbers the labels of a file.
type labels struct {
	known []string // the classes that are allowed; nil: any
	id    map[string]int32
	names []string // by number
	ids   []int32

	words, numbers, notFinite bool // there are names of these kinds, if any is allowed
}

func newLabels(known []string) *labels {
	l := &labels{known: known, id: map[string]int32{}, names: slices.Clone(known)}
	for i, name := range known {
		l.id[name] = int32(i)
	}
	return l
}

// add appends a label. It is an error if the label is not among the known ones.
func (l *labels) add(name string) error {
	id, seen := l.id[name]
	if !seen {
		if l.known != nil {
			return fmt.Errorf("label %s is not among the %d known classes%s; correct it or remove the line", quote(name), len(l.known), hint(name, l.known))
		}
		id = int32(len(l.names))
		name = strings.Clone(name) // name may be a part of a long line
		l.id[name] = id
		l.names = append(l.names, name)
		l.classify(name)
	}
	l.ids = append(l.ids, id)
	return nil
}

func (l *labels) classify(name string) {
	x, _ := parseNumber(name)
	switch {
	case isText(name):
		l.words = true
	case math.IsNaN(x) || math.IsInf(x, 0):
		l.notFinite = true
	default:
		l.numbers = true
	}
}

// gap reports whether one of the labels is NaN or infinite, and all others are
// numbers: it is a missing number then. Among words it is a word.
func (l *labels) gap() bool { return l.notFinite && l.numbers && !l.words }

// finish returns the labels and the names that they index: the known ones, or
// all that occurred, sorted as numbers if all are numbers, else as text.
func (l *labels) finish() (ids []int32, names []string) {
	names, renumber := l.sorted()
	renumberLabels(l.ids, renumber)
	return l.ids, names
}

// sorted returns the names as finish does, and the number among them of each label; nil if
// it keeps its own.
func (l *labels) sorted() (names []string, renumber []int32) {
	if l.known != nil {
		return l.names, nil
	}
	sorted := slices.Clone(l.names)
	slices.SortFunc(sorted, l.compare)
	renumber = make([]int32, len(sorted))
	for i, name := range sorted {
		renumber[l.id[name]] = int32(i)
	}
	return sorted, renumber
}

func renumberLabels(ids, renumber []int32) {
	if renumber == nil {
		return
	}
	for i, id := range ids {
		ids[i] = renumber[id]
	}
}

// compare compares two names as numbers if all are numbers, else as text.
func (l *labels) compare(a, b string) int {
	if l.words {
		return strings.Compare(a, b)
	}
	x, _ := parseNumber(a)
	y, _ := parseNumber(b)
	return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
}

// hint names the candidate that name was probably meant to be, as the end of a
// sentence, or is "" if none is near.
func hint(name string, candidates []string) string {
	word := nearest.Word(name, candidates)
	if word == "" {
		return ""
	}
	return ", the nearest is " + quote(word)
}

// quote returns text from a file, fit for a message of one line.
func quote(text string) string { return strconv.Quote(clip(text)) }

// quoteList quotes names, for a message of one line.
func quoteList(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote(name)
	}
	return some(quoted)
}

// some lists texts, the first few of many.
func some(texts []string) string {
	const most = 5
	if rest := len(texts) - most; rest > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:most], ", "), rest)
	}
	return strings.Join(texts, ", ")
}

// clip shortens text that is too long for a message.
func clip(text string) string {
	const most = 60 // bytes
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
