package train_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// randomSet draws a set with or without lengths, mask, labels and an output at every
// step. What does not count is NaN, or a label that is none.
func randomSet(rng *rand.Rand) *data.Dataset {
	samples, steps := 1+rng.IntN(9), 1+rng.IntN(4)
	d := &data.Dataset{Steps: steps, Width: 2, TargetWidth: 2, PerStep: rng.IntN(2) == 0, Classes: []string{"a", "b"}}
	rows := samples
	if d.PerStep {
		rows *= steps
	}
	for range samples * steps * 2 {
		d.X = append(d.X, rng.Float32())
	}
	if rng.IntN(2) == 0 {
		for range samples {
			d.Lengths = append(d.Lengths, int32(rng.IntN(steps+1)))
		}
		d.Lengths[0] = int32(steps)
	}
	if rng.IntN(2) == 0 {
		for range rows {
			d.Mask = append(d.Mask, float32(rng.IntN(2)))
		}
		d.Mask[0] = 1
	}
	for row := range rows {
		d.Labels = append(d.Labels, int32(rng.IntN(3)-1))
		d.Targets = append(d.Targets, 10*rng.Float32(), -10*rng.Float32())
		if inPadding(d, row) {
			d.Labels[row] = 99
			d.Targets[2*row] = float32(math.NaN())
		}
		if d.Mask != nil && d.Mask[row] == 0 {
			d.Targets[2*row+1] = float32(math.NaN())
		}
	}
	d.Labels[0] = 1
	return d
}

func inPadding(d *data.Dataset, row int) bool {
	return d.PerStep && d.Lengths != nil && row%d.Steps >= int(d.Lengths[row/d.Steps])
}

// byDefinition computes the mean of a loss over the rows that count.
func byDefinition(d *data.Dataset, name string, outputs [][]float32) (mean float64, rows int) {
	every := 1
	if d.PerStep {
		every = d.Steps
	}
	for row := range d.Len() * every {
		if inPadding(d, row) {
			continue
		}
		y := outputs[row/every][2*(row%every) : 2*(row%every)+2]
		if name == "cross-entropy" {
			if label := d.Labels[row]; label >= 0 {
				rows++
				mean += math.Log(math.Exp(float64(y[0]))+math.Exp(float64(y[1]))) - float64(y[label])
			}
			continue
		}
		if d.Mask != nil && d.Mask[row] == 0 {
			continue
		}
		rows++
		for i, v := range y {
			difference := float64(v) - float64(d.Targets[2*row+i])
			if name == "bounded" {
				difference = math.Tanh(difference)
			}
			mean += difference * difference / 2
		}
	}
	return mean / float64(rows), rows
}

// Whatever the set and the size of the batch, a loss is the mean over the rows that
// count, and says over how many.
func TestLossesOfRandomSetsAreWhatTheirDefinitionGives(t *testing.T) {
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(1, seed))
		set, batch := randomSet(rng), 1+rng.IntN(5)
		b := openReference(t)
		spec := model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: 3}}}
		if !set.PerStep {
			spec = append(spec, model.Stage{Name: "last", Layer: model.LastStep{}})
		}
		spec = append(spec, model.Stage{Name: "head", Layer: model.Dense{Out: 2}})
		net := raggedNet(t, b, spec, model.Shape{Steps: set.Steps, Batch: batch, Width: 2})
		outputs, err := train.Predict(net, set)
		if err != nil {
			t.Fatal(err)
		}
		robust, err := newBounded(b, set.Steps*batch, 2)
		if err != nil {
			t.Fatal(err)
		}
		for name, loss := range map[string]train.Loss{"cross-entropy": train.CrossEntropy{}, "squared error": train.MSE{}, "bounded": robust} {
			for _, labels := range [][]int32{set.Labels, nil} {
				if labels == nil && name == "cross-entropy" {
					continue
				}
				d := *set
				d.Labels = labels
				what := fmt.Sprintf("seed %d, %s, batches of %d, labels %v", seed, name, batch, labels != nil)
				want, rows := byDefinition(&d, name, outputs)
				metrics, err := train.Evaluate(net, loss, &d)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				trainer := newTrainer(t, net, train.Options{Loss: loss, Optimizer: train.SGD{}, LR: 1e-30, Epochs: 1, Batch: batch, Seed: seed})
				fit(t, trainer, &d, &d)
				e := trainer.History()[0]
				for kind, got := range map[string]float64{"Evaluate": metrics.Loss, "TrainLoss": e.TrainLoss, "ValidLoss": e.ValidLoss} {
					wantClose(t, what+": "+kind, got/want, 1, 1e-5)
				}
				if metrics.LossRows != rows || e.TrainRows != rows {
					t.Errorf("%s: Evaluate counts %d rows and Fit %d, want %d", what, metrics.LossRows, e.TrainRows, rows)
				}
				labelled := rows
				if labels != nil {
					_, labelled = byDefinition(&d, "cross-entropy", outputs)
				}
				if metrics.Count != labelled {
					t.Errorf("%s: %d rows judged, want %d", what, metrics.Count, labelled)
				}
			}
		}
	}
}
