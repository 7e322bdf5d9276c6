package data

import (
	"slices"
	"testing"
)

// ofIDs returns three samples of up to three steps of two ids. Those in the padding are
// wrong.
func ofIDs() *Dataset {
	return &Dataset{
		Steps: 3, Width: 2, Lengths: []int32{3, 1, 2},
		IDs:    []int32{0, 1, 2, 3, 4, 5, 10, 11, -1, 99, -1, 99, 20, 21, 22, 23, -1, 99},
		Labels: []int32{0, 1, 0},
	}
}

func TestIDsGoWithTheirSamples(t *testing.T) {
	d := ofIDs()
	if d.Len() != 3 || d.Check() != nil {
		t.Fatalf("%d samples, error %v", d.Len(), d.Check())
	}
	if got, want := d.Subset([]int{2, 0}).IDs, []int32{20, 21, 22, 23, -1, 99, 0, 1, 2, 3, 4, 5}; !slices.Equal(got, want) {
		t.Errorf("Subset: %v, want %v", got, want)
	}
	parts := d.Split(1, 0.5, 0.5)
	if n := len(parts[0].IDs) + len(parts[1].IDs); n != 18 {
		t.Errorf("Split: %d ids, want 18", n)
	}
	batch := NewBatches(d, 2).Batch(0)
	if want := []int32{0, 1, 10, 11, 2, 3, 0, 0, 4, 5, 0, 0}; !slices.Equal(batch.IDs, want) || batch.X != nil {
		t.Errorf("batch: %v and %v, want %v", batch.IDs, batch.X, want)
	}
	batch.Labels = nil // of whole samples
	if got, want := batch.Chunk(1, 2).IDs, []int32{2, 3, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("chunk: %v, want %v", got, want)
	}
	d.Lengths = nil
	if flat, err := d.WithSteps(1); err != nil || flat.Width != 6 {
		t.Errorf("WithSteps: %v", err)
	}
}

func TestIDsMustFit(t *testing.T) {
	d := ofIDs()
	d.IDs = d.IDs[1:]
	wantError(t, d.Check(), "IDs has length 17, want 12")
	d = ofIDs()
	d.X = make([]float32, 18)
	wantError(t, d.Check(), "it has both X and IDs, of which a sample has one")
}

func TestIDsAreNoQuantities(t *testing.T) {
	wantPanic(t, "data: Standardize: the samples are IDs", func() { Standardize(ofIDs()) })
	_, err := Range(0, 1).Apply(ofIDs())
	wantError(t, err, "the samples are IDs, which are no quantities and cannot be scaled")
}

func TestDigestOfIDsIsThatOfTheContent(t *testing.T) {
	base := ofIDs().Digest()
	for _, c := range []struct {
		name   string
		change func(*Dataset)
		want   string
	}{
		{"padding", func(d *Dataset) { d.IDs[17] = 5 }, ""},
		{"an id", func(d *Dataset) { d.IDs[7] = 5 }, "other inputs"},
		{"numbers instead", func(d *Dataset) {
			for _, id := range d.IDs {
				d.X = append(d.X, float32(id))
			}
			d.IDs = nil
		}, "other inputs"},
	} {
		d := ofIDs()
		c.change(d)
		if got := d.Digest().Differs(base); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
