package data_test

import (
	"slices"
	"testing"

	"gputrain/data"
)

// The parts of all ranks, one after the other, are the batch.
func TestShardsAreTheBatch(t *testing.T) {
	set := &data.Dataset{Steps: 3, Width: 1, PerStep: true, TargetWidth: 1, Classes: []string{"a"}}
	for i := range 11 {
		set.Lengths, set.Labels = append(set.Lengths, int32(i%4)), append(set.Labels, 0, 0, 0)
		for step := range 3 {
			set.X, set.Targets, set.Mask = append(set.X, float32(10*i+step)), append(set.Targets, float32(i)), append(set.Mask, float32((i+step)%2))
		}
	}
	for _, ranks := range []int{1, 2, 3, 4, 7, 12} {
		whole := data.NewBatches(set, 4)
		whole.Shuffle(1, 2)
		shards := make([]*data.Batches, ranks)
		for rank := range shards {
			shards[rank] = data.NewBatches(set, 4)
			shards[rank].Shard(rank, ranks)
			shards[rank].Shuffle(1, 2)
		}
		for i := range whole.Count() {
			batch, from := whole.Batch(i), 0
			for rank, shard := range shards {
				if shard.Count() != whole.Count() {
					t.Fatalf("rank %d of %d has %d batches, want %d", rank, ranks, shard.Count(), whole.Count())
				}
				part := shard.Batch(i)
				if part.Size > (batch.Size+ranks-1)/ranks {
					t.Errorf("rank %d of %d has %d of %d samples", rank, ranks, part.Size, batch.Size)
				}
				for sample := range part.Size {
					at := from + sample
					for step := range 3 {
						row, want := step*part.Size+sample, step*batch.Size+at
						if part.X[row] != batch.X[want] || part.Labels[row] != batch.Labels[want] || part.Targets[row] != batch.Targets[want] || part.Mask[row] != batch.Mask[want] {
							t.Errorf("%d ranks, batch %d: step %d of sample %d of rank %d is not that of sample %d", ranks, i, step, sample, rank, at)
						}
					}
					if part.Lengths[sample] != batch.Lengths[at] {
						t.Errorf("%d ranks, batch %d: length %d of rank %d is not that of sample %d", ranks, i, sample, rank, at)
					}
				}
				from += part.Size
				if chunk := part.Chunk(1, 2); chunk.Size != part.Size || chunk.Steps != 1 || !slices.Equal(chunk.X, part.X[part.Size:2*part.Size]) {
					t.Errorf("%d ranks, batch %d: the chunk of rank %d is wrong", ranks, i, rank)
				}
			}
			if from != batch.Size {
				t.Errorf("%d ranks have %d samples of batch %d, which has %d", ranks, from, i, batch.Size)
			}
		}
	}
}
