package train

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"gputrain/collective"
)

// Options say how a Trainer trains.
type Options struct {
	Loss      Loss
	Optimizer Optimizer
	LR        float64  // the learning rate
	Schedule  Schedule // of the learning rate; nil means Constant
	ClipNorm  float64  // the largest norm of the whole gradient; 0 means any
	Groups    []Group  // parameters with options of their own

	Epochs int    // how often Fit goes through the training set
	Batch  int    // samples per step, at most as many as the network was built for
	Seed   uint64 // of the order of the samples, and of dropout and zoneout

	// Group are ranks that train the network together, of which this is one; nil is none but
	// this one. Each rank has a trainer, with the same options, on a device of its own, and
	// calls Fit with the same sets. It computes the gradient of its part of each batch
	// (data.Batches.Shard), which may be empty: Batch is the size of the whole, and the
	// network of a rank needs room for its part only, ⌈Batch/Size⌉ samples. The gradients are
	// added up, and all ranks make the same update, that of the mean over all rows: see
	// collective.Sum, or collective.TensorAdder, which adds on the devices. Dropout and zoneout have other random numbers on each rank. Validation
	// is shared too. The same number of ranks gives the same bytes in every run.
	//
	// OnStep and OnEpoch are called on all ranks, which are at the same place then. With
	// Streams, Save and SaveBest must be called on all of them together.
	//
	// If the context of one rank is cancelled, Fit ends on all ranks after the same update, on
	// the others with an error that wraps a *StoppedError. A divergence, too, ends it on all. After
	// any other error the others wait for this rank until it calls Group.Abort.
	Group collective.Group

	// FastSum lets the group add gradients in an order of its own if it can
	// (collective.Adder, collective.TensorAdder). The results may then differ in the last bits from run to run.
	FastSum bool

	// Chunk is the number of time steps after which the parameters change. The
	// sequences are cut into chunks of that many steps. The states of the layers,
	// which must be Stateful, start at zero and go on from chunk to chunk, but no
	// error goes back from one chunk to the one before. Sequences may be longer
	// than the network was built for. 0 means the whole sequence.
	Chunk int

	// Streams makes sample i of each batch go on where sample i of the batch before
	// ended: Batch streams run side by side. The states of the layers, which must be
	// Stateful, start at zero in each epoch and go on from batch to batch, but no error
	// goes back to the batch before. Fit takes the samples in their order, so batch after
	// batch must hold the next part of each stream, as data.Streams arranges it. Not
	// with Chunk.
	Streams bool

	// Accumulate is the number of batches that make one update: that of the mean over
	// all their rows, as if they were one batch, in the memory of a small one. The last
	// update of an epoch has the batches that are left. With Streams they are parts of
	// the streams, one after the other. Not with Chunk. 0 means 1.
	Accumulate int

	// EMA, above 0 and below 1, keeps an exponential moving average of the parameters,
	// which is often better than the parameters of any one step: after update t, from 0,
	//
	//	average = d·average + (1−d)·parameters    with d = min(EMA, (1+t)/(10+t)), and 0 for t = 0
	//
	// That is PyTorch's AveragedModel with get_ema_multi_avg_fn(EMA), with a warm-up, that
	// of TensorFlow's ExponentialMovingAverage with num_updates, in which the average forgets
	// the parameters of the beginning sooner. Fit validates with the average, and keeps that
	// of the best epoch. OnEpoch finds the average in the network, and Fit ends with it
	// there, also on an error; OnStep finds the parameters that are trained. Save makes the
	// average the network of the checkpoint, which has both. 0 turns it off.
	EMA float64

	// Tolerance makes Fit stop after an epoch with a TrainLoss of at most this;
	// 0 turns it off.
	Tolerance float64

	// Patience is how many epochs may pass without a smaller validation loss before
	// Fit stops. Fit then ends with the parameters of the epoch with the smallest
	// validation loss. 0 turns off both.
	Patience int

	// KeepBest keeps the parameters of the epoch with the smallest validation loss
	// for SaveBest, and in checkpoints. Fit still ends with the last parameters.
	// Patience keeps them too.
	KeepBest bool

	// LossEvery is the number of steps between two reads of the loss; 0 means
	// 10. Each read waits for the device.
	LossEvery int

	// OnStep is called after every update, OnEpoch after every epoch. An error ends
	// Fit, which returns it. Both may save the trainer and the network and evaluate
	// the network. They must not change it: after a divergence Fit repeats the last
	// steps.
	OnStep  func(Progress) error
	OnEpoch func(Epoch) error
}

// Progress is where Fit stands after an update.
type Progress struct {
	Epoch, Epochs int     // Epoch counts from 1
	Step, Steps   int     // updates done and updates in all epochs together
	Samples       int     // processed by this Trainer since New
	Loss          float64 // mean since the epoch began, as of the last read
	LR            float64 // of the step
}

// Epoch is the record of one epoch.
type Epoch struct {
	Epoch     int     // from 1
	LR        float64 // at the last step
	TrainLoss float64 // mean over the rows that count for the loss, each judged before its step
	TrainRows int     // of that mean

	ValidLoss, ValidAccuracy float64 // NaN without a validation set or labels

	// Wall time of the steps, without the validation. A checkpoint depends on the
	// computation only and does not hold them: they are NaN after Load.
	Seconds, SamplesPerSecond float64

	// SumSeconds is how much of Seconds went into sums over the ranks of Options.Group,
	// where this rank also waits for the others. It is 0 without a group, and NaN after Load.
	SumSeconds float64
}

// withDefaults returns o with its zero values replaced.
func (o Options) withDefaults() Options {
	if o.Schedule == nil {
		o.Schedule = Constant{}
	}
	if o.LossEvery == 0 {
		o.LossEvery = 10
	}
	if o.Accumulate == 0 {
		o.Accumulate = 1
	}
	return o
}

// check names the first option that makes no sense for a network that was built for
// batches of limit samples.
func (o Options) check(limit int) error {
	switch {
	case o.Loss == nil:
		return errors.New("option Loss is nil, want one such as CrossEntropy{}")
	case o.Optimizer == nil:
		return errors.New("option Optimizer is nil, want one such as Adam{}")
	case !(o.LR > 0) || math.IsInf(o.LR, 0):
		return fmt.Errorf("option LR is %v, want a finite number above 0", o.LR)
	case o.Epochs <= 0:
		return fmt.Errorf("option Epochs is %d, want at least 1", o.Epochs)
	case o.Batch > 0 && o.most() > limit && joined(o.Group):
		return fmt.Errorf("option Batch is %d, want 1 to %d, as many as the networks of %d ranks were built for", o.Batch, limit*o.Group.Size(), o.Group.Size())
	case o.Streams && joined(o.Group) && o.Batch < o.Group.Size():
		return fmt.Errorf("option Batch is %d, want at least %d, one of the Streams for each rank of the Group", o.Batch, o.Group.Size())
	case o.Batch <= 0 || o.most() > limit:
		return fmt.Errorf("option Batch is %d, want 1 to %d, as many as the network was built for", o.Batch, limit)
	case o.Chunk < 0:
		return fmt.Errorf("option Chunk is %d, want at least 0", o.Chunk)
	case o.Chunk > 0 && o.Streams:
		return errors.New("options Chunk and Streams are set, want one of them: a sample of a stream is a chunk")
	case o.Accumulate < 0:
		return fmt.Errorf("option Accumulate is %d, want at least 0", o.Accumulate)
	case o.Chunk > 0 && o.Accumulate > 1:
		return errors.New("options Chunk and Accumulate are set, want one of them: with Chunk, each chunk makes an update")
	case o.Patience < 0:
		return fmt.Errorf("option Patience is %d, want at least 0", o.Patience)
	case o.LossEvery < 0:
		return fmt.Errorf("option LossEvery is %d, want at least 0", o.LossEvery)
	}
	if err := cmp.Or(wantNotNegative("option ClipNorm", o.ClipNorm), wantNotNegative("option Tolerance", o.Tolerance), wantBelowOne("option EMA", o.EMA)); err != nil {
		return err
	}
	for i, g := range o.Groups {
		if err := g.check(); err != nil {
			return fmt.Errorf("option Groups, group %d: %w", i+1, err)
		}
	}
	if err := o.Optimizer.Check(); err != nil {
		return err
	}
	return o.Schedule.Check()
}

func wantNotNegative(name string, value float64) error {
	if !(value >= 0) || math.IsInf(value, 0) {
		return fmt.Errorf("%s is %v, want a finite number of at least 0", name, value)
	}
	return nil
}

func wantBelowOne(name string, value float64) error {
	if !(value >= 0 && value < 1) {
		return fmt.Errorf("%s is %v, want at least 0 and below 1", name, value)
	}
	return nil
}
