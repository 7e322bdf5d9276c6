package model_test

import (
	"math"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

// percent is a layer of our own that knows the range of its outputs.
type percent struct{ model.Layer }

func (percent) OutputRange(_, _ float64) (float64, float64) { return 0, 100 }

func TestOutputRangeIsThatOfTheLastLayersThatBound(t *testing.T) {
	inf := math.Inf(1)
	b := reference.New()
	defer b.Close()
	for _, test := range []struct {
		name      string
		layers    []model.Layer
		low, high float64
	}{
		{"dense", []model.Layer{model.Dense{Out: 2}}, -inf, inf},
		{"dense on sigmoid", []model.Layer{model.Sigmoid, model.Dense{Out: 2}}, -inf, inf},
		{"sigmoid", []model.Layer{model.Sigmoid}, 0, 1},
		{"logistic", []model.Layer{model.Logistic{Slope: 2}}, 0, 1},
		{"softmax", []model.Layer{model.Softmax}, 0, 1},
		{"tanh", []model.Layer{model.Tanh}, -1, 1},
		{"relu", []model.Layer{model.ReLU}, 0, inf},
		{"relu on tanh", []model.Layer{model.Tanh, model.ReLU}, 0, 1},
		{"identity on tanh", []model.Layer{model.Tanh, model.Identity}, -1, 1},
		{"squash", []model.Layer{model.Squash{Range: 2, Slope: 0.5}}, -2, 2},
		{"last step", []model.Layer{model.GRU{Hidden: 2, Bidirectional: true}, model.LastStep{Bidirectional: true}}, -1, 1},
		{"elman", []model.Layer{model.Elman{Hidden: 2}}, 0, 1},
		{"jordan", []model.Layer{model.Jordan{Hidden: 2, Out: 1, OutputActivation: model.Identity}}, -inf, inf},
		{"partially recurrent", []model.Layer{model.PartiallyRecurrent{Hidden: 2, Activation: model.Tanh}}, -1, 1},
		{"fully recurrent", []model.Layer{model.FullyRecurrent{Hidden: 2, Activation: model.ReLU}}, 0, inf},
		{"rnn", []model.Layer{model.RNN{Hidden: 2}}, -1, 1},
		{"rnn with relu", []model.Layer{model.RNN{Hidden: 2, ReLU: true}}, 0, inf},
		{"lstm", []model.Layer{model.LSTM{Hidden: 2}}, -1, 1},
		{"lstm with projection", []model.Layer{model.LSTM{Hidden: 2, Projection: 1}}, -inf, inf},
		{"memory blocks", []model.Layer{model.LSTM1997{Blocks: 1, Cells: 1}}, -1, 1},
		{"linear memory blocks", []model.Layer{model.LSTM1997{Blocks: 1, Cells: 1, LinearOutput: true}}, -inf, inf},
		{"grid", []model.Layer{model.GridLSTM{Hidden: 2}}, -1, 1},
		{"a layer of one's own", []model.Layer{percent{model.Dense{Out: 2}}}, 0, 100},
	} {
		spec := model.Spec{}
		for i, layer := range test.layers {
			spec = append(spec, model.Stage{Name: string(rune('a' + i)), Layer: layer})
		}
		net := build(t, b, spec, model.Shape{Steps: 2, Batch: 1, Width: 2}, model.Options{})
		if low, high := net.OutputRange(); low != test.low || high != test.high {
			t.Errorf("%s: %v to %v, want %v to %v", test.name, low, high, test.low, test.high)
		}
	}
}
