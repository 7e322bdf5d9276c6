package tasks

import (
	"math"
	"math/rand/v2"

	"gputrain/data"
)

// SpikeDelays is the task MSD, to measure spike delays. The input is 1 at
// spikes and 0 between them. The n-th spike comes Period + I(n) steps after the
// one before, the first Period + I(1) steps after the start, with I(n) uniform
// in 0..MaxDelay. At a spike, and only there, I(n) is asked for.
//
// The criterion is an error below 0.49; training streams have 100 spikes, test
// streams 1,000, or one for the task NMSD.
//
// Source: F. A. Gers, N. N. Schraudolph, J. Schmidhuber, Learning Precise
// Timing with LSTM Recurrent Networks, 2002.
type SpikeDelays SpikeTrain

// TimedSpikes is the task GTS, to generate timed spikes: SpikeDelays with
// inputs and answers exchanged. The input is I(n) at the step after spike n−1 and
// 0 up to spike n; the answer is 1 at a spike and 0 between them.
//
// The criterion is that of SpikeDelays. The source does not say at which step
// the delay is shown. The first of an interval is a choice made here.
//
// Source: F. A. Gers, N. N. Schraudolph, J. Schmidhuber, Learning Precise
// Timing with LSTM Recurrent Networks, 2002.
type TimedSpikes SpikeTrain

// SpikeTrain describes the intervals between the spikes of SpikeDelays and
// TimedSpikes.
type SpikeTrain struct {
	Period   int // F, the shortest interval, in steps
	MaxDelay int // the largest I(n), in steps
	Spikes   int // per sequence
}

// Format implements data.Task.
func (s SpikeDelays) Format() data.Format {
	return data.Format{Width: 1, Outputs: 1, PerStep: s.Spikes > 1, Tolerance: 0.49}
}

// Next implements data.Task. It panics if Period or Spikes is less than 1 or
// MaxDelay negative.
func (s SpikeDelays) Next(dst *data.Sequence, rng *rand.Rand) {
	SpikeTrain(s).draw(dst, rng, "SpikeDelays", func(_, spike, delay int) {
		dst.X[spike] = 1
		dst.AnswerValue(spike, float64(delay))
	})
}

// Format implements data.Task.
func (TimedSpikes) Format() data.Format {
	return data.Format{Width: 1, Outputs: 1, PerStep: true, Tolerance: 0.49}
}

// Next implements data.Task. It panics if Period or Spikes is less than 1 or
// MaxDelay negative.
func (s TimedSpikes) Next(dst *data.Sequence, rng *rand.Rand) {
	SpikeTrain(s).draw(dst, rng, "TimedSpikes", func(from, spike, delay int) {
		dst.X[from] = float32(delay)
		for t := from; t < spike; t++ {
			dst.AnswerValue(t, 0)
		}
		dst.AnswerValue(spike, 1)
	})
}

// draw makes dst a spike train and calls interval for each spike, with the step
// after the one before, the step of the spike, and the delay.
func (s SpikeTrain) draw(dst *data.Sequence, rng *rand.Rand, task string, interval func(from, spike, delay int)) {
	atLeast(task, "Period", s.Period, 1)
	atLeast(task, "MaxDelay", s.MaxDelay, 0)
	atLeast(task, "Spikes", s.Spikes, 1)
	dst.Reset(s.Spikes*(s.Period+s.MaxDelay), 1, 1)
	next := 0
	for range s.Spikes {
		delay := rng.IntN(s.MaxDelay + 1)
		from := next
		next += s.Period + delay
		interval(from, next-1, delay)
	}
	dst.Cut(next)
}

// Wave is a function with values in [0, 1] and a period of F steps.
type Wave uint8

// The waves of the task PFG, with r = (t mod F)/F.
const (
	Cosine    Wave = iota // ½(1 − cos 2πr)
	Triangle              // 2r up to r = ½, then 2 − 2r
	Rectangle             // 0 up to r = ½, then 1
)

// At returns the value of the wave at step t, which must not be negative.
func (w Wave) At(t, period int) float64 {
	r := float64(t%period) / float64(period)
	switch w {
	case Triangle:
		return min(2*r, 2-2*r)
	case Rectangle:
		if r > 0.5 {
			return 1
		}
		return 0
	default:
		return (1 - math.Cos(2*math.Pi*r)) / 2
	}
}

// PeriodicFunction is the task PFG, to generate a periodic function: the answer
// of step t is the value of the wave at t+1. The input is 0, so that the
// network runs freely; with Teacher it is the value of the wave at t. All
// sequences are the same.
//
// The criterion is an error below 0.3 at every step, for 1,000 periods after
// training with 100. The source also gives figures for an error below 0.15.
//
// Source: F. A. Gers, N. N. Schraudolph, J. Schmidhuber, Learning Precise
// Timing with LSTM Recurrent Networks, 2002.
type PeriodicFunction struct {
	Wave    Wave
	Period  int // F, in steps
	Steps   int // of a sequence
	Teacher bool
}

// Format implements data.Task.
func (PeriodicFunction) Format() data.Format {
	return data.Format{Width: 1, Outputs: 1, PerStep: true, Tolerance: 0.3}
}

// Next implements data.Task; it draws nothing. It panics if Period or Steps is
// less than 1.
func (p PeriodicFunction) Next(dst *data.Sequence, _ *rand.Rand) {
	atLeast("PeriodicFunction", "Period", p.Period, 1)
	atLeast("PeriodicFunction", "Steps", p.Steps, 1)
	dst.Reset(p.Steps, 1, 1)
	for t := range p.Steps {
		if p.Teacher {
			dst.X[t] = float32(p.Wave.At(t, p.Period))
		}
		dst.AnswerValue(t, p.Wave.At(t+1, p.Period))
	}
}
