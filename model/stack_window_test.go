package model_test

import (
	"fmt"
	"strings"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

// windowGradient returns the gradients of the parameters and of the input of a
// net with random weights.
func windowGradient(t *testing.T, layer model.Layer, in model.Shape) (grads, dx []float64) {
	t.Helper()
	return newBench(t, layer, in, 1, model.Options{InputGrad: true}).gradient(t)
}

func TestWindowOfRNNIsThatOfElman(t *testing.T) {
	in := model.Shape{Steps: 9, Batch: 2, Width: 3}
	const hidden = 4
	for _, window := range []int{1, 2, 5, 9} {
		elman := newBench(t, model.Elman{Hidden: hidden, Activation: model.Tanh, Window: window}, in, 1, model.Options{InputGrad: true})
		_, want := elman.gradient(t)
		weight := download(t, elman.b, elman.net.Parameters()[0].Value)

		b := elman.b
		rnn := build(t, b, model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: hidden, Window: window}}}, in, model.Options{InputGrad: true})
		for name, columns := range map[string][2]int{"rnn.weight_ih_l0": {0, 3}, "rnn.weight_hh_l0": {3, hidden}, "rnn.bias_ih_l0": {7, 1}} {
			w, _ := rnn.Parameter(name)
			var values []float64
			for row := range hidden {
				at := row*8 + columns[0]
				values = append(values, weight[at:at+columns[1]]...)
			}
			b.UploadFloat64(w.Value, values)
		}
		rnn.Forward(elman.x, in.Steps, model.Training)
		compare(t, fmt.Sprintf("window %d: input", window), download(t, b, rnn.Backward(elman.dy)), want, 1e-12)
	}
}

func TestWindowOfAllStepsIsTheWholeSequence(t *testing.T) {
	in := model.Shape{Steps: 6, Batch: 2, Width: 3}
	for name, layer := range map[string]func(window int) model.Layer{
		"RNN":               func(w int) model.Layer { return model.RNN{Hidden: 4, Layers: 2, Window: w} },
		"LSTM":              func(w int) model.Layer { return model.LSTM{Hidden: 4, Layers: 2, Peepholes: true, Window: w} },
		"LSTM, both ways":   func(w int) model.Layer { return model.LSTM{Hidden: 4, Bidirectional: true, Window: w} },
		"LSTM, with states": func(w int) model.Layer { return model.LSTM{Hidden: 4, Stateful: true, Window: w} },
	} {
		t.Run(name, func(t *testing.T) {
			want, wantDX := windowGradient(t, layer(0), in)
			got, gotDX := windowGradient(t, layer(in.Steps), in)
			compare(t, "weights", got, want, 1e-12)
			compare(t, "input", gotDX, wantDX, 1e-12)
			if shorter, _ := windowGradient(t, layer(in.Steps-1), in); mismatch(shorter, want, 1e-12) == "" {
				t.Error("a window that is one step shorter gives the same gradient")
			}
		})
	}
}

// The error of a step is a function of the weights, with the states at the
// beginning of its window held constant.
func TestWindowedLSTMGradientsMatchDifferencesWithFrozenStates(t *testing.T) {
	in := model.Shape{Steps: 6, Batch: 2, Width: 2}
	const window = 3
	layer := model.LSTM{Hidden: 3, Peepholes: true, Window: window, Stateful: true}
	c := newBench(t, layer, in, 1, model.Options{InputGrad: true})
	for _, s := range c.net.States(in.Steps, in.Batch) {
		if s.InitialGrad.Present() || s.FinalGrad.Present() {
			t.Errorf("state %s has gradients, but no error goes over the bounds", s.Name)
		}
	}
	grads, dx := c.gradient(t)
	var recorded [][][]float64 // states before each step
	for steps := range in.Steps {
		var states [][]float64
		if steps > 0 {
			c.net.Forward(c.x.Slice(0, steps*in.Batch), steps, model.Evaluation)
		}
		for _, s := range c.net.States(max(1, steps), in.Batch) {
			if steps == 0 {
				states = append(states, download(t, c.b, s.Initial))
			} else {
				states = append(states, download(t, c.b, s.Final))
			}
		}
		recorded = append(recorded, states)
	}
	twin := build(t, c.b, model.Spec{{Name: "layer", Layer: layer}}, model.Shape{Steps: window, Batch: in.Batch, Width: in.Width}, model.Options{})
	dy := download(t, c.b, c.dy)
	loss := func() float64 {
		c.b.Copy(twin.Values(), c.net.Values())
		sum := 0.0
		for t0 := range in.Steps {
			from := max(0, t0+1-window)
			steps := t0 + 1 - from
			for k, s := range twin.States(steps, in.Batch) {
				c.b.UploadFloat64(s.Initial, recorded[from][k])
			}
			y := download(t, c.b, twin.Forward(c.x.Slice(from*in.Batch, (t0+1)*in.Batch), steps, model.Evaluation))
			rows := len(dy) / in.Steps
			sum += dot(y[(steps-1)*rows:], dy[t0*rows:(t0+1)*rows])
		}
		return sum
	}
	compare(t, "weights", grads, c.differences(t, c.net.Values(), loss), gradientTolerance)
	compare(t, "input", dx, c.differences(t, c.x, loss), gradientTolerance)
}

// Final is the state at the end of each sequence, and the padding after it gives no
// gradient.
func TestWindowOfSequencesThatEndEarly(t *testing.T) {
	in := model.Shape{Steps: 6, Batch: 4, Width: 2}
	lengths := []int32{4, 0, 6, 1}
	for name, layer := range map[string]model.Layer{
		"RNN":  model.RNN{Hidden: 3, Window: 2, Stateful: true},
		"LSTM": model.LSTM{Hidden: 3, Window: 2, Stateful: true},
	} {
		t.Run(name, func(t *testing.T) {
			whole := newBench(t, layer, in, 1, model.Options{InputGrad: true})
			c := newBench(t, layer, in, 1, model.Options{InputGrad: true, Ragged: true})
			c.net.SetLengths(in.Steps, lengths)
			got, gotDX := c.gradient(t)

			dy := download(t, whole.b, whole.dy)
			for row := range in.Rows() {
				if row/in.Batch >= int(lengths[row%in.Batch]) {
					clear(dy[row*whole.dy.Cols : (row+1)*whole.dy.Cols])
				}
			}
			whole.b.UploadFloat64(whole.dy, dy)
			want, wantDX := whole.gradient(t)
			compare(t, "gradient", got, want, 1e-12)
			compare(t, "gradient of the input", gotDX, wantDX, 1e-12)
			for k, s := range c.net.States(in.Steps, in.Batch) {
				for i, length := range lengths {
					final := whole.net.States(in.Steps, in.Batch)[k].Initial
					if length > 0 {
						whole.net.Forward(whole.x.Slice(0, int(length)*in.Batch), int(length), model.Evaluation)
						final = whole.net.States(int(length), in.Batch)[k].Final
					}
					compare(t, fmt.Sprintf("%s of sequence %d", s.Name, i),
						download(t, c.b, s.Final.Slice(i, i+1)), download(t, whole.b, final.Slice(i, i+1)), 1e-12)
				}
			}
		})
	}
}

func TestWindowThatMakesNoSense(t *testing.T) {
	in := model.Shape{Steps: 5, Batch: 2, Width: 2}
	for _, test := range []struct {
		layer  model.Layer
		ragged bool
		want   string
	}{
		{model.RNN{Hidden: 2, Window: -1}, false, "the Window is -1"},
		{model.LSTM{Hidden: 2, Window: 6}, false, "the Window is 6, but sequences have at most 5 time steps"},
		{model.LSTM{Hidden: 2, Window: 3, LayerNorm: true}, false, "the Window does not go with Projection, LayerNorm or zoneout"},
		{model.LSTM{Hidden: 2, Window: model.WholeSequence, LayerNorm: true}, false, ""},
		{model.LSTM{Hidden: 2, Window: model.WholeSequence}, false, ""},
		{model.RNN{Hidden: 2, Window: 5, Stateful: true}, true, ""},
	} {
		_, err := model.New(reference.New(), model.Spec{{Name: "layer", Layer: test.layer}}, in, model.Options{Ragged: test.ragged})
		if got := fmt.Sprint(err); test.want == "" && err != nil || !strings.Contains(got, test.want) {
			t.Errorf("%+v: error %v, want %q", test.layer, err, test.want)
		}
	}
}
