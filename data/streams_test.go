package data

import (
	"fmt"
	"slices"
	"testing"
)

func TestStreamsGoOnFromBatchToBatch(t *testing.T) {
	ids := make([]int32, 14)
	for i := range ids {
		ids[i] = int32(i)
	}
	d, err := Streams(ids, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int32{0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11}; !slices.Equal(d.IDs, want) || d.Len() != 4 || d.Check() != nil {
		t.Errorf("ids %v, want %v", d.IDs, want)
	}
	for i, id := range d.IDs {
		if d.Labels[i] != id+1 {
			t.Errorf("the label of id %d is %d", id, d.Labels[i])
		}
	}
	if whole, err := Streams(ids, 2, 6); err != nil || !slices.Equal(whole.IDs, ids[:12]) || !slices.Equal(whole.Labels, ids[1:13]) {
		t.Errorf("one sample for each stream: %+v, error %v", whole, err)
	}
}

func TestStreamsOfTooFewIDs(t *testing.T) {
	for _, c := range []struct{ ids, streams, steps, want int }{
		{0, 1, 1, 0}, {1, 1, 1, 0}, {2, 1, 1, 1}, {6, 2, 3, 0}, {7, 2, 3, 2}, {7, 3, 2, 3}, {7, 1 << 62, 8, 0}, {7, 8, 1 << 62, 0}, {9, 1 << 62, 4, 0},
	} {
		d, err := Streams(make([]int32, c.ids), c.streams, c.steps)
		if c.want == 0 {
			wantError(t, err, fmt.Sprintf("%d ids are too few for %d streams of %d steps", c.ids, c.streams, c.steps))
			continue
		}
		if err != nil || d.Len() != c.want {
			t.Errorf("%+v: %v samples, error %v", c, d, err)
		}
	}
	wantPanic(t, "data: Streams: 0 streams of 1 steps", func() { Streams(nil, 0, 1) })
}
