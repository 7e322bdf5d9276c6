package data

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Split deals the samples out at random to one dataset per fraction. The parts
// are disjoint and exhaustive, each keeps the order of d, and the same seed
// gives the same parts.
//
// The sizes are N·fraction, rounded by largest remainder. If every sample has
// one label the split is stratified: of two parts, each gets its share of
// every class to within one sample.
//
// Split panics if a fraction is negative, their sum is not 1, or there are more than 255
// of them, or more than 4,294,967,295 samples.
func (d *Dataset) Split(seed uint64, fractions ...float64) []*Dataset {
	d.checkInMemory("Split")
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
	index := make([][]int, len(fractions))
	for sample, part := range assign(n, labels, seed, fractions) {
		index[part] = append(index[part], sample)
	}
	return index
}

// assign returns the part of each sample. It takes 13 bytes for a sample, so that it serves
// for more samples than there is memory for.
func assign(n int, labels []int32, seed uint64, fractions []float64) []uint8 {
	if len(fractions) > math.MaxUint8 || uint64(n) > math.MaxUint32 {
		panic(fmt.Sprintf("data: Split: %d parts of %d samples", len(fractions), n))
	}
	sizes, dealt := apportion(n, fractions), make([]int, len(fractions))
	parts := make([]uint8, n)
	for i, sample := range strata(n, labels, seed) {
		// The sample goes to the part that lacks most of its share of the
		// samples dealt so far. A full part lacks nothing, so the sizes come
		// out exactly. Integers give the same parts on every machine.
		neediest, most := 0, math.MinInt
		for part, size := range sizes {
			if lack := (i+1)*size - n*dealt[part]; lack > most {
				neediest, most = part, lack
			}
		}
		dealt[neediest]++
		parts[sample] = uint8(neediest)
	}
	return parts
}

// strata returns all samples in random order, class by class. The classes are
// in random order too, so that small ones do not always fall to the same part.
func strata(n int, labels []int32, seed uint64) []uint32 {
	order := make([]uint32, n)
	for i := range order {
		order[i] = uint32(i)
	}
	rand.New(rand.NewPCG(seed, 0)).Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	if labels == nil {
		return order
	}
	// A class begins behind those that were met before it. This is a counting sort.
	var met []int32
	counts := map[int32]int{}
	for _, sample := range order {
		label := labels[sample]
		if counts[label]++; counts[label] == 1 {
			met = append(met, label)
		}
	}
	next, begin := make(map[int32]int, len(met)), 0
	for _, label := range met {
		next[label] = begin
		begin += counts[label]
	}
	sorted := make([]uint32, n)
	for _, sample := range order {
		label := labels[sample]
		sorted[next[label]] = sample
		next[label]++
	}
	return sorted
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
