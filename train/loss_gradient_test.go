package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/data"
)

// allLosses returns every loss with every option.
func allLosses() []Loss {
	return []Loss{
		MSE{}, L1{}, Huber{}, Huber{Delta: 0.25}, BCEWithLogits{},
		CrossEntropy{}, CrossEntropy{Smoothing: 0.1}, CrossEntropy{Weights: []float64{0.5, 2, 1}},
		CrossEntropy{Weights: []float64{0.5, 2, 0.5}, Smoothing: 0.25},
	}
}

// lossSet returns a set of 5 sequences of 4 steps with labels and targets, each of
// which counts at some steps only: lengths, a mask, and rows without a label. spoiled
// is where none counts.
func lossSet(spoiled float32) *data.Dataset {
	const samples, steps, width = 5, 4, 3
	rng := rand.New(rand.NewPCG(1, 7))
	d := &data.Dataset{Steps: steps, Width: width, X: make([]float32, samples*steps*width), PerStep: true, TargetWidth: width, Lengths: []int32{4, 2, 1, 3, 4}}
	for row := range samples * steps {
		label, mask, targets := int32(rng.IntN(width)), float32(1), []float32{rng.Float32(), 1, 0}
		if rng.IntN(4) == 0 {
			label = backend.IgnoreLabel
		}
		if rng.IntN(4) == 0 {
			mask = 0
		}
		if mask == 0 || row%steps >= int(d.Lengths[row/steps]) {
			targets = []float32{spoiled, spoiled, spoiled}
		}
		d.Labels, d.Mask, d.Targets = append(d.Labels, label), append(d.Mask, mask), append(d.Targets, targets...)
	}
	return d
}

// gradientErrors compares the gradient of loss with central differences. It also says
// if too few elements, or too many, have a gradient.
func gradientErrors(t *testing.T, loss Loss) (wrong []string) {
	t.Helper()
	const step, tolerance = 1e-5, 1e-9
	set := lossSet(float32(math.NaN()))
	rng := rand.New(rand.NewPCG(1, 8))
	y := make([]float64, len(set.X))
	for i := range y {
		y[i] = 2 * rng.NormFloat64()
	}
	_, grad := computeLoss(t, loss, y, set)
	zeros := 0
	for i := range y {
		at := func(value float64) float64 {
			moved := slices.Clone(y)
			moved[i] = value
			loss, _ := computeLoss(t, loss, moved, set)
			return loss
		}
		want := (at(y[i]+step) - at(y[i]-step)) / (2 * step)
		if off := math.Abs(grad[i] - want); !(off <= tolerance) {
			wrong = append(wrong, fmt.Sprintf("gradient %d is %v, by differences %v", i, grad[i], want))
		}
		if grad[i] == 0 {
			zeros++
		}
	}
	if zeros < len(y)/3 || zeros > 4*len(y)/5 {
		wrong = append(wrong, fmt.Sprintf("%d of %d gradients are 0, which leaves too little to test", zeros, len(y)))
	}
	return wrong
}

func TestLossGradientsAreThoseOfDifferences(t *testing.T) {
	for _, loss := range allLosses() {
		for _, wrong := range gradientErrors(t, loss) {
			t.Errorf("%s: %s", describe(loss), wrong)
		}
	}
	if gradientErrors(t, steepL1{}) == nil {
		t.Error("a gradient that is too large by 10⁻⁶ is not found")
	}
}

// steepL1 has a wrong gradient.
type steepL1 struct{ L1 }

func (l steepL1) Compute(b backend.Backend, loss, grad, y backend.Tensor, target Target) {
	l.L1.Compute(b, loss, grad, y, target)
	b.Scale(grad, 1+1e-6, grad)
}

func TestWhereNothingCountsLossAndGradientAreZero(t *testing.T) {
	for _, loss := range allLosses() {
		set := lossSet(0)
		y := make([]float64, len(set.X))
		for i := range y {
			y[i] = float64(i%7) - 3
		}
		last := set.Subset([]int{0, 1}) // whose first counts, so that the set can be checked
		for i := range last.Labels {
			if i >= last.Steps {
				last.Labels[i], last.Mask[i] = backend.IgnoreLabel, 0
			} else {
				last.Labels[i], last.Mask[i] = 1, 1
			}
		}
		_, grad := computeLoss(t, loss, y[:len(last.X)], last)
		for i, g := range grad {
			if second := i/last.Width%2 == 1; second && g != 0 {
				t.Errorf("%s: gradient %d of a row that does not count is %v", describe(loss), i, g)
			}
		}
	}
}

func TestLossesOfHugeOutputsAreFinite(t *testing.T) {
	set := &data.Dataset{Steps: 1, Width: 2, X: make([]float32, 8), Labels: []int32{0, 1, 0, 1}, Targets: []float32{0, 1, 1, 0, 0, 1, 0.25, 0.5}, TargetWidth: 2}
	y := []float64{1e6, -1e6, 1e6, -1e6, -1e6, 1e6, 1e6, 1e6}
	for _, loss := range []Loss{L1{}, Huber{}, BCEWithLogits{}, CrossEntropy{}, CrossEntropy{Weights: []float64{1, 2}, Smoothing: 0.1}} {
		value, grad := computeLoss(t, loss, y, set)
		if math.IsNaN(value) || math.IsInf(value, 0) || slices.ContainsFunc(grad, math.IsNaN) {
			t.Errorf("%s: loss %v, gradient %v", describe(loss), value, grad)
		}
	}
}

// NaN is what shows that a training diverges, so no loss may hide it.
func TestLossOfNaNIsNaN(t *testing.T) {
	set := &data.Dataset{Steps: 1, Width: 2, X: make([]float32, 4), Labels: []int32{0, 1}, Targets: []float32{0, 1, 1, 0.5}, TargetWidth: 2}
	for _, loss := range []Loss{MSE{}, L1{}, Huber{}, BCEWithLogits{}, CrossEntropy{}, CrossEntropy{Weights: []float64{1, 2}, Smoothing: 0.1}} {
		if value, _ := computeLoss(t, loss, []float64{1, math.NaN(), 0, 0}, set); !math.IsNaN(value) {
			t.Errorf("%s: loss %v, want NaN", describe(loss), value)
		}
	}
}

func TestOptionsOfLossesAreChecked(t *testing.T) {
	set := &data.Dataset{Steps: 1, Width: 2, X: make([]float32, 4), Labels: []int32{0, 1}, Targets: []float32{0, 1, 1, 1.5}, TargetWidth: 2}
	for _, c := range []struct {
		loss Loss
		want string
	}{
		{CrossEntropy{Weights: []float64{1}}, "CrossEntropy has 1 Weights, but the network has 2 outputs"},
		{CrossEntropy{Weights: []float64{1, -1}}, "CrossEntropy has weight -1 for class 1, want a finite number of at least 0"},
		{CrossEntropy{Weights: []float64{1, math.NaN()}}, "CrossEntropy has weight NaN for class 1, want a finite number of at least 0"},
		{CrossEntropy{Weights: []float64{0, 0}}, "it has no labels of a class with a weight above 0, which cross-entropy needs"},
		{CrossEntropy{Smoothing: 1.5}, "the Smoothing of CrossEntropy is 1.5, want 0 to 1"},
		{CrossEntropy{Smoothing: math.NaN()}, "the Smoothing of CrossEntropy is NaN, want 0 to 1"},
		{Huber{Delta: -1}, "the Delta of Huber is -1, want a finite number above 0, or 0 for 1"},
		{Huber{Delta: math.Inf(1)}, "the Delta of Huber is +Inf, want a finite number above 0, or 0 for 1"},
		{BCEWithLogits{PosWeight: []float64{1}}, "BCEWithLogits has 1 values of PosWeight, but the network has 2 outputs"},
		{BCEWithLogits{PosWeight: []float64{1, -1}}, "BCEWithLogits has PosWeight -1 for output 1, want a finite number of at least 0"},
		{BCEWithLogits{PosWeight: []float64{1, 2}}, "target 1.5 at index 3 is neither 0 nor 1, which binary cross-entropy with PosWeight needs"},
		{BCEWithLogits{}, "target 1.5 at index 3 is not from 0 to 1, which binary cross-entropy needs"},
	} {
		if err := c.loss.Check(set, 2); fmt.Sprint(err) != c.want {
			t.Errorf("%s: got %q, want %q", describe(c.loss), fmt.Sprint(err), c.want)
		}
	}
}

// A row that does not count has no weight, whatever its targets are.
func TestPosWeightHeedsTheMask(t *testing.T) {
	loss := BCEWithLogits{PosWeight: []float64{3, 0.5}}
	y := []float64{1, -2, 0.5, 4, -1, 3}
	set := func(targets ...float32) *data.Dataset {
		return &data.Dataset{Steps: 1, Width: 2, X: make([]float32, len(targets)), Targets: targets, TargetWidth: 2}
	}
	masked := set(1, 0, 1, 1, 0, 1)
	masked.Mask = []float32{1, 0, 1}
	value, grad := computeLoss(t, loss, y, masked)
	want, rest := computeLoss(t, loss, []float64{1, -2, -1, 3}, set(1, 0, 0, 1))
	if math.Abs(value-want) > 1e-15 || grad[2] != 0 || grad[3] != 0 || !slices.Equal(slices.Concat(grad[:2], grad[4:]), rest) {
		t.Errorf("loss %v, gradient %v; want %v, %v", value, grad, want, rest)
	}
}
