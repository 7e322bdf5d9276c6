package train

import "gputrain/backend"

// With Options.EMA, two sets of parameters take turns in the network: those that are
// trained, and their average. The other one is in Trainer.average. Values of both are
// exchanged through a small tensor, so that this takes little memory.

// exchangeSize bounds the elements that are exchanged at once.
const exchangeSize = 1 << 16

// emaDecay returns what the average keeps of itself at update step, from 1. At the first
// it keeps nothing.
func emaDecay(decay float64, step int) float64 {
	done := float64(step - 1)
	if done == 0 {
		return 0
	}
	return min(decay, (1+done)/(10+done))
}

// queueAverage queues average = values + decay·(average − values), which keeps an
// average of equal values as it is.
func (t *Trainer) queueAverage() {
	b := t.b
	if t.step.number == 1 {
		b.Copy(t.average, t.net.Values()) // the frozen ones too
		return
	}
	for _, s := range t.segments {
		b.Sub(s.average, s.average, s.values)
		rescale(b, s.average, t.decay)
		b.Add(s.average, s.average, s.values)
	}
}

// Average puts the average of the parameters, with Options.EMA, into the network, as
// Fit does at its end. It is for those who call Step. The next Step goes on
// with the parameters that are trained. Without EMA and before the first update it does
// nothing.
func (t *Trainer) Average() {
	t.enter("Average")
	defer t.use.Leave()
	t.show(true)
}

// show puts the average, or else the parameters that are trained, into the network.
func (t *Trainer) show(average bool) {
	if average == t.shown || !t.average.Present() || t.progress.step == 0 {
		return
	}
	size := t.average.Size()
	for from := 0; from < size; from += t.spare.Size() {
		to := min(from+t.spare.Size(), size)
		a, b, spare := stretch(t.net.Values(), from, to), stretch(t.average, from, to), stretch(t.spare, 0, to-from)
		t.b.Copy(spare, a)
		t.b.Copy(a, b)
		t.b.Copy(b, spare)
	}
	t.shown = average
}

// parameters returns the parameters that are trained, and those that the trained network
// is to have, wherever they are.
func (t *Trainer) parameters() (trained, result backend.Tensor) {
	switch values := t.net.Values(); {
	case !t.average.Present() || t.progress.step == 0:
		return values, values
	case t.shown:
		return t.average, values
	default:
		return values, t.average
	}
}
