package main

import (
	"math"
	"strings"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
)

// trace is what happens in a net while it reads a string. All are
// [steps][units].
type trace struct {
	text       string // but for the last symbol, which is an answer only
	in, forget [][]float64
	out        [][]float64
	state      [][]float64 // of the cells
	output     [][]float64 // of the cells
	prediction [][]float64
}

// traceReber runs a net over text. A copy of it, which goes one step at a time,
// has its gates and cells among the states that can be seen.
func traceReber(b backend.Backend, net *model.Network, text string) (*trace, error) {
	layer := lstm1997()
	layer.Stateful = true
	slow, err := newReberNet(b, layer, 1)
	if err != nil {
		return nil, err
	}
	defer slow.Free()
	b.Copy(slow.Params(), net.Params())
	x, err := b.New(1, len(data.ReberSymbols))
	if err != nil {
		return nil, err
	}
	defer b.Free(x.Buf)

	t := &trace{text: text[:len(text)-1]}
	for _, symbol := range t.text {
		input := make([]float32, len(data.ReberSymbols))
		input[strings.IndexRune(data.ReberSymbols, symbol)] = 1
		b.Upload(x, input)
		prediction, err := downloadRow(b, slow.Forward(x, 1, model.Eval))
		if err != nil {
			return nil, err
		}
		t.prediction = append(t.prediction, prediction)
		for _, s := range slow.States(1, 1) {
			if err := t.add(b, s, layer.Blocks); err != nil {
				return nil, err
			}
			b.Copy(s.Initial, s.Final)
		}
	}
	return t, nil
}

// add appends what s is after a step.
func (t *trace) add(b backend.Backend, s model.State, blocks int) error {
	values, err := downloadRow(b, s.Final)
	switch s.Name {
	case "lstm.gates":
		t.in = append(t.in, values[:blocks])
		t.forget = append(t.forget, values[blocks:2*blocks])
		t.out = append(t.out, values[2*blocks:3*blocks])
	case "lstm.s":
		t.state = append(t.state, values)
	case "lstm.y":
		t.output = append(t.output, values)
	}
	return err
}

// downloadRow returns the elements of x.
func downloadRow(b backend.Backend, x backend.Tensor) ([]float64, error) {
	single, values := make([]float32, x.Size()), make([]float64, x.Size())
	err := b.Download(single, x)
	for i, v := range single {
		values[i] = float64(v)
	}
	return values, err
}

// keeper returns the cell that knows best, between the second symbol and its
// return, which of the two strings it reads: that whose states differ most.
func keeper(traces [2]*trace) int {
	best, most := 0, 0.0
	for cell := range traces[0].state[0] {
		if least := leastDifference(traces, cell); least > most {
			best, most = cell, least
		}
	}
	return best
}

// leastDifference returns the least difference, over the steps from the second
// symbol to the last before its return, of a cell's states in both strings.
func leastDifference(traces [2]*trace, cell int) float64 {
	least := math.Inf(1)
	for t := 1; t < len(traces[0].state)-1; t++ {
		least = min(least, math.Abs(traces[0].state[t][cell]-traces[1].state[t][cell]))
	}
	return least
}
