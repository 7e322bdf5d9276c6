package model_test

import (
	"fmt"
	"math"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

// leftoverNet is a net that may remember what it should not.
type leftoverNet struct {
	spec      model.Spec
	inputGrad bool // that it has one
}

// leftoverNets are nets of all layers, and of the options that change what they keep.
func leftoverNets() map[string]leftoverNet {
	both := model.Spec{
		{Name: "gru", Layer: model.GRU{Hidden: 3, Bidirectional: true}},
		{Name: "last", Layer: model.LastStep{Bidirectional: true}},
		{Name: "head", Layer: model.Dense{Out: 2}},
	}
	nets := map[string]leftoverNet{
		"every layer":  {everyLayer, true},
		"last of both": {both, true},
		"last":         {model.Spec{{Name: "last", Layer: model.LastStep{}}}, true},
	}
	for _, c := range modern {
		nets[c.name] = leftoverNet{model.Spec{{Name: "layer", Layer: c.layer}}, true}
	}
	mask := [][]bool{{true, false, true, true, false}, {false, true, true, false, true}, {true, true, false, true, true}}
	for name, c := range map[string]struct {
		layer     model.Layer
		inputGrad bool
	}{
		"rnn, window":          {model.RNN{Hidden: 3, Layers: 2, Window: 2}, true},
		"rnn, window of both":  {model.RNN{Hidden: 3, Bidirectional: true, Window: 3}, true},
		"lstm, window":         {model.LSTM{Hidden: 3, Window: 2, Stateful: true}, true},
		"deep gru":             {model.GRU{Hidden: 3, Layers: 5}, true},
		"elman":                {model.Elman{Hidden: 3}, true},
		"elman, window":        {model.Elman{Hidden: 3, Window: 3, Stateful: true}, true},
		"jordan":               {model.Jordan{Hidden: 3, Out: 2, Decay: 0.4, Window: 3}, true},
		"jordan, teacher":      {model.Jordan{Hidden: 3, Out: 2, Decay: 0.4, Window: model.WholeSequence, TeacherForcing: true, Stateful: true}, true},
		"partially recurrent":  {model.PartiallyRecurrent{Hidden: 3}, true},
		"fully recurrent":      {model.FullyRecurrent{Hidden: 3, Out: 2, Mask: mask}, true},
		"fully recurrent, few": {model.FullyRecurrent{Hidden: 4, Out: 1, Window: 2}, true},
		"rtrl":                 {model.FullyRecurrent{Hidden: 3, Out: 2, Gradient: model.RTRL}, false},
		"rtrl, teacher":        {model.FullyRecurrent{Hidden: 3, Out: 2, Gradient: model.RTRL, TeacherForcing: true, Stateful: true}, false},
		"lstm of 1997":         {model.LSTM1997{Blocks: 2, Cells: 2, ForgetGates: true, Peepholes: true}, false},
		"lstm of 1997, states": {model.LSTM1997{Blocks: 2, Cells: 2, Stateful: true}, false},
		"grid":                 {model.GridLSTM{Hidden: 3, Layers: 3, Stateful: true}, true},
		"grid without states":  {model.GridLSTM{Hidden: 3, Layers: 2}, true},
	} {
		nets[name] = leftoverNet{model.Spec{{Name: "layer", Layer: c.layer}}, c.inputGrad}
	}
	return nets
}

// bothPasses are a forward and a backward pass with numbers of their own.
type bothPasses struct {
	steps   int
	lengths []int32
	whole   bool   // the sequences are, as many as there are lengths
	word    string // that the numbers depend on
}

// run makes the passes, with gradients that are before at first, which a NaN says to
// overwrite. It returns all that comes of it, the gradients of the parameters at last.
func (p bothPasses) run(t *testing.T, net *model.Network, before float64) (results, grads []float64) {
	b, n, in := net.Backend(), len(p.lengths), net.Input()
	net.SetSeed(uint64(p.steps))
	if p.whole {
		net.SetLengths(p.steps, nil)
	} else {
		net.SetLengths(p.steps, p.lengths)
	}
	states := net.States(p.steps, n)
	for _, s := range states {
		upload(b, s.Initial, draws(s.Initial.Size(), p.word, s.Name))
		if s.FinalGrad.Present() {
			upload(b, s.FinalGrad, draws(s.FinalGrad.Size(), p.word, s.Name, "gradient"))
		}
	}
	out := net.OutputShape(model.Shape{Steps: p.steps, Batch: n, Width: in.Width})
	x, dy := newTensor(t, b, p.steps*n, in.Width), newTensor(t, b, out.Rows(), out.Width)
	upload(b, x, draws(x.Size(), p.word))
	upload(b, dy, draws(dy.Size(), p.word, "dy"))
	if net.Taught() {
		net.Teach(dy)
	}
	b.Fill(net.Grads(), before)
	results = download(t, b, net.Forward(x, p.steps, model.Training))
	backward := net.Backward
	if math.IsNaN(before) {
		backward = net.BackwardAnew
	}
	if dx := backward(dy); dx.Present() {
		results = append(results, download(t, b, dx)...)
	}
	for _, s := range states {
		results = append(results, download(t, b, s.Final)...)
		if s.InitialGrad.Present() {
			results = append(results, download(t, b, s.InitialGrad)...)
		}
	}
	for _, w := range net.Parameters() {
		grads = append(grads, download(t, b, w.Grad)...)
	}
	return results, grads
}

// Nothing is left over from the passes before, of the same size or another, and the
// gradients of the parameters are added to what is there, or overwrite it.
func TestPassesLeaveNothingForTheNext(t *testing.T) {
	for name, c := range leftoverNets() {
		b := reference.New()
		defer b.Close()
		fresh := func() *model.Network {
			net := build(t, b, c.spec, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{Ragged: true, InputGrad: c.inputGrad})
			net.Init(1)
			return net
		}
		used := fresh()
		for _, p := range []bothPasses{
			{4, []int32{4, 0, 2}, false, "ragged"},
			{4, []int32{4, 4, 4}, true, "whole"},
			{3, []int32{1, 3}, false, "smaller"},
			{4, []int32{1, 4, 3}, false, "other lengths"},
			{1, []int32{1}, true, "one step"},
			{3, []int32{3, 3}, true, "whole and smaller"},
			{4, []int32{0, 0, 0}, false, "empty"},
			{4, []int32{3, 4, 1}, false, "ragged again"},
		} {
			where := fmt.Sprintf("%s: %s", name, p.word)
			want, wantGrads := p.run(t, fresh(), 0)
			got, grads := p.run(t, used, 0)
			compare(t, where+", after the others instead of as the first", got, want, 0)
			compare(t, where+", the gradients after the others instead of as the first", grads, wantGrads, 0)
			_, grads = p.run(t, used, math.NaN())
			compare(t, where+", the gradients overwritten", grads, wantGrads, 0)
			_, grads = p.run(t, used, 0.5)
			for i, g := range grads {
				if g != 0 { // as it stays where units are not connected
					grads[i] -= 0.5
				}
			}
			if text := mismatch(grads, wantGrads, 1e-9); text != "" {
				t.Errorf("%s: the gradients are not added to what is there: %s", where, text)
			}
		}
	}
}
