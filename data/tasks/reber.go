package tasks

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"gputrain/data"
)

// ReberSymbols are the symbols of a Reber string. The index of a symbol is its
// class, and the input that is 1 for it.
const ReberSymbols = "BTPSXVE"

const (
	reberB = iota
	reberT
	reberP
	reberS
	reberX
	reberV
	reberE
)

// reberArcs are the arcs of Reber's grammar: from each state the two symbols
// that may come, and the states that they lead to. From state 5 an E ends the
// string.
var reberArcs = [5][2]struct{ symbol, to int }{
	{{reberT, 1}, {reberP, 2}},
	{{reberS, 1}, {reberX, 3}},
	{{reberT, 2}, {reberV, 4}},
	{{reberX, 2}, {reberS, 5}},
	{{reberP, 3}, {reberV, 5}},
}

// Reber asks for the next symbol of a string B...E of Reber's grammar. Each
// choice has probability ½. The target of a step is 1 for each symbol that may
// come next, the label is the one that comes.
//
// A string of the embedded grammar is B, T or P, a Reber string, the same T or
// P again, and E. The step that asks for the second outer symbol is marked
// Distant: its answer must be kept over the whole inner string.
//
// The criterion is that the symbols that may come next are always the most
// active outputs.
//
// Sources: A. S. Reber, Implicit Learning of Artificial Grammars, 1967; A.
// Cleeremans, D. Servan-Schreiber, J. L. McClelland, Finite State Automata and
// Simple Recurrent Networks, 1989; for the embedded grammar S. E. Fahlman, The
// Recurrent Cascade-Correlation Architecture, 1991, and S. Hochreiter, J.
// Schmidhuber, Long Short-Term Memory, 1997, experiment 1.
type Reber struct {
	Embedded bool
}

// Format implements data.Task.
func (Reber) Format() data.Format {
	return data.Format{Width: len(ReberSymbols), Outputs: len(ReberSymbols), Classes: strings.Split(ReberSymbols, ""), PerStep: true}
}

// Next implements data.Task. The last symbol of the string, E, is an answer only.
func (r Reber) Next(dst *data.Sequence, rng *rand.Rand) {
	var memory [64]reberSymbol // a longer string, which is rare, allocates
	show(dst, r.append(memory[:0], rng))
}

// Disjoint draws train + test strings, all different, and deals them out at
// random. It panics if one of the numbers is negative.
func (r Reber) Disjoint(rng *rand.Rand, train, test int) (trained, tested []data.Sequence) {
	if train < 0 || test < 0 {
		panic(fmt.Sprintf("tasks: Disjoint: %d and %d strings", train, test))
	}
	seen := map[string]bool{}
	all := make([]data.Sequence, 0, train+test)
	for len(all) < train+test {
		var s data.Sequence
		r.Next(&s, rng)
		if text := ReberText(&s); !seen[text] {
			seen[text] = true
			all = append(all, s)
		}
	}
	// Short strings come early. Without the shuffle, all would become training
	// strings.
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:train:train], all[train:]
}

// ReberText returns the symbols that s shows, and the one that comes last.
func ReberText(s *data.Sequence) string {
	text := make([]byte, 0, s.Steps+1)
	for t := range s.Steps {
		for symbol, x := range s.Input(t) {
			if x == 1 {
				text = append(text, ReberSymbols[symbol])
			}
		}
	}
	return string(append(text, ReberSymbols[s.Labels[s.Steps-1]]))
}

// ContinualReber asks for the next symbol of an endless stream of strings of
// the embedded grammar. Nothing marks where a string ends. Next goes on where
// its last call stopped, so the state of the network must go on too. Targets,
// labels and Distant are those of Reber; after the E of a string comes the B of
// the next.
//
// The criterion is that every output is nearer than 0.49 to its target, for
// 1,000,000 steps in a row.
//
// Source: F. A. Gers, J. Schmidhuber, F. Cummins, Learning to Forget: Continual
// Prediction with LSTM, 2000.
type ContinualReber struct {
	steps   int
	pending []reberSymbol // drawn, not shown
}

// NewContinualReber returns a stream that is drawn in sequences of steps time
// steps. It panics if steps is less than 1.
func NewContinualReber(steps int) *ContinualReber {
	if steps < 1 {
		panic(fmt.Sprintf("tasks: NewContinualReber: sequences of %d steps", steps))
	}
	return &ContinualReber{steps: steps}
}

// Format implements data.Task.
func (*ContinualReber) Format() data.Format {
	f := Reber{}.Format()
	f.Tolerance = 0.49
	return f
}

// Next implements data.Task.
func (c *ContinualReber) Next(dst *data.Sequence, rng *rand.Rand) {
	for len(c.pending) <= c.steps {
		c.pending = Reber{Embedded: true}.append(c.pending, rng)
	}
	show(dst, c.pending[:c.steps+1])
	c.pending = append(c.pending[:0], c.pending[c.steps:]...)
}

// reberSymbol is a symbol of a string.
type reberSymbol struct {
	symbol  int
	allowed uint8 // bit k: symbol k might have come in its place
	outer   bool  // it is the second outer symbol
}

// append appends a string to s.
func (r Reber) append(s []reberSymbol, rng *rand.Rand) []reberSymbol {
	add := func(symbol int, allowed uint8, outer bool) {
		s = append(s, reberSymbol{symbol, allowed, outer})
	}
	outer := reberT + rng.IntN(2)
	if r.Embedded {
		add(reberB, 1<<reberB, false)
		add(outer, 1<<reberT|1<<reberP, false)
	}
	add(reberB, 1<<reberB, false)
	for state := 0; state != 5; {
		arcs := &reberArcs[state]
		arc := arcs[rng.IntN(2)]
		add(arc.symbol, 1<<arcs[0].symbol|1<<arcs[1].symbol, false)
		state = arc.to
	}
	add(reberE, 1<<reberE, false)
	if r.Embedded {
		add(outer, 1<<outer, true)
		add(reberE, 1<<reberE, false)
	}
	return s
}

// show makes dst the prediction of str: each symbol but the last is an input,
// each but the first an answer.
func show(dst *data.Sequence, str []reberSymbol) {
	dst.Reset(len(str)-1, len(ReberSymbols), len(ReberSymbols))
	for t := range dst.Steps {
		next := str[t+1]
		dst.Input(t)[str[t].symbol] = 1
		dst.AnswerClass(t, next.symbol)
		for symbol := range dst.Target(t) {
			if next.allowed&(1<<symbol) != 0 {
				dst.Target(t)[symbol] = 1
			}
		}
		dst.Distant[t] = next.outer
	}
}
