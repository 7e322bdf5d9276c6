package train_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// Validation between the epochs leaves no trace in training, and neither do
// Evaluate and Predict: not in the states, the lengths, the noise or the gradients.
func TestValidationDoesNotChangeTraining(t *testing.T) {
	head := model.Stage{Name: "head", Layer: model.Dense{Out: 2}}
	for name, c := range map[string]struct {
		spec  model.Spec
		chunk int
	}{
		"noise":              {noisy, 0},
		"states":             {model.Spec{{Name: "lstm", Layer: model.LSTM{Hidden: 3, Layers: 2, Stateful: true}}, {Name: "elman", Layer: model.Elman{Hidden: 3, Stateful: true}}, head}, 0},
		"states in chunks":   {model.Spec{{Name: "gru", Layer: model.GRU{Hidden: 3, Layers: 2, Dropout: 0.2, Stateful: true}}, head}, 3},
		"states of an LSTM":  {model.Spec{{Name: "cells", Layer: model.LSTM1997{Blocks: 2, Cells: 2, ForgetGates: true, Stateful: true}}, head}, 0},
		"states of a grid":   {model.Spec{{Name: "grid", Layer: model.GridLSTM{Hidden: 3, Stateful: true}}, head}, 0},
		"states with RTRL":   {model.Spec{{Name: "units", Layer: model.FullyRecurrent{Hidden: 4, Out: 2, Gradient: model.RTRL, Stateful: true}}}, 0},
		"targets of teacher": {model.Spec{{Name: "jordan", Layer: model.Jordan{Hidden: 4, Out: 2, TeacherForcing: true, Stateful: true}}}, 2},
	} {
		run := func(valid *data.Dataset) []byte {
			net := raggedNet(t, openCPU(t), c.spec, model.Shape{Steps: 4, Batch: 3, Width: 2})
			set := ragged([]int32{4, 4, 4, 4, 4, 4}, 4, true)
			for i := range set.Targets {
				set.Targets[i] = float32(i%2) / 2
			}
			set.Lengths = nil
			trainer := newTrainer(t, net, train.Options{
				Loss: train.MSE{}, Optimizer: train.SGD{Momentum: 0.5}, LR: 0.1, Epochs: 3, Batch: 3, Seed: 1, Chunk: c.chunk,
				OnEpoch: func(train.Epoch) error {
					if valid == nil {
						return nil
					}
					if _, err := train.Evaluate(net, train.MSE{}, valid); err != nil {
						return err
					}
					_, err := train.Predict(net, valid)
					return err
				}})
			fit(t, trainer, set, valid)
			return saved(t, net.Save)
		}
		valid := ragged([]int32{3, 1, 2, 0, 3}, 3, true)
		for i := range valid.Targets {
			valid.Targets[i] = 0.5
		}
		if !bytes.Equal(run(valid), run(nil)) {
			t.Errorf("%s: training ends with other parameters when it is validated", name)
		}
	}
}

// Sequences of a set have nothing before their first step. Batches of another size
// or of fewer steps have their states in the same memory.
func TestFitBeginsSequencesWithStatesOfZero(t *testing.T) {
	for name, layer := range map[string]func(stateful bool) model.Layer{
		"RNN":      func(s bool) model.Layer { return model.RNN{Hidden: 3, Layers: 2, Stateful: s} },
		"LSTM":     func(s bool) model.Layer { return model.LSTM{Hidden: 3, Bidirectional: true, Stateful: s} },
		"GRU":      func(s bool) model.Layer { return model.GRU{Hidden: 3, Stateful: s} },
		"zoneout":  func(s bool) model.Layer { return model.LSTM{Hidden: 3, ZoneoutCell: 0.3, Stateful: s} },
		"Elman":    func(s bool) model.Layer { return model.Elman{Hidden: 3, Window: 2, Stateful: s} },
		"Jordan":   func(s bool) model.Layer { return model.Jordan{Hidden: 3, Out: 2, Decay: 0.5, Stateful: s} },
		"RTRL":     func(s bool) model.Layer { return model.FullyRecurrent{Hidden: 3, Gradient: model.RTRL, Stateful: s} },
		"LSTM1997": func(s bool) model.Layer { return model.LSTM1997{Blocks: 2, Cells: 1, ForgetGates: true, Stateful: s} },
		"grid":     func(s bool) model.Layer { return model.GridLSTM{Hidden: 3, Stateful: s} },
	} {
		run := func(stateful bool, valid *data.Dataset) []byte {
			spec := model.Spec{{Name: "layer", Layer: layer(stateful)}, {Name: "head", Layer: model.Dense{Out: 1}}}
			net := build(t, openCPU(t), spec, model.Shape{Steps: 5, Batch: 3, Width: 1}, 1)
			trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.1, Epochs: 3, Batch: 3, Seed: 1})
			fit(t, trainer, delayed(5, 4, 1), valid) // batches of 3 and of 2
			after := saved(t, net.Save)
			for _, e := range trainer.History() {
				after = fmt.Append(after, e.TrainLoss, e.ValidLoss)
			}
			return after
		}
		for what, valid := range map[string]*data.Dataset{"no validation": nil, "validation": delayed(4, 3, 2)} {
			if !bytes.Equal(run(true, valid), run(false, valid)) {
				t.Errorf("%s, %s: training with the option Stateful differs from training without", name, what)
			}
		}
	}
}

// What Evaluate and Predict leave is where a stream begins that is trained with
// Step after them.
func TestEvaluationLeavesStatesOfZero(t *testing.T) {
	for name, layer := range map[string]model.Layer{
		"LSTM":     model.LSTM{Hidden: 3, Layers: 2, Stateful: true},
		"Elman":    model.Elman{Hidden: 3, Stateful: true},
		"LSTM1997": model.LSTM1997{Blocks: 2, Cells: 1, Stateful: true},
	} {
		net := build(t, openReference(t), model.Spec{{Name: "layer", Layer: layer}, {Name: "head", Layer: model.Dense{Out: 1}}}, model.Shape{Steps: 4, Batch: 3, Width: 1}, 1)
		for _, sequences := range []int{3, 4, 5} {
			for _, steps := range []int{3, 4, 9} {
				set := delayed(sequences, steps, 1)
				if _, err := train.Evaluate(net, train.MSE{}, set); err != nil {
					t.Fatal(err)
				}
				for batch := 1; batch <= 3; batch++ {
					for _, s := range net.States(4, batch) {
						if values := download(t, net.Backend(), s.Initial); slices.ContainsFunc(values, func(v float32) bool { return v != 0 }) {
							t.Fatalf("%s: after %d sequences of %d steps the state %s of a batch of %d is %v, want 0", name, sequences, steps, s.Name, batch, values)
						}
					}
				}
			}
		}
	}
}
