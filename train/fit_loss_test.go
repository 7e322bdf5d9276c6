package train_test

import (
	"fmt"
	"math"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// uneven is a set of sequences of four steps. How many rows count differs from one
// sequence to the next, in some of them none.
func uneven(change func(*data.Dataset)) *data.Dataset {
	d := ragged([]int32{4, 4, 4, 4, 4, 4, 4}, 4, true)
	d.Lengths = nil
	change(d)
	return d
}

func unevenLabels(d *data.Dataset) {
	for i := range d.Labels {
		if i%4 >= i/4%4 { // 0, 1, 2 or 3 rows of a sequence count
			d.Labels[i] = backend.IgnoreLabel
		}
	}
}

func unevenMask(d *data.Dataset) {
	d.Mask = make([]float32, len(d.X)/d.Width)
	for i := range d.Mask {
		if i%4 < 4-i/4%4 { // 4, 3, 2 or 1
			d.Mask[i] = 1
		}
	}
}

func unevenLengths(d *data.Dataset) { d.Lengths = []int32{4, 0, 2, 3, 1, 4, 1} }

// wantRows computes, from the outputs for each sequence, the mean of loss over the
// rows that count and how many they are.
func wantRows(d *data.Dataset, loss train.Loss, outputs [][]float32) (mean float64, count int) {
	_, ofLabels := loss.(train.CrossEntropy)
	for row := range d.Len() * d.Steps {
		sequence, step := row/d.Steps, row%d.Steps
		if d.Lengths != nil && step >= int(d.Lengths[sequence]) {
			continue
		}
		y := outputs[sequence][2*step : 2*step+2]
		if ofLabels {
			if label := d.Labels[row]; label != backend.IgnoreLabel {
				count++
				mean += math.Log(math.Exp(float64(y[0]))+math.Exp(float64(y[1]))) - float64(y[label])
			}
			continue
		}
		if d.Mask == nil || d.Mask[row] == 1 {
			count++
			for i, v := range y {
				mean += math.Pow(float64(v)-float64(d.Targets[2*row+i]), 2) / 2
			}
		}
	}
	return mean / float64(count), count
}

// TrainLoss and the loss of Evaluate are means over the rows that count. That is
// not the mean over the batches, of which each has another number of them.
func TestLossIsTheMeanOverTheRowsThatCount(t *testing.T) {
	all := func(changes ...func(*data.Dataset)) func(*data.Dataset) {
		return func(d *data.Dataset) {
			for _, change := range changes {
				change(d)
			}
		}
	}
	noLabels := func(d *data.Dataset) { d.Labels = nil }
	for _, c := range []struct {
		name   string
		loss   train.Loss
		change func(*data.Dataset)
	}{
		{"cross-entropy, labels", train.CrossEntropy{}, unevenLabels},
		{"cross-entropy, lengths", train.CrossEntropy{}, unevenLengths},
		{"cross-entropy, labels and lengths", train.CrossEntropy{}, all(unevenLabels, unevenLengths)},
		{"cross-entropy, labels and a mask that is not for them", train.CrossEntropy{}, all(unevenLabels, unevenMask)},
		{"squared error, a partial batch", train.MSE{}, noLabels},
		{"squared error, mask", train.MSE{}, all(noLabels, unevenMask)},
		{"squared error, lengths", train.MSE{}, all(noLabels, unevenLengths)},
		{"squared error, mask and lengths", train.MSE{}, all(noLabels, unevenMask, unevenLengths)},
		{"squared error, labels that are not for it", train.MSE{}, unevenLabels},
		{"squared error, no label but targets", train.MSE{}, func(d *data.Dataset) {
			for i := range d.Labels {
				d.Labels[i] = backend.IgnoreLabel
			}
		}},
		{"squared error, mask and labels that are not for it", train.MSE{}, all(unevenMask, unevenLabels)},
	} {
		set := uneven(c.change)
		b := openReference(t)
		for _, batch := range []int{1, 2, 3, 7} {
			for _, chunk := range []int{0, 1, 3} {
				name := fmt.Sprintf("%s: batches of %d, chunks of %d", c.name, batch, chunk)
				spec := model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: 3, Stateful: chunk > 0}}, {Name: "head", Layer: model.Dense{Out: 2}}}
				net := raggedNet(t, b, spec, model.Shape{Steps: 4, Batch: batch, Width: 2})
				outputs, err := train.Predict(net, set)
				if err != nil {
					t.Fatal(err)
				}
				want, count := wantRows(set, c.loss, outputs)

				metrics, err := train.Evaluate(net, c.loss, set)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				wantClose(t, name+": loss of Evaluate", metrics.Loss, want, 1e-6)
				if metrics.LossRows != count {
					t.Errorf("%s: the loss of Evaluate is of %d rows, want %d", name, metrics.LossRows, count)
				}
				judged := count // with an accuracy, the rows that have a label
				if !math.IsNaN(metrics.Accuracy) {
					_, judged = wantRows(set, train.CrossEntropy{}, outputs)
				}
				if metrics.Count != judged {
					t.Errorf("%s: Evaluate counts %d rows, want %d", name, metrics.Count, judged)
				}
				// So small a rate leaves the parameters as they are.
				trainer := newTrainer(t, net, train.Options{
					Loss: c.loss, Optimizer: train.SGD{}, LR: 1e-30, Epochs: 2, Batch: batch, Chunk: chunk, Seed: 1})
				fit(t, trainer, set, set)
				for _, e := range trainer.History() {
					wantClose(t, fmt.Sprintf("%s: TrainLoss of epoch %d", name, e.Epoch), e.TrainLoss, want, 1e-6)
					if e.TrainRows != count {
						t.Errorf("%s: TrainLoss of epoch %d is of %d rows, want %d", name, e.Epoch, e.TrainRows, count)
					}
					wantClose(t, fmt.Sprintf("%s: ValidLoss of epoch %d", name, e.Epoch), e.ValidLoss, want, 1e-6)
				}
				trainer.Free()
				net.Free()
			}
		}
	}
}

// A few large losses and many small ones: a sum in float32 loses the small ones, and
// how many depends on the size of the batch.
func TestSmallLossesCountBesideLargeOnes(t *testing.T) {
	const samples = 4096
	set := &data.Dataset{Steps: 1, Width: 1, TargetWidth: 1, X: make([]float32, samples), Targets: make([]float32, samples)}
	want := 0.0
	for i := range samples {
		set.Targets[i] = 4.5 // 20.25, while the sum of float32 goes in steps of 64
		if i == 0 {
			set.Targets[i] = 1 << 15
		}
		want += float64(set.Targets[i]) * float64(set.Targets[i]) / samples
	}
	for _, batch := range []int{1, 7, 64} {
		net := build(t, openCPU(t), linear(1), model.Shape{Steps: 1, Batch: batch, Width: 1}, 1)
		net.Backend().Fill(net.Values(), 0) // which gives 0
		metrics, err := train.Evaluate(net, train.MSE{}, set)
		if err != nil {
			t.Fatal(err)
		}
		wantClose(t, fmt.Sprintf("batches of %d: loss of Evaluate", batch), metrics.Loss/want, 1, 1e-6)
		trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1e-30, Epochs: 1, Batch: batch, Seed: 1})
		fit(t, trainer, set, nil)
		wantClose(t, fmt.Sprintf("batches of %d: TrainLoss", batch), trainer.History()[0].TrainLoss/want, 1, 1e-6)
	}
}
