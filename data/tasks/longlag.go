package tasks

import (
	"fmt"
	"math/rand/v2"

	"gputrain/data"
)

// LongLag asks for the next symbol of one of two sequences, each drawn with
// probability ½:
//
//	x, a1, a2, ..., a(P−1), x
//	y, a1, a2, ..., a(P−1), y
//
// To know the last symbol, a network must remember the first for P steps. Its
// step is marked Distant. Symbol a(i) is input and class i−1, x is P−1, y is P.
//
// The criterion is that every output is nearer than 0.25 to its target at every
// step, for 10,000 sequences in a row.
//
// Source: S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, 1997,
// experiment 2a.
type LongLag struct {
	P int // the lag, in steps
}

// Format implements data.Task.
func (l LongLag) Format() data.Format {
	f := data.Format{Width: l.P + 1, Outputs: l.P + 1, PerStep: true, Tolerance: 0.25}
	for i := range l.P - 1 {
		f.Classes = append(f.Classes, fmt.Sprintf("a%d", i+1))
	}
	f.Classes = append(f.Classes, "x", "y")
	return f
}

// Next implements data.Task. It panics if P is less than 1.
func (l LongLag) Next(dst *data.Sequence, rng *rand.Rand) {
	atLeast("LongLag", "P", l.P, 1)
	dst.Reset(l.P, l.P+1, l.P+1)
	first := l.P - 1 + rng.IntN(2)
	dst.Input(0)[first] = 1
	for t := range l.P - 1 {
		dst.AnswerClass(t, t)
		dst.Input(t + 1)[t] = 1
	}
	dst.AnswerClass(l.P-1, first)
	dst.Distant[l.P-1] = true
}

// Distractors asks, after the trigger e, whether the second symbol of the
// sequence was x or y:
//
//	b, x or y, d1, d2, ..., d(q+k), e
//
// Each d is one of P distractors, all equally likely. After the first Q of them
// an e comes with probability 1/10 at each step, so that the sequence is Q+12
// symbols long on average. Distractor i is input i, followed by e, b, x, y; the
// classes are x and y.
//
// The criterion is that both outputs are nearer than 0.2 to their targets, for
// 10,000 sequences in a row.
//
// Source: S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, 1997,
// experiment 2c, which counts the x or y after e as a symbol too.
type Distractors struct {
	Q int // the shortest lag, in steps
	P int // the number of distractors
}

// Format implements data.Task.
func (d Distractors) Format() data.Format {
	return data.Format{Width: d.P + 4, Outputs: 2, Classes: []string{"x", "y"}, Tolerance: 0.2}
}

// Next implements data.Task. It panics if Q is negative or P less than 1.
func (d Distractors) Next(dst *data.Sequence, rng *rand.Rand) {
	atLeast("Distractors", "Q", d.Q, 0)
	atLeast("Distractors", "P", d.P, 1)
	lag := d.Q
	for rng.IntN(10) != 0 {
		lag++
	}
	trigger, begin, x := d.P, d.P+1, d.P+2
	class := rng.IntN(2)
	dst.Reset(lag+3, d.P+4, 2)
	dst.Input(0)[begin] = 1
	dst.Input(1)[x+class] = 1
	for t := range lag {
		dst.Input(t + 2)[rng.IntN(d.P)] = 1
	}
	last := lag + 2
	dst.Input(last)[trigger] = 1
	dst.AnswerClass(last, class)
	dst.Distant[last] = true
}
