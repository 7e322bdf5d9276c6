package data

import "slices"

// LeaveOutRare leaves out the categories of columns with an Embedding that occur in fewer
// than least rows of t, the training set. In t and in others, which are further parts of
// the same table, they have id 0 then, as unknown ones: so a network learns what these
// mean, and no vector stays as it was drawn. The result has for each column how many were
// left out.
func (t *Table) LeaveOutRare(least int, others ...*Table) []int {
	left, encodings := make([]int, len(t.Encodings)), slices.Clone(t.Encodings)
	feature := 0
	for column := range encodings {
		e := &encodings[column]
		if e.Embedding > 0 {
			left[column] = e.leaveOutRare(least, feature, append(others, t), t)
		}
		feature += e.Width()
	}
	for _, part := range append(others, t) {
		part.Encodings = encodings
	}
	return left
}

// leaveOutRare does so for the ids in a feature of tables, by their number in train.
func (e *Encoding) leaveOutRare(least, feature int, tables []*Table, train *Table) int {
	counts := make([]int, len(e.Categories)+1)
	for i := feature; i < len(train.X); i += train.Width {
		counts[int(train.X[i])]++
	}
	id := make([]float64, len(counts)) // the new one
	var kept []string
	for i, category := range e.Categories {
		if counts[i+1] >= least {
			kept = append(kept, category)
			id[i+1] = float64(len(kept))
		}
	}
	for _, table := range tables {
		for i := feature; i < len(table.X); i += table.Width {
			table.X[i] = id[int(table.X[i])]
		}
	}
	left := len(e.Categories) - len(kept)
	e.Categories = kept
	return left
}
