package train

import (
	"cmp"

	"gputrain/backend"
)

// With Options.Accumulate, several batches make one update. The gradient of the mean
// over all their rows is Σ w·g / Σ w, where g is the gradient of the mean over a batch
// and w the weight of its rows. Backward adds to what is there, so each batch multiplies
// the gradient of its loss by w. The factors are in memory of the device, because
// they change from batch to batch, and operations with constants that change are not
// replayed.

// accumulate decides what the next batch has a part in, and moves on. end says
// that no further batch of the epoch comes.
func (t *Trainer) accumulate(end bool) {
	o, s, step := &t.options, &t.progress, &t.step
	step.number = s.step + 1
	step.seed = noiseSeed(o.Seed+t.noiseStream(), s.step*o.Accumulate+s.pending)
	step.first, step.last = s.pending == 0, end || s.pending+1 == o.Accumulate
	if t.share.Present() && step.size > 0 {
		// A mean over rows without any weight is a sum.
		weight := lossWeight(o.Loss, step.target)
		s.weight += weight
		t.b.Fill(t.share, cmp.Or(weight, 1))
	}
	step.weight = s.weight
	if t.whole.Present() && step.last && t.ranks == nil {
		t.b.Fill(t.whole, 1/cmp.Or(step.weight, 1))
	}
	s.pending++
	if step.last {
		s.step++
		s.pending, s.weight = 0, 0
	}
}

// pieces divides the size of each stretch of the parameters, because they begin at
// multiples of 32. A backend may treat that many rows side by side.
const pieces = 32

// rescale queues x = factor·x, where all rows of factor, [n,1], are the same, and n
// divides the size of x.
func rescale(b backend.Backend, x, factor backend.Tensor) {
	rows := x.Reshape(factor.Rows, x.Size()/factor.Rows)
	b.MulCol(rows, rows, factor)
}

// lossWeight returns what the mean of loss over a batch weighs beside that over
// others.
func lossWeight(loss Loss, target Target) float64 {
	if weighted, ok := loss.(WeightedLoss); ok {
		return weighted.Weight(target)
	}
	return float64(loss.Rows(target))
}

// windows returns how many updates the first batches of an epoch make, and how
// many batches are then gathered for the next one. The epoch has count batches; the
// last one always makes an update.
func windows(batches, count, accumulate int) (updates, pending int) {
	if batches == count {
		return (batches + accumulate - 1) / accumulate, 0
	}
	return batches / accumulate, batches % accumulate
}
