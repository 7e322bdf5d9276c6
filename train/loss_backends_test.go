package train_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// optionalLosses are those that need more than labels or values.
var optionalLosses = []train.Loss{
	train.L1{}, train.Huber{Delta: 0.5}, train.BCEWithLogits{},
	train.CrossEntropy{Weights: []float64{0.5, 2, 1}}, train.CrossEntropy{Weights: []float64{0.5, 2, 1}, Smoothing: 0.1},
}

// mixed returns n samples of one step with three classes and three targets from 0 to 1.
func mixed(n int) *data.Dataset {
	rng := rand.New(rand.NewPCG(1, 9))
	d := &data.Dataset{Steps: 1, Width: 4, TargetWidth: 3}
	for i := range n {
		for range d.Width {
			d.X = append(d.X, float32(rng.NormFloat64()))
		}
		d.Labels = append(d.Labels, int32(i%3))
		d.Targets = append(d.Targets, float32(i%2), rng.Float32(), float32(i%3)/2)
	}
	return d
}

func TestLossesAreThoseOfTheReferenceOnEveryBackend(t *testing.T) {
	const tolerance = 1e-5
	set := mixed(22) // in batches of 8, 8 and 6
	for _, loss := range optionalLosses {
		learn := func(b backend.Backend) (history []train.Epoch) {
			net := build(t, b, linear(3), model.Shape{Steps: 1, Batch: 8, Width: 4}, 1)
			trainer := newTrainer(t, net, train.Options{Loss: loss, Optimizer: train.SGD{}, LR: 0.3, Epochs: 4, Batch: 8, Seed: 1})
			defer trainer.Free()
			fit(t, trainer, set, set)
			return trainer.History()
		}
		want := learn(openReference(t))
		if first, last := want[0], want[len(want)-1]; !(last.TrainLoss < first.TrainLoss) {
			t.Errorf("%#v does not learn: %v after %v", loss, last.TrainLoss, first.TrainLoss)
		}
		for name, b := range others(t) {
			for i, got := range learn(b) {
				for _, pair := range [][2]float64{{got.TrainLoss, want[i].TrainLoss}, {got.ValidLoss, want[i].ValidLoss}} {
					if off := math.Abs(pair[0]-pair[1]) / pair[1]; !(off <= tolerance) {
						t.Errorf("%#v, %s, epoch %d: loss %v, want %v, off by %.2g", loss, name, i+1, pair[0], pair[1], off)
					}
				}
			}
		}
	}
}

func TestWeightedLossOfASetDoesNotDependOnItsBatches(t *testing.T) {
	set := mixed(22)
	for _, loss := range optionalLosses {
		var want float64
		for i, batch := range []int{22, 5, 1} {
			net := build(t, openCPU(t), linear(3), model.Shape{Steps: 1, Batch: batch, Width: 4}, 1)
			metrics, err := train.Evaluate(net, loss, set)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				want = metrics.Loss
			}
			wantClose(t, fmt.Sprintf("%#v in batches of %d", loss, batch), metrics.Loss, want, 1e-6)
		}
	}
}

func TestStepsOfAllLossesAllocateNothing(t *testing.T) {
	for _, loss := range optionalLosses {
		net := build(t, openCPU(t), linear(3), model.Shape{Steps: 1, Batch: 8, Width: 4}, 1)
		trainer := newTrainer(t, net, train.Options{Loss: loss, Optimizer: train.SGD{}, LR: 0.3, Epochs: 1, Batch: 8})
		batches := data.NewBatches(mixed(22), 8)
		if n := testing.AllocsPerRun(20, func() {
			for i := range batches.Count() {
				trainer.Step(batches.Batch(i))
			}
		}); n != 0 {
			t.Errorf("%#v: an epoch allocates %v times", loss, n)
		}
	}
}

func TestOptionsOfTheLossAreCheckedByNew(t *testing.T) {
	net := build(t, openCPU(t), linear(3), model.Shape{Steps: 1, Batch: 8, Width: 4}, 1)
	for _, c := range []struct {
		loss train.Loss
		want string
	}{
		{train.CrossEntropy{Weights: []float64{1}}, "CrossEntropy has 1 Weights, but the network has 3 outputs"},
		{train.Huber{Delta: -1}, "the Delta of Huber is -1"},
		{train.L1{}, ""},
	} {
		_, err := train.New(net, train.Options{Loss: c.loss, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 2})
		wantError(t, err, c.want)
	}
}
