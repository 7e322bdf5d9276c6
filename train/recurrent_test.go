package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// delayed returns sequences of random bits. Their targets are the exclusive or of
// the two bits before, which a net without a context cannot know.
func delayed(n, steps int, stream uint64) *data.Dataset {
	rng := rand.New(rand.NewPCG(1, stream))
	d := &data.Dataset{Steps: steps, Width: 1, PerStep: true, TargetWidth: 1}
	for range n {
		var one, two float32
		for range steps {
			bit := float32(rng.IntN(2))
			d.X = append(d.X, bit)
			d.Targets = append(d.Targets, (one-two)*(one-two))
			one, two = bit, one
		}
	}
	return d
}

// recurrentNets are nets of one output that learn in every way.
func recurrentNets() map[string]struct {
	spec  model.Spec
	chunk int
} {
	stage := func(layers ...model.Layer) model.Spec {
		var spec model.Spec
		for i, layer := range layers {
			spec = append(spec, model.Stage{Name: fmt.Sprint(i), Layer: layer})
		}
		return spec
	}
	head := []model.Layer{model.Dense{Out: 1}, model.Sigmoid}
	return map[string]struct {
		spec  model.Spec
		chunk int
	}{
		"Elman":              {stage(append([]model.Layer{model.Elman{Hidden: 4}}, head...)...), 0},
		"Elman in chunks":    {stage(append([]model.Layer{model.Elman{Hidden: 4, Window: 2, Stateful: true}}, head...)...), 3},
		"Jordan":             {stage(model.Jordan{Hidden: 4, Out: 1, Decay: 0.3, TeacherForcing: true}), 0},
		"Jordan with BPTT":   {stage(model.Jordan{Hidden: 4, Out: 1, Window: model.WholeSequence}), 0},
		"PartiallyRecurrent": {stage(append([]model.Layer{model.PartiallyRecurrent{Hidden: 4}}, head...)...), 0},
		"FullyRecurrent":     {stage(model.FullyRecurrent{Hidden: 4, Out: 1, Window: 4}), 0},
		"RTRL":               {stage(model.FullyRecurrent{Hidden: 4, Out: 1, Gradient: model.RTRL}), 0},
		"RTRL per step":      {stage(model.FullyRecurrent{Hidden: 4, Out: 1, Gradient: model.RTRL, Stateful: true, TeacherForcing: true}), 1},
	}
}

func TestRecurrentNetsLearnTheSameOnAllBackends(t *testing.T) {
	const steps, tolerance = 5, 1e-4
	backends := others(t)
	for name, c := range recurrentNets() {
		t.Run(name, func(t *testing.T) {
			losses := func(b backend.Backend) []float64 {
				net := build(t, b, c.spec, model.Shape{Steps: steps, Batch: 3, Width: 1}, 1)
				trainer := newTrainer(t, net, train.Options{
					Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.05, Epochs: 3, Batch: 3, Seed: 1, Chunk: c.chunk})
				defer net.Free()
				defer trainer.Free()
				fit(t, trainer, delayed(4, steps, 1), nil)
				var losses []float64
				for _, epoch := range trainer.History() {
					losses = append(losses, epoch.TrainLoss)
				}
				return losses
			}
			want := losses(reference.New())
			if want[len(want)-1] >= want[0] {
				t.Errorf("the loss goes from %v to %v: nothing is learned", want[0], want[len(want)-1])
			}
			for backend, b := range backends {
				got := losses(b)
				for epoch, w := range want {
					if off := math.Abs(got[epoch]-w) / w; !(off <= tolerance) {
						t.Errorf("%s, epoch %d: loss %v, want %v, off by %.2g, tolerance %.2g", backend, epoch, got[epoch], w, off, tolerance)
					}
				}
			}
		})
	}
}

func TestRecurrentStepsAllocateNothing(t *testing.T) {
	const steps = 7
	for name, c := range recurrentNets() {
		t.Run(name, func(t *testing.T) {
			net := build(t, openCPU(t), c.spec, model.Shape{Steps: steps, Batch: 3, Width: 1}, 1)
			trainer := newTrainer(t, net, train.Options{
				Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.05, Epochs: 1, Batch: 3, Chunk: c.chunk})
			batches := data.NewBatches(delayed(5, steps, 1), 3) // of 3 and of 2 samples
			if n := testing.AllocsPerRun(10, func() {
				for i := range batches.Count() {
					trainer.Step(batches.Batch(i))
				}
			}); n != 0 {
				t.Errorf("an epoch of a full and a partial batch allocates %v times, want 0", n)
			}
		})
	}
}

func TestMaskedWeightsStayZeroUnderEveryOptimizer(t *testing.T) {
	mask := [][]bool{{true, false, true, true}, {false, true, true, false}, {true, true, false, true}}
	diagonal := [][]bool{{true, true, false, false}, {true, false, true, false}, {true, false, false, true}}
	for name, optimizer := range map[string]train.Optimizer{
		"SGD": train.SGD{Momentum: 0.9, WeightDecay: 0.01}, "RMSProp": train.RMSProp{Momentum: 0.5},
		"Adam": train.Adam{WeightDecay: 0.01}, "AdamW": train.AdamW{WeightDecay: 0.01},
	} {
		for _, c := range []struct {
			layer model.Layer
			mask  [][]bool
		}{
			{model.FullyRecurrent{Hidden: 3, Out: 1, Mask: mask}, mask},
			{model.FullyRecurrent{Hidden: 3, Out: 1, Mask: mask, Gradient: model.RTRL}, mask},
			{model.PartiallyRecurrent{Hidden: 3}, diagonal},
		} {
			t.Run(fmt.Sprintf("%s/%T", name, c.layer), func(t *testing.T) {
				spec := model.Spec{{Name: "layer", Layer: c.layer}, {Name: "head", Layer: model.Dense{Out: 1}}}
				net := build(t, openReference(t), spec, model.Shape{Steps: 5, Batch: 4, Width: 1}, 1)
				before := download(t, net.Backend(), net.Parameters()[0].Value)
				fit(t, newTrainer(t, net, train.Options{
					Loss: train.MSE{}, Optimizer: optimizer, LR: 0.01, Epochs: 25, Batch: 4}), delayed(16, 5, 1), nil) // 100 steps
				for i, after := range download(t, net.Backend(), net.Parameters()[0].Value) {
					unit, source := i/5, i%5
					connected := source == 4 || c.mask[unit][source]
					if (after != 0) != connected || (after != before[i]) != connected {
						t.Errorf("unit %d, source %d, connected: %v: the weight goes from %v to %v", unit, source, connected, before[i], after)
					}
				}
			})
		}
	}
}

// If RTRL changes the weights at every step, they move as if it changed them once
// for the sequence, except for a part that falls with the learning rate.
func TestRTRLPerStepTendsToTheGradientOfTheSequence(t *testing.T) {
	const steps, units = 20, 5
	layer := model.FullyRecurrent{Hidden: units, Out: 1, Gradient: model.RTRL, Stateful: true}
	b := reference.New()
	defer b.Close()
	moves := func(lr float64, chunk int) []float64 {
		net := build(t, b, model.Spec{{Name: "layer", Layer: layer}}, model.Shape{Steps: steps, Batch: 1, Width: 1}, 1)
		before, after := make([]float64, net.Values().Size()), make([]float64, net.Values().Size())
		read := func(values []float64) {
			if err := b.DownloadFloat64(values, net.Values()); err != nil {
				t.Fatal(err)
			}
		}
		read(before)
		// The loss is the mean over the time steps of a chunk.
		trainer := newTrainer(t, net, train.Options{
			Loss: train.MSE{}, Optimizer: train.SGD{}, LR: lr * float64(chunk), Epochs: 1, Batch: 1, Chunk: chunk})
		defer trainer.Free()
		trainer.Step(data.NewBatches(delayed(1, steps, 1), 1).Batch(0))
		read(after)
		for i := range after {
			after[i] = (after[i] - before[i]) / lr
		}
		return after
	}
	distance := func(lr float64) float64 {
		perStep, whole := moves(lr, 1), moves(lr, steps)
		most, scale := 0.0, 0.0
		for i := range whole {
			most = max(most, math.Abs(perStep[i]-whole[i]))
			scale = max(scale, math.Abs(whole[i]))
		}
		return most / scale
	}
	large, small, smallest := distance(0.1), distance(1e-4), distance(1e-6)
	if large < 1e-3 || small > 1e-3 || smallest > 1e-5 {
		t.Errorf("relative distance %.3g, %.3g and %.3g at learning rates 0.1, 1e-4 and 1e-6, want above 1e-3, below 1e-3 and below 1e-5", large, small, smallest)
	}
	if ratio := small / smallest; ratio < 90 || ratio > 110 {
		t.Errorf("the distance falls by %.1f when the learning rate falls by 100", ratio)
	}
}

func TestOneChunkIsTheWholeSequence(t *testing.T) {
	const steps = 6
	spec := model.Spec{{Name: "lstm", Layer: model.LSTM{Hidden: 4, Stateful: true}}, {Name: "head", Layer: model.Dense{Out: 1}}}
	trained := func(chunk int) []float32 {
		net := build(t, openCPU(t), spec, model.Shape{Steps: steps, Batch: 3, Width: 1}, 1)
		trainer := newTrainer(t, net, train.Options{
			Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.05, Epochs: 1, Batch: 3, Chunk: chunk})
		trainer.Step(data.NewBatches(delayed(3, steps, 1), 3).Batch(0))
		return download(t, net.Backend(), net.Values())
	}
	want, got, shorter := trained(0), trained(steps), trained(steps-1)
	same := true
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("parameter %d is %v after one chunk, %v after the whole", i, got[i], want[i])
		}
		same = same && shorter[i] == want[i]
	}
	if same {
		t.Error("chunks that are shorter give the same parameters")
	}
}

func TestEvaluationInChunksIsThatOfTheWhole(t *testing.T) {
	const steps = 11
	ragged := delayed(5, steps, 1)
	ragged.Lengths = []int32{11, 0, 3, 8, 4}
	for name, set := range map[string]*data.Dataset{"whole": delayed(5, steps, 1), "ragged": ragged} {
		t.Run(name, func(t *testing.T) { checkEvaluationInChunks(t, set) })
	}
}

func checkEvaluationInChunks(t *testing.T, set *data.Dataset) {
	run := func(built int) (train.Metrics, [][]float32) {
		spec := model.Spec{
			{Name: "lstm", Layer: model.LSTM{Hidden: 4, Stateful: true}},
			{Name: "elman", Layer: model.Elman{Hidden: 3, Stateful: true}},
			{Name: "head", Layer: model.Dense{Out: 1}},
		}
		net, err := model.New(openReference(t), spec, model.Shape{Steps: built, Batch: 2, Width: 1}, model.Options{Ragged: true})
		if err != nil {
			t.Fatal(err)
		}
		net.Init(1)
		metrics, err := train.Evaluate(net, train.MSE{}, set)
		if err != nil {
			t.Fatal(err)
		}
		outputs, err := train.Predict(net, set)
		if err != nil {
			t.Fatal(err)
		}
		return metrics, outputs
	}
	want, wantOutputs := run(set.Steps)
	for _, built := range []int{1, 4, 10} {
		got, outputs := run(built)
		if off := math.Abs(got.Loss - want.Loss); off > 1e-6 || got.Count != want.Count {
			t.Errorf("in chunks of %d: loss %v of %d rows, want %v of %d", built, got.Loss, got.Count, want.Loss, want.Count)
		}
		for sample := range outputs {
			if len(outputs[sample]) != len(wantOutputs[sample]) {
				t.Fatalf("in chunks of %d: sample %d has %d outputs, want %d", built, sample, len(outputs[sample]), len(wantOutputs[sample]))
			}
			for row, y := range outputs[sample] {
				if y != wantOutputs[sample][row] {
					t.Errorf("in chunks of %d: sample %d, step %d: %v, want %v", built, sample, row, y, wantOutputs[sample][row])
				}
			}
		}
	}
}

func TestChunksAndTeachersThatMakeNoSense(t *testing.T) {
	in := model.Shape{Steps: 4, Batch: 2, Width: 1}
	stateful := model.Stage{Name: "layer", Layer: model.Elman{Hidden: 1, Stateful: true}}
	for _, c := range []struct {
		name  string
		spec  model.Spec
		chunk int
		steps int
		want  string
	}{
		{"good", model.Spec{stateful}, 2, 4, ""},
		{"sequences longer than the network", model.Spec{stateful}, 2, 9, ""},
		{"negative", model.Spec{stateful}, -1, 4, "option Chunk is -1"},
		{"longer than the network", model.Spec{stateful}, 5, 4, "option Chunk is 5, but the network was built for at most 4"},
		{"no memory", model.Spec{{Name: "layer", Layer: model.Dense{Out: 1}}}, 2, 4, "no Stateful layer"},
		{"no states", model.Spec{{Name: "layer", Layer: model.Elman{Hidden: 1}}}, 2, 4, `stage "layer" is not Stateful`},
		{"a layer that restarts", model.Spec{stateful, {Name: "gru", Layer: model.GRU{Hidden: 1}}}, 2, 4, `stage "gru" is not Stateful: it would begin each chunk at zero`},
		{"both directions", model.Spec{{Name: "layer", Layer: model.LSTM{Hidden: 1, Bidirectional: true, Stateful: true}}, {Name: "head", Layer: model.Dense{Out: 1}}}, 2, 4, `state "layer.h_l0_reverse" belongs to a layer that goes backward in time`},
		{"one output", model.Spec{stateful, {Name: "last", Layer: model.LastStep{}}}, 2, 4, "no output at every time step"},
		{"long sequences without chunks", model.Spec{stateful}, 0, 9, "9 time steps, but the network was built for at most 4: set option Chunk"},
	} {
		t.Run(c.name, func(t *testing.T) {
			net := build(t, openReference(t), c.spec, in, 1)
			trainer, err := train.New(net, train.Options{
				Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.1, Epochs: 1, Batch: 2, Chunk: c.chunk})
			if err == nil {
				err = trainer.Fit(t.Context(), delayed(3, c.steps, 1), nil)
			}
			wantError(t, err, c.want)
		})
	}
	net := build(t, openReference(t), model.Spec{{Name: "layer", Layer: model.Jordan{Hidden: 2, Out: 3, OutputActivation: model.Identity, TeacherForcing: true}}},
		model.Shape{Steps: 4, Batch: 2, Width: 3}, 1)
	trainer := newTrainer(t, net, train.Options{Loss: train.CrossEntropy{}, Optimizer: train.SGD{}, LR: 0.1, Epochs: 1, Batch: 2})
	set := sequences(3, 4, 3, 1)
	set.PerStep, set.Labels = true, make([]int32, 12)
	wantError(t, trainer.Fit(t.Context(), set, nil), "no target values for each time step, which a layer with TeacherForcing needs")
}

func TestRunInChunksResumesInTheMiddleOfAnEpoch(t *testing.T) {
	spec := model.Spec{{Name: "layer", Layer: model.FullyRecurrent{Hidden: 3, Out: 1, Gradient: model.RTRL, Stateful: true}}}
	set := delayed(5, 7, 1)
	start := func(onStep func(train.Progress) error) (*model.Network, *train.Trainer) {
		net := build(t, openCPU(t), spec, model.Shape{Steps: 2, Batch: 2, Width: 1}, 1)
		return net, newTrainer(t, net, train.Options{
			Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.05, Epochs: 3, Batch: 2, Chunk: 2, Seed: 1, OnStep: onStep})
	}
	_, whole := start(nil)
	fit(t, whole, set, nil)
	want := saved(t, whole.Save)

	ctx, cancel := context.WithCancel(t.Context())
	_, stopped := start(func(p train.Progress) error {
		if p.Step == 5*4 { // in the second epoch: each has three batches of four chunks
			cancel()
		}
		if p.Steps != 3*3*4 {
			t.Errorf("%d steps in all, want 36", p.Steps)
		}
		return nil
	})
	if err := stopped.Fit(ctx, set, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want the cancellation", err)
	}
	file := newFile()
	if err := stopped.Save(file); err != nil {
		t.Fatal(err)
	}
	_, resumed := start(nil)
	if err := resumed.Load(file); err != nil {
		t.Fatal(err)
	}
	fit(t, resumed, set, nil)
	if !bytes.Equal(saved(t, resumed.Save), want) {
		t.Error("the resumed run ends with other bytes than the one that was never stopped")
	}
}
