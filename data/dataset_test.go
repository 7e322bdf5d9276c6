package data

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// counting returns n samples in which X[i] = i, with labels 0, 1, 2, 0, 1, ...
// and targets of width 2.
func counting(n, steps, width int, perStep bool) *Dataset {
	d := &Dataset{
		Steps: steps, Width: width, PerStep: perStep, TargetWidth: 2,
		X: make([]float32, n*steps*width), Classes: []string{"a", "b", "c"},
	}
	for i := range d.X {
		d.X[i] = float32(i)
	}
	for i := range n * d.outputs() {
		d.Labels = append(d.Labels, int32(i%3))
		d.Targets = append(d.Targets, float32(i), float32(-i))
	}
	return d
}

func wantPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got, _ := recover().(string); !strings.Contains(got, text) {
			t.Errorf("panic %q, want one with %q", got, text)
		}
	}()
	f()
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error of several lines: %q", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q, want one with %q", err, part)
		}
	}
}

func TestSubsetTakesWholeSamplesInTheGivenOrder(t *testing.T) {
	for _, perStep := range []bool{false, true} {
		d := counting(4, 2, 3, perStep)
		s := d.Subset([]int{2, 0, 2})
		if want := []float32{12, 13, 14, 15, 16, 17, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17}; !slices.Equal(s.X, want) {
			t.Errorf("PerStep %v: X = %v, want %v", perStep, s.X, want)
		}
		labels, targets := []int32{2, 0, 2}, []float32{2, -2, 0, 0, 2, -2}
		if perStep {
			labels = []int32{1, 2, 0, 1, 1, 2}
			targets = []float32{4, -4, 5, -5, 0, 0, 1, -1, 4, -4, 5, -5}
		}
		if !slices.Equal(s.Labels, labels) {
			t.Errorf("PerStep %v: Labels = %v, want %v", perStep, s.Labels, labels)
		}
		if !slices.Equal(s.Targets, targets) {
			t.Errorf("PerStep %v: Targets = %v, want %v", perStep, s.Targets, targets)
		}
		s.X[0] = -1
		if d.X[12] != 12 {
			t.Error("the subset shares memory with the dataset")
		}
	}
}

func TestSubsetKeepsAbsentOutputsAbsent(t *testing.T) {
	s := (&Dataset{Steps: 1, Width: 1, X: []float32{1, 2}}).Subset([]int{1})
	if s.Labels != nil || s.Targets != nil {
		t.Errorf("Labels = %v, Targets = %v, want nil", s.Labels, s.Targets)
	}
}

func TestWithStepsRegroupsTheFeatures(t *testing.T) {
	d := counting(2, 1, 6, false)
	s, err := d.WithSteps(3)
	if err != nil {
		t.Fatal(err)
	}
	if s.Steps != 3 || s.Width != 2 || s.Len() != 2 || !reflect.DeepEqual(s.X, d.X) {
		t.Errorf("got %d samples of %dx%d", s.Len(), s.Steps, s.Width)
	}
	for _, steps := range []int{-1, 0, 4, 7} {
		_, err := d.WithSteps(steps)
		wantError(t, err, "6 features")
	}
	perStep := counting(2, 3, 2, true)
	if _, err := perStep.WithSteps(3); err != nil {
		t.Errorf("the same number of steps: %v", err)
	}
	_, err = perStep.WithSteps(2)
	wantError(t, err, "label or target")
}

func TestInconsistentDatasetsPanic(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Dataset)
		text   string
	}{
		{"no steps", func(d *Dataset) { d.Steps = 0 }, "0 steps of 3 features"},
		{"samples too large to count", func(d *Dataset) { d.Steps, d.Width = 1<<32, 1<<32 }, "4294967296 steps of 4294967296 features"},
		{"torn sample", func(d *Dataset) { d.X = d.X[1:] }, "X has length 23, want 18"},
		{"a label too few", func(d *Dataset) { d.Labels = d.Labels[1:] }, "Labels has length 3, want 4"},
		{"labels per sample, not per step", func(d *Dataset) { d.PerStep = true }, "Labels has length 4, want 8"},
		{"a target too few", func(d *Dataset) { d.Targets = d.Targets[1:] }, "Targets has length 7, want 8"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := counting(4, 2, 3, false)
			test.change(d)
			wantPanic(t, "data: Subset: ", func() { d.Subset(nil) })
			wantPanic(t, "data: Split: ", func() { d.Split(1, 1) })
			wantPanic(t, "data: Standardize: ", func() { Standardize(d) })
			wantPanic(t, "data: NewBatches: ", func() { NewBatches(d, 1) })
			wantPanic(t, test.text, func() { d.Subset(nil) })
		})
	}
	d := counting(4, 2, 3, false)
	wantPanic(t, "data: Subset: sample 4 of 4", func() { d.Subset([]int{0, 4}) })
	wantPanic(t, "data: Subset: sample -1 of 4", func() { d.Subset([]int{-1}) })
}
