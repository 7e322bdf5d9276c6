package train_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
	"gputrain/train"
)

func TestNewNamesTheOptionThatMakesNoSense(t *testing.T) {
	nan := math.NaN()
	cases := []struct {
		change func(*train.Options)
		want   string // "" for no error
	}{
		{func(*train.Options) {}, ""},
		{func(o *train.Options) { o.Loss = nil }, "Loss is nil"},
		{func(o *train.Options) { o.Optimizer = nil }, "Optimizer is nil"},
		{func(o *train.Options) { o.LR = 0 }, "LR is 0"},
		{func(o *train.Options) { o.LR = -1 }, "LR is -1"},
		{func(o *train.Options) { o.LR = nan }, "LR is NaN"},
		{func(o *train.Options) { o.LR = math.Inf(1) }, "LR is +Inf"},
		{func(o *train.Options) { o.Epochs = 0 }, "Epochs is 0"},
		{func(o *train.Options) { o.Batch = 0 }, "Batch is 0"},
		{func(o *train.Options) { o.Batch = -3 }, "Batch is -3"},
		{func(o *train.Options) { o.Batch = 9 }, "Batch is 9, want 1 to 8"},
		{func(o *train.Options) { o.ClipNorm = -1 }, "ClipNorm is -1"},
		{func(o *train.Options) { o.ClipNorm = nan }, "ClipNorm is NaN"},
		{func(o *train.Options) { o.Patience = -1 }, "Patience is -1"},
		{func(o *train.Options) { o.LossEvery = -1 }, "LossEvery is -1"},

		{func(o *train.Options) { o.Optimizer = train.SGD{Momentum: 0.9, Nesterov: true} }, ""},
		{func(o *train.Options) { o.Optimizer = train.SGD{Momentum: 1} }, "SGD: Momentum is 1"},
		{func(o *train.Options) { o.Optimizer = train.SGD{Momentum: nan} }, "SGD: Momentum is NaN"},
		{func(o *train.Options) { o.Optimizer = train.SGD{Nesterov: true} }, "Nesterov needs a Momentum"},
		{func(o *train.Options) { o.Optimizer = train.SGD{WeightDecay: -1} }, "SGD: WeightDecay is -1"},
		{func(o *train.Options) { o.Optimizer = train.RMSProp{Decay: 1} }, "RMSProp: Decay is 1"},
		{func(o *train.Options) { o.Optimizer = train.RMSProp{Epsilon: -1} }, "RMSProp: Epsilon is -1"},
		{func(o *train.Options) { o.Optimizer = train.RMSProp{Momentum: -0.1} }, "RMSProp: Momentum is -0.1"},
		{func(o *train.Options) { o.Optimizer = train.Adam{Beta1: 1} }, "Adam: Beta1 is 1"},
		{func(o *train.Options) { o.Optimizer = train.Adam{Beta2: -0.5} }, "Adam: Beta2 is -0.5"},
		{func(o *train.Options) { o.Optimizer = train.Adam{Epsilon: nan} }, "Adam: Epsilon is NaN"},
		{func(o *train.Options) { o.Optimizer = train.AdamW{Beta2: 1} }, "AdamW: Beta2 is 1"},
		{func(o *train.Options) { o.Optimizer = train.AdamW{WeightDecay: math.Inf(1)} }, "AdamW: WeightDecay is +Inf"},

		{func(o *train.Options) { o.Schedule = train.StepDecay{Every: 1, Gamma: 0.5} }, ""},
		{func(o *train.Options) { o.Schedule = train.StepDecay{Gamma: 0.5} }, "StepDecay: Every is 0"},
		{func(o *train.Options) { o.Schedule = train.StepDecay{Every: 1, Gamma: nan} }, "StepDecay: Gamma is NaN"},
		{func(o *train.Options) { o.Schedule = train.StepDecay{Every: 1, Gamma: 1.1} }, "StepDecay: Gamma is 1.1"},
		{func(o *train.Options) { o.Schedule = train.Cosine{Warmup: -1, Total: 5} }, "Cosine: Warmup is -1"},
		{func(o *train.Options) { o.Schedule = train.Cosine{Warmup: 5, Total: 5} }, "Cosine: Total is 5"},
		{func(o *train.Options) { o.Schedule = train.Cosine{Total: 5, Floor: nan} }, "Cosine: Floor is NaN"},
	}
	b := reference.New()
	net := build(t, b, linear(1), model.Shape{Steps: 1, Batch: 8, Width: 2}, 1)
	for i, c := range cases {
		t.Run(fmt.Sprintf("%d %s", i, c.want), func(t *testing.T) {
			o := train.Options{Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.1, Epochs: 1, Batch: 8}
			c.change(&o)
			trainer, err := train.New(net, o)
			wantError(t, err, c.want)
			if err == nil {
				trainer.Free()
			}
		})
	}
}

// shortOfMemory is a backend that has room for some allocations only.
type shortOfMemory struct {
	backend.Backend
	left, held int
}

func (b *shortOfMemory) take() error {
	if b.left == 0 {
		return fmt.Errorf("shortOfMemory: %w", backend.ErrOutOfMemory)
	}
	b.left--
	b.held++
	return nil
}

func (b *shortOfMemory) New(rows, cols int) (backend.Tensor, error) {
	if err := b.take(); err != nil {
		return backend.Tensor{}, err
	}
	return b.Backend.New(rows, cols)
}

func (b *shortOfMemory) NewInts(n int) (backend.Ints, error) {
	if err := b.take(); err != nil {
		return backend.Ints{}, err
	}
	return b.Backend.NewInts(n)
}

func (b *shortOfMemory) Free(buf backend.Buffer) {
	b.held--
	b.Backend.Free(buf)
}

func TestLackOfMemoryIsAnErrorThatLeavesNothingBehind(t *testing.T) {
	b := &shortOfMemory{Backend: reference.New(), left: math.MaxInt}
	net := build(t, b, linear(1), model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
	ofNetwork, set := b.held, line(8, 1)
	calls := map[string]func() error{
		"New": func() error {
			trainer, err := train.New(net, train.Options{
				Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.1, Epochs: 1, Batch: 4, Patience: 1})
			if err == nil {
				trainer.Free()
				trainer.Free()
			}
			return err
		},
		"Fit": func() error {
			trainer, err := train.New(net, train.Options{
				Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.1, Epochs: 1, Batch: 4, Patience: 1})
			if err != nil {
				return err
			}
			defer trainer.Free()
			return trainer.Fit(t.Context(), set, set)
		},
		"Evaluate": func() error {
			_, err := train.Evaluate(net, train.MSE{}, set)
			return err
		},
		"Predict": func() error {
			_, err := train.Predict(net, set)
			return err
		},
	}
	for name, call := range calls {
		for b.left = 0; ; b.left++ {
			room := b.left
			err := call()
			if b.held != ofNetwork {
				t.Fatalf("%s with room for %d allocations: %d are held after it, want %d", name, room, b.held, ofNetwork)
			}
			if err == nil {
				if room == 0 {
					t.Errorf("%s allocates nothing: the test has no effect", name)
				}
				break
			}
			if !errors.Is(err, backend.ErrOutOfMemory) {
				t.Fatalf("%s with room for %d allocations: error %q, want one that wraps ErrOutOfMemory", name, room, err)
			}
			b.left = room
		}
	}
}
