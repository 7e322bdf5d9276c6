package data

import (
	"math"
	"slices"
	"testing"
)

// paddedAndMasked returns 3 samples of up to 4 steps with lengths 4, 2 and 0, labels and
// targets per step, and a mask.
func paddedAndMasked() *Dataset {
	d := counting(3, 4, 2, true)
	d.Lengths = []int32{4, 2, 0}
	d.Mask = slices.Repeat([]float32{1, 0}, 6)
	return d
}

func TestDigestIsThatOfTheContent(t *testing.T) {
	base := paddedAndMasked().Digest()
	if again := paddedAndMasked().Digest(); again != base || again.Differs(base) != "" {
		t.Errorf("digests of equal sets: %v and %v", base, again)
	}
	for _, c := range []struct {
		name   string
		change func(*Dataset)
		want   string
	}{
		{"padding of X", func(d *Dataset) { d.X[1*8+4] = float32(math.NaN()) }, ""},
		{"label in the padding", func(d *Dataset) { d.Labels[4+2] = 2 }, ""},
		{"target in the padding", func(d *Dataset) { d.Targets[2*(4+2)] = 99 }, ""},
		{"target that the mask leaves out", func(d *Dataset) { d.Targets[2*1] = float32(math.NaN()) }, ""},
		{"mask in the padding", func(d *Dataset) { d.Mask[8] = 0 }, ""},
		{"a value", func(d *Dataset) { d.X[1*8+3]++ }, "other inputs"},
		{"the sign of a zero", func(d *Dataset) { d.X[0] = float32(math.Copysign(0, -1)) }, "other inputs"},
		{"two values swapped", func(d *Dataset) { d.X[0], d.X[1] = d.X[1], d.X[0] }, "other inputs"},
		{"a length", func(d *Dataset) { d.Lengths[1] = 1 }, "other inputs and other labels or targets"},
		{"steps", func(d *Dataset) {
			d.Lengths, d.PerStep, d.Labels, d.Targets, d.Mask = nil, false, nil, nil, nil
			d.Steps, d.Width = 2, 4
		},
			"other inputs and other labels or targets"},
		{"a label", func(d *Dataset) { d.Labels[0] = 2 }, "other labels or targets"},
		{"a class's name", func(d *Dataset) { d.Classes[1] = "B" }, "other labels or targets"},
		{"the same letters in other classes", func(d *Dataset) { d.Classes = []string{"ab", "", "c"} }, "other labels or targets"},
		{"a target", func(d *Dataset) { d.Targets[0] = 7 }, "other labels or targets"},
		{"the mask", func(d *Dataset) { d.Mask[1] = 1 }, "other labels or targets"},
		{"no mask", func(d *Dataset) { d.Mask = nil }, "other labels or targets"},
		{"a sample less", func(d *Dataset) { *d = *d.Subset([]int{0, 1}) }, "2 samples instead of 3"},
	} {
		d := paddedAndMasked()
		c.change(d)
		if got := d.Digest().Differs(base); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDigestTakesFullLengthsForNoLengths(t *testing.T) {
	d := counting(3, 4, 2, true)
	base := d.Digest()
	d.Lengths = []int32{4, 4, 4}
	d.Mask = slices.Repeat([]float32{1}, 12)
	if got := d.Digest(); got != base {
		t.Errorf("%v, want %v", got, base)
	}
}

// The digest of a run must be the same on every machine and in every version.
func TestDigestOfTheDigits(t *testing.T) {
	want := Digest{
		Samples: 1797,
		Inputs:  "adec3096fe926f6e55af5f062b640a4d6a1edd9bc055f6ee4a88c0745f16f186",
		Outputs: "4426329424967273c57aa1a971d5baa92dc7c2afff662e0b601920eed6e7c206",
	}
	if got := Digits().Digest(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
