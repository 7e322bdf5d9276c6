package train_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// padded returns a ragged set with value in all that does not count: X, labels and
// targets in the padding, and targets that the mask leaves out.
func padded(perStep bool, value float32) *data.Dataset {
	lengths := []int32{4, 2, 0, 3, 1, 4, 2}
	set := ragged(lengths, 4, perStep)
	set.Mask = make([]float32, len(set.Targets)/set.TargetWidth)
	for row := range set.Mask {
		set.Mask[row] = float32(row % 3 % 2)
	}
	label := int32(0)
	if value != 0 {
		label = 77
	}
	for sample, length := range lengths {
		for step := range 4 {
			if step < int(length) {
				continue
			}
			for i := range set.Width {
				set.X[(sample*4+step)*set.Width+i] = value
			}
			if perStep {
				set.Labels[sample*4+step] = label
				set.Mask[sample*4+step] = 1
			}
		}
	}
	for row, mask := range set.Mask {
		padding := perStep && row%4 >= int(lengths[row/4])
		if mask == 0 || padding {
			for i := range set.TargetWidth {
				set.Targets[row*set.TargetWidth+i] = value
			}
		}
	}
	return set
}

// What does not count may hold anything: Fit, Evaluate, Predict and Step give the
// bits that they give with zeros there.
func TestPaddingNeverMatters(t *testing.T) {
	garbage := []float32{float32(math.NaN()), float32(math.Inf(1)), math.MaxFloat32}
	head := model.Stage{Name: "head", Layer: model.Dense{Out: 2}}
	for name, open := range map[string]func(testing.TB) backend.Backend{"cpu": openCPU, "reference": openReference} {
		for _, c := range []struct {
			layer   model.Layer
			perStep bool
			loss    train.Loss
			chunk   int
		}{
			{model.LSTM{Hidden: 3, Bidirectional: true}, true, train.CrossEntropy{}, 0},
			{model.LSTM{Hidden: 3, Stateful: true}, true, train.MSE{}, 2},
			{model.RNN{Hidden: 3}, false, train.MSE{}, 0},
			{model.GRU{Hidden: 3}, false, train.CrossEntropy{}, 0},
			{model.Elman{Hidden: 3}, true, train.MSE{}, 0},
			{model.Jordan{Hidden: 3, Out: 2}, true, train.CrossEntropy{}, 0},
			{model.LSTM1997{Blocks: 2, Cells: 1}, true, train.MSE{}, 0},
			{model.GridLSTM{Hidden: 3}, true, train.MSE{}, 0},
			{model.Dense{Out: 3}, true, train.CrossEntropy{}, 0},
		} {
			t.Run(fmt.Sprintf("%s/%T/%T", name, c.layer, c.loss), func(t *testing.T) {
				spec := model.Spec{{Name: "layer", Layer: c.layer}, head}
				if !c.perStep {
					spec = model.Spec{spec[0], {Name: "last", Layer: model.LastStep{}}, head}
				}
				run := func(set *data.Dataset) (params []float32, metrics train.Metrics, outputs [][]float32) {
					b := open(t)
					in := model.Shape{Steps: max(c.chunk, 4), Batch: 3, Width: 2}
					net := raggedNet(t, b, spec, in)
					o := train.Options{Loss: c.loss, Optimizer: train.SGD{}, LR: 0.1, Epochs: 2, Batch: 3, Chunk: c.chunk, Seed: 1}
					fit(t, newTrainer(t, net, o), set, set)
					newTrainer(t, net, o).Step(byHand(set))
					metrics, err := train.Evaluate(net, c.loss, set)
					if err != nil {
						t.Fatal(err)
					}
					if outputs, err = train.Predict(net, set); err != nil {
						t.Fatal(err)
					}
					return download(t, b, net.Values()), metrics, outputs
				}
				params, metrics, outputs := run(padded(c.perStep, 0))
				for _, value := range garbage {
					got, gotMetrics, gotOutputs := run(padded(c.perStep, value))
					if !slices.Equal(got, params) {
						t.Errorf("%v in the padding changes the parameters", value)
					}
					if !reflect.DeepEqual(gotMetrics, metrics) {
						t.Errorf("%v in the padding: metrics %+v, want %+v", value, gotMetrics, metrics)
					}
					if !reflect.DeepEqual(gotOutputs, outputs) {
						t.Errorf("%v in the padding changes the predictions", value)
					}
				}
			})
		}
	}
}

// byHand returns a batch of the first sample of set and the second, as a program
// without data.Batches packs it.
func byHand(set *data.Dataset) data.Batch {
	batch := data.Batch{Size: 2, Steps: set.Steps, Lengths: set.Lengths[:2]}
	outputs := 1
	if set.PerStep {
		outputs = set.Steps
	}
	for step := range set.Steps {
		for sample := range 2 {
			first := (sample*set.Steps + step) * set.Width
			batch.X = append(batch.X, set.X[first:first+set.Width]...)
			if step < outputs {
				row := sample*outputs + step
				batch.Labels = append(batch.Labels, set.Labels[row])
				batch.Mask = append(batch.Mask, set.Mask[row])
				batch.Targets = append(batch.Targets, set.Targets[row*set.TargetWidth:(row+1)*set.TargetWidth]...)
			}
		}
	}
	return batch
}

// The control: the same numbers where they count are refused by all alike.
func TestNumbersThatCountMustBeFinite(t *testing.T) {
	net := raggedNet(t, openCPU(t), model.Spec{{Name: "head", Layer: model.Dense{Out: 2}}}, model.Shape{Steps: 4, Batch: 3, Width: 2})
	trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.1, Epochs: 1, Batch: 3})
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		x, target := padded(true, 0), padded(true, 0)
		x.X[(3*4+2)*2+1] = float32(value) // the last step of sample 3
		target.Targets[(3*4+1)*2] = float32(value)
		wantX := fmt.Sprintf("feature 1 of sample 3 is %v at time step 2, want a finite number", float32(value))
		wantTarget := fmt.Sprintf("a target of sample 3 is %v, want a finite number", float32(value))
		if target.Mask[3*4+1] != 1 {
			t.Fatal("the target does not count")
		}
		wantError(t, trainer.Fit(t.Context(), x, nil), "training set: "+wantX)
		wantError(t, trainer.Fit(t.Context(), padded(true, 0), x), "validation set: "+wantX)
		wantError(t, trainer.Fit(t.Context(), target, nil), wantTarget)
		_, err := train.Evaluate(net, train.MSE{}, x)
		wantError(t, err, "train: evaluate: "+wantX)
		_, err = train.Evaluate(net, train.MSE{}, target)
		wantError(t, err, wantTarget)
		_, err = train.Predict(net, x)
		wantError(t, err, "train: predict: "+wantX)
		_, err = train.Predict(net, target) // which needs no targets
		wantError(t, err, "")
	}
}

func TestRulesRefuseLengths(t *testing.T) {
	set := &data.Dataset{Steps: 1, Width: 2, X: make([]float32, 4), Targets: []float32{1, 1}, TargetWidth: 1, Lengths: []int32{1, 0}}
	in := model.Shape{Steps: 1, Batch: 1, Width: 2}
	_, err := train.PerceptronRule{LR: 1, Epochs: 1}.Fit(t.Context(), raggedNet(t, openCPU(t), model.Spec{{Name: "p", Layer: model.Perceptron{Out: 1}}}, in), set)
	wantError(t, err, "the samples have lengths, which the rule does not know")
	_, err = train.DeltaRule{LR: 1, Epochs: 1}.Fit(t.Context(), raggedNet(t, openCPU(t), linear(1), in), set)
	wantError(t, err, "the samples have lengths, which the rule does not know")
}
