package data

import (
	"slices"
	"testing"
)

func TestPackPadsAtTheEnd(t *testing.T) {
	var short, long Sequence
	short.Reset(1, 2, 3)
	copy(short.X, []float32{1, 2})
	short.AnswerClass(0, 2)
	long.Reset(2, 2, 3)
	copy(long.X, []float32{3, 4, 5, 6})
	long.AnswerClass(1, 1)

	f := Format{Width: 2, Outputs: 3, Classes: []string{"a", "b", "c"}}
	tests := []struct {
		perStep bool
		labels  []int32
		targets []float32
	}{
		{false, []int32{2, 1}, []float32{0, 0, 1, 0, 1, 0}},
		{true, []int32{2, -1, -1, 1}, []float32{0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0}},
	}
	for _, test := range tests {
		f.PerStep = test.perStep
		d := Pack(f, []Sequence{short, long})
		d.check("Pack")
		if d.Steps != 2 || d.TargetWidth != 3 || !slices.Equal(d.X, []float32{1, 2, 0, 0, 3, 4, 5, 6}) || !slices.Equal(d.Lengths, []int32{1, 2}) {
			t.Errorf("PerStep %v: %d steps, X %v, lengths %v", test.perStep, d.Steps, d.X, d.Lengths)
		}
		if !slices.Equal(d.Labels, test.labels) || !slices.Equal(d.Targets, test.targets) {
			t.Errorf("PerStep %v: labels %v, targets %v, want %v, %v", test.perStep, d.Labels, d.Targets, test.labels, test.targets)
		}
	}
}

func TestASequenceOfNoStepsIsAllPadding(t *testing.T) {
	var empty, one Sequence
	empty.Reset(0, 1, 2)
	one.Reset(1, 1, 2)
	one.AnswerClass(0, 1)
	d := Pack(Format{Width: 1, Outputs: 2, Classes: []string{"a", "b"}, PerStep: true}, []Sequence{empty, one})
	d.check("Pack")
	if !slices.Equal(d.Lengths, []int32{0, 1}) || !slices.Equal(d.Labels, []int32{-1, 1}) || !slices.Equal(d.Targets, []float32{0, 0, 0, 1}) {
		t.Errorf("lengths %v, labels %v, targets %v", d.Lengths, d.Labels, d.Targets)
	}
	if score := empty.Judge(nil); score != (Score{}) {
		t.Errorf("no outputs have the score %+v", score)
	}
}

func TestSequencesOfOneLengthNeedNoLengths(t *testing.T) {
	sequences := make([]Sequence, 2)
	for i := range sequences {
		sequences[i].Reset(3, 1, 1)
		sequences[i].AnswerValue(2, 1)
	}
	if got := Pack(Format{Width: 1, Outputs: 1}, sequences).Lengths; got != nil {
		t.Errorf("lengths %v, want none", got)
	}
}

func TestPackRefusesWhatHasNotTheFormat(t *testing.T) {
	var s Sequence
	s.Reset(2, 1, 1)
	s.AnswerValue(1, 1)
	pack := func(f Format) func() { return func() { Pack(f, []Sequence{s}) } }
	wantPanic(t, "data: Pack: sequence 0 has 1 features and 1 outputs, the format 2 and 1", pack(Format{Width: 2, Outputs: 1}))
	s.AnswerValue(0, 1)
	wantPanic(t, "data: Pack: step 0 of 2 of sequence 0 asks for an answer", pack(Format{Width: 1, Outputs: 1}))
	var empty Sequence
	empty.Reset(0, 1, 1)
	wantPanic(t, "data: Pack: sequence 0 has no steps, but the format says that the last one has the answer", func() { Pack(Format{Width: 1, Outputs: 1}, []Sequence{empty}) })
	wantPanic(t, "data: Pack: no sequence has a step", func() { Pack(Format{Width: 1, Outputs: 1, PerStep: true}, []Sequence{empty}) })
	wantPanic(t, "data: Pack: no sequences", func() { Pack(Format{}, nil) })
}
