package train

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
)

// ErrDiverged is wrapped by the error of Fit, a *Divergence, when the loss or
// the parameters are no longer finite numbers.
var ErrDiverged = errors.New("training diverged")

// Divergence says when training diverged and where it began.
type Divergence struct {
	What  string  // "the training loss", "the validation loss" or "the norm of the parameters"
	Value float64 // NaN, +Inf or −Inf

	Epoch, Step int    // in and after which it was seen
	Fault       *Fault // where it began; nil if that was not found
	LR          float64
	ClipNorm    float64
}

// Fault is the first result in training that is not finite.
type Fault struct {
	Step     int        // of training, from 1
	Stage    string     // of the network; "" where it is the loss, the update, or what the step starts from
	Pass     model.Pass // of the stage
	Op       string     // such as "Gemm"; "" where it is what the step starts from
	Result   string     // such as `the gradient of "rnn.weight_hh_l0"` or "the input"; "" for what has no name
	TimeStep int        // of the sequence, from 0; −1 for what belongs to no single one
	Value    float64    // NaN, +Inf or −Inf
}

// Error describes d on one line.
func (d *Divergence) Error() string {
	where, remedy := "", fmt.Sprintf("lower the learning rate (LR %g) or clip the gradient (ClipNorm %g)", d.LR, d.ClipNorm)
	if d.Fault != nil {
		where = "; " + d.Fault.String()
		if d.Fault.Op == "" {
			remedy = "begin with finite numbers"
		}
	}
	return fmt.Sprintf("%v: %s is %v in epoch %d after step %d%s: %s", ErrDiverged, d.What, d.Value, d.Epoch, d.Step, where, remedy)
}

// Unwrap returns ErrDiverged.
func (d *Divergence) Unwrap() error { return ErrDiverged }

// String describes f: `it began in step 7, in the forward pass of stage "rnn":
// Gemm gives +Inf at time step 12`.
func (f *Fault) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "it began in step %d", f.Step)
	if f.Stage != "" {
		fmt.Fprintf(&s, ", in the %s pass of stage %q", f.Pass, f.Stage)
	}
	if f.Op == "" {
		fmt.Fprintf(&s, ": %s is %v", f.Result, f.Value)
	} else {
		fmt.Fprintf(&s, ": %s gives %v", f.Op, f.Value)
		if f.Result != "" {
			fmt.Fprintf(&s, " in %s", f.Result)
		}
	}
	if f.TimeStep >= 0 {
		fmt.Fprintf(&s, " at time step %d", f.TimeStep)
	}
	return s.String()
}

// waypoint is the state of training when all was still finite.
type waypoint struct {
	params, lossSum backend.Tensor
	slots           []backend.Tensor
	step, batch     int
}

// mark makes the present state the waypoint.
func (t *Trainer) mark() {
	w := &t.finite
	t.b.Copy(w.params, t.net.Params())
	t.b.Copy(w.lossSum, t.lossSum)
	for i, slot := range t.slots {
		t.b.Copy(w.slots[i], slot)
	}
	w.step, w.batch = t.progress.step, t.progress.batch
}

// checkFinite returns a *Divergence if value is not finite. batches are those of
// the epoch, in which it looks for the fault; nil if it can't be in them.
func (t *Trainer) checkFinite(what string, value float64, batches *data.Batches) error {
	if !math.IsNaN(value) && !math.IsInf(value, 0) {
		return nil
	}
	d := &Divergence{
		What: what, Value: value, Epoch: t.progress.epoch + 1, Step: t.progress.step,
		LR: t.options.LR, ClipNorm: t.options.ClipNorm,
	}
	if batches != nil {
		var err error
		if d.Fault, err = t.trace(batches); err != nil {
			return fmt.Errorf("train: %w; and where it began cannot be found: %w", d, err)
		}
	}
	return fmt.Errorf("train: %w", d)
}

// trace makes the steps since the waypoint again, on a network like that of t on
// a backend that watches, and returns the first fault.
func (t *Trainer) trace(batches *data.Batches) (*Fault, error) {
	w := &watch{Backend: t.b}
	options := []model.Option{model.Observe(w.observe)}
	if t.net.Ragged() {
		options = append(options, model.Ragged())
	}
	net, err := model.New(w, t.net.Spec(), t.net.Input(), options...)
	if err != nil {
		return nil, err
	}
	defer net.Free()
	o := t.options
	o.Patience = 0
	if w.trainer, err = New(net, o); err != nil {
		return nil, err
	}
	defer w.trainer.Free()
	t.b.Copy(net.Params(), t.finite.params)
	t.b.Copy(w.trainer.lossSum, t.finite.lossSum)
	for i, slot := range w.trainer.slots {
		t.b.Copy(slot, t.finite.slots[i])
	}
	w.trainer.progress.step = t.finite.step
	for _, p := range net.Windows() {
		w.look("", p.Param)
	}
	if w.fault != nil {
		w.fault.Step++ // for it is the next one that they spoil
	}
	for i := t.finite.batch; i < t.progress.batch && w.fault == nil; i++ {
		batch := batches.Batch(i)
		w.lookAt("the input", batch.X, batch.Steps)
		w.lookAt("the target", batch.Targets, t.targetSteps(batch))
		if w.fault == nil {
			w.trainer.Step(batch)
		}
	}
	return w.fault, t.b.Sync()
}

// targetSteps returns the number of time steps that have targets of their own; 0
// if there is one target for all.
func (t *Trainer) targetSteps(batch data.Batch) int {
	in := model.Shape{Steps: batch.Steps, Batch: batch.Size, Width: t.net.Input().Width}
	if t.net.OutputShape(in).Steps < batch.Steps {
		return 0
	}
	return batch.Steps
}
