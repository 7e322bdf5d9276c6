package train_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
	"gputrain/train"
)

// collecting is an optimizer that keeps the gradient of each update and changes
// nothing.
type collecting struct {
	train.SGD
	gradients *[][]float64
}

func (o collecting) Update(b backend.Backend, _, grads backend.Tensor, _ []backend.Tensor, _ float64, _ int) {
	gradient := make([]float64, grads.Size())
	if err := b.(*reference.Backend).DownloadFloat64(gradient, grads); err != nil {
		panic(err)
	}
	*o.gradients = append(*o.gradients, gradient)
}

func norm(x []float64) float64 {
	square := 0.0
	for _, v := range x {
		square += v * v
	}
	return math.Sqrt(square)
}

// The gradient of each update is clipped by itself, in chunks as without.
func TestClipNormIsThatOfEachUpdate(t *testing.T) {
	const steps = 8
	set := delayed(6, steps, 1)
	for _, chunk := range []int{0, 2, 3} {
		gradients := func(clip float64) [][]float64 {
			var all [][]float64
			spec := model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: 3, Stateful: chunk > 0}}, {Name: "head", Layer: model.Dense{Out: 1}}}
			net := build(t, openReference(t), spec, model.Shape{Steps: steps, Batch: 2, Width: 1}, 1)
			trainer := newTrainer(t, net, train.Options{
				Loss: train.MSE{}, Optimizer: collecting{gradients: &all}, LR: 1, ClipNorm: clip, Epochs: 2, Batch: 2, Chunk: chunk})
			fit(t, trainer, set, nil)
			return all
		}
		whole := gradients(0)
		updates := 1 // of a batch
		if chunk > 0 {
			updates = (steps + chunk - 1) / chunk
		}
		if want := 2 * 3 * updates; len(whole) != want {
			t.Fatalf("chunks of %d: %d updates, want %d", chunk, len(whole), want)
		}
		norms := make([]float64, len(whole))
		for i, g := range whole {
			norms[i] = norm(g)
		}
		sorted := slices.Sorted(slices.Values(norms))
		for _, limit := range []float64{sorted[0] / 2, sorted[len(sorted)/2], 2 * sorted[len(sorted)-1]} { // all are clipped, half of them, none
			for i, got := range gradients(limit) {
				factor := min(1, limit/norms[i])
				for j := range got {
					wantClose(t, fmt.Sprintf("chunks of %d, ClipNorm %.3g, norm %.3g, update %d: element %d of the gradient", chunk, limit, norms[i], i+1, j),
						got[j], factor*whole[i][j], 1e-6)
				}
			}
		}
	}
}

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
	for _, chunk := range []int{0, 2} {
		seen := map[string]string{}
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
				Loss: keeping{zeros: &masks}, Optimizer: train.SGD{}, LR: 0.1, Epochs: epochs, Batch: 2, Chunk: chunk, Seed: seed})
			fit(t, trainer, set, nil)
			if want := epochs * 4 * (1 + chunk); len(masks) != want { // four batches, of one update or three
				t.Fatalf("chunks of %d: %d updates, want %d", chunk, len(masks), want)
			}
			for i, mask := range masks {
				update := fmt.Sprintf("update %d with seed %d", i+1, seed)
				if other, ok := seen[mask]; ok {
					t.Fatalf("chunks of %d: %s drops the same elements as %s: %s", chunk, update, other, mask)
				}
				seen[mask] = update
			}
		}
	}
}
