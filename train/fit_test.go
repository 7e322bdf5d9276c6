package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

func TestLinearRegressionFindsTheLine(t *testing.T) {
	optimizers := []struct {
		optimizer train.Optimizer
		lr        float64
	}{
		{train.SGD{}, 0.1},
		{train.SGD{Momentum: 0.8, Nesterov: true}, 0.03},
		{train.RMSProp{}, 0.05},
		{train.Adam{}, 0.05},
		{train.AdamW{}, 0.05},
	}
	for _, c := range optimizers {
		t.Run(fmt.Sprintf("%T", c.optimizer), func(t *testing.T) {
			const epochs = 150
			b := openCPU(t)
			net := build(t, b, linear(1), model.Shape{Steps: 1, Batch: 16, Width: 2}, 1)
			trainer := newTrainer(t, net, train.Options{
				Loss: train.MSE{}, Optimizer: c.optimizer, LR: c.lr, Epochs: epochs, Batch: 16, Seed: 1,
				Schedule: train.Cosine{Warmup: 10, Total: epochs * 4}})
			fit(t, trainer, line(60, 1), nil)
			for name, want := range map[string][]float64{"head.weight": {3, -2}, "head.bias": {0.5}} {
				window, ok := net.Parameter(name)
				if !ok {
					t.Fatalf("the network has no %s", name)
				}
				for i, got := range download(t, b, window.Value) {
					wantClose(t, fmt.Sprintf("%s[%d]", name, i), float64(got), want[i], 1e-4)
				}
			}
		})
	}
}

func TestMLPLearnsXOR(t *testing.T) {
	set := &data.Dataset{
		Steps: 1, Width: 2, X: []float32{0, 0, 0, 1, 1, 0, 1, 1},
		Labels: []int32{0, 1, 1, 0}, Classes: []string{"equal", "different"},
	}
	b := openCPU(t)
	net := build(t, b, model.Spec{
		{Name: "hidden", Layer: model.Dense{Out: 8}},
		{Name: "tanh", Layer: model.Tanh},
		{Name: "head", Layer: model.Dense{Out: 2}},
	}, model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
	trainer := newTrainer(t, net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.05, Epochs: 100, Batch: 4})
	fit(t, trainer, set, nil)
	metrics, err := train.Evaluate(net, train.CrossEntropy{}, set)
	if err != nil {
		t.Fatal(err)
	}
	if metrics.Correct != 4 || metrics.Loss > 0.1 {
		t.Errorf("got %d of 4 right, loss %v; want all, loss below 0.1", metrics.Correct, metrics.Loss)
	}
}

// The loss curves of the two backends differ only by rounding.
func TestRecurrentNetsMemoriseOnEveryBackend(t *testing.T) {
	const steps, classes, hidden, batch = 6, 3, 12, 8
	set := sequences(28, steps, classes, 1) // the last batch is half full
	layers := map[string]struct {
		layer  model.Layer
		epochs int
	}{
		"LSTM": {model.LSTM{Hidden: hidden}, 60},
		"RNN":  {model.RNN{Hidden: hidden}, 60},
	}
	for name, c := range layers {
		t.Run(name, func(t *testing.T) {
			curve := func(b backend.Backend) []train.Epoch {
				net := build(t, b, model.Spec{
					{Name: "recurrent", Layer: c.layer},
					{Name: "last", Layer: model.LastStep{}},
					{Name: "head", Layer: model.Dense{Out: classes}},
				}, model.Shape{Steps: steps, Batch: batch, Width: classes}, 1)
				trainer := newTrainer(t, net, train.Options{
					Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.02, ClipNorm: 1,
					Epochs: c.epochs, Batch: batch, Seed: 1})
				fit(t, trainer, set, set)
				return trainer.History()
			}
			got, want := curve(openCPU(t)), curve(openReference(t))
			for i := range want {
				if math.Abs(got[i].TrainLoss-want[i].TrainLoss) > 1e-4 {
					t.Fatalf("epoch %d: training loss on cpu %v, on reference %v, tolerance 1e-4", i+1, got[i].TrainLoss, want[i].TrainLoss)
				}
			}
			last := got[len(got)-1]
			if last.ValidAccuracy != 1 || last.TrainLoss > 0.1 {
				t.Errorf("after %d epochs: accuracy %v, loss %v; want 1 and below 0.1", last.Epoch, last.ValidAccuracy, last.TrainLoss)
			}
		})
	}
}

// The loss of an epoch is the mean over the samples, whatever the batches are.
func TestEpochLossWeighsSamplesEqually(t *testing.T) {
	set := line(7, 1)
	want := math.NaN()
	for _, batch := range []int{7, 1, 3} {
		net := build(t, openReference(t), linear(1), model.Shape{Steps: 1, Batch: 7, Width: 2}, 1)
		if math.IsNaN(want) {
			metrics, err := train.Evaluate(net, train.MSE{}, set)
			if err != nil {
				t.Fatal(err)
			}
			want = metrics.Loss
		}
		// A rate this small leaves the parameters as they are.
		trainer := newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1e-30, Epochs: 2, Batch: batch})
		fit(t, trainer, set, nil)
		for _, e := range trainer.History() {
			wantClose(t, fmt.Sprintf("batch %d: loss of epoch %d", batch, e.Epoch), e.TrainLoss, want, 1e-6*want)
		}
	}
}

func TestTwoRunsGiveTheSameBytes(t *testing.T) {
	run := func(seed uint64) []byte {
		net := build(t, openCPU(t), classifier(9, 3), model.Shape{Steps: 5, Batch: 6, Width: 3}, 1)
		trainer := newTrainer(t, net, train.Options{
			Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, Epochs: 3, Batch: 6, Seed: seed})
		fit(t, trainer, sequences(20, 5, 3, 1), nil)
		return saved(t, trainer.Save)
	}
	if !bytes.Equal(run(1), run(1)) {
		t.Error("two runs with seed 1 differ")
	}
	if bytes.Equal(run(1), run(2)) {
		t.Error("runs with the seeds 1 and 2 are equal: the test has no effect")
	}
}

// tugOfWar is a line y = w·x to be trained towards w = 2 and validated at
// w = 1: on its way up from w = 0 the validation loss falls, then rises.
func tugOfWar(t *testing.T, o train.Options) (*model.Network, *train.Trainer, *data.Dataset, *data.Dataset) {
	set := func(w float32) *data.Dataset {
		return &data.Dataset{Steps: 1, Width: 1, X: []float32{1, -1}, Targets: []float32{w, -w}, TargetWidth: 1}
	}
	net, err := model.New(openReference(t), model.Spec{{Name: "w", Layer: model.Dense{Out: 1, NoBias: true}}}, model.Shape{Steps: 1, Batch: 2, Width: 1}, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o.Loss, o.Optimizer, o.LR, o.Batch = train.MSE{}, train.SGD{}, 0.05, 2
	return net, newTrainer(t, net, o), set(2), set(1)
}

func TestEarlyStoppingRestoresTheBestParameters(t *testing.T) {
	const patience = 3
	var net *model.Network
	var weights []float32
	net, trainer, set, valid := tugOfWar(t, train.Options{Epochs: 100, Patience: patience, OnEpoch: func(train.Epoch) error {
		weights = append(weights, download(t, net.Backend(), net.Values())[0])
		return nil
	}})
	fit(t, trainer, set, valid)

	history := trainer.History()
	best := 0
	for i, e := range history {
		if e.ValidLoss < history[best].ValidLoss {
			best = i
		}
	}
	if best == 0 || len(history) != best+1+patience {
		t.Fatalf("the best of %d epochs is %d; want some, and the end %d later", len(history), best+1, patience)
	}
	if got := download(t, net.Backend(), net.Values())[0]; got != weights[best] || got == weights[len(weights)-1] {
		t.Errorf("w = %v after Fit, want %v, that of epoch %d", got, weights[best], best+1)
	}
}

func TestWithoutPatienceTheLastParametersStay(t *testing.T) {
	net, trainer, set, valid := tugOfWar(t, train.Options{Epochs: 60})
	fit(t, trainer, set, valid)
	if got := len(trainer.History()); got != 60 {
		t.Errorf("got %d epochs, want 60", got)
	}
	wantClose(t, "w", float64(download(t, net.Backend(), net.Values())[0]), 2, 0.01)
}

func TestFitReturnsAtOnceWhenItIsDone(t *testing.T) {
	_, trainer, set, _ := tugOfWar(t, train.Options{Epochs: 2})
	fit(t, trainer, set, nil)
	before := saved(t, trainer.Save)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := trainer.Fit(ctx, nil, nil); err != nil {
		t.Errorf("Fit after the last epoch: %v", err)
	}
	if !bytes.Equal(saved(t, trainer.Save), before) {
		t.Error("Fit after the last epoch changed the trainer")
	}
}

func TestCancellationFinishesTheStepAndNamesTheCause(t *testing.T) {
	cause := errors.New("the user had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	var steps []int
	net := build(t, openReference(t), linear(1), model.Shape{Steps: 1, Batch: 2, Width: 2}, 1)
	trainer := newTrainer(t, net, train.Options{
		Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.01, Epochs: 5, Batch: 2,
		OnStep: func(p train.Progress) error {
			steps = append(steps, p.Step)
			if p.Step == 4 {
				cancel(cause)
			}
			return nil
		}})
	err := trainer.Fit(ctx, line(6, 1), nil)
	if !errors.Is(err, cause) {
		t.Fatalf("got error %v, want one that wraps the cause", err)
	}
	wantError(t, err, "stopped after step 4, in epoch 2")
	if !slices.Equal(steps, []int{1, 2, 3, 4}) || len(trainer.History()) != 1 {
		t.Errorf("got steps %v and %d epochs, want 1 to 4 and 1", steps, len(trainer.History()))
	}
}

func TestOnStepReportsProgress(t *testing.T) {
	var got []train.Progress
	net := build(t, openReference(t), linear(1), model.Shape{Steps: 1, Batch: 4, Width: 2}, 1)
	trainer := newTrainer(t, net, train.Options{
		Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.01, Epochs: 2, Batch: 4, LossEvery: 2,
		Schedule: train.StepDecay{Every: 4, Gamma: 0.5},
		OnStep:   func(p train.Progress) error { got = append(got, p); return nil }})
	fit(t, trainer, line(10, 1), nil)
	want := []train.Progress{
		{Epoch: 1, Epochs: 2, Step: 1, Steps: 6, Samples: 4, LR: 0.01},
		{Epoch: 1, Epochs: 2, Step: 2, Steps: 6, Samples: 8, LR: 0.01},
		{Epoch: 1, Epochs: 2, Step: 3, Steps: 6, Samples: 10, LR: 0.01},
		{Epoch: 2, Epochs: 2, Step: 4, Steps: 6, Samples: 14, LR: 0.01},
		{Epoch: 2, Epochs: 2, Step: 5, Steps: 6, Samples: 18, LR: 0.005},
		{Epoch: 2, Epochs: 2, Step: 6, Steps: 6, Samples: 20, LR: 0.005},
	}
	if len(got) != len(want) {
		t.Fatalf("OnStep was called %d times, want %d", len(got), len(want))
	}
	for i, p := range got {
		loss := p.Loss
		p.Loss = 0
		if p != want[i] || !(loss > 0) {
			t.Errorf("call %d: got %+v with loss %v, want %+v with a loss", i, p, loss, want[i])
		}
	}
	if got[1].Loss != got[0].Loss || got[2].Loss == got[1].Loss {
		t.Errorf("losses %v, %v, %v after steps 1 to 3; want reads after 1 and 3", got[0].Loss, got[1].Loss, got[2].Loss)
	}
	if history := trainer.History(); got[2].Loss != history[0].TrainLoss {
		t.Errorf("loss after the first epoch's last step %v, of the epoch %v; want the same", got[2].Loss, history[0].TrainLoss)
	}
}

func TestHistoryRecordsTheLearningRateAndTheValidation(t *testing.T) {
	set, valid := sequences(10, 3, 3, 1), sequences(7, 3, 3, 2)
	net := build(t, openReference(t), classifier(4, 3), model.Shape{Steps: 3, Batch: 5, Width: 3}, 1)
	trainer := newTrainer(t, net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.SGD{}, LR: 0.5, Epochs: 3, Batch: 5,
		Schedule: train.StepDecay{Every: 3, Gamma: 0.1}})
	fit(t, trainer, set, valid)
	metrics, err := train.Evaluate(net, train.CrossEntropy{}, valid)
	if err != nil {
		t.Fatal(err)
	}
	history := trainer.History()
	for i, lr := range []float64{0.5, 0.05, 0.05} { // at the steps 1, 3, 5
		if history[i].Epoch != i+1 || history[i].LR != lr {
			t.Errorf("record %d: epoch %d, learning rate %v; want %d and %v", i, history[i].Epoch, history[i].LR, i+1, lr)
		}
	}
	if last := history[2]; last.ValidLoss != metrics.Loss || last.ValidAccuracy != metrics.Accuracy {
		t.Errorf("last record: loss %v, accuracy %v; Evaluate: %v, %v", last.ValidLoss, last.ValidAccuracy, metrics.Loss, metrics.Accuracy)
	}
}

// The schedule is 1 at step 0 and 0 from then on: only the first step counts.
func TestTheFirstStepTakesTheFactorOfStepZero(t *testing.T) {
	net, trainer, set, _ := tugOfWar(t, train.Options{Epochs: 3, Schedule: train.Cosine{Total: 1}})
	fit(t, trainer, set, nil)
	// The gradient at w = 0 is 2·(0 − 2), the rate 0.05.
	wantClose(t, "w", float64(download(t, net.Backend(), net.Values())[0]), 0.2, 1e-7)
}

// counting is SGD that records the numbers of its steps.
type counting struct {
	train.SGD
	steps *[]int
}

func (o counting) Update(b backend.Backend, params, grads backend.Tensor, slots []backend.Tensor, lr float64, step int) {
	*o.steps = append(*o.steps, step)
	o.SGD.Update(b, params, grads, slots, lr, step)
}

func TestOptimizerStepsCountFromOne(t *testing.T) {
	var steps []int
	net := build(t, openReference(t), linear(1), model.Shape{Steps: 1, Batch: 2, Width: 2}, 1)
	trainer := newTrainer(t, net, train.Options{
		Loss: train.MSE{}, Optimizer: counting{steps: &steps}, LR: 0.01, Epochs: 2, Batch: 2})
	fit(t, trainer, line(3, 1), nil)
	if !slices.Equal(steps, []int{1, 2, 3, 4}) {
		t.Errorf("got steps %v, want 1 to 4", steps)
	}
}

func TestEveryEpochAndSeedHasItsOwnOrder(t *testing.T) {
	const epochs = 8
	set := line(20, 1)
	// The first loss of an epoch is the loss of its first sample: at a rate this
	// small the parameters stay.
	firstLosses := func(seed uint64) []float64 {
		var losses []float64
		net := build(t, openReference(t), linear(1), model.Shape{Steps: 1, Batch: 1, Width: 2}, 1)
		trainer := newTrainer(t, net, train.Options{
			Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1e-30, Epochs: epochs, Batch: 1, Seed: seed, LossEvery: 1,
			OnStep: func(p train.Progress) error {
				if (p.Step-1)%set.Len() == 0 {
					losses = append(losses, p.Loss)
				}
				return nil
			}})
		fit(t, trainer, set, nil)
		return losses
	}
	one, two := firstLosses(1), firstLosses(2)
	if slices.Equal(one, two) {
		t.Errorf("seeds 1 and 2 begin their epochs with the same samples: %v", one)
	}
	slices.Sort(one)
	if distinct := len(slices.Compact(one)); distinct < epochs/2 {
		t.Errorf("%d epochs begin with only %d different samples", epochs, distinct)
	}
}

func TestOnEpochErrorEndsFit(t *testing.T) {
	full := errors.New("disk full")
	_, trainer, set, _ := tugOfWar(t, train.Options{Epochs: 3, OnEpoch: func(e train.Epoch) error {
		if e.Epoch == 2 {
			return full
		}
		return nil
	}})
	if err := trainer.Fit(t.Context(), set, nil); !errors.Is(err, full) {
		t.Errorf("got error %v, want %v", err, full)
	}
	if got := len(trainer.History()); got != 2 {
		t.Errorf("got %d epochs, want 2", got)
	}
}

func TestClipNormTamesALargeGradient(t *testing.T) {
	net := build(t, openReference(t), linear(1), model.Shape{Steps: 1, Batch: 5, Width: 2}, 1)
	before := download(t, net.Backend(), net.Values())
	trainer := newTrainer(t, net, train.Options{
		Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 1, ClipNorm: 0.25, Epochs: 1, Batch: 5})
	fit(t, trainer, line(5, 1), nil)
	var square float64
	for i, p := range download(t, net.Backend(), net.Values()) {
		square += math.Pow(float64(p-before[i]), 2)
	}
	wantClose(t, "norm of the step", math.Sqrt(square), 0.25, 1e-5)
}
