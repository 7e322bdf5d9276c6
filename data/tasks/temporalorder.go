package tasks

import (
	"math/rand/v2"

	"gputrain/data"
)

// TemporalOrder asks, after the last symbol of a sequence, in which order the Xs
// and Ys came in it. A sequence has 100 to 110 symbols: E, random
// symbols from a, b, c, d, and at last B. Two steps have X or Y instead, one in
// 10..20 and one in 50..60; with Three it is three steps, in 10..20, 33..43 and
// 66..76. The first step is 0. Lengths, steps, X or Y, and symbols are all
// uniform.
//
// Inputs are in the order of the letters E, B, a, b, c, d, X, Y. The classes are
// Q, R, S, U for XX, XY, YX, YY, and Q, R, S, U, V, A, B, C for XXX to YYY.
//
// The criterion is that every output is nearer than 0.3 to its target; training
// stops when the mean error is below 0.1 and the last 2,000 sequences were
// right.
//
// Source: S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, 1997,
// experiments 6a and 6b.
type TemporalOrder struct {
	Three bool
}

// Format implements data.Task.
func (o TemporalOrder) Format() data.Format {
	classes := []string{"Q", "R", "S", "U", "V", "A", "B", "C"}[:1<<len(o.from())]
	return data.Format{Width: 8, Outputs: len(classes), Classes: classes, Tolerance: 0.3}
}

// Next implements data.Task.
func (o TemporalOrder) Next(dst *data.Sequence, rng *rand.Rand) {
	const e, b, a, x = 0, 1, 2, 6 // the first of a, b, c, d and of X, Y
	from := o.from()
	dst.Reset(100+rng.IntN(11), 8, 1<<len(from))
	last := dst.Steps - 1
	for t := 1; t < last; t++ {
		dst.Input(t)[a+rng.IntN(4)] = 1
	}
	dst.Input(0)[e] = 1
	dst.Input(last)[b] = 1
	class := 0
	for _, t := range from {
		symbol := rng.IntN(2)
		class = 2*class + symbol
		input := dst.Input(t + rng.IntN(11))
		clear(input)
		input[x+symbol] = 1
	}
	dst.AnswerClass(last, class)
	dst.Distant[last] = true
}

// from returns the first steps at which the Xs or Ys may come.
func (o TemporalOrder) from() []int {
	if o.Three {
		return []int{10, 33, 66}
	}
	return []int{10, 50}
}
