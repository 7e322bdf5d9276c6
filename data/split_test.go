package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// marked returns one sample per label, whose feature is its index.
func marked(labels []int32) *Dataset {
	d := &Dataset{Steps: 1, Width: 1, Labels: labels}
	for i := range labels {
		d.X = append(d.X, float32(i))
	}
	return d
}

// checkParts returns what is wrong with parts as a split of d.
func checkParts(d *Dataset, parts []*Dataset, fractions []float64) error {
	var all []float32
	deviation := 1 + 1e-9 // of a class in a part from its share; a proof is known for two parts only
	if len(parts) > 2 {
		deviation = 2
	}
	shares := map[int32]float64{}
	for _, label := range d.Labels {
		shares[label]++
	}
	for p, part := range parts {
		all = append(all, part.X...)
		if share := float64(d.Len()) * fractions[p]; math.Abs(float64(part.Len())-share) >= 1 {
			return fmt.Errorf("part %d has %d samples, its share is %v", p, part.Len(), share)
		}
		if !slices.IsSorted(part.X) {
			return fmt.Errorf("part %d is not in the order of the dataset", p)
		}
		counts := map[int32]float64{}
		for i, label := range part.Labels {
			counts[label]++
			if d.Labels[int(part.X[i])] != label {
				return fmt.Errorf("part %d: sample %v has label %d", p, part.X[i], label)
			}
		}
		for label, n := range shares {
			// The shares follow the sizes, which are rounded.
			share := n * float64(part.Len()) / float64(d.Len())
			if math.Abs(counts[label]-share) > deviation {
				return fmt.Errorf("part %d has %v of class %d, its share is %v", p, counts[label], label, share)
			}
		}
	}
	slices.Sort(all)
	if !slices.Equal(all, d.X) {
		return fmt.Errorf("the parts hold %d samples, not each of the %d once", len(all), d.Len())
	}
	return nil
}

func TestSplitIsStratifiedDisjointAndExhaustive(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	fractions := [][]float64{{1}, {0.8, 0.2}, {0.5, 0.5}, {0.29, 0.71}, {0.7, 0.15, 0.15}, {1. / 3, 1. / 3, 1. / 3}, {0, 1}, {0.99, 0.01}}
	for _, n := range []int{0, 1, 2, 3, 10, 31, 100, 1797} {
		for _, classes := range []int{1, 2, 10, 100} {
			labels := make([]int32, n)
			for i := range labels {
				labels[i] = int32(rng.IntN(classes) * rng.IntN(classes) / classes) // unequal
			}
			for _, f := range fractions {
				d := marked(labels)
				if err := checkParts(d, d.Split(7, f...), f); err != nil {
					t.Errorf("n = %d, %d classes, fractions %v: %v", n, classes, f, err)
				}
			}
		}
	}
}

func TestCheckPartsSeesBadSplits(t *testing.T) {
	labels := []int32{0, 0, 0, 0, 1, 1, 1, 1}
	d := marked(labels)
	half := []float64{0.5, 0.5}
	for name, index := range map[string][2][]int{
		"a sample twice":     {{0, 1, 4, 5}, {2, 3, 6, 5}},
		"a sample lost":      {{0, 1, 4, 5}, {2, 3, 6}},
		"sizes off":          {{0, 1, 4, 5, 6}, {2, 3, 7}},
		"not stratified":     {{0, 1, 2, 3}, {4, 5, 6, 7}},
		"not in order":       {{1, 0, 4, 5}, {2, 3, 6, 7}},
		"a part without any": {{}, {0, 1, 2, 3, 4, 5, 6, 7}},
	} {
		if checkParts(d, []*Dataset{d.Subset(index[0]), d.Subset(index[1])}, half) == nil {
			t.Errorf("%s: not seen", name)
		}
	}
	moved := d.Subset([]int{0, 1, 4, 5})
	moved.Labels[0] = 1
	if checkParts(d, []*Dataset{moved, d.Subset([]int{2, 3, 6, 7})}, half) == nil {
		t.Error("a label moved: not seen")
	}
}

func TestSplitGivesEveryPartOfManySmallClasses(t *testing.T) {
	var labels []int32
	for class := range int32(30) {
		labels = append(labels, class, class, class) // 2.4 and 0.6 of each
	}
	parts := marked(labels).Split(1, 0.8, 0.2)
	if parts[0].Len() != 72 || parts[1].Len() != 18 {
		t.Errorf("sizes %d and %d, want 72 and 18", parts[0].Len(), parts[1].Len())
	}
}

func TestSplitDependsOnTheSeedAlone(t *testing.T) {
	d := Digits()
	first := d.Split(3, 0.8, 0.2)
	if again := d.Split(3, 0.8, 0.2); !reflect.DeepEqual(first, again) {
		t.Error("two splits with one seed differ")
	}
	if other := d.Split(4, 0.8, 0.2); reflect.DeepEqual(first, other) {
		t.Error("splits with different seeds are equal")
	}
	// Of classes with one sample, the seed chooses which fall to which part.
	single := marked([]int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	if a, b := single.Split(1, 0.5, 0.5), single.Split(2, 0.5, 0.5); reflect.DeepEqual(a, b) {
		t.Error("small classes fall to the same parts with every seed")
	}
}

func TestSplitWithoutAClassPerSampleHasNoStrata(t *testing.T) {
	regression := &Dataset{Steps: 1, Width: 1, TargetWidth: 1, X: []float32{0, 1, 2, 3, 4}, Targets: []float32{0, 10, 20, 30, 40}}
	perStep := counting(5, 2, 1, true)
	for _, d := range []*Dataset{regression, perStep} {
		parts := d.Split(1, 0.6, 0.4)
		if parts[0].Len() != 3 || parts[1].Len() != 2 {
			t.Errorf("sizes %d and %d, want 3 and 2", parts[0].Len(), parts[1].Len())
		}
	}
	for _, part := range regression.Split(1, 0.6, 0.4) {
		for i, x := range part.X {
			if part.Targets[i] != 10*x {
				t.Errorf("sample %v has target %v", x, part.Targets[i])
			}
		}
	}
}

func TestApportionRoundsByLargestRemainder(t *testing.T) {
	tests := []struct {
		n         int
		fractions []float64
		want      []int
	}{
		{1797, []float64{0.8, 0.2}, []int{1438, 359}},
		{1797, []float64{0.7, 0.15, 0.15}, []int{1258, 270, 269}},
		{10, []float64{0.7, 0.2, 0.1}, []int{7, 2, 1}},
		{100, []float64{0.29, 0.71}, []int{29, 71}}, // 0.29·100 is below 29 in floating point
		{1, []float64{0.5, 0.5}, []int{1, 0}},
		{2, []float64{0, 1}, []int{0, 2}},
	}
	for _, test := range tests {
		if got := apportion(test.n, test.fractions); !slices.Equal(got, test.want) {
			t.Errorf("apportion(%d, %v) = %v, want %v", test.n, test.fractions, got, test.want)
		}
	}
}

func TestSplitPanicsOnBadFractions(t *testing.T) {
	d := marked([]int32{0, 1})
	wantPanic(t, "data: Split: the fractions [0.8 0.1] sum to 0.9", func() { d.Split(1, 0.8, 0.1) })
	wantPanic(t, "sum to 0", func() { d.Split(1) })
	wantPanic(t, "fraction -0.5 is negative", func() { d.Split(1, 1.5, -0.5) })
	wantPanic(t, "fraction NaN", func() { d.Split(1, math.NaN(), 1) })
	wantPanic(t, "want 1", func() { d.Split(1, math.Inf(1), 1) })
}
