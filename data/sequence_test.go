package data

import (
	"slices"
	"testing"
)

func TestResetWantsAShape(t *testing.T) {
	var s Sequence
	wantPanic(t, "data: Reset: a sequence of -1 steps of 1 features with 1 outputs", func() { s.Reset(-1, 1, 1) })
	wantPanic(t, "data: Reset: a sequence of 1 steps of 0 features with 1 outputs", func() { s.Reset(1, 0, 1) })
	wantPanic(t, "data: Reset: a sequence of 1 steps of 1 features with 0 outputs", func() { s.Reset(1, 1, 0) })
}

func TestOneHotIsTheClassThatCame(t *testing.T) {
	var s Sequence
	s.Reset(3, 1, 3)
	s.AnswerClass(0, 2)
	s.AnswerClass(2, 0)
	s.Target(2)[1] = 1
	got := []float32{9, 9, 9, 9, 9, 9, 9, 9, 9}
	s.OneHot(got)
	if want := []float32{0, 0, 1, 0, 0, 0, 1, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	wantPanic(t, "data: OneHot: dst has length 8, want 3 steps of 3 outputs", func() { s.OneHot(got[:8]) })
}
