package model_test

import (
	"math"
	"slices"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

func TestDropoutFollowsFromTheSeed(t *testing.T) {
	const rows, cols, rate = 50, 40, 0.25
	b := reference.New()
	defer b.Close()
	spec := model.Spec{{Name: "a", Layer: model.Dropout{Rate: rate}}, {Name: "b", Layer: model.Dropout{Rate: rate}}}
	first := build(t, b, spec[:1], model.Shape{Steps: 1, Batch: rows, Width: cols}, model.Options{})
	both := build(t, b, spec, model.Shape{Steps: 1, Batch: rows, Width: cols}, model.Options{InputGrad: true})
	x, dy := newTensor(t, b, rows, cols), newTensor(t, b, rows, cols)
	b.Fill(x, 3)
	b.Fill(dy, 5)
	run := func(net *model.Network, seed uint64, mode model.Mode) []float64 {
		net.SetSeed(seed)
		return download(t, b, net.Forward(x, 1, mode))
	}
	one := run(first, 1, model.Training)
	dropped := 0
	for i, v := range one {
		switch v {
		case 0:
			dropped++
		case 3 / (1 - rate):
		default:
			t.Fatalf("element %d is %v, want 0 or %v", i, v, 3/(1-rate))
		}
	}
	n := float64(len(one))
	if most := 5 * math.Sqrt(n*rate*(1-rate)); math.Abs(float64(dropped)-n*rate) > most {
		t.Errorf("%d of %v elements are dropped, want %v ± %.0f", dropped, n, n*rate, most)
	}
	if !slices.Equal(run(first, 1, model.Training), one) {
		t.Error("the same seed drops other elements")
	}
	if slices.Equal(run(first, 2, model.Training), one) {
		t.Error("another seed drops the same elements")
	}
	if got := run(first, 1, model.Evaluation); slices.ContainsFunc(got, func(v float64) bool { return v != 3 }) {
		t.Error("evaluation drops elements")
	}
	// Two dropouts drop independently of each other.
	kept := 0
	two := run(both, 1, model.Training)
	for _, v := range two {
		if v != 0 {
			kept++
		}
	}
	want := n * (1 - rate) * (1 - rate)
	if most := 5 * math.Sqrt(want*(1-want/n)); math.Abs(float64(kept)-want) > most {
		t.Errorf("two dropouts keep %d of %v elements, want %v ± %.0f", kept, n, want, most)
	}
	dx := download(t, b, both.Backward(dy))
	for i, v := range two {
		if want := v / 3 * 5; math.Abs(dx[i]-want) > 1e-12 {
			t.Fatalf("gradient of element %d is %v, want %v", i, dx[i], want)
		}
	}
}

// The dropout between two layers does the same as a Dropout between two stages.
func TestDropoutBetweenLayersIsADropoutStage(t *testing.T) {
	in := model.Shape{Steps: 3, Batch: 2, Width: 2}
	for name, layers := range map[string][2]model.Layer{
		"rnn":  {model.RNN{Hidden: 3, Layers: 2, Dropout: 0.4}, model.RNN{Hidden: 3}},
		"lstm": {model.LSTM{Hidden: 3, Layers: 2, Dropout: 0.4, Bidirectional: true}, model.LSTM{Hidden: 3, Bidirectional: true}},
		"gru":  {model.GRU{Hidden: 3, Layers: 2, Dropout: 0.4}, model.GRU{Hidden: 3}},
	} {
		b := reference.New()
		defer b.Close()
		run := func(spec model.Spec, mode model.Mode) []float64 {
			net := build(t, b, spec, in, model.Options{})
			for i, w := range net.Parameters() {
				upload(b, w.Value, draws(w.Value.Size(), i))
			}
			net.SetSeed(3)
			x := newTensor(t, b, in.Rows(), in.Width)
			upload(b, x, draws(x.Size(), "x"))
			y := download(t, b, net.Forward(x, in.Steps, mode))
			if mode == model.Training {
				dy := newTensor(t, b, in.Rows(), net.Output().Width)
				upload(b, dy, draws(dy.Size(), "dy"))
				net.Backward(dy)
				for _, w := range net.Parameters() {
					y = append(y, download(t, b, w.Grad)...)
				}
			}
			return y
		}
		for _, mode := range []model.Mode{model.Training, model.Evaluation} {
			got := run(model.Spec{{Name: "layer", Layer: layers[0]}}, mode)
			want := run(model.Spec{{Name: "l0", Layer: layers[1]}, {Name: "drop", Layer: model.Dropout{Rate: 0.4}}, {Name: "l1", Layer: layers[1]}}, mode)
			compare(t, name, got, want, 1e-12)
		}
	}
}
