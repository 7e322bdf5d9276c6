package train

import (
	"cmp"
	"maps"
	"slices"
)

// Confusion counts rows by their outcome. It holds the outcomes that occur, and so
// grows with the rows and not with the square of the classes.
type Confusion map[Outcome]int

// Outcome is the class of a row and the one that a network took it for.
type Outcome struct{ Actual, Predicted int }

// Correct returns the number of rows whose class was predicted.
func (c Confusion) Correct() int {
	correct := 0
	for outcome, count := range c {
		if outcome.Actual == outcome.Predicted {
			correct += count
		}
	}
	return correct
}

// Rows returns the number of rows of each class that occurs.
func (c Confusion) Rows() map[int]int {
	rows := map[int]int{}
	for outcome, count := range c {
		rows[outcome.Actual] += count
	}
	return rows
}

// Mistakes returns the outcomes with another class than the actual one, the most
// frequent first and equals in the order of their classes.
func (c Confusion) Mistakes() []Outcome {
	wrong := slices.DeleteFunc(slices.Collect(maps.Keys(c)), func(o Outcome) bool { return o.Actual == o.Predicted })
	slices.SortFunc(wrong, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(c[b], c[a]), cmp.Compare(a.Actual, b.Actual), cmp.Compare(a.Predicted, b.Predicted))
	})
	return wrong
}
