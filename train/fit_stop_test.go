package train_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// scripted is an optimizer that sets the first parameter to a value of the script
// at each step, and the second to the number of the step.
type scripted struct {
	train.SGD
	script []float32
}

func (o scripted) Update(b backend.Backend, params, _ backend.Tensor, _ []backend.Tensor, _ float64, step int) {
	flat := params.Reshape(params.Size(), 1)
	b.Fill(flat.Slice(0, 1), float64(o.script[step-1]))
	b.Fill(flat.Slice(1, 2), float64(step))
}

// output is a loss that is the output itself.
type output struct{}

func (output) Compute(b backend.Backend, loss, grad, y backend.Tensor, _ train.Target) {
	b.Copy(loss, y)
	if grad.Present() {
		b.Fill(grad, 0)
	}
}

func (output) Rows(target train.Target) int { return target.Rows }

func (output) Check(*data.Dataset, int) error { return nil }

// An epoch is better if its validation loss is smaller, by however little, and not
// if it is the same.
func TestPatienceComparesLossesToTheLastBit(t *testing.T) {
	bits := func(below int) float32 { return math.Float32frombits(math.Float32bits(1) - uint32(below)) }
	for _, c := range []struct {
		losses    []float32 // of the epochs
		ran, best int       // epochs, with Patience 2
	}{
		{[]float32{1, 1, 1, 0.5}, 3, 1},
		{[]float32{1, 2, 1, 0.5}, 3, 1},
		{[]float32{1, 1, bits(1), bits(1), bits(1), 0.5}, 5, 3},
		{[]float32{1, bits(1), bits(2), bits(3), bits(4)}, 5, 5},
		{[]float32{1, 1, 0.5, 0.5, 0.25, 0.5, 0.5, 0}, 7, 5},
		{[]float32{1, bits(-1), bits(1), bits(0), 0.5, 0.5}, 6, 5},
		{[]float32{3, 2, 2}, 3, 2},
	} {
		net := build(t, openReference(t), model.Spec{{Name: "w", Layer: model.Dense{Out: 1, NoBias: true}}}, model.Shape{Steps: 1, Batch: 1, Width: 2}, 1)
		set := &data.Dataset{Steps: 1, Width: 2, X: []float32{1, 0}, Targets: []float32{0}, TargetWidth: 1}
		trainer := newTrainer(t, net, train.Options{
			Loss: output{}, Optimizer: scripted{script: c.losses}, LR: 1, Epochs: len(c.losses), Batch: 1, Patience: 2})
		fit(t, trainer, set, set)
		if ran := len(trainer.History()); ran != c.ran {
			t.Errorf("validation losses %v: Fit ended after %d epochs, want %d", c.losses, ran, c.ran)
		}
		if kept := download(t, net.Backend(), net.Values())[:2]; fmt.Sprint(kept) != fmt.Sprint([]float32{c.losses[c.best-1], float32(c.best)}) {
			t.Errorf("validation losses %v: the parameters are those of epoch %v, want %d", c.losses, kept[1], c.best)
		}
	}
}

// A TrainLoss of Tolerance is enough, and one that is larger by the last bit is not.
func TestToleranceIsEnough(t *testing.T) {
	above := math.Nextafter32(0.5, 1)
	losses := []float32{2, 1, above, 0.5, 0.25, 0.125} // of the epochs, for the first parameter is what the step before set
	net := build(t, openReference(t), model.Spec{{Name: "w", Layer: model.Dense{Out: 1, NoBias: true}}}, model.Shape{Steps: 1, Batch: 1, Width: 2}, 1)
	set := &data.Dataset{Steps: 1, Width: 2, X: []float32{1, 0}, Targets: []float32{0}, TargetWidth: 1}
	net.Backend().Fill(net.Parameters()[0].Value, float64(losses[0]))
	trainer := newTrainer(t, net, train.Options{
		Loss: output{}, Optimizer: scripted{script: losses[1:]}, LR: 1, Epochs: 5, Batch: 1, Tolerance: 0.5})
	fit(t, trainer, set, nil)
	if ran := len(trainer.History()); ran != 4 {
		t.Errorf("training losses %v, Tolerance 0.5: Fit ended after %d epochs, want 4", losses, ran)
	}
}

// The checkpoint of the last epoch is one with its parameters, and Fit ends with those
// of the best one from there too.
func TestFitFromTheLastEpochEndsWithTheBest(t *testing.T) {
	var last *model.File
	set, valid := resumeSets()
	var trainer *train.Trainer
	net, trainer := resumable(t, 1, func(o *train.Options) {
		stopEarly(o)
		o.OnEpoch = func(train.Epoch) error {
			last = newFile()
			return trainer.Save(last)
		}
	})
	fit(t, trainer, set, valid)
	want := saved(t, net.Save)
	net, resumed := resumable(t, 2, stopEarly)
	if err := resumed.Load(last); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(saved(t, net.Save), want) {
		t.Fatal("the last epoch is the best")
	}
	fit(t, resumed, set, valid)
	if !bytes.Equal(saved(t, net.Save), want) {
		t.Error("Fit ends with other parameters from the checkpoint of the last epoch")
	}
}
