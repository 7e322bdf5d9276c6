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

// Progress counts a sample once, and a step for each chunk.
func TestProgressInChunks(t *testing.T) {
	var got []train.Progress
	spec := model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: 3, Stateful: true}}, {Name: "head", Layer: model.Dense{Out: 1}}}
	net := build(t, openReference(t), spec, model.Shape{Steps: 4, Batch: 2, Width: 1}, 1)
	trainer := newTrainer(t, net, train.Options{
		Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.1, Epochs: 2, Batch: 2, Chunk: 4,
		OnStep: func(p train.Progress) error { p.Loss = 0; got = append(got, p); return nil }})
	fit(t, trainer, delayed(3, 10, 1), nil) // three chunks of a sequence
	want := []train.Progress{
		{Epoch: 1, Epochs: 2, Step: 3, Steps: 12, Samples: 2, LR: 0.1},
		{Epoch: 1, Epochs: 2, Step: 6, Steps: 12, Samples: 3, LR: 0.1},
		{Epoch: 2, Epochs: 2, Step: 9, Steps: 12, Samples: 5, LR: 0.1},
		{Epoch: 2, Epochs: 2, Step: 12, Steps: 12, Samples: 6, LR: 0.1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("progress is\n%+v, want\n%+v", got, want)
	}
}
