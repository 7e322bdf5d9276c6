package train

import (
	"fmt"

	"gputrain/backend"
	"gputrain/model"
)

// watch is a backend that looks at the result of every operation and remembers the
// first one that is not finite. It hides the fused layers of the backend below, and
// so sees the operations that they consist of.
type watch struct {
	backend.Backend
	trainer  *Trainer // the trainer that works on this backend
	stage    string   // whose part of a pass runs; "" outside of the passes
	pass     model.Pass
	timeStep int // of the chunk, at which the operations of the stage are; −1 until known
	fault    *Fault
}

// observe is for model.Options.Observe.
func (w *watch) observe(stage string, pass model.Pass) {
	w.stage, w.pass, w.timeStep = stage, pass, -1
	if stage == "" {
		w.pass = ""
	}
}

// look judges dst, the result of op on the other operands.
func (w *watch) look(op string, dst backend.Tensor, operands ...backend.Tensor) {
	if w.trainer == nil || w.fault != nil {
		return
	}
	for _, x := range append(operands, dst) {
		if step, ok := w.timeStepOf(x); ok {
			w.timeStep = step
		}
	}
	values := make([]float32, dst.Size())
	if w.Backend.Download(values, dst) != nil {
		return // the error sticks
	}
	i := firstNotFinite(values)
	if i < 0 {
		return
	}
	row := i / dst.Cols
	if step, ok := w.timeStepOf(dst.Slice(row, row+1)); ok {
		w.timeStep = step
	}
	w.fault = &Fault{
		Step: w.trainer.step.number, Stage: w.stage, Pass: w.pass, Op: op, Result: w.nameOf(dst.Buf, dst.Off+i),
		TimeStep: -1, Value: float64(values[i]),
	}
	if w.stage != "" && w.timeStep >= 0 {
		w.fault.TimeStep = w.trainer.step.from + w.timeStep
	}
}

// timeStepOf returns the time step of x if x is rows of one step of a tensor over
// the whole sequence. Such a tensor may begin with the state before the first step.
func (w *watch) timeStepOf(x backend.Tensor) (step int, ok bool) {
	if w.stage == "" || !x.Present() || x.Size() == 0 || w.nameOf(x.Buf, x.Off) != "" {
		return 0, false
	}
	in, batch := w.trainer.net.Input(), w.trainer.step.size
	if x.Rows > batch {
		return 0, false
	}
	switch x.Buf.Meta().Len {
	case in.Rows() * x.Cols:
		return x.Off / x.Cols / batch, true
	case (in.Rows() + in.Batch) * x.Cols:
		step = x.Off/x.Cols/batch - 1
		return step, step >= 0
	}
	return 0, false
}

// Names that nameOf gives to the results of an update.
const (
	paramPrefix = "parameter "
	paramNorm   = "the norm of the parameters"
)

// nameOf says what element off of buf belongs to: a parameter, the gradient of one,
// a norm, or the loss of the epoch; "" for anything else.
func (w *watch) nameOf(buf backend.Buffer, off int) string {
	switch t := w.trainer; {
	case within(t.lossSum, buf, off):
		return "the sum of the losses"
	case within(t.norm, buf, off):
		return paramNorm
	case within(t.gradNorm, buf, off):
		return "the norm of the gradient"
	}
	for _, p := range w.trainer.net.Parameters() {
		switch {
		case within(p.Value, buf, off):
			return fmt.Sprintf("%s%q", paramPrefix, p.Name)
		case within(p.Grad, buf, off):
			return fmt.Sprintf("the gradient of %q", p.Name)
		}
	}
	return ""
}

func within(x backend.Tensor, buf backend.Buffer, off int) bool {
	return x.Buf == buf && off >= x.Off && off < x.Off+x.Size()
}

// firstNotFinite returns the index of the first NaN or Inf, or −1.
func firstNotFinite(values []float32) int {
	for i, v := range values {
		if v-v != 0 {
			return i
		}
	}
	return -1
}
