package data

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Split deals the samples out at random to one dataset per fraction. The parts
// are disjoint and exhaustive, each keeps the order of d, and the same seed
// gives the same parts.
//
// The sizes are N·fraction, rounded by largest remainder. If every sample has
// one label the split is stratified: of two parts, each gets its share of
// every class to within one sample.
//
// Split panics if a fraction is negative or their sum is not 1.
func (d *Dataset) Split(seed uint64, fractions ...float64) []*Dataset {
	d.check("Split")
	labels := d.Labels
	if d.PerStep {
		labels = nil
	}
	var parts []*Dataset
	for _, index := range deal(d.Len(), labels, seed, fractions) {
		parts = append(parts, d.Subset(index))
	}
	return parts
}

// Split deals the rows out as Dataset.Split does.
func (t *Table) Split(seed uint64, fractions ...float64) []*Table {
	var parts []*Table
	for _, index := range deal(t.Len(), t.Labels, seed, fractions) {
		parts = append(parts, t.part(index))
	}
	return parts
}

// deal returns the samples of each part, in increasing order. labels, [n] or
// nil, decide about the strata.
func deal(n int, labels []int32, seed uint64, fractions []float64) [][]int {
	sizes := apportion(n, fractions)
	index := make([][]int, len(sizes))
	for dealt, sample := range strata(n, labels, seed) {
		// The sample goes to the part that lacks most of its share of the
		// samples dealt so far. A full part lacks nothing, so the sizes come
		// out exactly. Integers give the same parts on every machine.
		neediest, most := 0, math.MinInt
		for part, size := range sizes {
			if lack := (dealt+1)*size - n*len(index[part]); lack > most {
				neediest, most = part, lack
			}
		}
		index[neediest] = append(index[neediest], sample)
	}
	for _, samples := range index {
		slices.Sort(samples)
	}
	return index
}

// strata returns all samples in random order, class by class. The classes are
// in random order too, so that small ones do not always fall to the same part.
func strata(n int, labels []int32, seed uint64) []int {
	order := rand.New(rand.NewPCG(seed, 0)).Perm(n)
	if labels == nil {
		return order
	}
	rank := map[int32]int{}
	for _, sample := range order {
		if _, seen := rank[labels[sample]]; !seen {
			rank[labels[sample]] = len(rank)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(rank[labels[a]], rank[labels[b]])
	})
	return order
}

// apportion returns n·fraction for every fraction, rounded by largest
// remainder so that the sum is n.
func apportion(n int, fractions []float64) []int {
	sum := 0.0
	sizes := make([]int, len(fractions))
	remainders := make([]float64, len(fractions))
	rest := n
	for i, fraction := range fractions {
		if !(fraction >= 0) {
			panic(fmt.Sprintf("data: Split: fraction %v is negative", fraction))
		}
		sum += fraction
		share := float64(float64(n) * fraction) // the conversion keeps the compiler from fusing product and subtraction
		sizes[i] = int(share)
		remainders[i] = share - float64(sizes[i])
		rest -= sizes[i]
	}
	if !(math.Abs(sum-1) < 1e-9) {
		panic(fmt.Sprintf("data: Split: the fractions %v sum to %v, want 1", fractions, sum))
	}
	for ; rest > 0; rest-- {
		largest := 0
		for i, remainder := range remainders {
			if remainder > remainders[largest] {
				largest = i
			}
		}
		sizes[largest]++
		remainders[largest] = -1
	}
	return sizes
}
