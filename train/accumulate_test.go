package train_test

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// Several small batches make the update of a large one, whatever their rows weigh.
func TestAccumulatedBatchesAreALargeBatch(t *testing.T) {
	perStep := model.Spec{{Name: "layer", Layer: model.LSTM{Hidden: 3, Bidirectional: true}}, {Name: "head", Layer: model.Dense{Out: 2}}}
	last := model.Spec{{Name: "layer", Layer: model.GRU{Hidden: 3}}, {Name: "last", Layer: model.LastStep{}}, {Name: "head", Layer: model.Dense{Out: 2}}}
	lengths := []int32{4, 1, 2, 0, 3, 1, 4, 4, 0, 0, 1, 2, 3, 4, 1, 1, 2, 0, 4, 3, 2, 1, 4} // 23, of which some batches have none
	unlabeled := ragged(lengths, 4, true)
	for i := range unlabeled.Labels {
		if i%3 > 0 {
			unlabeled.Labels[i] = backend.IgnoreLabel
		}
	}
	rare := ragged(lengths, 4, false) // many batches have labels of weight 0 alone
	for i := range rare.Labels {
		rare.Labels[i] = int32(min(1, i%7))
	}
	dense, classes := model.Spec{{Name: "head", Layer: model.Dense{Out: 2}}}, linear(3)
	for _, c := range []struct {
		name string
		spec model.Spec
		loss train.Loss
		set  *data.Dataset
	}{
		{"cross-entropy", classes, train.CrossEntropy{}, mixed(23)},
		{"squared error", classes, train.MSE{}, mixed(23)},
		{"squared error, masked", perStep, train.MSE{}, gaps(23, 4, 9)},
		{"cross-entropy of steps, ragged", perStep, train.CrossEntropy{}, ragged(lengths, 4, true)},
		{"squared error of steps, ragged", perStep, train.MSE{}, ragged(lengths, 4, true)},
		{"squared error of the last step, ragged", last, train.MSE{}, ragged(lengths, 4, false)},
		{"some steps have labels", perStep, train.CrossEntropy{}, unlabeled},
		{"class weights", classes, train.CrossEntropy{Weights: []float64{0.1, 2, 0.5}}, mixed(23)},
		{"a class of weight 0, smoothed", last, train.CrossEntropy{Weights: []float64{3, 0}, Smoothing: 0.2}, rare},
		{"Huber", classes, train.Huber{Delta: 0.5}, mixed(23)},
		{"binary cross-entropy", classes, train.BCEWithLogits{}, mixed(23)},
		{"targets of one step", dense, train.L1{}, gaps(23, 1, 9)},
	} {
		learn := func(b backend.Backend, batch, accumulate int) (params []float32, history []train.Epoch) {
			in := model.Shape{Steps: c.set.Steps, Batch: batch, Width: c.set.Width}
			net := raggedNet(t, b, c.spec, in)
			defer net.Free()
			trainer := newTrainer(t, net, train.Options{
				Loss: c.loss, Optimizer: train.SGD{Momentum: 0.9, WeightDecay: 0.01}, LR: 0.1, ClipNorm: 0.5, Seed: 1,
				Epochs: 3, Batch: batch, Accumulate: accumulate, Schedule: train.Cosine{Warmup: 2, Total: 20},
			})
			defer trainer.Free()
			fit(t, trainer, c.set, c.set)
			return download(t, b, net.Values()), trainer.History()
		}
		_, weighted := c.loss.(train.CrossEntropy)
		weighted = weighted && !reflect.DeepEqual(c.loss, train.CrossEntropy{}) // then the mean of an epoch depends on its batches
		for name, b := range map[string]backend.Backend{"reference": openReference(t), "cpu": openCPU(t)} {
			tolerance := map[string]float64{"reference": 1e-7, "cpu": 1e-5}[name]
			want, wantHistory := learn(b, 12, 1) // 12 and 11
			got, history := learn(b, 3, 4)       // 4 of 3; 3 of 3 and one of 2
			for i := range want {
				if off := math.Abs(float64(got[i] - want[i])); !(off <= tolerance) {
					t.Fatalf("%s, %s: parameter %d is %v, want %v, off by %.2g", c.name, name, i, got[i], want[i], off)
				}
			}
			for i, e := range history {
				if w := wantHistory[i]; e.LR != w.LR || e.TrainRows != w.TrainRows || !weighted && !(math.Abs(e.TrainLoss-w.TrainLoss) <= 10*tolerance) {
					t.Errorf("%s, %s: epoch %+v, want %+v", c.name, name, e, w)
				}
			}
		}
	}
}

// OnStep is called after an update, and the counters are of updates.
func TestAccumulateCountsUpdates(t *testing.T) {
	var steps, samples []int
	net := build(t, openCPU(t), linear(1), model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
	trainer := newTrainer(t, net, train.Options{
		Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.01, Epochs: 2, Batch: 4, Accumulate: 2,
		OnStep: func(p train.Progress) error {
			if p.Steps != 6 {
				t.Errorf("step %d of %d, want 6 in all", p.Step, p.Steps)
			}
			steps, samples = append(steps, p.Step), append(samples, p.Samples)
			return nil
		}})
	fit(t, trainer, line(19, 1), nil) // 4, 4; 4, 4; 3
	if !slices.Equal(steps, []int{1, 2, 3, 4, 5, 6}) || !slices.Equal(samples, []int{8, 16, 19, 27, 35, 38}) {
		t.Errorf("steps %v after %v samples", steps, samples)
	}
	// After a Fit, Step gathers batches from the first one on.
	batch := data.NewBatches(line(4, 2), 4).Batch(0)
	for i := range 3 {
		trainer.Step(batch)
		if want := 6 + (i+1)/2; trainer.Steps() != want {
			t.Errorf("%d updates after %d batches of Step, want %d", trainer.Steps(), i+1, want)
		}
	}
}

// The gradient of a part of the streams may come with that of the next part.
func TestAccumulateWithStreams(t *testing.T) {
	set := delayed(8, 3, 1) // 2 streams of 4 parts
	spec := model.Spec{{Name: "layer", Layer: model.LSTM{Hidden: 3, Stateful: true}}, {Name: "head", Layer: model.Dense{Out: 1}}}
	learn := func(accumulate, batches int, lr float64) []float32 {
		net := build(t, openReference(t), spec, model.Shape{Steps: 3, Batch: 2, Width: 1}, 1)
		trainer := newTrainer(t, net, train.Options{
			Loss: train.MSE{}, Optimizer: train.SGD{}, LR: lr, Epochs: 1, Batch: 2, Streams: true, Accumulate: accumulate,
		})
		all := data.NewBatches(set, 2)
		for i := range batches {
			trainer.Step(all.Batch(i))
		}
		if accumulate == batches && trainer.Steps() != 1 {
			t.Errorf("%d updates", trainer.Steps())
		}
		return download(t, net.Backend(), net.Values())
	}
	// With a rate of almost 0, updates in between change no gradient.
	const lr = 1e-4
	start, alone, together := learn(1, 0, lr), learn(1, 4, lr), learn(4, 4, lr)
	for i := range start {
		a, b := (alone[i]-start[i])/4, together[i]-start[i]
		if off := math.Abs(float64(a - b)); !(off <= 1e-3*lr) {
			t.Errorf("parameter %d moves by %v, want %v", i, b, a)
		}
	}
}
