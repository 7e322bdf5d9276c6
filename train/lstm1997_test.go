package train_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// lstm1997 is the net of Hochreiter and Schmidhuber (1997) for temporal
// order with three classes or four: two blocks of two cells.
func lstm1997(layer model.LSTM1997, outputs int) model.Spec {
	layer.Blocks, layer.Cells = 2, 2
	return model.Spec{
		{Name: "lstm", Layer: layer},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "output", Layer: model.Dense{Out: outputs}},
		{Name: "sigmoid", Layer: model.Sigmoid},
	}
}

func TestGenerationsOfLSTMLearnTheSameOnAllBackends(t *testing.T) {
	const tolerance = 1e-4
	ofThree := func(layer model.Layer) model.Spec {
		return model.Spec{{Name: "lstm", Layer: layer}, {Name: "last", Layer: model.LastStep{}}, {Name: "output", Layer: model.Dense{Out: 3}}}
	}
	perStep := model.Spec{
		{Name: "lstm", Layer: model.LSTM1997{Blocks: 2, Cells: 2, ForgetGates: true, Stateful: true}},
		{Name: "output", Layer: model.Dense{Out: 1}},
	}
	successor := model.LSTM1997{ForgetGates: true, NoGateFeedback: true, Peepholes: true, LinearOutput: true}
	for name, c := range map[string]struct {
		spec  model.Spec
		set   *data.Dataset
		chunk int
	}{
		"1997":           {lstm1997(model.LSTM1997{InputGateBias: []float64{-1, -2}}, 3), firstStep(12, 5, 3, 1), 0},
		"2000 in chunks": {perStep, delayed(12, 7, 1), 3},
		"2002":           {lstm1997(successor, 3), firstStep(12, 5, 3, 1), 0},
		"Graves":         {ofThree(model.LSTM{Hidden: 5, Peephole: true}), firstStep(12, 5, 3, 1), 0},
		"Grid LSTM":      {ofThree(model.GridLSTM{Hidden: 4, Layers: 2}), firstStep(12, 5, 3, 1), 0},
	} {
		t.Run(name, func(t *testing.T) {
			losses := func(b backend.Backend) []float64 {
				net := build(t, b, c.spec, model.Shape{Steps: c.set.Steps, Batch: 4, Width: c.set.Width}, 1)
				trainer := newTrainer(t, net, train.Options{
					Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.1, Epochs: 8, Batch: 4, Seed: 1, Chunk: c.chunk})
				defer trainer.Free()
				fit(t, trainer, c.set, nil)
				var losses []float64
				for _, epoch := range trainer.History() {
					losses = append(losses, epoch.TrainLoss)
				}
				return losses
			}
			want := losses(openReference(t))
			if first, last := want[0], want[len(want)-1]; last > 0.95*first {
				t.Fatalf("the loss goes from %v to %v: nothing is learned", first, last)
			}
			for backend, b := range others(t) {
				got := losses(b)
				for i := range got {
					if off := math.Abs(got[i]-want[i]) / want[i]; !(off <= tolerance) {
						t.Errorf("%s: epoch %d: loss %v, want %v, off by %.2g, tolerance %.2g", backend, i+1, got[i], want[i], off, tolerance)
					}
				}
			}
		})
	}
}

// firstStep returns sequences whose one-hot targets are their first steps.
func firstStep(n, steps, classes int, stream uint64) *data.Dataset {
	d := sequences(n, steps, classes, stream)
	d.TargetWidth = classes
	d.Targets = make([]float32, n*classes)
	for i, label := range d.Labels {
		d.Targets[i*classes+int(label)] = 1
	}
	d.Labels, d.Classes = nil, nil
	return d
}

func TestLSTM1997StepAllocatesNothing(t *testing.T) {
	net := build(t, openCPU(t), lstm1997(model.LSTM1997{}, 4), model.Shape{Steps: 105, Batch: 1, Width: 8}, 1)
	trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 1})
	batch := oneSequence(105, 8, 4)
	if n := testing.AllocsPerRun(20, func() { trainer.Step(batch) }); n != 0 {
		t.Errorf("a step allocates %v times", n)
	}
}

func oneSequence(steps, width, outputs int) data.Batch {
	rng := rand.New(rand.NewPCG(1, 1))
	batch := data.Batch{Size: 1, Steps: steps, X: make([]float32, steps*width), Targets: make([]float32, outputs)}
	for t := range steps {
		batch.X[t*width+rng.IntN(width)] = 1
	}
	batch.Targets[rng.IntN(outputs)] = 1
	return batch
}

// BenchmarkLSTM1997 times online learning of temporal order and of adding, tasks
// 6a and 4 of Hochreiter and Schmidhuber (1997): one sequence, forward,
// truncated gradient and SGD.
func BenchmarkLSTM1997(b *testing.B) {
	const steps = 105
	for _, c := range []struct {
		name           string
		layer          model.LSTM1997
		width, outputs int
	}{
		{"temporal order", model.LSTM1997{}, 8, 4},
		{"adding", model.LSTM1997{}, 2, 1},
		{"forget gates", model.LSTM1997{ForgetGates: true, NoGateFeedback: true}, 8, 4},
		{"peepholes", model.LSTM1997{ForgetGates: true, NoGateFeedback: true, Peepholes: true, LinearOutput: true}, 8, 4},
	} {
		b.Run(c.name, func(b *testing.B) {
			net := build(b, openCPU(b), lstm1997(c.layer, c.outputs), model.Shape{Steps: steps, Batch: 1, Width: c.width}, 1)
			trainer := newTrainer(b, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 1})
			batch := oneSequence(steps, c.width, c.outputs)
			b.ReportAllocs()
			for b.Loop() {
				trainer.Step(batch)
			}
			perStep := b.Elapsed() / time.Duration(b.N*steps)
			b.ReportMetric(float64(perStep.Nanoseconds()), "ns/step")
		})
	}
}
