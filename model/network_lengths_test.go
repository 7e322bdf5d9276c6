package model_test

import (
	"math"
	"slices"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

func TestLengthsThatDoNotFitPanic(t *testing.T) {
	b := reference.New()
	defer b.Close()
	spec := model.Spec{{Name: "lstm", Layer: model.LSTM{Hidden: 2}}}
	in := model.Shape{Steps: 3, Batch: 2, Width: 1}
	ragged, whole := build(t, b, spec, in, model.Options{Ragged: true}), build(t, b, spec, in, model.Options{})
	x := newTensor(t, b, 6, 1)
	for _, test := range []struct {
		text string
		call func()
	}{
		{"model: SetLengths: the network was built without Options.Ragged", func() { whole.SetLengths(3, []int32{1, 2}) }},
		{"model: SetLengths: sequence 1 has length 4, want 0 to 3", func() { ragged.SetLengths(3, []int32{1, 4}) }},
		{"model: SetLengths: sequence 0 has length -1, want 0 to 3", func() { ragged.SetLengths(3, []int32{-1, 3}) }},
		{"model: SetLengths: 4 steps of 2 sequences, want 1 to 3 of 1 to 2", func() { ragged.SetLengths(4, []int32{1, 4}) }},
		{"model: SetLengths: 3 steps of 3 sequences, want 1 to 3 of 1 to 2", func() { ragged.SetLengths(3, []int32{1, 2, 3}) }},
		{"model: Forward: x has 3 steps of 2 sequences, but SetLengths got lengths for 2 of 2", func() {
			ragged.SetLengths(2, []int32{1, 2})
			ragged.Forward(x, 3, model.Evaluation)
		}},
	} {
		func() {
			defer func() {
				if got := recover(); got != test.text {
					t.Errorf("got panic %v, want %s", got, test.text)
				}
			}()
			test.call()
		}()
	}
	ragged.SetLengths(3, nil)
	ragged.Forward(x, 3, model.Evaluation)
}

// The values in the padding have no influence, not even on the last bit.
func TestPaddingHasNoInfluence(t *testing.T) {
	lengths := []int32{2, 0, 5}
	in := model.Shape{Steps: 5, Batch: len(lengths), Width: 2}
	for _, test := range modern {
		b := openCPU(t)
		defer b.Close()
		spec := model.Spec{{Name: "layer", Layer: test.layer}, {Name: "last", Layer: model.LastStep{}}}
		net := build(t, b, spec, in, model.Options{Ragged: true, InputGrad: true})
		net.Init(1)
		net.SetLengths(in.Steps, lengths)
		x, dy := newTensor(t, b, in.Rows(), in.Width), newTensor(t, b, in.Batch, net.Output().Width)
		run := func(filling float64) []float64 {
			values := draws(x.Size(), "x")
			for row := range in.Rows() {
				if row/in.Batch >= int(lengths[row%in.Batch]) {
					values[row*in.Width], values[row*in.Width+1] = filling, -filling
				}
			}
			upload(b, x, values)
			upload(b, dy, draws(dy.Size(), "dy"))
			b.Fill(net.Grads(), 0)
			results := download(t, b, net.Forward(x, in.Steps, model.Training))
			results = append(results, download(t, b, net.Backward(dy))...)
			return append(results, download(t, b, net.Grads())...)
		}
		zeros, garbage := run(0), run(1e3)
		for i := range zeros {
			if zeros[i] != garbage[i] {
				t.Fatalf("%s: result %d is %v with zeros in the padding, %v with other values", test.name, i, zeros[i], garbage[i])
			}
		}
		net.SetLengths(in.Steps, nil)
		if slices.Equal(run(0), run(1e3)) {
			t.Errorf("%s: other inputs have no influence without lengths either", test.name)
		}
	}
}

// Steps are counted in int and indexed in int32, and no kernel has the steps in the
// y dimension of its grid.
func TestLongSequences(t *testing.T) {
	const steps = 70_000
	in := model.Shape{Steps: steps, Batch: 3, Width: 1}
	for name, layer := range map[string]model.Layer{
		"rnn":                model.RNN{Hidden: 1},
		"lstm":               model.LSTM{Hidden: 1},
		"gru, bidirectional": model.GRU{Hidden: 1, Bidirectional: true},
	} {
		b := openCPU(t)
		defer b.Close()
		net := build(t, b, model.Spec{{Name: "layer", Layer: layer}, {Name: "last", Layer: model.LastStep{}}}, in, model.Options{Ragged: true, InputGrad: true})
		net.Init(1)
		x, dy := newTensor(t, b, in.Rows(), 1), newTensor(t, b, in.Batch, net.Output().Width)
		b.Fill(x, 0.5)
		b.Fill(dy, 1)
		lengths := []int32{steps, 66_000, 1}
		net.SetLengths(steps, lengths)
		net.Forward(x, steps, model.Training)
		dx := download(t, b, net.Backward(dy))
		for i, length := range lengths {
			if last := dx[(int(length)-1)*in.Batch+i]; last == 0 || math.IsNaN(last) {
				t.Errorf("%s: the gradient of the last step of sequence %d is %v", name, i, last)
			}
			for row := int(length)*in.Batch + i; row < len(dx); row += in.Batch {
				if dx[row] != 0 {
					t.Fatalf("%s: the gradient of step %d of sequence %d, which has %d, is %v", name, row/in.Batch, i, length, dx[row])
				}
			}
		}
	}
}

func TestLastStepOfSequencesThatEndEarly(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := build(t, b, model.Spec{{Name: "last", Layer: model.LastStep{}}}, model.Shape{Steps: 3, Batch: 3, Width: 1}, model.Options{Ragged: true, InputGrad: true})
	x, dy := newTensor(t, b, 9, 1), newTensor(t, b, 3, 1)
	upload(b, x, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9})
	upload(b, dy, []float64{10, 20, 30})
	net.SetLengths(3, []int32{2, 0, 3})
	y := net.Forward(x, 3, model.Training)
	dx := net.Backward(dy)
	compare(t, "y", download(t, b, y), []float64{4, 0, 9}, 0)
	compare(t, "dx", download(t, b, dx), []float64{0, 0, 0, 10, 0, 0, 0, 0, 30}, 0)
}
