// Package train turns a network and a dataset into a trained network: losses,
// optimizers, schedules of the learning rate, the loop over epochs, evaluation
// and checkpoints.
//
//	net.Init(seed)
//	t, err := train.New(net, train.Options{Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 1e-3, Epochs: 10, Batch: 64})
//	...
//	defer t.Free()
//	err = t.Fit(ctx, training, validation)
//
// Sequences of different lengths (data.Dataset.Lengths) need a network built with
// the option Ragged (model.Options). To learn while a sequence runs, or from
// sequences that are longer than the network was built for, set Options.Chunk and
// the option Stateful of the recurrent layers.
package train

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/internal/inuse"
	"gputrain/model"
)

// Trainer trains one network. It keeps what lives from step to step: the
// optimizer's state, the position in the data, the best parameters so far. Like the
// network, it is not safe for concurrent use: two calls at once panic.
type Trainer struct {
	net     *model.Network
	b       backend.Backend
	options Options
	memory  memory

	feed     feed
	grad     backend.Tensor   // of the loss by the network's output
	loss     backend.Tensor   // [1,1], of one batch
	gradNorm backend.Tensor   // [1,1], of the gradient
	factor   backend.Tensor   // [1,1], that clips the gradient
	readings backend.Tensor   // [2,1]: lossSum and norm, to be downloaded at once
	lossSum  backend.Tensor   // [1,1], Σ loss·rows since the loss was last read
	norm     backend.Tensor   // [1,1], of the parameters
	segments []segment        // of the parameters that are trained
	frozen   []backend.Tensor // gradients of the others
	slots    []backend.Tensor // of the optimizers, for all segments
	best     backend.Tensor   // parameters of the best epoch; absent without Patience and KeepBest
	received []float32        // where readings is downloaded to

	share, whole backend.Tensor // [rows,1] and [pieces,1], with Accumulate: factors of a batch and of the sum

	average backend.Tensor // with EMA: see parameters
	decay   backend.Tensor // [pieces,1], of the average
	spare   backend.Tensor // to exchange values
	shown   bool           // the network has the average

	states  carrier
	streams []backend.Tensor // with Options.Streams, the states after the last step
	step    step
	queue   func() // queues step

	use inuse.Flag

	progress progress
	sets     learned
	checked  []*data.Dataset  // stored sets that are known to fit
	samples  int              // processed since New
	changing []backend.Tensor // what a step changes
	waypoint waypoint         // of this Fit

	ranks     *ranks   // nil without Options.Group, or if it has one rank
	queueLast func()   // queues the update where a step does not
	finite    progress // when all was last seen finite, at the waypoint or after it
}

// step is what one batch, or chunk, and the update after it work with.
type step struct {
	in     input
	from   int // time step of the first row in the sequence
	size   int // sequences
	target Target
	lr     float64
	carry  carry // absent where the states are the caller's

	number int     // of the update, from 1
	weight float64 // of the rows of all its batches
	seed   uint64  // of the network's own random numbers
	first  bool    // the gradient is not added to that of the batch before
	last   bool    // the update is made
}

// progress is the part of the state that is not in tensors.
type progress struct {
	step      int     // optimizer steps done
	pending   int     // batches, with Accumulate, since the last one
	weight    float64 // of the rows of these
	epoch     int     // of the next batch, from 0
	epochStep int     // steps done before the epoch
	batch     int     // the next one of the epoch
	lossSum   float64 // Σ loss·rows of the epoch, as last read
	rows      int     // of the epoch that count
	lastLoss  float64 // mean of the epoch so far, as last read
	bestLoss  float64 // of the validation, where the best parameters are kept
	badEpochs int     // since bestLoss
	history   []Epoch
}

// New returns a trainer of net. It does not touch the parameters before the first
// step: call net.Init or Load first. New allocates the optimizer's state and room
// for a batch. Fit also keeps a copy of the state and the parameters in the memory
// of the host, to go back there after a divergence. New returns an error for
// options that make no sense, and if memory runs out.
func New(net *model.Network, o Options) (*Trainer, error) {
	checkNet("New", net)
	o = o.withDefaults()
	in := net.Input()
	if err := o.check(in.Batch); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if err := cmp.Or(checkGradient(net), checkLogits(net, o.Loss), checkLoss(net, o.Loss)); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	in.Batch = o.most()
	out := net.OutputShape(in)
	if o.Chunk > 0 {
		if err := checkChunk(net, o.Chunk); err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
	}
	if o.Streams {
		if err := checkStreams(net); err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
	}
	t := &Trainer{
		net: net, b: net.Backend(), options: o,
		memory:   memory{b: net.Backend()},
		states:   newCarrier(net),
		received: make([]float32, 2),
		progress: progress{lastLoss: math.NaN(), bestLoss: math.Inf(1)},
	}
	all, err := o.treatments(net)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	m := &t.memory
	t.feed = newFeed(m, net, in.Batch, o.Loss)
	t.grad = m.tensor(out.Rows(), out.Width)
	t.loss, t.gradNorm, t.factor, t.readings = m.tensor(1, 1), m.tensor(1, 1), m.tensor(1, 1), m.tensor(2, 1)
	t.queue = t.queueStep
	params := net.Values()
	t.join(m)
	if o.Accumulate > 1 || t.ranks != nil {
		t.share, t.whole = m.tensor(out.Rows(), 1), m.tensor(pieces, 1)
	}
	if o.EMA > 0 {
		t.average, t.decay, t.spare = m.tensor(params.Rows, params.Cols), m.tensor(pieces, 1), m.tensor(1, min(params.Size(), exchangeSize))
	}
	t.divide(all)
	if o.Patience > 0 || o.KeepBest {
		t.best = m.tensor(params.Rows, params.Cols)
	}
	if o.Streams {
		from, to := t.streamPart()
		for _, state := range t.states.statesFor(in.Steps, to-from) {
			t.streams = append(t.streams, m.tensor(state.Final.Rows, state.Final.Cols))
		}
	}
	if m.err != nil {
		m.free()
		return nil, fmt.Errorf("train: no memory for batches of %d samples and the optimizer's state, try a smaller batch or network: %w", o.Batch, m.err)
	}
	t.lossSum, t.norm = t.readings.Slice(0, 1), t.readings.Slice(1, 2)
	t.changing = slices.Concat([]backend.Tensor{params, t.lossSum}, t.slots, t.streams)
	if o.Accumulate > 1 {
		t.changing = append(t.changing, net.Grads())
	}
	if o.EMA > 0 {
		t.changing = append(t.changing, t.average) // the last one: see trace
	}
	return t, nil
}

// Free releases the trainer's tensors, not the network's. The trainer cannot
// be used any more. Freeing twice is legal, and so is freeing after the backend's
// Close.
func (t *Trainer) Free() {
	if t == nil {
		panic("train: Free: the trainer is nil")
	}
	t.use.Enter("train: Free")
	defer t.use.Leave()
	t.memory.free()
}

// enter begins a call that neither another goroutine nor OnStep or OnEpoch may make
// meanwhile; use.Leave ends it. It panics if the memory of the trainer is gone.
func (t *Trainer) enter(op string) {
	t.checkLive(op)
	t.use.Enter("train: " + op)
}

// visit is enter for a call that OnStep and OnEpoch may make. The function that it
// returns ends it.
func (t *Trainer) visit(op string) (leave func()) {
	t.checkLive(op)
	return t.use.Visit("train: " + op)
}

func (t *Trainer) checkLive(op string) {
	if t == nil {
		panic("train: " + op + ": the trainer is nil")
	}
	if t.loss.Buf.Meta().Freed {
		panic("train: " + op + ": the trainer is freed, or its backend closed")
	}
	if t.net.Values().Buf.Meta().Freed {
		panic("train: " + op + ": the network is freed")
	}
}

// History returns the records of the epochs that are done. OnStep and OnEpoch may
// call it.
func (t *Trainer) History() []Epoch {
	defer t.use.Visit("train: History")()
	return slices.Clone(t.progress.history)
}

// Epochs returns how many epochs are done.
func (t *Trainer) Epochs() int { return t.progress.epoch }

// Steps returns how many optimizer steps are done.
func (t *Trainer) Steps() int { return t.progress.step }

// Best returns the record of the epoch whose parameters are kept: the one with the
// smallest validation loss. ok is false if there is none yet, or without
// Options.Patience and KeepBest. OnStep and OnEpoch may call it.
func (t *Trainer) Best() (e Epoch, ok bool) {
	defer t.use.Visit("train: Best")()
	return t.bestEpoch()
}

func (t *Trainer) bestEpoch() (e Epoch, ok bool) {
	s := &t.progress
	if math.IsInf(s.bestLoss, 1) {
		return Epoch{}, false
	}
	return s.history[len(s.history)-1-s.badEpochs], true
}

// Step makes one update of the parameters with the samples of batch, at most
// Options.Batch of them. With Options.Chunk it makes one update for each chunk, and
// with Options.Accumulate every so many calls make one. A Fit begins without what Steps
// before have gathered.
// Step queues the work and neither waits nor allocates. Errors of the device stick
// to the backend (see backend.Backend). The targets must be those that Options.Loss
// needs; else the backend panics.
//
// The first chunk begins with states of zero. With Options.Streams, the batch goes on
// where the one before ended. Without either the caller owns the states of Stateful layers: to go on with a stream, copy each Final to its
// Initial after a Step. See the example, and model.Network.States.
//
// Step panics while a Fit stands in the middle of an epoch, because the epoch would
// no longer be that of a Fit which was never stopped.
func (t *Trainer) Step(batch data.Batch) {
	t.enter("Step")
	defer t.use.Leave()
	s := &t.progress
	if t.ranks != nil {
		panic("train: Step: the trainer has a Group, whose ranks only Fit keeps in step")
	}
	if s.batch > 0 {
		panic(fmt.Sprintf("train: Step: Fit has stopped after %d batches of epoch %d: let it finish the epoch, or take a new Trainer", s.batch, s.epoch+1))
	}
	t.checkBatch(batch)
	if t.options.Chunk > 0 || t.options.Streams {
		t.learn(batch, false)
	} else {
		t.update(batch, 0, carry{}, false)
	}
	t.samples += batch.Size
	s.epochStep = s.step
}

// learnNext learns the next batch of the epoch. It is an error if it cannot be read.
func (t *Trainer) learnNext(batches *data.Batches) error {
	s := &t.progress
	batch := batches.Batch(s.batch)
	if err := batches.Err(); err != nil {
		return err
	}
	t.learn(batch, s.batch+1 == batches.Count())
	s.batch++
	t.samples += min(t.options.Batch, t.sets.train.Len()-(s.batch-1)*t.options.Batch)
	if t.ranks != nil {
		return t.ranks.err
	}
	return nil
}

// learn is Step for the batches of Fit: without Options.Chunk too, they begin with
// states of zero, unless they are streams. end says that it is the last of the epoch.
func (t *Trainer) learn(batch data.Batch, end bool) {
	if t.options.Streams {
		t.update(batch, 0, carry{states: t.states.statesFor(batch.Steps, batch.Size), streams: t.streams}, end)
		return
	}
	chunk := cmp.Or(t.options.Chunk, batch.Steps)
	for from := 0; from < batch.Steps; from += chunk {
		to := min(from+chunk, batch.Steps)
		var states carry
		if batch.Size > 0 {
			states = t.states.chunk(batch, chunk, from)
		}
		t.update(batch.Chunk(from, to), from, states, end)
	}
}

// update makes one update of the parameters with batch, whose first step is step
// from of the sequences. With Options.Accumulate it may leave the update to a later
// batch, unless this is the end of the epoch.
func (t *Trainer) update(batch data.Batch, from int, carry carry, end bool) {
	o, s := &t.options, &t.progress
	t.show(false)
	t.step = step{from: from, size: batch.Size, lr: t.rate(s.step), carry: carry}
	if batch.Size > 0 { // with Options.Group, this rank may have no part in a small batch
		t.step.in, t.step.target = t.feed.inputs(t.b, batch), t.feed.targets(t.b, batch)
	}
	t.accumulate(end)
	if o.EMA > 0 && t.step.last {
		t.b.Fill(t.decay, emaDecay(o.EMA, t.step.number))
	}
	backend.Replay(t.b, t.queue)
	t.count()
	if r := t.ranks; r != nil && t.step.last && r.err == nil {
		r.err = t.combine()
	}
}

// rate returns the learning rate at optimizer step step, from 0. It panics if the
// schedule gives what no rate can be.
func (t *Trainer) rate(step int) float64 {
	if err := t.checkRate(step); err != nil {
		panic("train: Step: " + err.Error())
	}
	return t.options.LR * t.options.Schedule.Factor(step)
}

// checkRate says why the schedule gives no learning rate at a step.
func (t *Trainer) checkRate(step int) error {
	factor := t.options.Schedule.Factor(step)
	if !(factor >= 0) || math.IsInf(factor*t.options.LR, 0) {
		return fmt.Errorf("the schedule, a %T, gives the factor %v at step %d (LR is %g): want a finite number of at least 0", t.options.Schedule, factor, step, t.options.LR)
	}
	return nil
}

// noiseSeed returns the seed of dropout and zoneout in a step. Its streams differ
// from those that order the samples, whose numbers are the epochs.
func noiseSeed(seed uint64, step int) uint64 {
	var source rand.PCG
	source.Seed(seed, 1<<63|uint64(step))
	return source.Uint64()
}

// queueStep queues the operations of one step. For batches of the same shape these
// are the same operations on the same tensors.
func (t *Trainer) queueStep() {
	b, o, step := t.b, &t.options, &t.step
	if step.size == 0 {
		if step.first {
			b.Fill(t.net.Grads(), 0)
		}
		return
	}
	step.carry.begin(b)
	t.net.SetSeed(step.seed)
	if t.net.Taught() {
		t.net.Teach(step.target.Values)
	}
	y := step.in.forward(t.net, model.Training)
	dy := t.grad.Slice(0, y.Rows)
	o.Loss.Compute(b, t.loss, dy, y, step.target)
	if t.share.Present() {
		rescale(b, dy, t.share.Slice(0, y.Rows))
	}
	if step.first {
		t.net.BackwardAnew(dy)
	} else {
		t.net.Backward(dy)
	}
	step.carry.end(b)
	if step.last && t.ranks == nil {
		t.queueUpdate()
	}
}

// queueUpdate queues the update of the parameters against the gradient.
func (t *Trainer) queueUpdate() {
	b, o, step, grads := t.b, &t.options, &t.step, t.net.Grads()
	if t.whole.Present() {
		rescale(b, grads, t.whole)
	}
	var factor backend.Tensor
	if o.ClipNorm > 0 {
		for _, frozen := range t.frozen {
			b.Fill(frozen, 0)
		}
		factor = t.clip()
	}
	for _, s := range t.segments {
		if factor.Present() {
			s.optimizer.(FactorOptimizer).UpdateFactor(b, s.values, s.grads, factor, s.slots, s.factor*step.lr, step.number)
		} else {
			s.optimizer.Update(b, s.values, s.grads, s.slots, s.factor*step.lr, step.number)
		}
	}
	if o.EMA > 0 {
		t.queueAverage()
	}
}

// clip clips the gradient. It returns the factor that is left to the optimizers, absent if
// the gradient has been multiplied by it, because one of them takes no factor.
func (t *Trainer) clip() backend.Tensor {
	grads, limit := t.net.Grads(), t.options.ClipNorm
	for _, s := range t.segments {
		if _, ok := s.optimizer.(FactorOptimizer); !ok {
			t.b.ClipNorm(grads, t.gradNorm, limit)
			return backend.Tensor{}
		}
	}
	return backend.Clip(t.b, grads, t.gradNorm, t.factor, limit)
}
