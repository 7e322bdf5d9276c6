package train

import (
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"time"

	"gputrain/backend"
	"gputrain/collective"
	"gputrain/data"
)

// ranks is what a trainer has for Options.Group. Each rank computes the gradient of its part
// of the batch, as if the part were one of several batches that make an update (see
// accumulate.go): Σ w·g over the ranks, divided by Σ w, is the gradient of the mean over the
// rows of all. Then all ranks make the same update.
type ranks struct {
	collective.Group
	sum     summer         // of the gradient, and a tail behind it
	loss    backend.Tensor // [1,1], Σ loss·weight of this rank since the last update
	tail    [tailSize]float32
	rows    int     // since then
	seconds float64 // in sums, since New
	err     error   // of a sum: the group is lost
}

// summer adds over the ranks: on the host, or on the devices if the group can.
type summer interface {
	// add replaces grads and tail by their sums. The loss is put into the tail. It returns
	// how long the ranks took together, and waited for each other.
	add(b backend.Backend, grads, loss backend.Tensor, tail []float32) (time.Duration, error)

	// hostBytes is the memory of the host that it has.
	hostBytes() int64
}

// The tail. Numbers of rows are cut in two, which are exact as float32 and when they are
// added up over thousands of ranks.
const (
	tailLoss = iota
	tailRows // multiples of rowsUnit
	tailRest
	tailWeight
	tailSize

	rowsUnit = 1 << 12
)

// joined reports whether there are ranks besides this one.
func joined(g collective.Group) bool { return g != nil && g.Size() > 1 }

// join makes what the trainer needs for the group.
func (t *Trainer) join(m *memory) {
	g := t.options.Group
	if !joined(g) {
		return
	}
	t.ranks = &ranks{Group: g, sum: newSummer(g, m, t.net.Grads().Size()+tailSize, t.options.FastSum), loss: m.tensor(1, 1)}
	t.queueLast = t.queueUpdate
}

// most returns how many samples of a batch a rank gets at most.
func (o *Options) most() int {
	if !joined(o.Group) {
		return o.Batch
	}
	return (o.Batch + o.Group.Size() - 1) / o.Group.Size()
}

// count counts the rows of the present batch, for the loss of the epoch.
func (t *Trainer) count() {
	if t.step.size == 0 {
		return
	}
	rows := t.options.Loss.Rows(t.step.target)
	if r := t.ranks; r != nil {
		t.b.AddScaled(r.loss, lossWeight(t.options.Loss, t.step.target), t.loss)
		r.rows += rows
		return
	}
	// The last batch of an epoch may be smaller, so the mean over the rows is not
	// the mean over the batches.
	t.b.AddScaled(t.lossSum, float64(rows), t.loss)
	t.progress.rows += rows
}

// summing returns how long sums over the ranks have taken, in seconds.
func (t *Trainer) summing() float64 {
	if t.ranks == nil {
		return 0
	}
	return t.ranks.seconds
}

// streamPart returns which of the streams belong to this rank: those from from to to−1.
func (t *Trainer) streamPart() (from, to int) {
	if t.ranks == nil {
		return 0, t.options.Batch
	}
	return data.Part(t.options.Batch, t.ranks.Rank(), t.ranks.Size())
}

// combine makes the update with the gradients of all ranks.
func (t *Trainer) combine() error {
	r, s, tail := t.ranks, &t.progress, t.ranks.tail[:]
	tail[tailRows], tail[tailRest], tail[tailWeight] = float32(r.rows/rowsUnit), float32(r.rows%rowsUnit), float32(t.step.weight)
	took, err := r.sum.add(t.b, t.net.Grads(), r.loss, tail)
	if err != nil {
		return err
	}
	r.seconds += took.Seconds()
	weight, rows := cmp.Or(float64(tail[tailWeight]), 1), int(tail[tailRows])*rowsUnit+int(tail[tailRest])
	t.b.Fill(t.whole, 1/weight)
	t.b.Fill(t.loss, float64(tail[tailLoss])/weight)
	t.b.AddScaled(t.lossSum, float64(rows), t.loss)
	t.b.Fill(r.loss, 0)
	s.rows, r.rows = s.rows+rows, 0
	backend.Replay(t.b, t.queueLast)
	return nil
}

// StoppedError is wrapped by the error of a Fit whose context is not cancelled, but that of
// another rank.
type StoppedError struct {
	Rank int // the first one that was asked to stop
}

func (e *StoppedError) Error() string { return fmt.Sprintf("rank %d was asked to stop", e.Rank) }

// stopped returns why training stops here, nil if it does not. The ranks agree about it, but
// not in the middle of an update: see Options.Accumulate.
func (t *Trainer) stopped(ctx context.Context) error {
	if t.ranks == nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	}
	if t.progress.pending > 0 {
		return nil
	}
	return agreedStop(ctx, t.ranks)
}

// agreedStop returns why the ranks of g stop. All call it together.
func agreedStop(ctx context.Context, g collective.Group) error {
	cause := context.Cause(ctx)
	rank, err := collective.Any(g, cause != nil)
	switch {
	case err != nil:
		return err
	case rank < 0:
		return nil
	case cause != nil:
		return cause
	}
	return &StoppedError{rank}
}

// checkRanks returns an error if the ranks would not train the same network in the same way
// on the same sets.
func (t *Trainer) checkRanks() error {
	if t.ranks == nil {
		return nil
	}
	o := &t.options
	place := t.checkpoint()
	place.Weight = 0 // of what rank 0 has gathered for an update: see Load
	state, err := json.Marshal(place)
	if err != nil {
		return err
	}
	values := make([]float32, t.net.Values().Size())
	if err := t.b.Download(values, t.net.Values()); err != nil {
		return err
	}
	sets := t.sets.digest()
	facts := []collective.Fact{
		{Name: "training set", Content: fmt.Append(nil, sets.Training)},
		{Name: "validation set", Content: fmt.Append(nil, sets.Validation == nil)},
		{Name: "option", Content: fmt.Append(nil, o.LR, o.ClipNorm, o.Epochs, o.Tolerance, o.Patience, o.KeepBest, o.LossEvery, o.FastSum, t.rate(t.progress.step))},
		{Name: "state of the training", Content: state},
		{Name: "set of parameters", Content: collective.Bytes(values)},
	}
	if sets.Validation != nil {
		facts[1].Content = fmt.Append(nil, *sets.Validation)
	}
	if err := collective.Same(t.ranks, facts...); err != nil {
		return fmt.Errorf("the ranks of the group cannot train together: %w", err)
	}
	return nil
}

// gather returns in whole the rows of x of all ranks, one after the other, where x has a row
// for each stream of this rank.
func (r *ranks) gather(b backend.Backend, whole []float32, x backend.Tensor, streams int) error {
	most := (streams + r.Size() - 1) / r.Size() * x.Cols
	mine, all := make([]float32, most), make([]float32, most*r.Size())
	if err := b.Download(mine[:x.Size()], x); err != nil {
		return err
	}
	if err := r.Gather(collective.Bytes(all), collective.Bytes(mine)); err != nil {
		return err
	}
	for rank := range r.Size() {
		from, to := data.Part(streams, rank, r.Size())
		copy(whole[from*x.Cols:to*x.Cols], all[rank*most:])
	}
	return nil
}

// firstFault returns the fault of the first rank that has one, nil if there is none. One of
// the update may only show what came from a rank that has another. All ranks call it
// together.
func firstFault(g collective.Group, mine *Fault) (*Fault, error) {
	if !joined(g) {
		return mine, nil
	}
	const room = 4096
	one, all := make([]byte, room), make([]byte, room*g.Size())
	if mine != nil {
		var text bytes.Buffer // JSON has no NaN
		if err := gob.NewEncoder(&text).Encode(mine); err != nil {
			return nil, err
		}
		if text.Len() > room {
			return nil, fmt.Errorf("the fault takes %d bytes, more than %d", text.Len(), room)
		}
		copy(one, text.Bytes())
	}
	if err := g.Gather(all, one); err != nil {
		return nil, err
	}
	var first *Fault
	for rank := range g.Size() {
		text := all[rank*room : (rank+1)*room]
		if text[0] == 0 { // gob begins with a length
			continue
		}
		fault := new(Fault)
		if err := gob.NewDecoder(bytes.NewReader(text)).Decode(fault); err != nil {
			return nil, err
		}
		if first == nil || first.ofUpdate() && !fault.ofUpdate() {
			first = fault
		}
	}
	return first, nil
}

// noiseStream tells the random numbers of dropout and zoneout of this rank from those of the
// others: a multiple of an odd number, so that seeds that people choose do not meet.
func (t *Trainer) noiseStream() uint64 {
	if t.ranks == nil {
		return 0
	}
	return uint64(t.ranks.Rank()) * 0x9e3779b97f4a7c15
}
