package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// panicOf returns the text that call panics with, "" if it does not.
func panicOf(call func()) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprint(p)
		}
	}()
	call()
	return ""
}

func wantPanic(t *testing.T, name, want string, call func()) {
	t.Helper()
	got := panicOf(call)
	if (want == "") != (got == "") || !strings.Contains(got, want) || strings.Contains(got, "nil pointer") {
		t.Errorf("%s: panic %q, want %q", name, got, want)
	}
}

func TestNilOperandsAreNamed(t *testing.T) {
	ctx := t.Context()
	net, trainer := resumable(t, 1, func(*train.Options) {})
	set, _ := resumeSets()
	single := build(t, openCPU(t), linear(1), model.Shape{Steps: 1, Batch: 1, Width: 2}, 1)
	for want, call := range map[string]func(){
		"train: New: the network is nil":                          func() { train.New(nil, train.Options{}) },
		"train: Fit: the training set is nil":                     func() { trainer.Fit(ctx, nil, nil) },
		"train: Fit: the context is nil":                          func() { trainer.Fit(context.Context(nil), set, nil) },
		"train: Check: the training set is nil":                   func() { trainer.Check(nil, nil) },
		"train: Evaluate: the network is nil":                     func() { train.Evaluate(nil, train.MSE{}, set) },
		"train: Evaluate: the loss is nil":                        func() { train.Evaluate(net, nil, set) },
		"train: Evaluate: the set is nil":                         func() { train.Evaluate(net, train.MSE{}, nil) },
		"train: Predict: the network is nil":                      func() { train.Predict(nil, set) },
		"train: Predict: the set is nil":                          func() { train.Predict(net, nil) },
		"train: Save: the file is nil":                            func() { trainer.Save(nil) },
		"train: SaveBest: the file is nil":                        func() { trainer.SaveBest(nil) },
		"train: Load: the file is nil":                            func() { trainer.Load(nil) },
		"train: Step: the batch has 0 samples, want 1 to 5":       func() { trainer.Step(data.Batch{}) },
		"train: Step: X of the batch has length 0, want 24: 4 ti": func() { trainer.Step(data.Batch{Size: 2, Steps: 4}) },
		"train: Step: the batch has 9 time steps, want 1 to 4":    func() { trainer.Step(data.Batch{Size: 2, Steps: 9}) },
		"SoftmaxCrossEntropy: labels is absent":                   func() { trainer.Step(data.Batch{Size: 1, Steps: 4, X: make([]float32, 12)}) },
		"train: delta rule: Fit: the network is nil":              func() { train.DeltaRule{}.Fit(ctx, nil, set) },
		"train: delta rule: Fit: the training set is nil":         func() { train.DeltaRule{}.Fit(ctx, single, nil) },
		"train: perceptron rule: Fit: the network is nil":         func() { train.PerceptronRule{}.Fit(ctx, nil, set) },
		"train: perceptron rule: Fit: the training set is nil":    func() { train.PerceptronRule{}.Fit(ctx, single, nil) },
		"train: Step: the trainer is nil":                         func() { (*train.Trainer)(nil).Step(data.Batch{}) },
		"train: Free: the trainer is nil":                         func() { (*train.Trainer)(nil).Free() },
	} {
		wantPanic(t, want, want, call)
	}
	_, err := train.New(net, train.Options{Optimizer: train.Adam{}})
	wantError(t, err, "option Loss is nil")
	// The trainer still works: no call has left it in use.
	fit(t, trainer, set, nil)
}

func TestUseAfterFreeAndClose(t *testing.T) {
	set, _ := resumeSets()
	batch := data.NewBatches(set, 5).Batch(0)
	for name, end := range map[string]func(b backend.Backend, net *model.Network, trainer *train.Trainer){
		"Free":  func(_ backend.Backend, _ *model.Network, trainer *train.Trainer) { trainer.Free() },
		"Close": func(b backend.Backend, _ *model.Network, _ *train.Trainer) { b.Close() },
	} {
		net, trainer := resumable(t, 1, func(*train.Options) {})
		end(net.Backend(), net, trainer)
		for op, call := range map[string]func(){
			"Step":     func() { trainer.Step(batch) },
			"Fit":      func() { trainer.Fit(t.Context(), set, nil) },
			"Check":    func() { trainer.Check(set, nil) },
			"Save":     func() { trainer.Save(newFile()) },
			"SaveBest": func() { trainer.SaveBest(newFile()) },
			"Load":     func() { trainer.Load(newFile()) },
		} {
			wantPanic(t, op+" after "+name, "train: "+op+": the trainer is freed, or its backend closed", call)
		}
		wantPanic(t, "Free after "+name, "", trainer.Free)
		wantPanic(t, "Free of the network after "+name, "", net.Free)
	}
	net, trainer := resumable(t, 1, func(*train.Options) {})
	net.Free()
	wantPanic(t, "Step after Free of the network", "train: Step: the network is freed", func() { trainer.Step(batch) })
	wantPanic(t, "Evaluate after Free of the network", "the network is freed", func() { train.Evaluate(net, train.CrossEntropy{}, set) })
}

const inUse = "it is in use by another call, in another goroutine or around this callback"

func TestCallbacksMaySaveAndEvaluateButNotTrain(t *testing.T) {
	set, valid := resumeSets()
	plainNet, plain := resumable(t, 1, stopEarly)
	fit(t, plain, set, valid)

	for _, where := range []string{"OnStep", "OnEpoch"} {
		var trainer *train.Trainer
		var net *model.Network
		calls := 0
		inside := func() error {
			calls++
			for name, call := range map[string]func(){
				"Fit":  func() { trainer.Fit(t.Context(), set, valid) },
				"Step": func() { trainer.Step(data.NewBatches(set, 5).Batch(0)) },
				"Load": func() { trainer.Load(newFile()) },
				"Free": func() { trainer.Free() },
			} {
				wantPanic(t, where+": "+name, "train: "+name+": "+inUse, call)
			}
			if _, err := train.Evaluate(net, train.CrossEntropy{}, valid); err != nil {
				return err
			}
			if _, err := train.Predict(net, valid); err != nil {
				return err
			}
			if err := trainer.Check(set, valid); err != nil {
				return err
			}
			if _, ok := trainer.Best(); ok {
				if err := trainer.SaveBest(newFile()); err != nil {
					return err
				}
			}
			trainer.History()
			return errors.Join(trainer.Save(newFile()), net.Save(newFile()))
		}
		net, trainer = resumable(t, 1, func(o *train.Options) {
			stopEarly(o)
			if where == "OnStep" {
				o.OnStep = func(train.Progress) error { return inside() }
			} else {
				o.OnEpoch = func(train.Epoch) error { return inside() }
			}
		})
		fit(t, trainer, set, valid)
		if calls == 0 || !bytes.Equal(saved(t, net.Save), saved(t, plainNet.Save)) || !bytes.Equal(saved(t, trainer.Save), saved(t, plain.Save)) {
			t.Errorf("%s: after %d calls that save and evaluate, the run ends with other bytes", where, calls)
		}
	}
}

// A panic in a callback must not leave the trainer in use.
func TestATrainerIsFreeAgainAfterAPanic(t *testing.T) {
	set, valid := resumeSets()
	_, plain := resumable(t, 1, func(*train.Options) {})
	fit(t, plain, set, valid)
	angry := true
	_, trainer := resumable(t, 1, func(o *train.Options) {
		o.OnStep = func(p train.Progress) error {
			if angry && p.Step == 7 {
				panic("no")
			}
			return nil
		}
	})
	wantPanic(t, "Fit", "no", func() { trainer.Fit(t.Context(), set, valid) })
	angry = false
	fit(t, trainer, set, valid)
	if !bytes.Equal(saved(t, trainer.Save), saved(t, plain.Save)) {
		t.Error("Fit after a panic in OnStep ends with other bytes")
	}
}

// held is a backend that waits in an operation until the test lets it go on.
type held struct {
	backend.Backend
	entered, release chan struct{}
}

func (h held) Fill(dst backend.Tensor, value float64) {
	if h.entered != nil {
		h.entered <- struct{}{}
		<-h.release
	}
	h.Backend.Fill(dst, value)
}

func TestTwoGoroutinesAtOncePanic(t *testing.T) {
	set, valid := resumeSets()
	b := &held{Backend: openCPU(t)}
	net := build(t, b, classifier(5, 3), resumeShape, 1)
	trainer := newTrainer(t, net, train.Options{Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.02, Epochs: 1, Batch: 5})
	batch := data.NewBatches(set, 5).Batch(0)
	b.entered, b.release = make(chan struct{}), make(chan struct{})
	done := make(chan struct{})
	go func() { trainer.Step(batch); close(done) }()
	<-b.entered
	for name, call := range map[string]func(){
		"Step":    func() { trainer.Step(batch) },
		"Fit":     func() { trainer.Fit(t.Context(), set, valid) },
		"Save":    func() { trainer.Save(newFile()) },
		"History": func() { trainer.History() },
		"Best":    func() { trainer.Best() },
	} {
		wantPanic(t, name, "train: "+name+": "+inUse, call)
	}
	b.entered = nil
	close(b.release)
	<-done
	fit(t, trainer, set, valid) // no false alarm
}

// factor is a schedule that gives one factor from a step on.
type factor struct {
	from  int
	value float64
}

func (f factor) Factor(step int) float64 {
	if step < f.from {
		return 1
	}
	return f.value
}

func (factor) Check() error { return nil }

func TestAScheduleThatGivesNoRateIsAnError(t *testing.T) {
	set := delayed(5, 7, 1)
	for _, chunk := range []int{0, 3} {
		for _, value := range []float64{-1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64} {
			spec := model.Spec{{Name: "layer", Layer: model.RNN{Hidden: 3, Stateful: true}}, {Name: "head", Layer: model.Dense{Out: 1}}}
			net := build(t, openCPU(t), spec, model.Shape{Steps: 7, Batch: 2, Width: 1}, 1)
			start := func(s train.Schedule) *train.Trainer {
				return newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 10, Schedule: s, Epochs: 2, Batch: 2, Chunk: chunk})
			}
			trainer := start(factor{4, value})
			err := trainer.Fit(t.Context(), set, nil)
			wantError(t, err, fmt.Sprintf("train: the schedule, a train_test.factor, gives the factor %v at step 4 (LR is 10): want a finite number of at least 0", value))
			// What stands is whole: it goes on under another schedule.
			f := newFile()
			if err := trainer.Save(f); err != nil {
				t.Fatal(err)
			}
			next := start(factor{0, 0.001})
			if err := next.Load(f); err != nil {
				t.Fatal(err)
			}
			fit(t, next, set, nil)
			wantPanic(t, "Step", "gives the factor", func() { start(factor{0, value}).Step(data.NewBatches(set, 2).Batch(0)) })
		}
	}
	net := build(t, openCPU(t), linear(1), model.Shape{Steps: 1, Batch: 5, Width: 2}, 1)
	fit(t, newTrainer(t, net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.1, Schedule: factor{1, 0}, Epochs: 2, Batch: 5}), line(5, 1), nil)
}

func TestStepWithinAnEpochPanics(t *testing.T) {
	set, valid := resumeSets()
	stop := fmt.Errorf("stop")
	_, trainer := resumable(t, 1, func(o *train.Options) {
		o.OnStep = func(p train.Progress) error {
			if p.Step == 2 {
				return stop
			}
			return nil
		}
	})
	batch := data.NewBatches(set, 5).Batch(0)
	trainer.Step(batch)
	if err := trainer.Fit(t.Context(), set, valid); err != stop {
		t.Fatal(err)
	}
	wantPanic(t, "Step", "train: Step: Fit has stopped after 1 batches of epoch 1", func() { trainer.Step(batch) })
	fit(t, trainer, set, valid)
	if e := trainer.History()[0]; e.TrainRows != 23 {
		t.Errorf("the first epoch has %d rows, want the 23 of the set: the loss of a Step before Fit is not its", e.TrainRows)
	}
	trainer.Step(batch)
	f := newFile()
	if err := trainer.Save(f); err != nil {
		t.Fatal(err)
	}
	_, loaded := resumable(t, 1, func(*train.Options) {})
	if err := loaded.Load(f); err != nil {
		t.Errorf("saved after a Step between epochs: %v", err)
	}
}
