package data

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestStandardizeGivesMean0Deviation1(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	d := &Dataset{Steps: 3, Width: 2, X: make([]float32, 500*6)}
	for i := range d.X {
		d.X[i] = float32(1000*float64(i%6) + math.Pow(10, float64(i%6)-2)*rng.NormFloat64())
	}
	scaled, err := Standardize(d).Apply(d)
	if err != nil {
		t.Fatal(err)
	}
	for j := range 6 {
		var sum, squares float64
		for i := j; i < len(scaled.X); i += 6 {
			sum += float64(scaled.X[i])
			squares += float64(scaled.X[i]) * float64(scaled.X[i])
		}
		mean := sum / 500
		deviation := math.Sqrt(squares/500 - mean*mean)
		if math.Abs(mean) > 1e-3 || math.Abs(deviation-1) > 1e-3 {
			t.Errorf("seed 1, feature %d: mean %v, deviation %v, want 0 and 1 within 1e-3", j, mean, deviation)
		}
	}
}

func TestStandardizeLeavesConstantsFinite(t *testing.T) {
	for _, x := range []float32{0, 0.1, -1e30, math.SmallestNonzeroFloat32} {
		d := &Dataset{Steps: 1, Width: 1, X: slices.Repeat([]float32{x}, 1000)}
		s := Standardize(d)
		if s.Shift[0] != float64(x) || s.Factor[0] != 0 {
			t.Errorf("constant %v: shift %v, factor %v, want %[1]v and 0", x, s.Shift[0], s.Factor[0])
		}
	}
	tiny := &Table{Width: 1, X: []float64{0, math.SmallestNonzeroFloat64}} // a factor would overflow
	if s := tiny.Standardize(); s.Factor[0] != 0 {
		t.Errorf("factor %v, want 0", s.Factor[0])
	}
	empty := &Dataset{Steps: 1, Width: 2}
	if s := Standardize(empty); !slices.Equal(s.Shift, []float64{0, 0}) || !slices.Equal(s.Factor, []float64{0, 0}) {
		t.Errorf("no samples: %v, want shift 0 and factor 0", s)
	}
}

func TestApplyScalesACopy(t *testing.T) {
	d := counting(2, 1, 3, false)
	tests := []struct {
		name    string
		scaling Scaling
		want    []float32
	}{
		{"all features alike", Range(1, 5), []float32{-0.25, 0, 0.25, 0.5, 0.75, 1}},
		{"each feature", Scaling{Shift: []float64{0, 1, 2}, Factor: []float64{1, 2, -1}}, []float32{0, 0, 0, 3, 6, -3}},
	}
	for _, test := range tests {
		got, err := test.scaling.Apply(d)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.X, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got.X, test.want)
		}
		if !slices.Equal(got.Labels, d.Labels) || d.X[5] != 5 {
			t.Errorf("%s: labels lost or input changed", test.name)
		}
	}
}

func TestApplyRefusesWhatDoesNotFit(t *testing.T) {
	d := counting(2, 1, 3, false)
	for _, s := range []Scaling{
		{},
		{Shift: []float64{0, 0}, Factor: []float64{1, 1}},
		{Shift: []float64{0, 0, 0}, Factor: []float64{1}},
	} {
		_, err := s.Apply(d)
		wantError(t, err, "the data 3 features")
	}
	_, err := Scaling{Shift: []float64{0}, Factor: []float64{1e38}}.Apply(d)
	wantError(t, err, "sample 2, feature 2: 4 is too large")
	wantPanic(t, "data: Range: from 1 to 1", func() { Range(1, 1) })
}

// What was constant when the scaling was computed says nothing later, whatever it is
// then. A NaN is no constant: it must be seen.
func TestConstantFeaturesAreLeftOut(t *testing.T) {
	scaled, err := Standardize(&Dataset{Steps: 1, Width: 2, X: []float32{7, 1, 7, 3}}).Apply(&Dataset{Steps: 1, Width: 2, X: []float32{7, 1, -1e30, 3}})
	if err != nil || !slices.Equal(scaled.X, []float32{0, -1, 0, 1}) {
		t.Errorf("%v, %v; want 0 for the first feature", scaled.X, err)
	}
	nan := &Dataset{Steps: 1, Width: 1, X: []float32{7, float32(math.NaN()), 7}}
	if scaled, err = Standardize(nan).Apply(nan); err != nil || scaled.X[0] == scaled.X[0] {
		t.Errorf("%v, %v; want NaN", scaled.X, err)
	}
}

// Whatever the padding holds, the result is that of the samples alone.
func TestScalingLeavesThePaddingOut(t *testing.T) {
	nan := float32(math.NaN())
	for _, filler := range []float32{0, 1e30, nan, float32(math.Inf(1))} {
		d := &Dataset{
			Steps: 2, Width: 2, Lengths: []int32{2, 1, 0},
			X: []float32{1, 10, 5, 7, 3, 30, filler, filler, filler, filler, filler, filler},
		}
		s := Standardize(d)
		if want := (Scaling{[]float64{2, 20, 5, 7}, []float64{1, 0.1, 0, 0}}); !slices.Equal(s.Shift, want.Shift) || !slices.Equal(s.Factor, want.Factor) {
			t.Errorf("padding %v: %v, want %v", filler, s, want)
		}
		for name, scaling := range map[string]Scaling{"each feature": s, "all alike": Range(0, 2)} {
			scaled, err := scaling.Apply(d)
			if err != nil {
				t.Fatalf("padding %v, %s: %v", filler, name, err)
			}
			if padding := slices.Concat(scaled.X[6:8], scaled.X[8:]); !slices.Equal(padding, make([]float32, 6)) {
				t.Errorf("padding %v, %s: became %v, want 0", filler, name, padding)
			}
		}
		batch := NewBatches(d, 3).Batch(0) // rows: step 0 of the samples, step 1 of them
		if want := []float32{1, 10, 3, 30, 0, 0, 5, 7, 0, 0, 0, 0}; !slices.Equal(batch.X, want) {
			t.Errorf("padding %v: a batch has %v, want %v", filler, batch.X, want)
		}
	}
	if s := Standardize(&Dataset{Steps: 2, Width: 1, Lengths: []int32{0}, X: []float32{nan, nan}}); !slices.Equal(s.Shift, []float64{0, 0}) || !slices.Equal(s.Factor, []float64{0, 0}) {
		t.Errorf("padding only: %v, want shift 0 and factor 0", s)
	}
}
