package train_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"

	"gputrain/backend"
	"gputrain/model"
	"gputrain/train"
)

// explodes keeps the learning rate for some steps, and then makes it so large that
// nothing stays finite.
type explodes struct{ after int }

func (s explodes) Factor(step int) float64 {
	if step < s.after {
		return 1
	}
	return 1e41
}

func (explodes) Check() error { return nil }

// explosive returns a trainer on a network with these initial parameters. Its loss
// is finite for the given number of steps from the beginning, and not long after
// that. An epoch has 5 steps.
func explosive(t *testing.T, b backend.Backend, initSeed uint64, steps int, change func(*train.Options)) (*model.Network, *train.Trainer) {
	t.Helper()
	net := build(t, b, linear(1), model.Shape{Steps: 1, Batch: 4, Width: 2}, initSeed)
	o := train.Options{
		Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.01, Schedule: explodes{steps},
		Epochs: 10_000, Batch: 4, Seed: 5, LossEvery: 7,
	}
	change(&o)
	return net, newTrainer(t, net, o)
}

func wantFiniteParameters(t *testing.T, net *model.Network) {
	t.Helper()
	for i, v := range download(t, net.Backend(), net.Values()) {
		if v-v != 0 {
			t.Errorf("parameter %d is %v", i, v)
		}
	}
}

// After a divergence, a trainer equals one that was stopped when the loss was last
// read and finite, or at its beginning. Step 1016 comes after a second waypoint.
func TestDivergenceGoesBackToTheLastFiniteState(t *testing.T) {
	const patience = 10_000 // so that there are best parameters too
	backends := others(t)
	backends["reference"] = openReference(t)
	for name, b := range backends {
		for _, c := range []struct{ explosion, lastRead int }{{0, 0}, {23, 22}, {1017, 1016}} {
			if c.explosion > 1000 && name != "cpu" {
				continue // slow where it is emulated; and the reference rounds at a waypoint
			}
			net, trainer := explosive(t, b, 1, c.explosion, func(o *train.Options) { o.Patience = patience })
			set, valid := line(19, 1), line(9, 2)
			var divergence *train.Divergence
			if err := trainer.Fit(t.Context(), set, valid); !errors.As(err, &divergence) {
				t.Fatalf("%s, explosion after %d steps: error %v, want a Divergence", name, c.explosion, err)
			}
			if f := divergence.Fault; f == nil || f.Step != c.explosion+1 {
				t.Errorf("%s, explosion after %d steps: fault %v", name, c.explosion, f)
			}
			wantFiniteParameters(t, net)

			stopped := stoppedAfter(t, b, c.explosion, c.lastRead, patience, 7)
			if !bytes.Equal(saved(t, trainer.Save), saved(t, stopped.Save)) {
				t.Errorf("%s, explosion after %d steps: the state is not that after step %d", name, c.explosion, c.lastRead)
			}
		}
	}
}

// turns cancels when step at of the training is repeated.
type turns struct {
	explodes
	at       int
	furthest *int
	cancel   func()
}

func (s turns) Factor(step int) float64 {
	*s.furthest = max(*s.furthest, step)
	if step < *s.furthest && step == s.at {
		s.cancel()
	}
	return s.explodes.Factor(step)
}

// If the way back is cancelled, the trainer is where the way back began. If the
// search for the fault is cancelled, the trainer is where the way back ended.
func TestCancellingAfterADivergence(t *testing.T) {
	const patience = 10_000 // so that there are best parameters too
	for _, c := range []struct {
		explosion, lossEvery int
		at, state            int
		want                 string
	}{
		{23, 7, 4, 0, "stopped on the way back, in the state after step 0"},
		{23, 7, 20, 0, "stopped on the way back, in the state after step 0"},
		{23, 7, 22, 22, "stopped while looking for it"},
		{1017, 1, 1010, 1000, "stopped on the way back, in the state after step 1000"}, // the second waypoint
	} {
		b, set, valid := openCPU(t), line(19, 1), line(9, 2)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		net, trainer := explosive(t, b, 1, c.explosion, func(o *train.Options) {
			o.LossEvery, o.Patience = c.lossEvery, patience
			o.Schedule = turns{explodes{c.explosion}, c.at, new(int), cancel}
		})
		err := trainer.Fit(ctx, set, valid)
		if !errors.Is(err, train.ErrDiverged) || !errors.Is(err, context.Canceled) {
			t.Fatalf("step %d made again: error %v, want one that wraps ErrDiverged and Canceled", c.at, err)
		}
		wantError(t, err, c.want)
		wantFiniteParameters(t, net)

		stopped := stoppedAfter(t, b, c.explosion, c.state, patience, c.lossEvery)
		if !bytes.Equal(saved(t, trainer.Save), saved(t, stopped.Save)) {
			t.Errorf("step %d made again: the state is not that after step %d", c.at, c.state)
		}
	}
}

// stoppedAfter returns an explosive trainer that was cancelled after this many
// steps.
func stoppedAfter(t *testing.T, b backend.Backend, explosion, steps, patience, lossEvery int) *train.Trainer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if steps == 0 {
		cancel()
	}
	_, trainer := explosive(t, b, 1, explosion, func(o *train.Options) {
		o.Patience, o.LossEvery = patience, lossEvery
		o.OnStep = func(p train.Progress) error {
			if p.Step == steps {
				cancel()
			}
			return nil
		}
	})
	if err := trainer.Fit(ctx, line(19, 1), line(9, 2)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return trainer
}

func TestTrainingGoesOnWithASmallerRateAfterADivergence(t *testing.T) {
	b, set := openCPU(t), line(19, 1)
	_, trainer := explosive(t, b, 1, 23, func(*train.Options) {})
	if err := trainer.Fit(t.Context(), set, nil); !errors.Is(err, train.ErrDiverged) {
		t.Fatalf("error %v, want ErrDiverged", err)
	}
	f := newFile()
	if err := trainer.Save(f); err != nil {
		t.Fatal(err)
	}
	net, smaller := explosive(t, b, 2, 23, func(o *train.Options) { o.LR, o.Epochs = 1e-40, 6 })
	if err := smaller.Load(f); err != nil {
		t.Fatal(err)
	}
	fit(t, smaller, set, nil)
	wantFiniteParameters(t, net)
}

// The copy of the state is not in the device's memory.
func TestNewAsksTheDeviceForTheOptimizerOnly(t *testing.T) {
	b := &metered{Backend: openCPU(t)}
	net := build(t, b, linear(100), model.Shape{Steps: 1, Batch: 1, Width: 1000}, 1)
	for _, c := range []struct {
		o    train.Options
		want int // copies of the parameters
	}{
		{train.Options{Optimizer: train.SGD{}}, 0},
		{train.Options{Optimizer: train.Adam{}}, 2},
		{train.Options{Optimizer: train.Adam{}, Patience: 1}, 3},
	} {
		c.o.Loss, c.o.LR, c.o.Epochs, c.o.Batch = train.MSE{}, 1, 1, 1
		b.elements = 0
		newTrainer(t, net, c.o)
		if got := b.elements / net.Values().Size(); got != c.want {
			t.Errorf("%T, Patience %d: memory for %d times the parameters, want %d", c.o.Optimizer, c.o.Patience, got, c.want)
		}
	}
}

// metered is a backend that counts the elements that are allocated and the elements
// that are downloaded.
type metered struct {
	backend.Backend
	elements, downloaded int
}

func (b *metered) New(rows, cols int) (backend.Tensor, error) {
	b.elements += rows * cols
	return b.Backend.New(rows, cols)
}

func (b *metered) Download(dst []float32, src backend.Tensor) error {
	b.downloaded += len(dst)
	return b.Backend.Download(dst, src)
}

func TestDivergenceThatDoesNotRepeatSaysSo(t *testing.T) {
	b := &brittle{Backend: openCPU(t), breaks: 12}
	net, trainer := explosive(t, b, 1, 1000, func(*train.Options) {})
	err := trainer.Fit(t.Context(), line(19, 1), nil)
	if !errors.Is(err, train.ErrDiverged) {
		t.Fatalf("error %v, want ErrDiverged", err)
	}
	wantError(t, err, "where it began was not found: when the steps after step 10 are repeated, all their results are finite")
	wantFiniteParameters(t, net)
}

// brittle is a backend on which one update fails.
type brittle struct {
	backend.Backend
	breaks int // the updates before
}

func (b *brittle) Adam(a backend.AdamArgs) {
	b.Backend.Adam(a)
	if b.breaks--; b.breaks == 0 {
		b.Fill(a.Param, math.NaN())
	}
}

// A waypoint is set seldom, because that takes long where the network is large.
func TestTheStateIsCopiedOnceInAThousandSteps(t *testing.T) {
	b := &metered{Backend: openCPU(t)}
	net, trainer := explosive(t, b, 1, 1e9, func(o *train.Options) { o.Epochs = 500 }) // 2500 steps
	fit(t, trainer, line(19, 1), nil)
	if want := 3 * 3 * net.Values().Size(); b.downloaded < want || b.downloaded > want+10*2500 {
		t.Errorf("%d elements were downloaded, want %d, 3 times the parameters and the state of Adam, and some of the loss", b.downloaded, want)
	}
}
