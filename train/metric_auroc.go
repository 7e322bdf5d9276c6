package train

import (
	"cmp"
	"math"
	"slices"

	"gputrain/backend"
)

// AUROC is the area under the ROC curve: the probability that a row of the class gets
// a higher score than a row of another one, where equal scores count half. The score of
// a class is its softmax probability. Each class stands against the rest: for two
// classes Compute gives the area of class 1, and for more the mean of those that have
// both rows and others.
//
// A network with one output, or one whose rows have no labels, gives a score per
// output, as with BCEWithLogits. A row is of the class if its target is above ½.
type AUROC struct {
	classes []ranking
	binary  bool // two classes, whose areas are equal
}

// ranking is the scores of a class.
type ranking struct{ of, others []float64 }

// Reset implements Metric.
func (m *AUROC) Reset() { *m = AUROC{} }

// Update implements Metric.
func (m *AUROC) Update(y []float32, label int, target []float32) {
	if m.classes == nil {
		m.classes = make([]ranking, len(y))
	}
	if label == backend.IgnoreLabel {
		for i, t := range target {
			m.classes[i].add(float64(y[i]), t > 0.5)
		}
		return
	}
	if len(y) == 1 {
		m.classes[0].add(float64(y[0]), label == 1)
		return
	}
	m.binary = len(y) == 2
	largest, sum := float64(slices.Max(y)), 0.0
	for _, x := range y {
		sum += math.Exp(float64(x) - largest)
	}
	for class, x := range y {
		m.classes[class].add(math.Exp(float64(x)-largest)/sum, class == label)
	}
}

func (r *ranking) add(score float64, of bool) {
	if of {
		r.of = append(r.of, score)
	} else {
		r.others = append(r.others, score)
	}
}

// Classes returns the area of each class, NaN for one that has no rows or no others.
func (m *AUROC) Classes() []float64 {
	var areas []float64
	for _, r := range m.classes {
		areas = append(areas, r.area())
	}
	return areas
}

// Compute implements Metric.
func (m *AUROC) Compute() float64 {
	areas := m.Classes()
	if m.binary {
		return areas[1]
	}
	areas = slices.DeleteFunc(areas, math.IsNaN)
	sum := 0.0
	for _, area := range areas {
		sum += area
	}
	return sum / float64(len(areas))
}

// area is the statistic of Mann and Whitney: the sum of the ranks of the class, where
// equal scores share the mean of their ranks, less the smallest that it can be.
func (r ranking) area() float64 {
	type entry struct {
		score float64
		of    bool
	}
	var all []entry
	for _, score := range r.of {
		all = append(all, entry{score, true})
	}
	for _, score := range r.others {
		all = append(all, entry{score, false})
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.score, b.score) })
	n, others := float64(len(r.of)), float64(len(r.others))
	if n == 0 || others == 0 || math.IsNaN(all[0].score) { // which would be the first
		return math.NaN()
	}
	ranks := 0.0
	for from := 0; from < len(all); {
		to, of := from, 0
		for ; to < len(all) && all[to].score == all[from].score; to++ {
			if all[to].of {
				of++
			}
		}
		ranks += float64(of) * float64(from+1+to) / 2
		from = to
	}
	return (ranks - n*(n+1)/2) / (n * others)
}
