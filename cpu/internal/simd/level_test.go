package simd

import (
	"slices"
	"testing"
)

func TestLevelsAreInOrderAndParse(t *testing.T) {
	levels := Levels()
	if levels[0] != Generic || !slices.IsSorted(levels) || levels[len(levels)-1] != Best() {
		t.Errorf("Levels is %v, Best %v", levels, Best())
	}
	for l := Generic; l <= AVX512; l++ {
		if got, err := ParseLevel(l.String()); got != l || err != nil {
			t.Errorf("ParseLevel(%q) = %v, %v", l, got, err)
		}
	}
	if _, err := ParseLevel("mmx"); err == nil {
		t.Error("ParseLevel took mmx")
	}
}
