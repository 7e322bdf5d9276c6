package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"gputrain/backend"
	"gputrain/collective"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// shared is a training that ranks share. Its Batch is that of all ranks.
type shared struct {
	name       string
	spec       model.Spec
	options    train.Options
	set, valid *data.Dataset
}

// outcome is what a rank has after its part.
type outcome struct {
	values  []float32
	file    *model.File // of Save, if the training ended in order
	history []train.Epoch
	err     error // of Fit, or what came before
}

// part is a rank of a training.
type part struct {
	*train.Trainer
	rank    int
	net     *model.Network
	set     *data.Dataset
	options *train.Options
	stop    func() // cancels the context of Fit
}

// on trains s on n ranks. prepare may change the options of a rank, and load what it begins with.
func (s shared) on(t *testing.T, n int, open func(testing.TB) backend.Backend, prepare func(p *part), load func(p *part) error) []outcome {
	t.Helper()
	outcomes := make([]outcome, n)
	var wg sync.WaitGroup
	for rank, group := range collective.Local(n) {
		b := open(t)
		wg.Go(func() {
			o := &outcomes[rank]
			if o.err = s.run(t, b, group, o, prepare, load); o.err != nil && o.file == nil {
				group.Abort(o.err)
			}
		})
	}
	wg.Wait()
	return outcomes
}

func (s shared) run(t *testing.T, b backend.Backend, group collective.Group, result *outcome, prepare func(*part), load func(*part) error) error {
	in := model.Shape{Steps: s.set.Steps, Batch: (s.options.Batch + group.Size() - 1) / group.Size(), Width: s.set.Width}
	if s.options.Chunk > 0 {
		in.Steps = s.options.Chunk
	}
	net, err := model.New(b, s.spec, in, model.Options{Ragged: s.set.Lengths != nil})
	if err != nil {
		return err
	}
	net.Init(3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := s.options
	o.Group = group
	p := &part{rank: group.Rank(), net: net, set: s.set, options: &o, stop: cancel}
	if prepare != nil {
		prepare(p)
	}
	if p.Trainer, err = train.New(net, o); err != nil {
		return err
	}
	if load != nil {
		if err := load(p); err != nil {
			return err
		}
	}
	fitted := p.Fit(ctx, p.set, s.valid)
	result.history, result.values = p.History(), make([]float32, net.Values().Size())
	if err := b.Download(result.values, net.Values()); err != nil {
		return err
	}
	if fitted == nil || ctx.Err() != nil || errors.As(fitted, new(*train.StoppedError)) || errors.Is(fitted, train.ErrDiverged) {
		f := newFile()
		if err := p.Save(f); err != nil {
			return err
		}
		result.file = f
	}
	return fitted
}

// same reports whether all ranks have the same values and files.
func same(outcomes []outcome) bool {
	for _, o := range outcomes {
		if !equal(o.values, outcomes[0].values) || !sameState(o.file, outcomes[0].file) {
			return false
		}
	}
	return true
}

func equal(x, y []float32) bool {
	return bytes.Equal(collective.Bytes(x), collective.Bytes(y))
}

// sameState reports whether two checkpoints hold the same.
func sameState(a, b *model.File) bool {
	if a == nil || b == nil || len(a.Tensors) != len(b.Tensors) || fmt.Sprint(a.Meta) != fmt.Sprint(b.Meta) {
		return false
	}
	for name, array := range a.Tensors {
		if !equal(array.Data, b.Tensors[name].Data) {
			return false
		}
	}
	return true
}

// sharedTrainings are trainings of all kinds, with batches that ranks cannot share evenly.
func sharedTrainings(t *testing.T) []shared {
	perStep := model.Spec{{Name: "layer", Layer: model.LSTM{Hidden: 3, Bidirectional: true}}, {Name: "head", Layer: model.Dense{Out: 2}}}
	last := model.Spec{{Name: "layer", Layer: model.GRU{Hidden: 3}}, {Name: "last", Layer: model.LastStep{}}, {Name: "head", Layer: model.Dense{Out: 2}}}
	chunked := model.Spec{{Name: "layer", Layer: model.LSTM{Hidden: 3, Stateful: true}}, {Name: "head", Layer: model.Dense{Out: 2}}}
	rtrl := model.Spec{{Name: "layer", Layer: model.FullyRecurrent{Hidden: 3, Out: 2, Gradient: model.RTRL}}}
	text := model.Spec{{Name: "embedding", Layer: model.Embedding{IDs: 4, Out: 3}}, {Name: "layer", Layer: model.LSTM{Hidden: 4, Stateful: true}}, {Name: "head", Layer: model.Dense{Out: 4}}}
	lengths := []int32{4, 1, 2, 0, 3, 1, 4, 4, 0, 0, 1, 2, 3, 4, 1, 1, 2, 0, 4, 3, 2} // 21: the last batch has one
	unlabeled := ragged(lengths, 4, true)
	for i := range unlabeled.Labels {
		if i%3 > 0 {
			unlabeled.Labels[i] = backend.IgnoreLabel
		}
	}
	o := train.Options{Optimizer: train.Adam{}, LR: 0.02, ClipNorm: 0.5, Seed: 1, Epochs: 3, Batch: 5, LossEvery: 3, Schedule: train.Cosine{Warmup: 2, Total: 20}}
	with := func(loss train.Loss, change func(o *train.Options)) train.Options {
		o := o
		o.Loss = loss
		if change != nil {
			change(&o)
		}
		return o
	}
	chunk, accumulate := func(o *train.Options) { o.Chunk = 2 }, func(o *train.Options) { o.Accumulate = 3 }
	keep := func(o *train.Options) { o.KeepBest, o.EMA = true, 0.9 }
	streams := func(o *train.Options) { o.Streams = true }
	return []shared{
		{"cross-entropy", linear(3), with(train.CrossEntropy{}, keep), mixed(21), mixed(13)},
		{"class weights", linear(3), with(train.CrossEntropy{Weights: []float64{0.1, 2, 0.5}}, nil), mixed(21), mixed(13)},
		{"squared error", linear(3), with(train.MSE{}, nil), mixed(21), nil},
		{"binary cross-entropy", linear(3), with(train.BCEWithLogits{}, nil), mixed(21), mixed(7)},
		{"masked", perStep, with(train.MSE{}, nil), gaps(21, 4, 9), gaps(3, 4, 9)},
		{"ragged", perStep, with(train.CrossEntropy{}, nil), ragged(lengths, 4, true), ragged(lengths[:7], 4, true)},
		{"ragged, some labels", perStep, with(train.CrossEntropy{}, accumulate), unlabeled, nil},
		{"ragged, last step", last, with(train.Huber{Delta: 0.5}, nil), ragged(lengths, 4, false), nil},
		{"chunks", chunked, with(train.MSE{}, chunk), ragged(lengths, 4, true), nil},
		{"RTRL", rtrl, with(train.MSE{}, nil), gaps(21, 4, 9), nil},
		{"streams", text, with(train.CrossEntropy{}, streams), streamsOf(t, letters(5*4*5+1, 1), 5, 5), nil},
	}
}

// One rank makes the update that ranks make together; only the sums have another order.
func TestRanksTrainAsOne(t *testing.T) {
	for _, s := range sharedTrainings(t) {
		alone := s.on(t, 1, openReference, nil, nil)[0]
		if alone.err != nil {
			t.Fatal(s.name, alone.err)
		}
		for _, n := range []int{2, 3, 4} {
			outcomes := s.on(t, n, openReference, nil, nil)
			for rank, o := range outcomes {
				if o.err != nil {
					t.Fatalf("%s, rank %d of %d: %v", s.name, rank, n, o.err)
				}
			}
			if !same(outcomes) {
				t.Errorf("%s: %d ranks differ", s.name, n)
			}
			if off := largestDifference(outcomes[0].values, alone.values); !(off <= 1e-5) {
				t.Errorf("%s: a parameter of %d ranks is off by %.2g", s.name, n, off)
			}
			for i, e := range outcomes[n-1].history {
				want := alone.history[i]
				if e.TrainRows != want.TrainRows || math.Abs(e.TrainLoss-want.TrainLoss) > 1e-5 {
					t.Errorf("%s, %d ranks, epoch %d: loss %v of %d rows, want %v of %d", s.name, n, i+1, e.TrainLoss, e.TrainRows, want.TrainLoss, want.TrainRows)
				}
				if s.valid != nil && !(math.Abs(e.ValidLoss-want.ValidLoss) <= 1e-5) || e.ValidAccuracy != want.ValidAccuracy && !math.IsNaN(want.ValidAccuracy) {
					t.Errorf("%s, %d ranks, epoch %d: validation loss %v and accuracy %v, want %v and %v", s.name, n, i+1, e.ValidLoss, e.ValidAccuracy, want.ValidLoss, want.ValidAccuracy)
				}
				if !(e.SumSeconds > 0) {
					t.Errorf("%s, %d ranks: sums took %v s", s.name, n, e.SumSeconds)
				}
			}
		}
	}
}

// The same number of ranks gives the same bytes, on the devices that there are, also if it was
// stopped and another process went on. Another number may go on, too.
func TestRanksThatStopGoOn(t *testing.T) {
	for name, open := range map[string]func(testing.TB) backend.Backend{"cpu": openCPU, "emulated": openEmulator} {
		for _, s := range sharedTrainings(t) {
			if name == "emulated" && (testing.Short() || s.name != "squared error") {
				continue
			}
			whole := s.on(t, 3, open, nil, nil)
			if !same(whole) || whole[0].err != nil {
				t.Fatalf("%s, %s: the ranks differ: %v", name, s.name, whole[0].err)
			}
			// Rank 1 is asked to stop in the middle of the second epoch.
			stopped := s.on(t, 3, open, func(p *part) {
				updates := 0
				p.options.OnStep = func(at train.Progress) error {
					if updates++; at.Epoch == 2 && p.rank == 1 {
						p.stop()
					}
					return nil
				}
			}, nil)
			for rank, o := range stopped {
				var stopped *train.StoppedError
				if rank == 1 && !errors.Is(o.err, context.Canceled) || rank != 1 && (!errors.As(o.err, &stopped) || stopped.Rank != 1) {
					t.Fatalf("%s, %s, rank %d: error %v, want that rank 1 was asked to stop", name, s.name, rank, o.err)
				}
			}
			if !same(stopped) {
				t.Fatalf("%s, %s: the ranks do not stop at the same place", name, s.name)
			}
			goOn := func(p *part) error { return p.Load(stopped[0].file) }
			if again := s.on(t, 3, open, nil, goOn); !same(again) || !sameState(again[0].file, whole[0].file) {
				t.Errorf("%s, %s: stopped and resumed, the training ends with other bytes (%v)", name, s.name, again[0].err)
			}
			if other := s.on(t, 2, open, nil, goOn); !same(other) || !(largestDifference(other[0].values, whole[0].values) <= 1e-4) {
				t.Errorf("%s, %s: two ranks do not go on where three stopped (%v)", name, s.name, other[0].err)
			}
		}
	}
}

// A checkpoint of one rank that stands between batches of an update is no part of the others.
func TestRanksGoOnInTheMiddleOfAnUpdate(t *testing.T) {
	for _, s := range sharedTrainings(t) {
		if s.options.Accumulate == 0 {
			continue
		}
		whole := s.on(t, 1, openReference, nil, nil)[0]
		stopped := s.on(t, 1, openReference, func(p *part) {
			p.options.Schedule = &cancelling{p.options.Schedule, p.stop} // in its first batch
		}, nil)[0]
		if stopped.file == nil || stopped.file.Tensors["train/gradient"].Data == nil {
			t.Fatal("the training did not stop in the middle of an update")
		}
		outcomes := s.on(t, 3, openReference, nil, func(p *part) error { return p.Load(stopped.file) })
		if off := largestDifference(outcomes[0].values, whole.values); !same(outcomes) || !(off <= 1e-5) {
			t.Errorf("off by %.2g; %v", off, outcomes[0].err)
		}
	}
}

// cancelling cancels a training that has begun the second update.
type cancelling struct {
	train.Schedule
	cancel func()
}

func (c *cancelling) Factor(step int) float64 {
	if step == 1 {
		c.cancel()
	}
	return c.Schedule.Factor(step)
}

func TestRanksThatDivergeEndTogether(t *testing.T) {
	s := sharedTrainings(t)[2]
	s.options.Schedule, s.options.Epochs = explodes{7}, 10
	outcomes := s.on(t, 3, openCPU, nil, nil)
	for rank, o := range outcomes {
		var d *train.Divergence
		if !errors.As(o.err, &d) || d.Fault == nil || d.Fault.Step != 8 {
			t.Errorf("rank %d: error %v, want a divergence that began in step 8", rank, o.err)
		}
		if o.err != nil && o.err.Error() != outcomes[0].err.Error() {
			t.Errorf("rank %d says %v, rank 0 %v", rank, o.err, outcomes[0].err)
		}
	}
	if !same(outcomes) {
		t.Error("the ranks have not gone back to the same place")
	}
}

// What differs is found before anything is learned.
func TestRanksThatDoNotMatchAreNamed(t *testing.T) {
	of, other := sharedTrainings(t)[0], mixed(21)
	other.X[4]++
	for _, c := range []struct {
		want    string
		prepare func(p *part)
		load    func(p *part) error
	}{
		{"rank 2 has another option than rank 0", func(p *part) { p.options.LR += 0.01 * float64(p.rank/2) }, nil},
		{"ranks 1, 2 have another state of the training than rank 0", func(p *part) { p.options.Seed += uint64((p.rank + 1) / 2) }, nil},
		{"rank 1 has another training set than rank 0", func(p *part) {
			if p.rank == 1 {
				p.set = other
			}
		}, nil},
		{"rank 1 has another set of parameters than rank 0", nil, func(p *part) error {
			if p.rank == 1 {
				p.net.Init(4)
			}
			return nil
		}},
	} {
		for rank, o := range of.on(t, 3, openCPU, c.prepare, c.load) {
			if o.err == nil || !strings.Contains(o.err.Error(), c.want) {
				t.Errorf("rank %d: error %v, want %q", rank, o.err, c.want)
			}
		}
	}
}

func TestOptionsThatRanksCannotShare(t *testing.T) {
	net := build(t, openCPU(t), linear(3), model.Shape{Steps: 1, Batch: 4, Width: 4}, 1)
	group := collective.Local(3)[1]
	for _, c := range []struct {
		batch int
		want  string
	}{
		{10, ""},
		{12, ""},
		{1, ""},
		{13, "option Batch is 13, want 1 to 12, as many as the networks of 3 ranks were built for"},
		{0, "option Batch is 0, want 1 to 4"},
	} {
		_, err := train.New(net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: c.batch, Group: group})
		wantError(t, err, c.want)
	}
	text := letterNet(t, openCPU(t), model.LSTM{Hidden: 4, Stateful: true}, 1)
	o := letterOptions()
	o.Streams, o.Group, o.Batch = true, group, 2
	_, err := train.New(text, o)
	wantError(t, err, "option Batch is 2, want at least 3, one of the Streams for each rank of the Group")
	trainer := newTrainer(t, net, train.Options{Loss: train.CrossEntropy{}, Optimizer: train.SGD{}, LR: 1, Epochs: 1, Batch: 2, Group: group})
	wantPanic(t, "Step", "train: Step: the trainer has a Group", func() { trainer.Step(data.NewBatches(mixed(2), 2).Batch(0)) })
}

// A group of one rank changes nothing, and costs nothing.
func TestOneRankIsNoGroup(t *testing.T) {
	for _, s := range sharedTrainings(t) {
		with := s.on(t, 1, openCPU, nil, nil)[0]
		without := s.on(t, 1, openCPU, func(p *part) { p.options.Group = nil }, nil)[0]
		if with.err != nil || !sameState(with.file, without.file) {
			t.Errorf("%s: the group of one rank gives other bytes (%v)", s.name, with.err)
		}
	}
}

// Each sample of the batch is on a rank of its own. If all of them dropped the same inputs,
// half of the columns of the weights would have no gradient.
func TestRanksDrawNoiseOfTheirOwn(t *testing.T) {
	const width = 64
	set := &data.Dataset{Steps: 1, Width: width, TargetWidth: 1, Targets: make([]float32, 4)}
	for range 4 * width {
		set.X = append(set.X, 1)
	}
	spec := model.Spec{{Name: "drop", Layer: model.Dropout{Rate: 0.5}}, {Name: "head", Layer: model.Dense{Out: 1, NoBias: true}}}
	s := shared{"dropout", spec, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1e-3, Epochs: 1, Batch: 4}, set, nil}
	first := make([]float32, width)
	outcomes := s.on(t, 4, openCPU, nil, func(p *part) error {
		if p.rank == 0 {
			return p.net.Backend().Download(first, p.net.Values())
		}
		return nil
	})
	if !same(outcomes) || !same(s.on(t, 4, openCPU, nil, nil)) || outcomes[0].err != nil {
		t.Fatalf("the ranks differ (%v)", outcomes[0].err)
	}
	kept := 0
	for i, v := range outcomes[0].values {
		if v == first[i] {
			kept++
		}
	}
	if kept > width/4 { // 1/16 of them are expected
		t.Errorf("%d of %d weights have no gradient from any of 4 ranks", kept, width)
	}
}
