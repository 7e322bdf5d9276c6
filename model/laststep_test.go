package model_test

import (
	"strings"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

func TestLastStepOfBothDirectionsOfSequencesThatEndEarly(t *testing.T) {
	for _, test := range []struct {
		name    string
		lengths []int32
		y, dx   []float64
	}{
		{"whole", nil, []float64{9, 2, 11, 4}, []float64{0, 20, 0, 40, 0, 0, 0, 0, 10, 0, 30, 0}},
		{"ragged", []int32{2, 3}, []float64{5, 2, 11, 4}, []float64{0, 20, 0, 40, 10, 0, 0, 0, 0, 0, 30, 0}},
		{"of one step", []int32{1, 3}, []float64{1, 2, 11, 4}, []float64{10, 20, 0, 40, 0, 0, 0, 0, 0, 0, 30, 0}},
		{"empty", []int32{0, 3}, []float64{0, 0, 11, 4}, []float64{0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 30, 0}},
	} {
		b := reference.New()
		defer b.Close()
		net := build(t, b, model.Spec{{Name: "last", Layer: model.LastStep{Bidirectional: true}}},
			model.Shape{Steps: 3, Batch: 2, Width: 2}, model.Options{Ragged: true, InputGrad: true})
		x, dy := newTensor(t, b, 6, 2), newTensor(t, b, 2, 2)
		upload(b, x, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
		upload(b, dy, []float64{10, 20, 30, 40})
		for range 2 { // nothing is left over from the pass before
			net.SetLengths(3, test.lengths)
			y := net.Forward(x, 3, model.Training)
			dx := net.Backward(dy)
			compare(t, test.name+": y", download(t, b, y), test.y, 0)
			compare(t, test.name+": dx", download(t, b, dx), test.dx, 0)
		}
	}
}

func TestGradientsThroughTheLastStepOfBothDirectionsMatchDifferences(t *testing.T) {
	in := model.Shape{Steps: 3, Batch: 3, Width: 2}
	for name, layer := range map[string]model.Layer{
		"gru":  model.GRU{Hidden: 3, Bidirectional: true, Stateful: true},
		"lstm": model.LSTM{Hidden: 3, Layers: 2, Bidirectional: true},
	} {
		for i, lengths := range [][]int32{nil, {1, 0, 3}, {2, 3, 1}} {
			c := newGradientCheck(t, model.Spec{
				{Name: "layer", Layer: layer}, {Name: "last", Layer: model.LastStep{Bidirectional: true}}, {Name: "head", Layer: model.Dense{Out: 2}},
			}, in, uint64(i), model.Options{Ragged: true})
			c.net.SetLengths(in.Steps, lengths)
			wrong, _ := c.errors(t)
			for _, text := range wrong {
				t.Errorf("%s, seed %d, lengths %v: %s", name, i, lengths, text)
			}
		}
	}
}

func TestLastStepOfBothDirectionsWantsTwoHalves(t *testing.T) {
	b := reference.New()
	defer b.Close()
	_, err := model.New(b, model.Spec{{Name: "last", Layer: model.LastStep{Bidirectional: true}}}, model.Shape{Steps: 3, Batch: 2, Width: 5}, model.Options{})
	if err == nil || !strings.Contains(err.Error(), `stage "last": the option Bidirectional is set, but the input has an odd width, 5`) {
		t.Errorf("error %v", err)
	}
}

// The output of LastStep has no lengths any more, even in a network built for one
// step: the GRU sees an empty sequence as a step of zeros.
func TestLayersAboveLastStepKnowNoLengths(t *testing.T) {
	results := make([][]float64, 2)
	for i, steps := range []int{1, 2} {
		b := reference.New()
		defer b.Close()
		net := build(t, b, model.Spec{
			{Name: "last", Layer: model.LastStep{}}, {Name: "gru", Layer: model.GRU{Hidden: 2, Bidirectional: true}},
		}, model.Shape{Steps: steps, Batch: 2, Width: 1}, model.Options{Ragged: true})
		net.Init(1)
		x := newTensor(t, b, 2*steps, 1)
		b.Fill(x, 0.5)
		net.SetLengths(steps, []int32{0, 1})
		results[i] = download(t, b, net.Forward(x, steps, model.Evaluation))
	}
	if results[0][0] == 0 {
		t.Error("the output of the empty sequence is 0 in a network built for one step")
	}
	compare(t, "built for one step instead of two", results[0], results[1], 0)
}

// A recurrent layer above LastStep has one step, whatever the input of the network has.
func TestStatesAboveLastStepAreThoseOfOneStep(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := build(t, b, model.Spec{
		{Name: "last", Layer: model.LastStep{}}, {Name: "rnn", Layer: model.RNN{Hidden: 2, Stateful: true}},
	}, model.Shape{Steps: 3, Batch: 2, Width: 1}, model.Options{})
	net.Init(1)
	x := newTensor(t, b, 6, 1)
	b.Fill(x, 0.5)
	states := net.States(3, 2)
	y := download(t, b, net.Forward(x, 3, model.Evaluation))
	compare(t, "final state", download(t, b, states[0].Final), y, 0)
}
