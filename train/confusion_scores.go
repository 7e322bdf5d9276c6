package train

import (
	"maps"
	"slices"
)

// Score says how well a class is told from the others. What would be 0/0 is 0.
type Score struct {
	Precision float64 // of the rows predicted as the class, the share that are of it
	Recall    float64 // of the rows of the class, the share predicted as it
	F1        float64 // the harmonic mean of both
	Rows      int     // of the class
}

// Scores returns the scores of the classes that occur, as the actual or as the
// predicted class.
func (c Confusion) Scores() map[int]Score {
	right, predicted, rows := map[int]int{}, map[int]int{}, c.Rows()
	for outcome, count := range c {
		predicted[outcome.Predicted] += count
		rows[outcome.Predicted] += 0
		if outcome.Actual == outcome.Predicted {
			right[outcome.Actual] += count
		}
	}
	scores := map[int]Score{}
	for class, n := range rows {
		scores[class] = Score{
			Precision: share(right[class], predicted[class]),
			Recall:    share(right[class], n),
			F1:        share(2*right[class], predicted[class]+n),
			Rows:      n,
		}
	}
	return scores
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// Macro returns the mean of the scores of the classes that occur.
func (c Confusion) Macro() Score { return c.mean(func(Score) float64 { return 1 }) }

// Weighted returns the mean of the scores, in which each class counts by its rows.
func (c Confusion) Weighted() Score { return c.mean(func(s Score) float64 { return float64(s.Rows) }) }

func (c Confusion) mean(weight func(Score) float64) Score {
	var mean Score
	var sum float64
	scores := c.Scores()
	for _, class := range slices.Sorted(maps.Keys(scores)) { // a fixed order of the sum
		s := scores[class]
		w := weight(s)
		mean.Precision += w * s.Precision
		mean.Recall += w * s.Recall
		mean.F1 += w * s.F1
		mean.Rows += s.Rows
		sum += w
	}
	if sum > 0 {
		mean.Precision, mean.Recall, mean.F1 = mean.Precision/sum, mean.Recall/sum, mean.F1/sum
	}
	return mean
}
