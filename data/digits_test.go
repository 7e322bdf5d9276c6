package data

import (
	"hash/crc32"
	"slices"
	"strings"
	"testing"
)

func TestDigitsAreTheKnownSet(t *testing.T) {
	d := Digits()
	if d.Len() != 1797 || d.Steps != 8 || d.Width != 8 {
		t.Errorf("%d samples of %dx%d, want 1797 of 8x8", d.Len(), d.Steps, d.Width)
	}
	if got := strings.Join(d.Classes, " "); got != "0 1 2 3 4 5 6 7 8 9" {
		t.Errorf("classes %s", got)
	}
	counts := make([]int, 10)
	var content []byte
	for i, label := range d.Labels {
		counts[label]++
		for _, x := range d.X[i*64 : (i+1)*64] {
			content = append(content, byte(x))
		}
		content = append(content, byte(label))
	}
	// The distribution that the source documents for its test set.
	if want := []int{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}; !slices.Equal(counts, want) {
		t.Errorf("samples per class %v, want %v", counts, want)
	}
	if low, high := slices.Min(d.X), slices.Max(d.X); low != 0 || high != 16 {
		t.Errorf("pixels %v to %v, want 0 to 16", low, high)
	}
	if got, want := crc32.ChecksumIEEE(content), uint32(0xe7d89aa3); got != want {
		t.Errorf("CRC-32 of pixels and labels %#08x, want %#08x", got, want)
	}
}
