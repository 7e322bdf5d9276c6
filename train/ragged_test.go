package train_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// ragged returns sequences of these lengths, padded to steps, with two features
// and, for each step or each sequence, one of two labels and two targets. The
// padding holds values that must have no influence.
func ragged(lengths []int32, steps int, perStep bool) *data.Dataset {
	d := &data.Dataset{Steps: steps, Width: 2, TargetWidth: 2, Lengths: lengths, PerStep: perStep, Classes: []string{"a", "b"}}
	for i, length := range lengths {
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		for t := range steps {
			if t >= int(length) {
				d.X = append(d.X, 7, -7)
				if perStep {
					d.Labels, d.Targets = append(d.Labels, 1), append(d.Targets, 9, 9)
				}
				continue
			}
			d.X = append(d.X, rng.Float32(), rng.Float32())
			if perStep {
				d.Labels, d.Targets = append(d.Labels, int32(rng.IntN(2))), append(d.Targets, rng.Float32(), rng.Float32())
			}
		}
		if !perStep {
			d.Labels, d.Targets = append(d.Labels, int32(i%2)), append(d.Targets, float32(i), 1)
		}
	}
	return d
}

func raggedNet(t testing.TB, b backend.Backend, spec model.Spec, in model.Shape) *model.Network {
	t.Helper()
	net, err := model.New(b, spec, in, model.Options{Ragged: true})
	if err != nil {
		t.Fatal(err)
	}
	net.Init(1)
	return net
}

// Sequences give the same training, however far they are padded.
func TestPaddingDoesNotChangeTraining(t *testing.T) {
	layer := func(l model.Layer) model.Spec {
		return model.Spec{{Name: "layer", Layer: l}, {Name: "head", Layer: model.Dense{Out: 2}}}
	}
	several, short := []int32{4, 0, 2, 3, 1}, []int32{1, 0, 1, 1, 0}
	last := append(layer(model.GRU{Hidden: 3, Bidirectional: true})[:1:1],
		model.Stage{Name: "last", Layer: model.LastStep{}}, model.Stage{Name: "head", Layer: model.Dense{Out: 2}})
	for _, test := range []struct {
		name    string
		spec    model.Spec
		perStep bool
		loss    train.Loss
		chunk   int
		lengths []int32
	}{
		{"cross-entropy for each step", layer(model.LSTM{Hidden: 3, Layers: 2, Bidirectional: true}), true, train.CrossEntropy{}, 0, several},
		{"squared error for each step", layer(model.RNN{Hidden: 3}), true, train.MSE{}, 0, several},
		{"cross-entropy of the last step", last, false, train.CrossEntropy{}, 0, several},
		{"squared error of the last step", last, false, train.MSE{}, 0, several},
		{"cross-entropy of the only step", last, false, train.CrossEntropy{}, 0, short},
		{"squared error of the only step", last, false, train.MSE{}, 0, short},
		{"chunks", layer(model.LSTM{Hidden: 3, Stateful: true}), true, train.MSE{}, 2, several},
		{"layer that knows no lengths", layer(model.Elman{Hidden: 3}), true, train.MSE{}, 0, several},
	} {
		t.Run(test.name, func(t *testing.T) {
			run := func(steps int) (params []float32, metrics train.Metrics, outputs [][]float32) {
				b := openReference(t)
				defer b.Close()
				set := ragged(test.lengths, steps, test.perStep)
				built := steps
				if test.chunk > 0 {
					built = test.chunk
				}
				net := raggedNet(t, b, test.spec, model.Shape{Steps: built, Batch: 3, Width: 2})
				trainer := newTrainer(t, net, train.Options{
					Loss: test.loss, Optimizer: train.SGD{}, LR: 0.3, Epochs: 3, Batch: 3, Chunk: test.chunk})
				defer trainer.Free()
				fit(t, trainer, set, set)
				metrics, err := train.Evaluate(net, test.loss, set)
				if err != nil {
					t.Fatal(err)
				}
				if outputs, err = train.Predict(net, set); err != nil {
					t.Fatal(err)
				}
				return download(t, b, net.Values()), metrics, outputs
			}
			longest := int(slices.Max(test.lengths))
			params, metrics, outputs := run(longest)
			morePadding, moreMetrics, moreOutputs := run(longest + 2)
			for i := range params {
				if off := math.Abs(float64(params[i] - morePadding[i])); !(off <= 1e-6) {
					t.Fatalf("parameter %d is %v, with more padding %v", i, params[i], morePadding[i])
				}
			}
			if off := math.Abs(metrics.Loss - moreMetrics.Loss); !(off <= 1e-6) || metrics.Count != moreMetrics.Count || metrics.Correct != moreMetrics.Correct {
				t.Errorf("metrics are %+v, with more padding %+v", metrics, moreMetrics)
			}
			for i, length := range test.lengths {
				want := 2
				if test.perStep {
					want *= int(length)
				}
				if len(outputs[i]) != want || len(moreOutputs[i]) != want {
					t.Errorf("sequence %d of length %d has %d outputs, with more padding %d, want %d", i, length, len(outputs[i]), len(moreOutputs[i]), want)
				}
			}
		})
	}
}

// A sequence in a ragged batch gets the same result as alone.
func TestPredictRaggedIsPredictAlone(t *testing.T) {
	lengths := []int32{4, 2, 3}
	b := openReference(t)
	defer b.Close()
	spec := model.Spec{{Name: "layer", Layer: model.GRU{Hidden: 3, Bidirectional: true}}}
	set := ragged(lengths, 4, true)
	got, err := train.Predict(raggedNet(t, b, spec, model.Shape{Steps: 4, Batch: 3, Width: 2}), set)
	if err != nil {
		t.Fatal(err)
	}
	for i, length := range lengths {
		alone := build(t, b, spec, model.Shape{Steps: int(length), Batch: 1, Width: 2}, 1)
		x := set.X[i*8 : i*8+2*int(length)]
		want, err := train.Predict(alone, &data.Dataset{Steps: int(length), Width: 2, X: x})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got[i], want[0]) {
			t.Errorf("sequence %d: got %v, want %v", i, got[i], want[0])
		}
	}
}

func TestLengthsNeedARaggedNetwork(t *testing.T) {
	b := openReference(t)
	defer b.Close()
	net := build(t, b, model.Spec{{Name: "layer", Layer: model.RNN{Hidden: 2}}}, model.Shape{Steps: 4, Batch: 3, Width: 2}, 1)
	set := ragged([]int32{4, 2, 3}, 4, true)
	trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 3})
	err := trainer.Fit(t.Context(), set, nil)
	if err == nil || !strings.Contains(err.Error(), "model.Options{Ragged: true}") {
		t.Errorf("got error %v, want one that says how to build the network", err)
	}
}

// noisy is a network with every kind of noise.
var noisy = model.Spec{
	{Name: "in", Layer: model.Dropout{Rate: 0.1}},
	{Name: "gru", Layer: model.GRU{Hidden: 4, Layers: 2, Dropout: 0.3, Bidirectional: true}},
	{Name: "zone", Layer: model.LSTM{Hidden: 4, ZoneoutHidden: 0.1, ZoneoutCell: 0.2, LayerNorm: true, Projection: 3}},
	{Name: "head", Layer: model.Dense{Out: 2}},
}

func noisyTrainer(t testing.TB, b backend.Backend, epochs int, seed uint64) (*model.Network, *train.Trainer) {
	net := raggedNet(t, b, noisy, model.Shape{Steps: 4, Batch: 3, Width: 2})
	return net, newTrainer(t, net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, Epochs: epochs, Batch: 3, Seed: seed})
}

func TestResumedNoiseIsThatOfARunNeverStopped(t *testing.T) {
	set := ragged([]int32{4, 0, 2, 3, 1}, 4, true)
	run := func(seed uint64, stop bool) []byte {
		b := openCPU(t)
		_, trainer := noisyTrainer(t, b, 4, seed)
		if stop {
			_, early := noisyTrainer(t, b, 2, seed)
			fit(t, early, set, nil)
			f := newFile()
			if err := early.Save(f); err != nil {
				t.Fatal(err)
			}
			if err := trainer.Load(f); err != nil {
				t.Fatal(err)
			}
		}
		fit(t, trainer, set, nil)
		return saved(t, trainer.Save)
	}
	want := run(1, false)
	if !bytes.Equal(run(1, true), want) {
		t.Error("the resumed run differs")
	}
	if bytes.Equal(run(2, false), want) {
		t.Error("another seed gives the same run")
	}
}

// The noise and the lengths change from step to step, within steps that a
// backend may queue again as one.
func TestNoiseAndLengthsAreThoseOfTheStepOnTheEmulatedGPU(t *testing.T) {
	lengths := []int32{4, 1, 2, 4, 3, 1, 2, 2, 4}
	losses := func(b backend.Backend) []float64 {
		var all []float64
		net := raggedNet(t, b, noisy, model.Shape{Steps: 4, Batch: 3, Width: 2})
		trainer := newTrainer(t, net, train.Options{
			Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, Epochs: 3, Batch: 3, Seed: 1,
			LossEvery: 1, OnStep: func(p train.Progress) error { all = append(all, p.Loss); return nil }})
		defer trainer.Free()
		fit(t, trainer, ragged(lengths, 4, true), nil)
		return all
	}
	want, got := losses(openCPU(t)), losses(openEmulator(t))
	const tolerance = 1e-4
	for i := range want {
		if off := math.Abs(got[i]-want[i]) / want[i]; !(off <= tolerance) {
			t.Errorf("step %d: loss %v, on the CPU %v, off by %.2g, tolerance %.2g", i+1, got[i], want[i], off, tolerance)
		}
	}
}

func TestStepRefusesLengthsThatTheNetworkDoesNotKnow(t *testing.T) {
	net := build(t, openReference(t), classifier(2, 2), model.Shape{Steps: 4, Batch: 2, Width: 2}, 1)
	trainer := newTrainer(t, net, train.Options{Loss: train.CrossEntropy{}, Optimizer: train.SGD{}, LR: 0.1, Epochs: 1, Batch: 2})
	batch := data.NewBatches(ragged([]int32{4, 2}, 4, false), 2).Batch(0)
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "model.Options{Ragged: true}") {
			t.Errorf("got panic %q, want one that names model.Options{Ragged: true}", text)
		}
	}()
	trainer.Step(batch)
}

func TestRaggedStepAllocatesNothing(t *testing.T) {
	_, trainer := noisyTrainer(t, openCPU(t), 1, 1)
	batches := data.NewBatches(ragged([]int32{4, 0, 2, 3, 1}, 4, true), 3)
	if n := testing.AllocsPerRun(20, func() {
		for i := range batches.Count() {
			trainer.Step(batches.Batch(i))
		}
	}); n != 0 {
		t.Errorf("an epoch allocates %v times", n)
	}
}
