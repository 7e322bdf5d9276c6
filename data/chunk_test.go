package data_test

import (
	"slices"
	"testing"

	"gputrain/data"
)

func TestChunkCutsTheLengths(t *testing.T) {
	byHand := data.Batch{Size: 4, Steps: 6, X: make([]float32, 24), Lengths: []int32{6, 0, 3, 2}}
	packed := data.NewBatches(&data.Dataset{Steps: 6, Width: 1, X: byHand.X, Lengths: byHand.Lengths}, 4).Batch(0)
	for name, batch := range map[string]data.Batch{"by hand": byHand, "packed": packed} {
		for _, c := range []struct {
			from, to int
			want     []int32
		}{{0, 2, []int32{2, 0, 2, 2}}, {2, 5, []int32{3, 0, 1, 0}}, {5, 6, []int32{1, 0, 0, 0}}, {0, 6, []int32{6, 0, 3, 2}}} {
			if got := batch.Chunk(c.from, c.to).Lengths; !slices.Equal(got, c.want) {
				t.Errorf("%s: steps %d to %d have lengths %v, want %v", name, c.from, c.to, got, c.want)
			}
		}
	}
	if n := testing.AllocsPerRun(10, func() { packed.Chunk(1, 3) }); n != 0 {
		t.Errorf("a chunk of a packed batch allocates %v times, want 0", n)
	}
}

func TestChunkTakesTimeStepsOfEverySample(t *testing.T) {
	batch := data.Batch{
		Size: 2, Steps: 3,
		X:       []float32{1, 2, 11, 12, 3, 4, 13, 14, 5, 6, 15, 16},
		Labels:  []int32{0, 10, 1, 11, 2, 12},
		Targets: []float32{0, 10, 1, 11, 2, 12},
	}
	got := batch.Chunk(1, 3)
	if got.Size != 2 || got.Steps != 2 ||
		!slices.Equal(got.X, []float32{3, 4, 13, 14, 5, 6, 15, 16}) ||
		!slices.Equal(got.Labels, []int32{1, 11, 2, 12}) ||
		!slices.Equal(got.Targets, []float32{1, 11, 2, 12}) {
		t.Errorf("got %+v", got)
	}
	if got := (data.Batch{Size: 1, Steps: 2, X: []float32{1, 2}}).Chunk(0, 1); got.Labels != nil || got.Targets != nil {
		t.Errorf("a batch without labels and targets gets %v and %v", got.Labels, got.Targets)
	}
	perSample := data.Batch{Size: 2, Steps: 3, X: batch.X, Labels: []int32{0, 1}}
	if got := perSample.Chunk(0, 3); len(got.Labels) != 2 {
		t.Errorf("all of a batch with one label per sample has %d labels", len(got.Labels))
	}
	for name, chunk := range map[string]func(){
		"none":             func() { batch.Chunk(1, 1) },
		"negative":         func() { batch.Chunk(-1, 1) },
		"too many":         func() { batch.Chunk(1, 4) },
		"label per sample": func() { perSample.Chunk(0, 2) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			chunk()
		}()
	}
}
