package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"gputrain/data"
)

// Fit trains until Options.Epochs epochs are done, or until Tolerance or Patience
// ends it. It starts where the trainer stands: at the beginning after New, at the
// checkpoint after Load. If training is already done, Fit returns nil at once.
// valid may be nil if Options.Patience is 0. All sequences begin with states of
// zero, also those of Stateful layers, unless they are Streams.
//
// When ctx is cancelled, Fit finishes the step, or leaves the validation, and returns
// an error that wraps context.Cause(ctx). Then the trainer can be saved, or Fit called again with the
// same sets: the result is the same, to the bit, as that of a Fit that was never
// stopped.
//
// Before any training, Fit returns an error if a set contradicts itself
// (data.Dataset.Check), does not fit the network or the loss, or holds NaN or Inf
// where it counts. So it does after Load, and in the middle of an epoch, if the sets
// are not those of before: it compares their content. Check returns the same errors.
// Later it returns an error if training diverges (ErrDiverged), if the device
// fails, if there is no memory for the validation, or if OnEpoch returns one.
//
// After a divergence, the network and the trainer are as they were when the loss
// was last read and all was finite, or when Fit began. Fit repeats steps to get
// there. If ctx is cancelled meanwhile, they are as they were some steps before: at
// most a thousand, plus those between two reads of the loss.
//
// The trainer can then be saved, and loaded into one with a smaller LR. But numbers
// that are still finite may already be large. So it may be better to go on from an
// earlier epoch, saved in OnEpoch, which is not called for an epoch that diverges.
// If the validation loss is what is not finite, this is the only way.
func (t *Trainer) Fit(ctx context.Context, train, valid *data.Dataset) error {
	t.enter("Fit")
	defer t.use.Leave()
	checkContext("Fit", ctx)
	if t.Done() {
		return t.restoreBest()
	}
	if err := t.check("Fit", train, valid); err != nil {
		return err
	}
	batches := data.NewBatches(train, t.options.Batch)
	var validation *evaluator // nil without a validation set
	if valid != nil {
		var err error
		if validation, err = newEvaluator(t.net, t.options.Loss, valid); err != nil {
			return fmt.Errorf("train: validation set: %w", err)
		}
		validation.group = t.options.Group
		defer validation.free()
	}
	t.begin(train, valid)
	defer t.end()
	if t.ranks != nil {
		batches.Shard(t.ranks.Rank(), t.ranks.Size())
		if err := t.checkRanks(); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	defer t.show(true)
	if err := t.mark(); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	for !t.Done() {
		began, before, summed := time.Now(), t.samples, t.summing()
		if err := t.runEpoch(ctx, batches); err != nil {
			return err
		}
		seconds := time.Since(began).Seconds()
		record, err := t.finishEpoch(ctx, validation)
		if err != nil {
			return err
		}
		record.Seconds, record.SamplesPerSecond = seconds, float64(t.samples-before)/seconds
		record.SumSeconds = t.summing() - summed
		t.progress.history = append(t.progress.history, record)
		if t.options.OnEpoch != nil {
			if err := t.callback(func() error { return t.options.OnEpoch(record) }); err != nil {
				return err
			}
		}
	}
	return t.restoreBest()
}

// begin notes the sets of a Fit, which it must have been checked with.
func (t *Trainer) begin(train, valid *data.Dataset) {
	known := t.sets.digests
	if !t.sets.bound {
		known = nil
	}
	t.sets = learned{train: train, valid: valid, digests: known}
	t.show(false)
	if t.progress.batch == 0 {
		t.beginEpoch()
	}
}

// end binds the next Fit to the same sets if this one stops in the middle of an
// epoch.
func (t *Trainer) end() {
	if t.progress.batch > 0 {
		t.sets.digest()
		t.sets.bound = true
	}
}

// updates returns how many updates of the parameters the first batches of an epoch make,
// and how many batches are then pending. The epoch has count batches of so many time
// steps.
func (t *Trainer) updates(batches, count, steps int) (updates, pending int) {
	if chunk := t.options.Chunk; chunk > 0 {
		return batches * ((steps + chunk - 1) / chunk), 0
	}
	return windows(batches, count, t.options.Accumulate)
}

// callback calls the user's function, which may save and evaluate.
func (t *Trainer) callback(call func() error) error {
	t.use.Pause()
	defer t.use.Resume("train: Fit")
	return call()
}

// restoreBest ends a Fit. With Patience it brings back the parameters of the best
// epoch.
func (t *Trainer) restoreBest() error {
	t.show(true)
	if _, ok := t.bestEpoch(); ok && t.options.Patience > 0 {
		t.b.Copy(t.net.Values(), t.best)
	}
	return t.b.Sync()
}

// Done reports whether Fit has nothing left to train. Options.OnEpoch may ask it.
func (t *Trainer) Done() bool {
	o, s := &t.options, &t.progress
	epochs := len(s.history)
	return s.epoch >= o.Epochs || o.Patience > 0 && s.badEpochs >= o.Patience ||
		o.Tolerance > 0 && epochs > 0 && s.history[epochs-1].TrainLoss <= o.Tolerance
}

// Check returns the error that Fit would return before any training. It changes
// nothing, so a caller can ask it before it writes anything.
func (t *Trainer) Check(train, valid *data.Dataset) error {
	defer t.visit("Check")()
	return t.check("Check", train, valid)
}

func (t *Trainer) check(op string, train, valid *data.Dataset) error {
	checkSetThere(op, "training set", train)
	if err := t.checkTraining(train); err != nil {
		return fmt.Errorf("train: training set: %w", err)
	}
	if valid == nil {
		if err := t.sets.checkValidation(nil); err != nil {
			return fmt.Errorf("train: validation set: %w", err)
		}
		switch o := &t.options; {
		case o.Patience > 0:
			return fmt.Errorf("train: Patience is %d, but there is no validation set", o.Patience)
		case o.KeepBest:
			return errors.New("train: KeepBest is set, but there is no validation set")
		}
		return nil
	}
	if err := t.checkValidation(valid); err != nil {
		return fmt.Errorf("train: validation set: %w", err)
	}
	return nil
}

// checkValidation says why the network cannot be validated on set.
func (t *Trainer) checkValidation(set *data.Dataset) error {
	err := t.eachBlock(set, func(block *data.Dataset) error {
		if err := checkSet(t.net, t.options.Loss, block); err != nil {
			return err
		}
		return checkNumbers(block)
	})
	return cmp.Or(err, t.sets.checkValidation(set))
}

// checkTraining says why set cannot be trained on.
func (t *Trainer) checkTraining(set *data.Dataset) error {
	err := t.eachBlock(set, func(block *data.Dataset) error {
		if err := cmp.Or(checkSet(t.net, t.options.Loss, block), t.checkSteps(set), checkTeacher(t.net, block)); err != nil {
			return err
		}
		return checkNumbers(block)
	})
	if err != nil {
		return err
	}
	if err := t.sets.checkTraining(set); err != nil {
		return err
	}
	return t.checkPlace(set)
}

// checkPlace says why the trainer cannot stand where it does in an epoch of set.
func (t *Trainer) checkPlace(set *data.Dataset) error {
	s, o := &t.progress, &t.options
	if s.batch == 0 {
		return nil
	}
	updates, pending := t.updates(s.batch, (set.Len()+o.Batch-1)/o.Batch, set.Steps)
	rows := min(s.batch*o.Batch, set.Len())
	if set.PerStep {
		rows *= set.Steps
	}
	if s.step-s.epochStep != updates || s.pending != pending || s.rows > rows {
		return fmt.Errorf("the checkpoint is damaged: %d batches of the epoch, with at most %d rows in %d steps and %d batches after them, are said to have had %d rows in %d steps and %d batches",
			s.batch, rows, updates, pending, s.rows, s.step-s.epochStep, s.pending)
	}
	return nil
}

// runEpoch trains on the batches of the epoch that are left.
func (t *Trainer) runEpoch(ctx context.Context, batches *data.Batches) error {
	o, s := &t.options, &t.progress
	t.show(false)
	t.order(batches)
	t.finite = t.progress
	for {
		if err := t.stopped(ctx); err != nil {
			return fmt.Errorf("train: stopped after step %d, in epoch %d: %w", s.step, s.epoch+1, err)
		}
		if s.batch == batches.Count() {
			return t.readLoss(ctx, batches)
		}
		before, steps := s.step, t.sets.train.Steps
		made, _ := t.updates(1, 1, steps)
		for step := before; step < before+made; step++ {
			if err := t.checkRate(step); err != nil {
				return fmt.Errorf("train: %w", err)
			}
		}
		if err := t.learnNext(batches); err != nil {
			return fmt.Errorf("train: %w", err)
		}
		if s.step == before {
			continue
		}
		if t.lossReads(s.step) > t.lossReads(before) {
			if err := t.readLoss(ctx, batches); err != nil {
				return err
			}
		}
		if o.OnStep != nil {
			updates, _ := t.updates(batches.Count(), batches.Count(), steps)
			err := t.callback(func() error {
				return o.OnStep(Progress{
					Epoch: s.epoch + 1, Epochs: o.Epochs,
					Step: s.step, Steps: o.Epochs * updates,
					Samples: t.samples, Loss: s.lastLoss, LR: t.rate(s.step - 1),
				})
			})
			if err != nil {
				return err
			}
		}
	}
}

// order puts the samples in the order of the epoch.
func (t *Trainer) order(batches *data.Batches) {
	if !t.options.Streams {
		batches.Shuffle(t.options.Seed, uint64(t.progress.epoch))
	}
}

// lossReads returns how often the loss is read in the first steps of a training.
func (t *Trainer) lossReads(steps int) int {
	return (steps + t.options.LossEvery - 1) / t.options.LossEvery
}

// readLoss waits for the device and reads the mean loss of the epoch so far. The
// loss is taken before the update and does not show whether the last update
// overflowed, so readLoss looks at the norm of the parameters too.
func (t *Trainer) readLoss(ctx context.Context, batches *data.Batches) error {
	t.measureNorm()
	if err := t.b.Download(t.received, t.readings); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	// The sum of the epoch is made here, because float32 loses small losses in the
	// sum of many.
	s := &t.progress
	s.lossSum += float64(t.received[0])
	t.b.Fill(t.lossSum, 0)
	s.lastLoss = s.lossSum / float64(max(1, s.rows))
	if err := t.checkFinite(ctx, "the training loss", s.lastLoss, batches); err != nil {
		return err
	}
	if err := t.checkFinite(ctx, paramNorm, float64(t.received[1]), batches); err != nil {
		return err
	}
	t.finite = t.progress
	if t.finite.step < t.waypoint.progress.step+waypointEvery {
		return nil
	}
	if err := t.mark(); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// measureNorm sets t.norm to the norm of the parameters.
func (t *Trainer) measureNorm() {
	// Clipping to the largest number multiplies by 1 and gives the norm.
	t.b.ClipNorm(t.net.Values(), t.norm, math.MaxFloat32)
}

// finishEpoch evaluates, notes whether the epoch was the best, and moves on to
// the next one.
func (t *Trainer) finishEpoch(ctx context.Context, validation *evaluator) (Epoch, error) {
	s := &t.progress
	record := Epoch{
		Epoch: s.epoch + 1, LR: t.rate(s.step - 1),
		TrainLoss: s.lastLoss, TrainRows: s.rows,
		ValidLoss: math.NaN(), ValidAccuracy: math.NaN(),
	}
	t.show(true)
	if validation != nil {
		metrics, err := validation.run(ctx)
		switch {
		case err != nil && (ctx.Err() != nil || errors.As(err, new(*StoppedError))):
			return Epoch{}, fmt.Errorf("train: stopped after step %d, in the validation of epoch %d: %w", s.step, s.epoch+1, err)
		case err != nil:
			return Epoch{}, fmt.Errorf("train: validation: %w", err)
		}
		if err := t.checkFinite(ctx, "the validation loss", metrics.Loss, nil); err != nil {
			return Epoch{}, err
		}
		record.ValidLoss, record.ValidAccuracy = metrics.Loss, metrics.Accuracy
		t.compareWithBest(metrics.Loss)
	}
	t.nextEpoch()
	return record, nil
}

// nextEpoch moves on to the beginning of the next epoch.
func (t *Trainer) nextEpoch() {
	t.progress.epoch++
	t.beginEpoch()
}

// beginEpoch begins an epoch at the present step.
func (t *Trainer) beginEpoch() {
	s := &t.progress
	t.b.Fill(t.lossSum, 0)
	for _, x := range t.streams {
		t.b.Fill(x, 0)
	}
	s.lossSum, s.rows, s.batch, s.epochStep = 0, 0, 0, s.step
	s.pending, s.weight = 0, 0
}

// compareWithBest keeps the parameters if loss is the smallest so far.
func (t *Trainer) compareWithBest(loss float64) {
	s := &t.progress
	switch {
	case !t.best.Present():
	case loss < s.bestLoss:
		s.bestLoss, s.badEpochs = loss, 0
		t.b.Copy(t.best, t.net.Values())
	default:
		s.badEpochs++
	}
}
