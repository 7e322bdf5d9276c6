package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

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

	Epoch, Step int    // the epoch in which, and the step after which, it was seen
	Fault       *Fault // where it began; nil if that was not found, or not looked for, as with the validation loss
	LR          float64
	ClipNorm    float64
}

// Fault is the first result in training that is not finite.
type Fault struct {
	Step     int        // of training, from 1
	Stage    string     // of the network; "" for the loss, the update, and what the step starts from
	Pass     model.Pass // of the stage
	Op       string     // such as "Gemm"; "" for what the step starts from
	Result   string     // such as `the gradient of "rnn.weight_hh_l0"`; "" for what has no name
	TimeStep int        // of the sequence, from 0; −1 for what belongs to no single one
	Value    float64    // NaN, +Inf or −Inf
}

// Error describes d on one line.
func (d *Divergence) Error() string {
	where := ""
	if d.Fault != nil {
		where = "; " + d.Fault.String()
	}
	return fmt.Sprintf("%v: %s is %v in epoch %d after step %d%s: %s", ErrDiverged, d.What, d.Value, d.Epoch, d.Step, where, d.remedy())
}

func (d *Divergence) remedy() string {
	switch f := d.Fault; {
	case f != nil && f.Op == "":
		return "begin with finite parameters"
	case f != nil && f.Step == 1 && !f.ofUpdate():
		return "scale inputs and targets, or begin with smaller parameters"
	case d.ClipNorm > 0:
		return fmt.Sprintf("lower the learning rate (LR %g) or ClipNorm (%g)", d.LR, d.ClipNorm)
	}
	return fmt.Sprintf("lower the learning rate (LR %g) or clip the gradient (ClipNorm is 0, which is off)", d.LR)
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

// ofUpdate reports whether f is a result of the update, not of a pass before it.
func (f *Fault) ofUpdate() bool {
	return f.Result == paramNorm || strings.HasPrefix(f.Result, paramPrefix)
}

// checkFinite returns a *Divergence if value is not finite. If it gets batches,
// those of the epoch, it goes back to where all was finite and looks for the fault
// from there.
func (t *Trainer) checkFinite(ctx context.Context, what string, value float64, batches *data.Batches) error {
	if !math.IsNaN(value) && !math.IsInf(value, 0) {
		return nil
	}
	d := &Divergence{
		What: what, Value: value, Epoch: t.progress.epoch + 1, Step: t.progress.step,
		LR: t.options.LR, ClipNorm: t.options.ClipNorm,
	}
	if batches != nil {
		seen := t.progress.batch
		err := t.goBack(ctx, batches)
		if err == nil {
			d.Fault, err = t.trace(ctx, batches, seen)
		}
		if err != nil {
			return fmt.Errorf("train: %w; finding where it began failed: %w", d, err)
		}
		if d.Fault == nil {
			return fmt.Errorf("train: %w; where it began was not found: when the steps after step %d are repeated, all their results are finite", d, t.progress.step)
		}
	}
	return fmt.Errorf("train: %w", d)
}

// trace repeats the steps from the present state up to batch end of the epoch, on a
// copy of the network whose backend watches every operation. It returns the first
// fault.
func (t *Trainer) trace(ctx context.Context, batches *data.Batches, end int) (*Fault, error) {
	w := &watch{Backend: t.b}
	net, err := model.New(w, t.net.Spec(), t.net.Input(), model.Options{Ragged: t.net.Ragged(), Observe: w.observe})
	if err != nil {
		return nil, err
	}
	defer net.Free()
	o := t.options
	o.Patience, o.KeepBest, o.EMA = 0, false, 0
	if w.trainer, err = New(net, o); err != nil {
		return nil, err
	}
	defer w.trainer.Free()
	for i, x := range w.trainer.changing {
		t.b.Copy(x, t.changing[i])
	}
	w.trainer.progress, w.trainer.sets = t.progress, t.sets
	w.trainer.step.number = t.progress.step + 1 // the one that faults of the parameters spoil
	for _, p := range net.Parameters() {
		w.look("", p.Value)
	}
	for {
		if fault, err := firstFault(o.Group, w.fault); fault != nil || err != nil || w.trainer.progress.batch == end {
			return fault, cmp.Or(err, t.b.Sync())
		}
		if err := t.stopped(ctx); err != nil {
			return nil, fmt.Errorf("stopped while looking for it: %w", err)
		}
		if err := w.trainer.learnNext(batches); err != nil {
			return nil, err
		}
		w.trainer.measureNorm()
	}
}
