package train_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// echo returns 7 sequences of up to 6 ids below 5. The class of each step is the id of
// the step before. The padding holds the id padding.
func echo(padding int32) *data.Dataset {
	rng := rand.New(rand.NewPCG(1, 7))
	d := &data.Dataset{Steps: 6, Width: 1, IDs: make([]int32, 42), Labels: make([]int32, 42), Classes: []string{"a", "b", "c", "d", "e"}, PerStep: true}
	for range 7 {
		d.Lengths = append(d.Lengths, int32(rng.IntN(7)))
	}
	for i := range d.IDs {
		d.IDs[i], d.Labels[i] = rng.Int32N(5), -1
		if i%6 > 0 {
			d.Labels[i] = d.IDs[i-1]
		}
		if int32(i%6) >= d.Lengths[i/6] {
			d.IDs[i] = padding
		}
	}
	return d
}

// learnIDs trains on b and returns what came of it.
func learnIDs(t *testing.T, b backend.Backend, set *data.Dataset) (params []float32, metrics train.Metrics, outputs [][]float32) {
	t.Helper()
	net := raggedNet(t, b, model.Spec{
		{Name: "embedding", Layer: model.Embedding{IDs: 5, Out: 3}}, {Name: "lstm", Layer: model.LSTM{Hidden: 4}}, {Name: "head", Layer: model.Dense{Out: 5}},
	}, model.Shape{Steps: 6, Batch: 3, Width: 1})
	trainer := newTrainer(t, net, train.Options{Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.05, Epochs: 2, Batch: 3, Seed: 1})
	fit(t, trainer, set, set)
	trainer.Step(data.Batch{ // by hand: the last two sequences
		Size: 2, Steps: 6, Lengths: set.Lengths[5:],
		IDs: interleaved(set.IDs[30:36], set.IDs[36:]), Labels: interleaved(set.Labels[30:36], set.Labels[36:]),
	})
	metrics, err := train.Evaluate(net, train.CrossEntropy{}, set)
	if err != nil {
		t.Fatal(err)
	}
	if outputs, err = train.Predict(net, set); err != nil {
		t.Fatal(err)
	}
	return download(t, b, net.Values()), metrics, outputs
}

func interleaved(a, b []int32) []int32 {
	var both []int32
	for i := range a {
		both = append(both, a[i], b[i])
	}
	return both
}

func TestNetsOfIDsLearnTheSameOnAllBackends(t *testing.T) {
	want, metrics, outputs := learnIDs(t, openReference(t), echo(0))
	if len(outputs) != 7 || metrics.Count == 0 {
		t.Fatalf("%d outputs, metrics %+v", len(outputs), metrics)
	}
	for name, b := range others(t) {
		got, gotMetrics, _ := learnIDs(t, b, echo(0))
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-4 {
				t.Fatalf("%s: parameter %d is %v, want %v", name, i, got[i], want[i])
			}
		}
		if math.Abs(gotMetrics.Loss-metrics.Loss) > 1e-4 {
			t.Errorf("%s: loss %v, want %v", name, gotMetrics.Loss, metrics.Loss)
		}
	}
}

func TestIDsInThePaddingNeverMatter(t *testing.T) {
	params, metrics, outputs := learnIDs(t, openCPU(t), echo(0))
	for _, padding := range []int32{4, 5, -1, math.MaxInt32, math.MinInt32} {
		got, gotMetrics, gotOutputs := learnIDs(t, openCPU(t), echo(padding))
		if !slices.Equal(got, params) || !reflect.DeepEqual(gotMetrics, metrics) || !reflect.DeepEqual(gotOutputs, outputs) {
			t.Errorf("id %d in the padding makes a difference", padding)
		}
	}
}

func TestIDsThatDoNotFitAreNamed(t *testing.T) {
	spec := model.Spec{{Name: "embedding", Layer: model.Embedding{IDs: 5, Out: 5}}}
	net := build(t, openCPU(t), spec, model.Shape{Steps: 6, Batch: 3, Width: 1}, 1)
	numbers := build(t, openCPU(t), linear(5), model.Shape{Steps: 6, Batch: 3, Width: 1}, 1)
	options := train.Options{Loss: train.CrossEntropy{}, Optimizer: train.SGD{}, LR: 0.1, Epochs: 1, Batch: 3}
	changed := func(change func(*data.Dataset)) *data.Dataset {
		d := echo(0)
		d.Lengths = nil
		change(d)
		return d
	}
	for _, c := range []struct {
		net    *model.Network
		change func(*data.Dataset)
		want   string
	}{
		{net, func(*data.Dataset) {}, ""},
		{net, func(d *data.Dataset) { d.IDs[2*6+4] = 5 }, "sample 2 has id 5 at time step 4, but the ids of the network are 0 to 4"},
		{net, func(d *data.Dataset) { d.IDs[41] = -1 }, "sample 6 has id -1 at time step 5, but the ids of the network are 0 to 4"},
		{net, func(d *data.Dataset) { d.X, d.IDs = make([]float32, 42), nil }, "its samples are numbers (X), but the network takes ids"},
		{net, func(d *data.Dataset) { d.Steps, d.Width, d.Labels = 3, 2, d.Labels[:21] }, "its samples have 2 ids per time step, but the network takes 1"},
		{net, func(d *data.Dataset) { d.IDs = d.IDs[:6*7-1] }, "IDs has length 41, want 36"},
		{numbers, func(*data.Dataset) {}, "its samples are IDs, but the network takes numbers: begin it with model.Embedding"},
	} {
		set := changed(c.change)
		trainer := newTrainer(t, c.net, options)
		wantError(t, trainer.Check(set, nil), c.want)
		if c.want == "" {
			continue
		}
		wantError(t, trainer.Fit(t.Context(), set, nil), "train: training set: "+c.want)
		_, err := train.Evaluate(c.net, train.CrossEntropy{}, set)
		wantError(t, err, "train: evaluate: "+c.want)
		_, err = train.Predict(c.net, set)
		wantError(t, err, "train: predict: "+c.want)
	}
	trainer := newTrainer(t, net, options)
	wantPanic(t, "numbers for ids", "train: Step: IDs of the batch has length 0, want 2: 2 time steps of 1 samples", func() {
		trainer.Step(data.Batch{Size: 1, Steps: 2, X: make([]float32, 2)})
	})
	trainer.Step(data.Batch{Size: 1, Steps: 2, IDs: []int32{0, 7}, Labels: []int32{0, 0}})
	wantError(t, net.Backend().Sync(), "GatherRows: ids[1] is 7, x has 5 rows")
}
