package model

import "gputrain/backend"

// zoneout keeps elements of a state at their values of the step before (Krueger
// et al. 2017):
//
//	s_t = s_{t−1} + keep ⊙ (s̃_t − s_{t−1})
//
// keep is 0 with probability rate and else 1 in training, 1−rate in evaluation.
// With rate 0 it does nothing, s_t being s̃_t.
type zoneout struct {
	rate  float64
	noise Noise
}

func newZoneout(b *Builder, rate float64) zoneout {
	if rate == 0 {
		return zoneout{}
	}
	return zoneout{rate: rate, noise: b.Noise()}
}

// forward sets after to s_t, where rows are those of the time step.
func (z zoneout) forward(b backend.Backend, after, before, candidate backend.Tensor, rows span, mode Mode) {
	if z.rate == 0 {
		return
	}
	b.Sub(after, candidate, before)
	if mode == Training {
		z.noise.Drop(after, after, z.rate, rows.from*after.Cols)
	}
	b.Scale(after, 1-z.rate, after)
	b.Add(after, after, before)
}

// backward splits the gradient of s_t into that of s̃_t and that which passes
// to s_{t−1}, left in grad.
func (z zoneout) backward(b backend.Backend, candidate, grad backend.Tensor, rows span) {
	z.noise.Drop(candidate, grad, z.rate, rows.from*grad.Cols)
	b.Scale(candidate, 1-z.rate, candidate)
	b.Sub(grad, grad, candidate)
}
