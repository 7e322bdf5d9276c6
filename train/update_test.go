package train_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// everything uses groups, accumulation and an average at once.
func everything(o *train.Options) {
	o.Optimizer, o.Accumulate, o.EMA = train.AdamW{WeightDecay: 0.1}, 2, 0.9
	o.Groups = []train.Group{
		{Vectors: true, Optimizer: train.AdamW{}},
		{Parameters: []string{"head.*"}, LRFactor: 0.5},
		{Parameters: []string{"*.weight_ih_l0", "*.bias"}, Frozen: true},
	}
}

func patientEverything(o *train.Options) { stopEarly(o); everything(o) }

// parameterBits returns the bits of the parameters that patterns match.
func parameterBits(t *testing.T, net *model.Network, patterns ...string) map[string][]uint32 {
	t.Helper()
	var names []string
	for _, p := range net.Parameters() {
		names = append(names, p.Name)
	}
	bits := map[string][]uint32{}
	for _, pattern := range patterns {
		matches, err := train.MatchNames(pattern, names)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range matches {
			p, _ := net.Parameter(name)
			for _, v := range download(t, net.Backend(), p.Value) {
				bits[name] = append(bits[name], math.Float32bits(v))
			}
		}
	}
	return bits
}

func TestFrozenParametersKeepTheirBits(t *testing.T) {
	set, valid := resumeSets()
	backends := others(t)
	backends["reference"] = openReference(t)
	for name, b := range backends {
		net := build(t, b, classifier(5, 3), resumeShape, 1)
		w, _ := net.Parameter("lstm.weight_ih_l0")
		b.Fill(w.Value.Slice(0, 1), math.Copysign(0, -1))
		o := train.Options{Loss: train.CrossEntropy{}, LR: 0.02, ClipNorm: 1, Epochs: 3, Batch: 5, Patience: 3}
		everything(&o)
		frozen, others := []string{"lstm.weight_ih_l0", "head.bias"}, []string{"lstm.weight_hh_l0", "lstm.bias_*", "head.weight"}
		want, before := parameterBits(t, net, frozen...), parameterBits(t, net, others...)
		trainer := newTrainer(t, net, o)
		fit(t, trainer, set, valid)
		for key, bits := range parameterBits(t, net, frozen...) {
			if !slices.Equal(bits, want[key]) {
				t.Errorf("%s: %s has changed", name, key)
			}
		}
		for key, bits := range parameterBits(t, net, others...) {
			if slices.Equal(bits, before[key]) {
				t.Errorf("%s: %s has not changed", name, key)
			}
		}
		trainer.Free()
	}
}

// Groups, accumulation and the average are the same on every backend, also where
// steps are replayed.
func TestUpdatesAreTheSameOnEveryBackend(t *testing.T) {
	const tolerance = 1e-5
	set := ragged([]int32{2, 1, 2, 0, 1, 2, 2, 1, 0, 0, 1}, 2, true) // batches of different weight
	spec := model.Spec{{Name: "hidden", Layer: model.Dense{Out: 4}}, {Name: "tanh", Layer: model.Tanh}, {Name: "head", Layer: model.Dense{Out: 2}}}
	learn := func(b backend.Backend) ([]float32, []train.Epoch) {
		net := raggedNet(t, b, spec, model.Shape{Steps: 2, Batch: 2, Width: 2})
		trainer := newTrainer(t, net, train.Options{
			Loss: train.MSE{}, Optimizer: train.SGD{Momentum: 0.9, WeightDecay: 0.1}, LR: 0.1, ClipNorm: 0.5, Epochs: 6, Batch: 2,
			Accumulate: 2, EMA: 0.9, Groups: []train.Group{
				{Vectors: true, Optimizer: train.SGD{}, LRFactor: 0.5}, {Parameters: []string{"hidden.bias"}, Frozen: true},
			},
		})
		fit(t, trainer, set, set)
		return download(t, b, net.Values()), trainer.History()
	}
	want, wantHistory := learn(openReference(t))
	for name, b := range others(t) {
		got, history := learn(b)
		for i := range want {
			if off := math.Abs(float64(got[i] - want[i])); !(off <= tolerance) {
				t.Errorf("%s: parameter %d is %v, want %v, off by %.2g", name, i, got[i], want[i], off)
			}
		}
		for i, e := range history {
			if off := math.Abs(e.ValidLoss - wantHistory[i].ValidLoss); !(off <= tolerance) {
				t.Errorf("%s: epoch %d, validation loss %v, want %v", name, i+1, e.ValidLoss, wantHistory[i].ValidLoss)
			}
		}
	}
}

// Frozen parameters have no state of the optimizer, and groups may remember more or less.
func TestDeviceMemoryOfGroupsAndTheAverage(t *testing.T) {
	b := &metered{Backend: openCPU(t)}
	net := build(t, b, linear(100), model.Shape{Steps: 1, Batch: 1, Width: 1000}, 1)
	weights := train.Group{Parameters: []string{"head.weight"}, Frozen: true}
	const all, spare, bias = 100_128, 1<<16 + 32, 128
	for _, c := range []struct {
		name               string
		o                  train.Options
		optimizer, average int // elements
	}{
		{"plain", train.Options{Optimizer: train.Adam{}}, 2 * all, 0},
		{"frozen", train.Options{Optimizer: train.Adam{}, Groups: []train.Group{weights}}, 2 * bias, 0},
		{"other optimizer", train.Options{Optimizer: train.SGD{}, Groups: []train.Group{{Vectors: true, Optimizer: train.Adam{}}}}, 2 * all, 0},
		{"average", train.Options{Optimizer: train.SGD{}, EMA: 0.9}, 0, all + spare},
		{"accumulated", train.Options{Optimizer: train.SGD{}, Accumulate: 8}, 0, 0},
	} {
		c.o.Loss, c.o.LR, c.o.Epochs, c.o.Batch = train.MSE{}, 1, 1, 1
		b.elements = 0
		trainer := newTrainer(t, net, c.o)
		m := trainer.DeviceMemory()
		if m.Optimizer != 4*int64(c.optimizer) || m.Average != 4*int64(c.average) || m.Total() != trainer.Memory() {
			t.Errorf("%s: %+v, want %d elements of the optimizer and %d of the average", c.name, m, c.optimizer, c.average)
		}
		const small = 1500 // batch, and loss; integers are not metered
		if rest := b.elements - c.optimizer - c.average; rest < 0 || rest > small {
			t.Errorf("%s: %d elements were allocated, want %d and those of the batch", c.name, b.elements, c.optimizer+c.average)
		}
		trainer.Free()
	}
}

func TestOptionsOfUpdatesThatMakeNoSense(t *testing.T) {
	net := build(t, openReference(t), classifier(5, 3), resumeShape, 1)
	group := func(groups ...train.Group) func(*train.Options) {
		return func(o *train.Options) { o.Groups = groups }
	}
	for _, c := range []struct {
		change func(*train.Options)
		want   string
	}{
		{everything, ""},
		{func(o *train.Options) { o.Accumulate = -1 }, "option Accumulate is -1, want at least 0"},
		{func(o *train.Options) { o.Accumulate, o.Chunk = 2, 2 }, "options Chunk and Accumulate are set"},
		{func(o *train.Options) { o.EMA = 1 }, "option EMA is 1, want at least 0 and below 1"},
		{func(o *train.Options) { o.EMA = -0.1 }, "option EMA is -0.1"},
		{func(o *train.Options) { o.EMA = math.NaN() }, "option EMA is NaN"},
		{group(train.Group{LRFactor: -1}), "option Groups, group 1: LRFactor is -1"},
		{group(train.Group{}, train.Group{LRFactor: math.Inf(1)}), "option Groups, group 2: LRFactor is +Inf"},
		{group(train.Group{Optimizer: train.Adam{Beta1: 1}}), "option Groups, group 1: optimizer Adam: Beta1 is 1"},
		{group(train.Group{Parameters: []string{}, Frozen: true}), "option Groups, group 1: no Parameters are named"},
		{group(train.Group{Frozen: true}), "option Groups: all parameters are Frozen"},
		{group(train.Group{Parameters: []string{"*.weight*"}, Frozen: true}, train.Group{Vectors: true, Frozen: true}), "all parameters are Frozen"},
		{group(train.Group{Parameters: []string{"lstm.weight_ih_10"}}), `no parameter matches "lstm.weight_ih_10": did you mean "lstm.weight_ih_l0"?`},
		{group(train.Group{Parameters: []string{"lstm.*", "haed.*"}}), `no parameter matches "haed.*": did you mean "head.*"?`},
		{group(train.Group{Parameters: []string{"encoder/0"}}), `no parameter matches "encoder/0": there are lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0, lstm.bias_hh_l0, head.weight, head.bias`},
		{group(train.Group{Parameters: []string{"lstm.[*"}}), `"lstm.[*" is no pattern of names: syntax error`},
	} {
		o := train.Options{Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.1, Epochs: 1, Batch: 6}
		c.change(&o)
		_, err := train.New(net, o)
		wantError(t, err, c.want)
	}
}

// A run may be stopped in the middle of an accumulation, and wherever Fit asks.
func TestARunWithAnAverageStoppedAnywhereGivesTheBytesOfOneNeverStopped(t *testing.T) {
	set, valid := resumeSets()
	net, straight := resumable(t, 1, patientEverything)
	fit(t, straight, set, valid)
	wantNet, wantAll := saved(t, net.Save), saved(t, straight.Save)
	if !bytes.Equal(wantNet, bestOf(t, straight)) {
		t.Error("with Patience, it does not end with the best average")
	}
	pending := 0
	for moment := range 16 { // epochs have 5 batches and 3 updates
		ctx, cancel := context.WithCancel(t.Context())
		stoppedNet, stopped := resumable(t, 1, patientEverything)
		if err := stopped.Fit(&countdown{ctx, moment, cancel}, set, valid); !errors.Is(err, context.Canceled) {
			t.Fatalf("moment %d: error %v", moment, err)
		}
		f := newFile()
		if err := stopped.Save(f); err != nil {
			t.Fatal(err)
		}
		if _, ok := f.Tensors["train/gradient"]; ok {
			pending++
		}
		fresh, resumed := resumable(t, 99, patientEverything)
		if err := resumed.Load(f); err != nil {
			t.Fatalf("moment %d: %v", moment, err)
		}
		if !bytes.Equal(saved(t, fresh.Save), saved(t, stoppedNet.Save)) || !bytes.Equal(saved(t, resumed.Save), saved(t, stopped.Save)) {
			t.Errorf("moment %d: a loaded trainer differs from the saved one", moment)
		}
		fit(t, resumed, set, valid)
		fit(t, stopped, set, valid)
		if !bytes.Equal(saved(t, fresh.Save), wantNet) || !bytes.Equal(saved(t, resumed.Save), wantAll) || !bytes.Equal(saved(t, stopped.Save), wantAll) {
			t.Errorf("moment %d: it ends with other bytes than a run never stopped", moment)
		}
	}
	if pending < 3 {
		t.Errorf("%d of the runs were stopped in the middle of an accumulation", pending)
	}
}

// Validation, the best epoch and what a run ends with are of the average. Later epochs go
// on from the parameters that are trained.
func TestFitEndsWithTheAverage(t *testing.T) {
	set, valid := resumeSets()
	average := func(change func(*train.Options)) func(*train.Options) {
		return func(o *train.Options) { o.EMA, o.KeepBest, o.LR = 0.8, true, 0.4; change(o) }
	}
	loss := func(net *model.Network) float64 {
		m, err := train.Evaluate(net, train.CrossEntropy{}, valid)
		if err != nil {
			t.Fatal(err)
		}
		return m.Loss
	}
	var net *model.Network
	var trained []byte // the parameters of the last step
	var best []byte
	var least = math.Inf(1)
	net, trainer := resumable(t, 1, average(func(o *train.Options) {
		o.OnStep = func(train.Progress) error { trained = saved(t, net.Save); return nil }
		o.OnEpoch = func(e train.Epoch) error {
			if l := loss(net); l != e.ValidLoss {
				t.Errorf("epoch %d: the network has validation loss %v, the record says %v", e.Epoch, l, e.ValidLoss)
			}
			if e.ValidLoss < least {
				least, best = e.ValidLoss, saved(t, net.Save)
			}
			return nil
		}
	}))
	fit(t, trainer, set, valid)
	last := trainer.History()[3]
	if l := loss(net); l != last.ValidLoss {
		t.Errorf("the network ends with validation loss %v, want %v", l, last.ValidLoss)
	}
	if !bytes.Equal(bestOf(t, trainer), best) {
		t.Error("SaveBest is not the average of the best epoch")
	}
	if bytes.Equal(saved(t, net.Save), trained) {
		t.Error("the average is what was trained: the test has no effect")
	}
	plainNet, plain := resumable(t, 1, func(o *train.Options) { o.LR = 0.4 })
	fit(t, plain, set, nil)
	if !bytes.Equal(saved(t, plainNet.Save), trained) {
		t.Error("with an average, other parameters are trained")
	}

	longNet, long := resumable(t, 1, average(func(o *train.Options) { o.Epochs = 6 }))
	fit(t, long, set, valid)
	f := newFile()
	if err := trainer.Save(f); err != nil {
		t.Fatal(err)
	}
	moreNet, more := resumable(t, 9, average(func(o *train.Options) { o.Epochs = 6 }))
	if err := more.Load(f); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(saved(t, moreNet.Save), saved(t, net.Save)) {
		t.Error("a loaded checkpoint does not have the average in the network")
	}
	fit(t, more, set, valid)
	if !bytes.Equal(saved(t, moreNet.Save), saved(t, longNet.Save)) {
		t.Error("4 epochs and 2 more differ from 6")
	}
}

// A network that is larger than what is exchanged at once ends with its average.
func TestTheAverageOfALargeNetwork(t *testing.T) {
	net := build(t, openCPU(t), linear(350), model.Shape{Steps: 1, Batch: 4, Width: 400}, 1) // 140,350 parameters
	d := &data.Dataset{Steps: 1, Width: 400, TargetWidth: 350, X: make([]float32, 4*400), Targets: make([]float32, 4*350)}
	for i := range d.X {
		d.X[i] = float32(i%13) / 13
	}
	trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 4, EMA: 0.9})
	batch := data.NewBatches(d, 4).Batch(0)
	var steps [2][]float32
	for i := range steps {
		trainer.Step(batch)
		steps[i] = download(t, net.Backend(), net.Values())
	}
	trainer.Average()
	const decay = 2.0 / 11
	for i, got := range download(t, net.Backend(), net.Values()) {
		if want := decay*steps[0][i] + (1-decay)*steps[1][i]; math.Abs(float64(got-want)) > 1e-6 {
			t.Fatalf("parameter %d is %v, want %v", i, got, want)
		}
	}
	trainer.Average() // changes nothing more
	trainer.Step(batch)
	fresh := build(t, openCPU(t), linear(350), model.Shape{Steps: 1, Batch: 4, Width: 400}, 1)
	plain := newTrainer(t, fresh, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 4})
	for range 3 {
		plain.Step(batch)
	}
	if !slices.Equal(download(t, net.Backend(), net.Values()), download(t, fresh.Backend(), fresh.Values())) {
		t.Error("after a look at the average, other parameters are trained")
	}
}

// After a divergence the average and the gradients are those of the last finite state.
func TestDivergenceWithAnAverageGoesBack(t *testing.T) {
	change := func(o *train.Options) { o.EMA, o.Accumulate, o.Patience = 0.9, 2, 10_000 }
	set, valid := line(19, 1), line(9, 2)
	for _, c := range []struct{ explosion, lastRead int }{{0, 0}, {23, 22}, {8, 8}} {
		_, trainer := explosive(t, openCPU(t), 1, c.explosion, change)
		var divergence *train.Divergence
		if err := trainer.Fit(t.Context(), set, valid); !errors.As(err, &divergence) {
			t.Fatalf("explosion after %d updates: error %v, want a Divergence", c.explosion, err)
		}
		if f := divergence.Fault; f == nil || f.Step != c.explosion+1 {
			t.Errorf("explosion after %d updates: fault %v", c.explosion, f)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if c.lastRead == 0 {
			cancel()
		}
		_, stopped := explosive(t, openCPU(t), 1, c.explosion, func(o *train.Options) {
			change(o)
			o.OnStep = func(p train.Progress) error {
				if p.Step == c.lastRead {
					cancel()
				}
				return nil
			}
		})
		if err := stopped.Fit(ctx, set, valid); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if !bytes.Equal(saved(t, trainer.Save), saved(t, stopped.Save)) {
			t.Errorf("explosion after %d updates: the state is not that after update %d", c.explosion, c.lastRead)
		}
	}
}

// A fault in the second batch of an accumulation is of the update that it belongs to.
func TestAFaultInTheMiddleOfAnAccumulation(t *testing.T) {
	set := line(12, 1)
	set.Targets[7] = 1e30
	for _, accumulate := range []int{1, 2, 3, 4} {
		net := build(t, openCPU(t), linear(1), model.Shape{Steps: 1, Batch: 2, Width: 2}, 1)
		trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.01, Epochs: 1, Batch: 2, Accumulate: accumulate, Seed: 1})
		batches, at := data.NewBatches(set, 2), 0
		batches.Shuffle(1, 0)
		for i := range batches.Count() {
			if slices.Contains(batches.Batch(i).Targets, 1e30) {
				at = i
			}
		}
		want := at/accumulate + 1
		var divergence *train.Divergence
		if err := trainer.Fit(t.Context(), set, nil); !errors.As(err, &divergence) || divergence.Fault == nil {
			t.Fatalf("Accumulate %d: error %v, want a Divergence with its Fault", accumulate, err)
		}
		if f := divergence.Fault; f.Step != want || f.Op != "SquaredError" {
			t.Errorf("Accumulate %d: %v, want SquaredError in step %d", accumulate, divergence, want)
		}
	}
}

func TestLoadComparesTheOptionsOfUpdates(t *testing.T) {
	set, valid := resumeSets()
	ctx, cancel := context.WithCancel(t.Context())
	_, source := resumable(t, 1, everything)
	if err := source.Fit(&countdown{ctx, 1, cancel}, set, valid); !errors.Is(err, context.Canceled) { // one batch
		t.Fatal(err)
	}
	checkpoint := newFile()
	if err := source.Save(checkpoint); err != nil {
		t.Fatal(err)
	}
	options := func(change func(*train.Options)) func(*train.Options) {
		return func(o *train.Options) { everything(o); change(o) }
	}
	meta := func(from, to string) func(*model.File) {
		return func(f *model.File) {
			changed := strings.Replace(f.Meta["gputrain.train"], from, to, 1)
			if changed == f.Meta["gputrain.train"] {
				t.Fatalf("the metadata have no %q: %s", from, changed)
			}
			f.Meta["gputrain.train"] = changed
		}
	}
	fits := func(*model.File) {}
	for _, c := range []struct {
		name   string
		option func(*train.Options)
		file   func(*model.File)
		want   string
	}{
		{"fits", everything, fits, ""},
		{"groups", options(func(o *train.Options) { o.Groups[1].LRFactor = 2 }), fits, "the checkpoint's Groups are"},
		{"no groups", options(func(o *train.Options) { o.Groups = nil }), fits, "the checkpoint's Groups are"},
		{"accumulate", options(func(o *train.Options) { o.Accumulate = 1 }), fits, "the checkpoint's Accumulate is 2, the trainer's is 1"},
		{"average", options(func(o *train.Options) { o.EMA = 0 }), fits, "the checkpoint's EMA is 0.9, the trainer's is 0"},
		{"other average", options(func(o *train.Options) { o.EMA = 0.99 }), fits, "the checkpoint's EMA is 0.9, the trainer's is 0.99"},
		{"no gradient", everything, func(f *model.File) { delete(f.Tensors, "train/gradient") }, "tensor train/gradient is missing"},
		{"no parameters", everything, func(f *model.File) { delete(f.Tensors, "train/parameters") }, "tensor train/parameters is missing"},
		{"more pending", everything, meta(`"pending":1`, `"pending":2`), "damaged"},
		{"none pending", everything, meta(`"pending":1,`, ``), "damaged"},
		{"negative weight", everything, meta(`"pending_weight":"`, `"pending_weight":"-`), "damaged"},
		{"infinite weight", everything, meta(`"pending_weight":"5`, `"pending_weight":"+Inf`), "damaged"},
		{"a step more", everything, meta(`"step":0`, `"step":1`), "damaged"},
		{"next batch", everything, meta(`"next_batch":1`, `"next_batch":2`), "damaged"},
	} {
		_, trainer := resumable(t, 2, c.option)
		before := saved(t, trainer.Save)
		f := &model.File{Meta: maps.Clone(checkpoint.Meta), Tensors: maps.Clone(checkpoint.Tensors)}
		c.file(f)
		err := trainer.Load(f)
		wantError(t, err, c.want)
		if unchanged := bytes.Equal(saved(t, trainer.Save), before); unchanged != (err != nil) {
			t.Errorf("%s: error %v, trainer unchanged: %v", c.name, err, unchanged)
		}
	}
}

// What a checkpoint was before these options, it is without them.
func TestCheckpointsWithoutTheOptionsOfUpdatesAreAsBefore(t *testing.T) {
	_, trainer := resumable(t, 1, func(o *train.Options) { o.Accumulate = 1 })
	f := newFile()
	if err := trainer.Save(f); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"groups", "accumulate", "ema", "pending"} {
		if strings.Contains(f.Meta["gputrain.train"], key) {
			t.Errorf("the metadata have %q: %s", key, f.Meta["gputrain.train"])
		}
	}
}
