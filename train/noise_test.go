package train_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gputrain/backend"
	"gputrain/model"
	"gputrain/train"
)

// keeping is a loss that keeps what of the outputs is 0.
type keeping struct {
	train.MSE
	zeros *[]string
}

func (l keeping) Compute(b backend.Backend, loss, grad, y backend.Tensor, target train.Target) {
	values := make([]float32, y.Size())
	if err := b.Download(values, y); err != nil {
		panic(err)
	}
	text := make([]byte, len(values))
	for i, v := range values {
		text[i] = '.'
		if v == 0 {
			text[i] = '0'
		}
	}
	*l.zeros = append(*l.zeros, string(text))
	l.MSE.Compute(b, loss, grad, y, target)
}

// No two updates drop the same elements, neither in one epoch nor in two, nor in
// the chunks of a sequence, nor under two seeds.
func TestEachUpdateDropsOtherElements(t *testing.T) {
	const epochs = 3
	for _, c := range []struct{ chunk, accumulate int }{{0, 1}, {2, 1}, {0, 3}} {
		chunk, seen := c.chunk, map[string]string{}
		for _, seed := range []uint64{1, 2, 3} {
			var masks []string
			spec := model.Spec{
				{Name: "rnn", Layer: model.RNN{Hidden: 8, Stateful: chunk > 0}},
				{Name: "drop", Layer: model.Dropout{Rate: 0.5}},
			}
			net := build(t, openReference(t), spec, model.Shape{Steps: 6, Batch: 2, Width: 1}, 1)
			set := delayed(8, 6, 1)
			set.Targets, set.TargetWidth = make([]float32, 8*6*8), 8
			trainer := newTrainer(t, net, train.Options{
				Loss: keeping{zeros: &masks}, Optimizer: train.SGD{}, LR: 0.1, Epochs: epochs, Batch: 2, Chunk: chunk, Accumulate: c.accumulate, Seed: seed})
			fit(t, trainer, set, nil)
			if want := epochs * 4 * (1 + chunk); len(masks) != want { // four batches, of one update or three
				t.Fatalf("chunks of %d: %d updates, want %d", chunk, len(masks), want)
			}
			for i, mask := range masks {
				update := fmt.Sprintf("pass %d with seed %d", i+1, seed)
				if other, ok := seen[mask]; ok {
					t.Fatalf("%+v: %s drops the same elements as %s: %s", c, update, other, mask)
				}
				seen[mask] = update
			}
		}
	}
}

// seeding is a backend that notes the seed of each Dropout.
type seeding struct {
	backend.Backend
	seeds []uint64
}

func (b *seeding) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.seeds = append(b.seeds, seed)
	b.Backend.Dropout(dst, x, rate, seed, offset)
}

// The seed of a step is none of the numbers that the order of the samples is drawn
// with.
func TestNoiseSharesNoStreamWithTheOrder(t *testing.T) {
	const seed, epochs = 1, 20
	b := &seeding{Backend: openReference(t)}
	spec := model.Spec{{Name: "drop", Layer: model.Dropout{Rate: 0.5}}, {Name: "head", Layer: model.Dense{Out: 1}}}
	net := build(t, b, spec, model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
	fit(t, newTrainer(t, net, train.Options{
		Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.1, Epochs: epochs, Batch: 4, Seed: seed}), line(8, 1), nil)
	if len(b.seeds) < 2*epochs {
		t.Fatalf("%d seeds in %d steps", len(b.seeds), 2*epochs)
	}
	order := map[uint64]int{} // the epoch that the number is drawn in
	for epoch := range 2 * epochs {
		source := rand.NewPCG(seed, uint64(epoch))
		for range 8 {
			order[source.Uint64()] = epoch
		}
	}
	for i, s := range b.seeds {
		if epoch, ok := order[s]; ok {
			t.Errorf("dropout %d has the seed %d, with which the order of epoch %d is drawn", i+1, s, epoch+1)
		}
	}
}
