package train_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// letters returns ids below 4, each of which depends on the two before.
func letters(n int, stream uint64) []int32 {
	rng := rand.New(rand.NewPCG(1, stream))
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = rng.Int32N(4)
		if i > 1 && rng.IntN(3) > 0 {
			ids[i] = (ids[i-1] + ids[i-2]) % 4
		}
	}
	return ids
}

func streamsOf(t *testing.T, ids []int32, streams, steps int) *data.Dataset {
	t.Helper()
	d, err := data.Streams(ids, streams, steps)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// letterNet predicts letters in streams of 3, in parts of 5.
func letterNet(t *testing.T, b backend.Backend, layer model.Layer, seed uint64) *model.Network {
	return build(t, b, model.Spec{
		{Name: "embedding", Layer: model.Embedding{IDs: 4, Out: 3}}, {Name: "layer", Layer: layer}, {Name: "head", Layer: model.Dense{Out: 4}},
	}, model.Shape{Steps: 5, Batch: 3, Width: 1}, seed)
}

func letterOptions() train.Options {
	return train.Options{Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, ClipNorm: 1, Epochs: 3, Batch: 3, LossEvery: 3, KeepBest: true}
}

// Chunks of whole sequences are the same learning, with another order of the sums.
func TestStreamsLearnAsChunksOfTheWhole(t *testing.T) {
	ids := letters(3*4*5+1, 1)
	for name, layer := range map[string]model.Layer{
		"lstm": model.LSTM{Hidden: 4, Layers: 2, Stateful: true},
		"gru":  model.GRU{Hidden: 4, Stateful: true},
		"full": model.FullyRecurrent{Hidden: 5, Out: 4, Window: model.WholeSequence, Stateful: true},
	} {
		chunked, o := letterNet(t, openReference(t), layer, 1), letterOptions()
		o.Chunk = 5
		fit(t, newTrainer(t, chunked, o), streamsOf(t, ids, 3, 20), streamsOf(t, ids, 3, 20))
		want := download(t, chunked.Backend(), chunked.Values())
		for on, b := range map[string]backend.Backend{"reference": openReference(t), "cpu": openCPU(t)} {
			net, o := letterNet(t, b, layer, 1), letterOptions()
			o.Streams = true
			fit(t, newTrainer(t, net, o), streamsOf(t, ids, 3, 5), streamsOf(t, ids, 3, 20))
			for i, got := range download(t, b, net.Values()) {
				if math.Abs(float64(got-want[i])) > 2e-5 {
					t.Fatalf("%s on %s: parameter %d is %v, want %v", name, on, i, got, want[i])
				}
			}
		}
	}
}

// Step goes on as Fit does, and evaluation in between changes nothing.
func TestStepGoesOnWithStreams(t *testing.T) {
	ids := letters(3*4*5+1, 1)
	set, valid := streamsOf(t, ids, 3, 5), streamsOf(t, letters(40, 2), 3, 13)
	layer := model.LSTM{Hidden: 4, Stateful: true}
	whole, o := letterNet(t, openCPU(t), layer, 1), letterOptions()
	o.Streams, o.Epochs = true, 1
	fit(t, newTrainer(t, whole, o), set, valid)

	var stepped *model.Network
	evaluate := func() error {
		_, err := train.Evaluate(stepped, train.CrossEntropy{}, valid)
		return err
	}
	for name, run := range map[string]func(){
		"Step": func() {
			trainer, batches := newTrainer(t, stepped, o), data.NewBatches(set, 3)
			for i := range batches.Count() {
				trainer.Step(batches.Batch(i))
				if err := evaluate(); err != nil {
					t.Fatal(err)
				}
			}
		},
		"Fit": func() {
			o := o
			o.OnStep = func(train.Progress) error { return evaluate() }
			fit(t, newTrainer(t, stepped, o), set, valid)
		},
	} {
		stepped = letterNet(t, openCPU(t), layer, 1)
		run()
		if !bytes.Equal(saved(t, stepped.Save), saved(t, whole.Save)) {
			t.Errorf("%s, with evaluation between the steps, ends elsewhere", name)
		}
	}
}

func TestStreamsResumeAfterEveryStep(t *testing.T) {
	set, valid := streamsOf(t, letters(3*4*5+1, 1), 3, 5), streamsOf(t, letters(40, 2), 3, 13)
	layer := model.LSTM{Hidden: 4, Stateful: true}
	start := func(seed uint64, onStep func(train.Progress) error) *train.Trainer {
		o := letterOptions()
		o.Streams, o.OnStep = true, onStep
		return newTrainer(t, letterNet(t, openCPU(t), layer, seed), o)
	}
	straight := start(1, nil)
	fit(t, straight, set, valid)
	want := saved(t, straight.Save)
	for k := 1; k <= 12; k++ {
		ctx, cancel := context.WithCancel(t.Context())
		stopped := start(1, func(p train.Progress) error {
			if p.Step == k {
				cancel()
			}
			return nil
		})
		if err := stopped.Fit(ctx, set, valid); !errors.Is(err, context.Canceled) {
			t.Fatalf("step %d: error %v", k, err)
		}
		file := newFile()
		if err := stopped.Save(file); err != nil {
			t.Fatal(err)
		}
		resumed := start(99, nil)
		if err := resumed.Load(file); err != nil {
			t.Fatal(err)
		}
		fit(t, resumed, set, valid)
		if !bytes.Equal(saved(t, resumed.Save), want) {
			t.Errorf("stopped after step %d: other bytes than a run never stopped", k)
		}
		// The control: the states count.
		clear(file.Tensors["train/state/layer.h_l0"].Data)
		forgetful := start(99, nil)
		if err := forgetful.Load(file); err != nil {
			t.Fatal(err)
		}
		fit(t, forgetful, set, valid)
		if same := bytes.Equal(saved(t, forgetful.Save), want); same != (k%4 == 0) {
			t.Errorf("stopped after step %d, states of zero: the same bytes: %v", k, same)
		}
		delete(file.Tensors, "train/state/layer.h_l0")
		wantError(t, start(99, nil).Load(file), "tensor train/state/layer.h_l0 is missing")
	}
}

// The way back from a divergence repeats the steps of the streams.
func TestDivergenceOfStreamsIsFound(t *testing.T) {
	set := streamsOf(t, letters(3*40*5+1, 1), 3, 5)
	o := letterOptions()
	o.Streams, o.KeepBest, o.ClipNorm, o.Optimizer, o.LR = true, false, 0, growing{}, 1
	trainer := newTrainer(t, letterNet(t, openCPU(t), model.RNN{Hidden: 4, ReLU: true, Stateful: true}, 1), o)
	err := trainer.Fit(t.Context(), set, nil)
	wantError(t, err, "training diverged")
	if err == nil || !strings.Contains(err.Error(), "it began in step ") {
		t.Errorf("error %v: want the step in which it began", err)
	}
}

// growing is an optimizer that doubles the parameters.
type growing struct{ train.SGD }

func (growing) Update(b backend.Backend, params, _ backend.Tensor, _ []backend.Tensor, _ float64, _ int) {
	b.Scale(params, 2, params)
}

func TestStreamsThatMakeNoSense(t *testing.T) {
	ids := letters(3*4*5+1, 1)
	stateful := model.Layer(model.LSTM{Hidden: 4, Stateful: true})
	for _, c := range []struct {
		layer  model.Layer
		change func(*train.Options, *data.Dataset)
		want   string
	}{
		{stateful, func(*train.Options, *data.Dataset) {}, ""},
		{stateful, func(o *train.Options, _ *data.Dataset) { o.Chunk = 5 }, "options Chunk and Streams are set"},
		{model.LSTM{Hidden: 4}, func(*train.Options, *data.Dataset) {}, `option Streams is set, but stage "layer" is not Stateful`},
		{model.Dense{Out: 4}, func(*train.Options, *data.Dataset) {}, "option Streams is set, but the network has no Stateful layer"},
		{model.GRU{Hidden: 4, Stateful: true, Bidirectional: true}, func(*train.Options, *data.Dataset) {}, "belongs to a layer that goes backward in time"},
		{stateful, func(_ *train.Options, d *data.Dataset) { *d = *d.Subset([]int{0, 1, 2, 3}) }, "it has 4 samples, but option Streams is set: want the same number for each of the 3 streams"},
		{stateful, func(_ *train.Options, d *data.Dataset) { d.Lengths = make([]int32, 12); d.Lengths[0] = 1 }, "option Streams is set: the parts of a stream are whole"},
	} {
		o, set := letterOptions(), streamsOf(t, ids, 3, 5)
		o.Streams, o.KeepBest = true, false
		c.change(&o, set)
		net, err := model.New(openCPU(t), model.Spec{
			{Name: "embedding", Layer: model.Embedding{IDs: 4, Out: 3}}, {Name: "layer", Layer: c.layer}, {Name: "head", Layer: model.Dense{Out: 4}},
		}, model.Shape{Steps: 5, Batch: 3, Width: 1}, model.Options{Ragged: set.Lengths != nil})
		if err != nil {
			t.Fatal(err)
		}
		trainer, err := train.New(net, o)
		if err == nil {
			err = trainer.Check(set, nil)
		}
		wantError(t, err, c.want)
	}
	o := letterOptions()
	o.Streams = true
	trainer := newTrainer(t, letterNet(t, openCPU(t), stateful, 1), o)
	wantPanic(t, "a stream is missing", "train: Step: the batch has 2 samples, want 3, one for each stream", func() {
		trainer.Step(data.Batch{Size: 2, Steps: 1, IDs: []int32{0, 0}, Labels: []int32{0, 0}})
	})
	file := newFile()
	if err := trainer.Save(file); err != nil {
		t.Fatal(err)
	}
	o.Streams = false
	wantError(t, newTrainer(t, letterNet(t, openCPU(t), stateful, 1), o).Load(file), "the checkpoint's Streams is true, the trainer's is false")
}
