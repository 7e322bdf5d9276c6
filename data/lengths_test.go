package data

import (
	"slices"
	"testing"
)

// ragged returns three samples of up to two steps.
func ragged() *Dataset {
	d := counting(3, 2, 2, true)
	d.Lengths = []int32{2, 0, 1}
	return d
}

func TestLengthsFollowTheirSamples(t *testing.T) {
	if got := ragged().Subset([]int{2, 0, 2}).Lengths; !slices.Equal(got, []int32{1, 2, 1}) {
		t.Errorf("Subset: lengths %v, want [1 2 1]", got)
	}
	batches := NewBatches(ragged(), 2)
	for i, want := range [][]int32{{2, 0}, {1}} {
		if got := batches.Batch(i).Lengths; !slices.Equal(got, want) {
			t.Errorf("batch %d: lengths %v, want %v", i, got, want)
		}
	}
	batches.Shuffle(1, 1)
	for i := range batches.Count() {
		batch := batches.Batch(i)
		for k, length := range batch.Lengths {
			if length == 0 { // its features are padding, and so 0
				continue
			}
			// The first feature of sample i is 4i.
			if want := ragged().Lengths[int(batch.X[2*k])/4]; length != want {
				t.Errorf("shuffled batch %d: sample %d has length %d, want %d", i, k, length, want)
			}
		}
	}
	if got := NewBatches(counting(3, 2, 2, true), 2).Batch(0).Lengths; got != nil {
		t.Errorf("samples without lengths got %v", got)
	}
}

func TestLengthsMustFit(t *testing.T) {
	tests := []struct {
		lengths []int32
		text    string
	}{
		{[]int32{1, 2}, "data: NewBatches: Lengths has length 2, want 3"},
		{[]int32{1, 3, 2}, "data: NewBatches: sample 1 has length 3, want 0 to 2 steps"},
		{[]int32{1, 2, -1}, "data: NewBatches: sample 2 has length -1, want 0 to 2 steps"},
	}
	for _, test := range tests {
		d := ragged()
		d.Lengths = test.lengths
		wantPanic(t, test.text, func() { NewBatches(d, 1) })
	}
	_, err := ragged().WithSteps(1)
	wantError(t, err, "the samples have lengths in time steps of 2 features", "cannot become steps of 4")
}

func TestPaddingAsksForNothing(t *testing.T) {
	d := ragged()
	d.PerStep = true
	d.Labels, d.Targets, d.TargetWidth = []int32{1, 2, 3, 4, 5, 6}, []float32{1, 2, 3, 4, 5, 6}, 1
	batch := NewBatches(d, 3).Batch(0) // lengths 2, 0, 1
	if want := []int32{1, -1, 5, 2, -1, -1}; !slices.Equal(batch.Labels, want) {
		t.Errorf("labels %v, want %v", batch.Labels, want)
	}
	if want := []float32{1, 0, 5, 2, 0, 0}; !slices.Equal(batch.Targets, want) {
		t.Errorf("targets %v, want %v", batch.Targets, want)
	}
	for row, want := range []bool{false, true, false, false, true, true} {
		if got := batch.Padding(row); got != want {
			t.Errorf("row %d: Padding is %v, want %v", row, got, want)
		}
	}
	whole := counting(3, 2, 2, true)
	if batch := NewBatches(whole, 3).Batch(0); batch.Padding(5) {
		t.Error("samples without lengths have padding")
	}
}
