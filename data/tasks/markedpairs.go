package tasks

import (
	"math/rand/v2"

	"gputrain/data"
)

// Adding asks, after the last pair (value, marker) of a sequence, for the sum of
// the two values that are marked by 1, as ½ + (X1 + X2)/4. Values are
// uniform in [−1, 1]. The markers of the first and the last pair are −1, of all
// others 0.
//
// A sequence has Steps to Steps + Steps/10 pairs, all lengths equally likely.
// One of the first ten pairs is marked, then one of the first Steps/2 − 1 pairs
// that are not marked yet. If the first pair of the sequence is marked, its
// value is 0.
//
// The criterion is an error below 0.04; training stops when the mean error is
// below 0.01 and the last 2,000 sequences were right.
//
// Source: S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, 1997,
// experiment 4.
type Adding struct {
	Steps int // T, the shortest length
}

// Format implements data.Task.
func (Adding) Format() data.Format { return markedPairs }

// Next implements data.Task. It panics if Steps is less than 11.
func (a Adding) Next(dst *data.Sequence, rng *rand.Rand) {
	first, second := drawPairs(dst, rng, "Adding", a.Steps)
	for t := range dst.Steps {
		dst.Input(t)[0] = float32(2*rng.Float64() - 1)
	}
	if first == 0 || second == 0 {
		dst.Input(0)[0] = 0
	}
	sum := float64(dst.Input(first)[0]) + float64(dst.Input(second)[0])
	dst.AnswerValue(dst.Steps-1, 0.5+sum/4)
}

// Multiplication is Adding with values uniform in [0, 1]. It asks for the
// product X1·X2. The value of a marked first pair is 1.
//
// The criterion is an error below 0.04; training stops when fewer than n_seq of
// the last 2,000 sequences were wrong, with n_seq 140 or 13.
//
// Source: S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, 1997,
// experiment 5.
type Multiplication struct {
	Steps int // T, the shortest length
}

// Format implements data.Task.
func (Multiplication) Format() data.Format { return markedPairs }

// Next implements data.Task. It panics if Steps is less than 11.
func (m Multiplication) Next(dst *data.Sequence, rng *rand.Rand) {
	first, second := drawPairs(dst, rng, "Multiplication", m.Steps)
	for t := range dst.Steps {
		dst.Input(t)[0] = float32(rng.Float64())
	}
	if first == 0 || second == 0 {
		dst.Input(0)[0] = 1
	}
	product := float64(dst.Input(first)[0]) * float64(dst.Input(second)[0])
	dst.AnswerValue(dst.Steps-1, product)
}

var markedPairs = data.Format{Width: 2, Outputs: 1, Tolerance: 0.04}

// drawPairs makes dst a sequence of pairs without values, and returns which two
// are marked.
func drawPairs(dst *data.Sequence, rng *rand.Rand, task string, steps int) (first, second int) {
	atLeast(task, "Steps", steps, 11) // ten that may be marked, and the last
	dst.Reset(steps+rng.IntN(steps/10+1), 2, 1)
	first = rng.IntN(10)
	second = rng.IntN(steps/2 - 1)
	if second >= first {
		second++
	}
	dst.Input(0)[1] = -1
	dst.Input(dst.Steps - 1)[1] = -1
	dst.Input(first)[1] = 1
	dst.Input(second)[1] = 1
	return first, second
}
