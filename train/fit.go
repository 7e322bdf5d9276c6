package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"gputrain/data"
	"gputrain/model"
)

// Fit trains from where the trainer stands, after New the beginning, after
// Load where the checkpoint was saved, until Options.Epochs epochs are done or
// Tolerance or Patience ends it. If that is so already it returns nil at once.
// valid may be nil if Options.Patience is 0.
//
// When ctx is cancelled Fit finishes the step and returns an error that wraps
// context.Cause(ctx). The trainer can then be saved, or Fit called again with
// the same sets: the end is the same, to the bit, as that of a Fit that was
// never stopped.
//
// It returns an error if a set does not fit the network or the loss, before
// any training; if training diverges (ErrDiverged); if the device fails or
// has no memory for the validation; and that of OnEpoch.
//
// Where it diverges, the parameters are what the last step made of them: there
// is no way on from there. Whoever wants to go back saves the trainer in OnEpoch,
// which is not called for an epoch that diverges, and loads that into a new one
// with a smaller LR.
func (t *Trainer) Fit(ctx context.Context, train, valid *data.Dataset) error {
	if t.done() {
		return t.restoreBest()
	}
	batches, validation, err := t.prepare(train, valid)
	if err != nil {
		return err
	}
	if validation != nil {
		defer validation.free()
	}
	for !t.done() {
		began, before := time.Now(), t.samples
		if err := t.runEpoch(ctx, batches); err != nil {
			return err
		}
		seconds := time.Since(began).Seconds()
		record, err := t.finishEpoch(validation)
		if err != nil {
			return err
		}
		record.Seconds, record.SamplesPerSecond = seconds, float64(t.samples-before)/seconds
		t.progress.history = append(t.progress.history, record)
		if t.options.OnEpoch != nil {
			if err := t.options.OnEpoch(record); err != nil {
				return err
			}
		}
	}
	return t.restoreBest()
}

// restoreBest ends a Fit: with Patience, the parameters of the best epoch are
// those that stay.
func (t *Trainer) restoreBest() error {
	if t.best.Present() && !math.IsInf(t.progress.bestLoss, 1) {
		t.b.Copy(t.net.Params(), t.best)
	}
	return t.b.Sync()
}

// done reports whether nothing is left to train.
func (t *Trainer) done() bool {
	o, s := &t.options, &t.progress
	epochs := len(s.history)
	return s.epoch >= o.Epochs || o.Patience > 0 && s.badEpochs >= o.Patience ||
		o.Tolerance > 0 && epochs > 0 && s.history[epochs-1].TrainLoss <= o.Tolerance
}

// prepare checks the sets and allocates what goes through them. The evaluator
// is nil without a validation set.
func (t *Trainer) prepare(train, valid *data.Dataset) (*data.Batches, *evaluator, error) {
	if err := cmp.Or(checkSet(t.net, t.options.Loss, train), t.checkSteps(train), checkTeacher(t.net, train)); err != nil {
		return nil, nil, fmt.Errorf("train: training set: %w", err)
	}
	batches := data.NewBatches(train, t.options.Batch)
	s := &t.progress
	if s.batch > batches.Count() || s.batch > 0 && s.setSize != train.Len() {
		return nil, nil, fmt.Errorf("train: training set: it has %d samples, but training stopped after %d batches of an epoch of %d samples: continue with the same set", train.Len(), s.batch, s.setSize)
	}
	s.setSize = train.Len()
	if valid == nil {
		if t.options.Patience > 0 {
			return nil, nil, fmt.Errorf("train: Patience is %d, but there is no validation set", t.options.Patience)
		}
		return batches, nil, nil
	}
	validation, err := newEvaluator(t.net, t.options.Loss, valid)
	if err != nil {
		return nil, nil, fmt.Errorf("train: validation set: %w", err)
	}
	return batches, validation, nil
}

// runEpoch trains on the batches of the epoch that are left.
func (t *Trainer) runEpoch(ctx context.Context, batches *data.Batches) error {
	o, s := &t.options, &t.progress
	batches.Shuffle(o.Seed, uint64(s.epoch))
	t.mark()
	for {
		if ctx.Err() != nil {
			return fmt.Errorf("train: stopped after step %d, in epoch %d: %w", s.step, s.epoch+1, context.Cause(ctx))
		}
		if s.batch == batches.Count() {
			return t.readLoss(batches)
		}
		before := s.step
		t.Step(batches.Batch(s.batch))
		s.batch++
		if t.lossReads(s.step) > t.lossReads(before) {
			if err := t.readLoss(batches); err != nil {
				return err
			}
		}
		if o.OnStep != nil {
			o.OnStep(Progress{
				Epoch: s.epoch + 1, Epochs: o.Epochs,
				Step: s.step, Steps: o.Epochs * batches.Count() * (s.step - before),
				Samples: t.samples, Loss: s.lastLoss,
			})
		}
	}
}

// lossReads returns how often the loss is read in the first steps of a training.
func (t *Trainer) lossReads(steps int) int {
	return (steps + t.options.LossEvery - 1) / t.options.LossEvery
}

// readLoss waits for the device and reads the mean loss of the epoch so far. The
// loss being taken before the update, it does not show whether the last update
// overflowed: that is looked at too.
func (t *Trainer) readLoss(batches *data.Batches) error {
	// Clipping to the largest number multiplies by 1 and gives the norm.
	t.b.ClipNorm(t.net.Params(), t.norm, math.MaxFloat32)
	if err := t.b.Download(t.received, t.readings); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	t.progress.lastLoss = float64(t.received[0]) / float64(max(1, t.progress.rows))
	if err := t.checkFinite("the training loss", t.progress.lastLoss, batches); err != nil {
		return err
	}
	if err := t.checkFinite("the norm of the parameters", float64(t.received[1]), batches); err != nil {
		return err
	}
	t.mark()
	return nil
}

// finishEpoch evaluates, notes whether the epoch was the best, and moves on to
// the next one.
func (t *Trainer) finishEpoch(validation *evaluator) (Epoch, error) {
	s := &t.progress
	record := Epoch{
		Epoch: s.epoch + 1, LR: t.options.LR * t.options.Schedule.Factor(s.step-1), TrainLoss: s.lastLoss,
		ValidLoss: math.NaN(), ValidAccuracy: math.NaN(),
	}
	if validation != nil {
		metrics, err := validation.run()
		if err != nil {
			return Epoch{}, fmt.Errorf("train: validation: %w", err)
		}
		if err := t.checkFinite("the validation loss", metrics.Loss, nil); err != nil {
			return Epoch{}, err
		}
		record.ValidLoss, record.ValidAccuracy = metrics.Loss, metrics.Accuracy
		t.compareWithBest(metrics.Loss)
	}
	t.b.Fill(t.lossSum, 0)
	s.rows, s.batch = 0, 0
	s.epoch++
	return record, nil
}

// compareWithBest keeps the parameters if loss is the smallest so far.
func (t *Trainer) compareWithBest(loss float64) {
	s := &t.progress
	switch {
	case !t.best.Present():
	case loss < s.bestLoss:
		s.bestLoss, s.badEpochs = loss, 0
		t.b.Copy(t.best, t.net.Params())
	default:
		s.badEpochs++
	}
}

// checkSet says why net cannot be trained or evaluated on set with loss.
func checkSet(net *model.Network, loss Loss, set *data.Dataset) error {
	if err := checkInputs(net, set); err != nil {
		return err
	}
	out := net.OutputShape(model.Shape{Steps: set.Steps, Batch: 1, Width: set.Width})
	want := 1
	if set.PerStep {
		want = set.Steps
	}
	if out.Steps != want {
		return fmt.Errorf("it has %d targets per sample, the network has outputs for %d time steps: take the last step, or give a target for each", want, out.Steps)
	}
	if err := loss.Check(set, out.Width); err != nil {
		return err
	}
	if _, squared := loss.(MSE); squared {
		return checkRange(net, set)
	}
	return nil
}

// checkRange says which target of set net can't come near, whatever it learns.
func checkRange(net *model.Network, set *data.Dataset) error {
	low, high := net.OutputRange()
	for i, target := range set.Targets {
		if float64(target) < low || float64(target) > high {
			return fmt.Errorf("target %v at index %d is outside of what the network can give, %v to %v: scale the targets, or end with a layer without bounds", target, i, low, high)
		}
	}
	return nil
}

// checkInputs says why net cannot be run on set.
func checkInputs(net *model.Network, set *data.Dataset) error {
	in := net.Input()
	switch {
	case set.Len() == 0:
		return errors.New("it is empty")
	case set.Width != in.Width:
		return fmt.Errorf("its samples have %d features per time step, the network takes %d", set.Width, in.Width)
	case set.Lengths != nil && !net.Ragged():
		return errors.New("its samples have lengths of their own, but the network is built for whole sequences: build it with the option model.Ragged()")
	case set.Steps > in.Steps && !runsInChunks(net):
		return fmt.Errorf("its samples have %d time steps, the network was built for at most %d", set.Steps, in.Steps)
	}
	return nil
}
