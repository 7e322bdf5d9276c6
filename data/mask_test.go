package data

import (
	"math"
	"slices"
	"testing"
)

// masked returns three samples of two steps, whose targets count at every other
// one of the steps, or of the samples.
func masked(perStep bool) *Dataset {
	d := counting(3, 2, 2, perStep)
	for i := range 3 * d.outputs() {
		d.Mask = append(d.Mask, float32(i%2))
	}
	return d
}

func TestMaskFollowsItsSamples(t *testing.T) {
	for _, test := range []struct {
		perStep       bool
		subset, first []float32
	}{
		{false, []float32{0, 1, 0}, []float32{0, 1}},
		{true, []float32{0, 1, 0, 1, 0, 1}, []float32{0, 0, 1, 1}},
	} {
		d := masked(test.perStep)
		if got := d.Subset([]int{2, 1, 0}).Mask; !slices.Equal(got, test.subset) {
			t.Errorf("PerStep %v: the subset has mask %v, want %v", test.perStep, got, test.subset)
		}
		if got := NewBatches(d, 2).Batch(0).Mask; !slices.Equal(got, test.first) {
			t.Errorf("PerStep %v: the first batch has mask %v, want %v", test.perStep, got, test.first)
		}
		asked := 0
		for _, part := range d.Split(1, 1.0/3, 2.0/3) {
			for i, mask := range part.Mask {
				asked += int(mask)
				// The first target of row i of the set is i.
				if row := int(part.Targets[2*i]); d.Mask[row] != mask {
					t.Errorf("PerStep %v: after Split row %d has mask %v, want %v", test.perStep, row, mask, d.Mask[row])
				}
			}
		}
		if want := len(d.Mask) / 2; asked != want {
			t.Errorf("PerStep %v: the parts ask for %d targets, the set for %d", test.perStep, asked, want)
		}
	}
	if d, err := masked(false).WithSteps(4); err != nil || !slices.Equal(d.Mask, []float32{0, 1, 0}) {
		t.Errorf("WithSteps: mask %v, error %v", d.Mask, err)
	}
	whole := counting(3, 2, 2, true)
	if whole.Subset([]int{1}).Mask != nil || NewBatches(whole, 2).Batch(0).Mask != nil {
		t.Error("a set without a mask got one")
	}
}

func TestMaskMustFit(t *testing.T) {
	d := masked(true)
	d.Mask = d.Mask[:3]
	wantPanic(t, "data: NewBatches: Mask has length 3, want 6", func() { NewBatches(d, 1) })
	for _, value := range []float32{0.5, -1, float32(math.NaN())} {
		d := masked(true)
		d.Mask[4] = value
		wantPanic(t, "at index 4, want 0 or 1", func() { NewBatches(d, 1) })
	}
}

func TestTargetsThatDoNotCountAreZeroInBatches(t *testing.T) {
	nan := float32(math.NaN())
	d := &Dataset{
		Steps: 3, Width: 1, X: make([]float32, 6), PerStep: true, TargetWidth: 1,
		Lengths: []int32{3, 2},
		Targets: []float32{1, nan, 3, nan, 5, nan},
		Mask:    []float32{1, 0, 1, 0, 1, 1},
	}
	batch := NewBatches(d, 2).Batch(0)
	if want := []float32{1, 0, 0, 5, 3, 0}; !slices.Equal(batch.Targets, want) {
		t.Errorf("targets %v, want %v", batch.Targets, want)
	}
	if want := []float32{1, 0, 0, 1, 1, 1}; !slices.Equal(batch.Mask, want) {
		t.Errorf("mask %v, want %v", batch.Mask, want)
	}
	if chunk := batch.Chunk(1, 2); !slices.Equal(chunk.Mask, []float32{0, 1}) || !slices.Equal(chunk.Targets, []float32{0, 5}) {
		t.Errorf("step 1 has mask %v and targets %v", chunk.Mask, chunk.Targets)
	}
	if n := testing.AllocsPerRun(10, func() { batch.Chunk(0, 2) }); n != 0 {
		t.Errorf("a chunk allocates %v times, want 0", n)
	}
	if !math.IsNaN(float64(d.Targets[1])) {
		t.Error("the targets of the set have changed")
	}
}

func TestPackMasksStepsThatAskForNothing(t *testing.T) {
	var spikes, silent Sequence
	spikes.Reset(3, 1, 1)
	spikes.AnswerValue(1, 7)
	silent.Reset(2, 1, 1)
	d := Pack(Format{Width: 1, Outputs: 1, PerStep: true}, []Sequence{spikes, silent})
	if want := []float32{0, 1, 0, 0, 0, 0}; !slices.Equal(d.Mask, want) || !slices.Equal(d.Targets, []float32{0, 7, 0, 0, 0, 0}) {
		t.Errorf("mask %v, targets %v, want the mask %v", d.Mask, d.Targets, want)
	}
	if d := Pack(Format{Width: 1, Outputs: 1}, []Sequence{silent}); !slices.Equal(d.Mask, []float32{0}) {
		t.Errorf("a last step that asks for nothing has mask %v", d.Mask)
	}
	spikes.AnswerValue(0, 1)
	spikes.AnswerValue(2, 2)
	if d := Pack(Format{Width: 1, Outputs: 1, PerStep: true}, []Sequence{spikes}); d.Mask != nil {
		t.Errorf("a sequence that asks for something at every step has mask %v", d.Mask)
	}
}
