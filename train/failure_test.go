package train_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

func TestDivergenceNamesEpochStepAndRemedy(t *testing.T) {
	cases := []struct {
		name     string
		lr, clip float64
		want     string
		remedy   string
	}{
		{"loss grows without bound", 100, 0, "the training loss is +Inf in epoch ", "lower the learning rate (LR 100) or clip the gradient (ClipNorm is 0, which is off)"},
		{"last update of a run overflows", 3e38, 0, "the norm of the parameters is ", "lower the learning rate (LR 3e+38) or clip"},
		{"gradient is clipped", 1e30, 5, "the training loss is +Inf in epoch ", "lower the learning rate (LR 1e+30) or ClipNorm (5)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			net := build(t, openCPU(t), linear(1), model.Shape{Steps: 1, Batch: 5, Width: 2}, 1)
			o := train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: c.lr, ClipNorm: c.clip, Epochs: 100, Batch: 5, LossEvery: 1}
			if c.lr > 1e30 {
				o.Epochs = 1
			}
			trainer := newTrainer(t, net, o)
			err := trainer.Fit(t.Context(), line(5, 1), nil)
			if !errors.Is(err, train.ErrDiverged) {
				t.Fatalf("got error %v, want one that wraps ErrDiverged", err)
			}
			wantError(t, err, c.want)
			wantError(t, err, "step ")
			wantError(t, err, c.remedy)
		})
	}
}

func TestFitRejectsWhatDoesNotFitBeforeTraining(t *testing.T) {
	in := model.Shape{Steps: 4, Batch: 2, Width: 3}
	perStep := model.Spec{{Name: "lstm", Layer: model.LSTM{Hidden: 4}}, {Name: "head", Layer: model.Dense{Out: 3}}}
	good := sequences(6, 4, 3, 1)
	labelled := func(labels ...int32) *data.Dataset {
		d := *good
		d.Labels = labels
		return &d
	}
	perStepSet := *good
	perStepSet.PerStep, perStepSet.Labels = true, make([]int32, 24)
	values := &data.Dataset{Steps: 4, Width: 3, X: good.X, Targets: make([]float32, 12), TargetWidth: 2}
	targets := func(values ...float32) *data.Dataset {
		return &data.Dataset{Steps: 1, Width: 3, X: make([]float32, 3*len(values)), Targets: values, TargetWidth: 1}
	}
	input := func(i int, x float64) *data.Dataset {
		d := *good
		d.X = slices.Clone(good.X)
		d.X[i] = float32(x)
		return &d
	}
	changed := func(change func(*data.Dataset)) *data.Dataset {
		d := *good
		change(&d)
		return &d
	}
	cases := []struct {
		name       string
		spec       model.Spec
		loss       train.Loss
		set, valid *data.Dataset
		patience   int
		want       string
	}{
		{"good", classifier(4, 3), train.CrossEntropy{}, good, good, 1, ""},
		{"good per step", perStep, train.CrossEntropy{}, &perStepSet, nil, 0, ""},
		{"shorter", classifier(4, 3), train.CrossEntropy{}, sequences(6, 2, 3, 1), nil, 0, ""},
		{"empty", classifier(4, 3), train.CrossEntropy{}, &data.Dataset{Steps: 4, Width: 3, Labels: []int32{}}, nil, 0, "training set: it is empty"},
		{"empty validation", classifier(4, 3), train.CrossEntropy{}, good, &data.Dataset{Steps: 4, Width: 3}, 0, "validation set: it is empty"},
		{"width", classifier(4, 3), train.CrossEntropy{}, sequences(6, 4, 5, 1), nil, 0, "5 features per time step, but the network takes 3"},
		{"steps", classifier(4, 3), train.CrossEntropy{}, sequences(6, 5, 3, 1), nil, 0, "5 time steps, but the network was built for at most 4"},
		{"label", classifier(4, 3), train.CrossEntropy{}, labelled(0, 1, 2, 3, 0, 1), nil, 0, "label 3 at index 3"},
		{"label of the validation", classifier(4, 3), train.CrossEntropy{}, good, labelled(0, 1, 2, 0, 1, 9), 0, "validation set: label 9"},
		{"labels absent", classifier(4, 3), train.CrossEntropy{}, labelled(), nil, 0, "no labels"},
		{"targets absent", classifier(4, 3), train.MSE{}, good, nil, 0, "no target values"},
		{"target width", classifier(4, 3), train.MSE{}, values, nil, 0, "targets have 2 values"},
		{"targets out of range", append(linear(1), model.Stage{Name: "sigmoid", Layer: model.Sigmoid}), train.MSE{}, targets(0, 0.5, 1.5), nil, 0, "target 1.5 at index 2 is outside the output range of the network, 0 to 1"},
		{"targets out of range after the last step", append(model.Spec{{Name: "lstm", Layer: model.LSTM{Hidden: 1}}}, model.Stage{Name: "last", Layer: model.LastStep{}}), train.MSE{}, targets(0, -2, 1), nil, 0, "target -2 at index 1 is outside the output range of the network, -1 to 1"},
		{"targets out of range of memory cells", model.Spec{{Name: "cells", Layer: model.LSTM1997{Blocks: 1, Cells: 1}}}, train.MSE{}, targets(0, 1, 2), nil, 0, "target 2 at index 2 is outside the output range of the network, -1 to 1"},
		{"targets of linear memory cells", model.Spec{{Name: "cells", Layer: model.LSTM1997{Blocks: 1, Cells: 1, LinearOutput: true}}}, train.MSE{}, targets(0, 1, 2), nil, 0, ""},
		{"targets out of range of a grid", model.Spec{{Name: "grid", Layer: model.GridLSTM{Hidden: 1}}}, train.MSE{}, targets(-3), nil, 0, "target -3 at index 0 is outside the output range of the network, -1 to 1"},
		{"targets at the bounds", append(linear(1), model.Stage{Name: "tanh", Layer: model.Tanh}), train.MSE{}, targets(0, -1, 1), nil, 0, ""},
		{"targets without bounds", linear(1), train.MSE{}, targets(0, 1e6, -1e6), nil, 0, ""},
		{"label per step for one output", classifier(4, 3), train.CrossEntropy{}, &perStepSet, nil, 0, "a target for each of 4 time steps (PerStep), but the network gives outputs for 1: leave out model.LastStep"},
		{"one label for an output per step", perStep, train.CrossEntropy{}, good, nil, 0, "one target per sample, but the network gives outputs for 4 time steps: take the last with model.LastStep, or set PerStep"},
		{"NaN in the inputs", classifier(4, 3), train.CrossEntropy{}, input(5*12+2*3+1, math.NaN()), nil, 0, "training set: feature 1 of sample 5 is NaN at time step 2"},
		{"infinite input of the validation", classifier(4, 3), train.CrossEntropy{}, good, input(0, math.Inf(-1)), 0, "validation set: feature 0 of sample 0 is -Inf at time step 0"},
		{"infinite target", linear(1), train.MSE{}, targets(0, 1, 2, float32(math.Inf(1))), nil, 0, "a target of sample 3 is +Inf"},
		{"all sequences empty", classifier(4, 3), train.CrossEntropy{}, changed(func(d *data.Dataset) { d.Lengths = make([]int32, 6) }), nil, 0, "training set: all its samples have length 0"},
		{"an empty sequence", classifier(4, 3), train.CrossEntropy{}, changed(func(d *data.Dataset) { d.Lengths = []int32{4, 4, 0, 1, 2, 3} }), nil, 0, ""},
		{"half a sample", classifier(4, 3), train.CrossEntropy{}, changed(func(d *data.Dataset) { d.X = d.X[:66] }), nil, 0, "training set: X has length 66, want 60"},
		{"no width", classifier(4, 3), train.CrossEntropy{}, changed(func(d *data.Dataset) { d.Width = 0 }), nil, 0, "training set: samples are 4 steps of 0 features"},
		{"a label too few", classifier(4, 3), train.CrossEntropy{}, changed(func(d *data.Dataset) { d.Labels = d.Labels[:5] }), nil, 0, "training set: Labels has length 5, want 6"},
		{"a label of the validation too few", classifier(4, 3), train.CrossEntropy{}, good, changed(func(d *data.Dataset) { d.Labels = d.Labels[:5] }), 0, "validation set: Labels has length 5, want 6"},
		{"a length out of range", classifier(4, 3), train.CrossEntropy{}, changed(func(d *data.Dataset) { d.Lengths = []int32{4, 4, 5, 1, 2, 3} }), nil, 0, "training set: sample 2 has length 5, want 0 to 4 steps"},
		{"patience without validation", classifier(4, 3), train.CrossEntropy{}, good, nil, 2, "Patience is 2, but there is no validation set"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			steps := 0
			net := raggedNet(t, openReference(t), c.spec, in)
			trainer := newTrainer(t, net, train.Options{
				Loss: c.loss, Optimizer: train.Adam{}, LR: 0.01, Epochs: 1, Batch: 2, Patience: c.patience,
				OnStep: func(train.Progress) error { steps++; return nil }})
			err := trainer.Fit(t.Context(), c.set, c.valid)
			wantError(t, err, c.want)
			if trained := steps > 0; trained != (c.want == "") {
				t.Errorf("%d steps were made", steps)
			}
		})
	}
}

// broken is a backend whose downloads fail after some time, as they do when the
// device is lost.
type broken struct {
	backend.Backend
	left int
}

var errLost = errors.New("device lost")

func (b *broken) Download(dst []float32, src backend.Tensor) error {
	if b.left--; b.left < 0 {
		return errLost
	}
	return b.Backend.Download(dst, src)
}

func (b *broken) DownloadInts(dst []int32, src backend.Ints) error {
	if b.left--; b.left < 0 {
		return errLost
	}
	return b.Backend.DownloadInts(dst, src)
}

func (b *broken) Sync() error {
	if b.left < 0 {
		return errLost
	}
	return b.Backend.Sync()
}

func TestErrorsOfTheDeviceComeOut(t *testing.T) {
	b := &broken{Backend: reference.New()}
	set := sequences(6, 3, 3, 1)
	net := build(t, b, classifier(4, 3), model.Shape{Steps: 3, Batch: 4, Width: 3}, 1)
	calls := map[string]func() error{
		"Fit": func() error {
			trainer := newTrainer(t, net, train.Options{
				Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, Epochs: 2, Batch: 4, LossEvery: 1})
			defer trainer.Free()
			return trainer.Fit(t.Context(), set, set)
		},
		"Save": func() error {
			trainer := newTrainer(t, net, train.Options{
				Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, Epochs: 2, Batch: 4})
			defer trainer.Free()
			return trainer.Save(newFile())
		},
		"Evaluate": func() error {
			_, err := train.Evaluate(net, train.CrossEntropy{}, set)
			return err
		},
		"Predict": func() error {
			_, err := train.Predict(net, set)
			return err
		},
	}
	for name, call := range calls {
		for downloads := 0; ; downloads++ {
			b.left = downloads
			err := call()
			if b.left >= 0 {
				if err != nil || downloads < 2 {
					t.Errorf("%s with all of its %d downloads: error %v, want none and two downloads or more", name, downloads, err)
				}
				break
			}
			if !errors.Is(err, errLost) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%s when download %d fails: error %v, want one line that wraps %q", name, downloads, err, errLost)
			}
		}
	}
}
