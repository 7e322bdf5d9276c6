package data_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"gputrain/data"
)

// counting asks for the next symbol of a string aⁿbⁿ of 1 ≤ n ≤ longest (Gers,
// Schmidhuber, LSTM Recurrent Networks Learn Simple Context-Free and
// Context-Sensitive Languages, 2001). T stands before the string and behind it.
type counting struct{ longest int }

const symbols = "Tab"

// Format implements data.Task.
func (counting) Format() data.Format {
	return data.Format{Width: 3, Outputs: 3, Classes: strings.Split(symbols, ""), PerStep: true, Tolerance: 0.49}
}

// Next implements data.Task.
func (c counting) Next(dst *data.Sequence, rng *rand.Rand) {
	n := 1 + rng.IntN(c.longest)
	text := "T" + strings.Repeat("a", n) + strings.Repeat("b", n) + "T"
	dst.Reset(len(text)-1, 3, 3)
	for t := range dst.Steps {
		dst.Input(t)[strings.IndexByte(symbols, text[t])] = 1
		dst.AnswerClass(t, strings.IndexByte(symbols, text[t+1]))
		if text[t] == 'a' { // either may follow, whichever does
			dst.Target(t)[1], dst.Target(t)[2] = 1, 1
		}
	}
}

// A task of one's own. Where several classes are right the target has a 1 for
// each, and the label is the one that came.
func ExampleTask_ownTask() {
	task := counting{longest: 2}
	format := task.Format()
	var s data.Sequence
	task.Next(&s, rand.New(rand.NewPCG(1, 4)))
	for t := range s.Steps {
		fmt.Println("input", s.Input(t), "target", s.Target(t), "came", format.Classes[s.Labels[t]])
	}
	fmt.Println("solved by its own targets:", format.Solves(s.Judge(s.Targets)))
	// Output:
	// input [1 0 0] target [0 1 0] came a
	// input [0 1 0] target [0 1 1] came a
	// input [0 1 0] target [0 1 1] came b
	// input [0 0 1] target [0 0 1] came b
	// input [0 0 1] target [1 0 0] came T
	// solved by its own targets: true
}
