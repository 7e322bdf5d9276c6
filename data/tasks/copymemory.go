package tasks

import (
	"math"
	"math/rand/v2"

	"gputrain/data"
)

// The numbers of the copy task.
const (
	copySymbols = 8  // to choose from
	copyLength  = 10 // to remember
)

// CopyMemory shows ten symbols, each one of eight, and asks for them again, in
// their order, Blanks steps after the last:
//
//	input   s1 ... s10  blank ... blank  go     blank ... blank
//	answer  blank ...          ... blank  blank  s1 ... s10
//
// There are Blanks − 1 blanks before go and ten behind it, Blanks + 20 steps in
// all. Inputs 0..7 are the symbols, 8 is blank, 9 is go; classes 0..8 likewise.
//
// Source: M. Arjovsky, A. Shah, Y. Bengio, Unitary Evolution Recurrent Neural
// Networks, 2016.
type CopyMemory struct {
	Blanks int // T
}

// Baseline returns the mean cross-entropy of a network that knows when to
// answer but remembers nothing: 10·ln 8 / (Blanks + 20).
func (c CopyMemory) Baseline() float64 {
	return copyLength * math.Log(copySymbols) / float64(c.Blanks+2*copyLength)
}

// Format implements data.Task.
func (CopyMemory) Format() data.Format {
	return data.Format{
		Width: copySymbols + 2, Outputs: copySymbols + 1, PerStep: true,
		Classes: []string{"a", "b", "c", "d", "e", "f", "g", "h", "blank"},
	}
}

// Next implements data.Task. It panics if Blanks is less than 1.
func (c CopyMemory) Next(dst *data.Sequence, rng *rand.Rand) {
	atLeast("CopyMemory", "Blanks", c.Blanks, 1)
	const blank, start = copySymbols, copySymbols + 1
	dst.Reset(c.Blanks+2*copyLength, copySymbols+2, copySymbols+1)
	answers := c.Blanks + copyLength
	for t := range copyLength {
		symbol := rng.IntN(copySymbols)
		dst.Input(t)[symbol] = 1
		dst.AnswerClass(answers+t, symbol)
		dst.Distant[answers+t] = true
	}
	for t := copyLength; t < dst.Steps; t++ {
		if t == answers-1 {
			dst.Input(t)[start] = 1
		} else {
			dst.Input(t)[blank] = 1
		}
	}
	for t := range answers {
		dst.AnswerClass(t, blank)
	}
}
