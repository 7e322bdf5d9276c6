package model_test

import (
	"math"
	"strings"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

// all is the mask of a net in which everything is connected.
func all(units, sources int) [][]bool {
	mask := make([][]bool, units)
	for i := range mask {
		mask[i] = make([]bool, sources)
		for j := range mask[i] {
			mask[i][j] = true
		}
	}
	return mask
}

func TestMaskedWeightsAreZeroAndHaveNoGradient(t *testing.T) {
	in := model.Shape{Steps: 5, Batch: 2, Width: 2}
	mask := all(3, 5)
	mask[0][0], mask[1][3], mask[2][2] = false, false, false
	diagonal := [][]bool{{true, true, true, false, false}, {true, true, false, true, false}, {true, true, false, false, true}}
	for name, test := range map[string]struct {
		layer model.Layer
		mask  [][]bool
	}{
		"FullyRecurrent":     {model.FullyRecurrent{Hidden: 3, Mask: mask}, mask},
		"PartiallyRecurrent": {model.PartiallyRecurrent{Hidden: 3}, diagonal},
	} {
		t.Run(name, func(t *testing.T) {
			c := newBench(t, test.layer, in, 1, model.Options{})
			c.net.Init(1)
			for i, v := range download(t, c.b, c.net.Parameters()[0].Value) {
				if connected := isConnected(test.mask, i); (v != 0) != connected {
					t.Errorf("initial weight of unit %d from source %d is %v", i/6, i%6, v)
				}
			}
			got, _ := newBench(t, test.layer, in, 1, model.Options{}).gradient(t)
			plain := newBench(t, model.FullyRecurrent{Hidden: 3}, in, 1, model.Options{})
			zeroUnconnected(t, plain, test.mask)
			want, _ := plain.gradient(t)
			for i := range 6 * len(test.mask) {
				if !isConnected(test.mask, i) {
					want[i] = 0
				}
			}
			compare(t, "gradient", got, want, 1e-14)
		})
	}
}

// isConnected reports whether element i of W, [units, 6], is a connection.
func isConnected(mask [][]bool, i int) bool {
	unit, source := i/6, i%6
	return source == 5 || mask[unit][source]
}

// zeroUnconnected sets the elements of W that are not connections to zero.
func zeroUnconnected(t *testing.T, c *bench, mask [][]bool) {
	w := c.net.Parameters()[0].Value
	values := download(t, c.b, w)
	for i := range values {
		if !isConnected(mask, i) {
			values[i] = 0
		}
	}
	c.b.UploadFloat64(w, values)
}

// Values that a file holds where units are not connected have no influence on
// either pass.
func TestWeightsBesideTheMaskHaveNoInfluence(t *testing.T) {
	in := model.Shape{Steps: 5, Batch: 2, Width: 2}
	mask := all(3, 5)
	mask[0][0], mask[1][3], mask[2][2] = false, false, false
	for name, layer := range map[string]model.FullyRecurrent{
		"BPTT":      {Hidden: 3, Mask: mask},
		"truncated": {Hidden: 3, Mask: mask, Window: 2},
		"RTRL":      {Hidden: 3, Mask: mask, Gradient: model.RTRL},
	} {
		t.Run(name, func(t *testing.T) {
			o := model.Options{InputGrad: layer.Gradient == model.BPTT}
			c, clean := newBench(t, layer, in, 1, o), newBench(t, layer, in, 1, o)
			zeroUnconnected(t, clean, mask)
			grads, dx := c.gradient(t)
			wantGrads, wantDX := clean.gradient(t)
			compare(t, "output", download(t, c.b, c.net.Forward(c.x, in.Steps, model.Evaluation)), download(t, clean.b, clean.net.Forward(clean.x, in.Steps, model.Evaluation)), 0)
			compare(t, "gradient", grads, wantGrads, 0)
			compare(t, "gradient of the input", dx, wantDX, 0)
		})
	}
}

func TestRecurrentLayersRejectWhatMakesNoSense(t *testing.T) {
	in := model.Shape{Steps: 5, Batch: 2, Width: 2}
	for _, test := range []struct {
		layer model.Layer
		want  string
	}{
		{model.Elman{}, "Hidden is 0"},
		{model.Elman{Hidden: 3, Window: -1}, "Window is -1"},
		{model.Elman{Hidden: 3, Window: 6}, "Window is 6, but sequences have at most 5 time steps"},
		{model.Elman{Hidden: 3, Activation: model.Softmax}, "Activation is Softmax"},
		{model.Elman{Hidden: 3, Activation: -1}, "there is no Activation -1"},
		{model.Jordan{Hidden: 3}, "Out is 0"},
		{model.Jordan{Hidden: 3, Out: 1, Decay: 1}, "Decay is 1"},
		{model.Jordan{Hidden: 3, Out: 1, Decay: math.NaN()}, "Decay is NaN"},
		{model.Jordan{Hidden: 3, Out: 1, OutputActivation: 99}, "there is no Activation 99"},
		{model.PartiallyRecurrent{Hidden: -4}, "Hidden is -4"},
		{model.FullyRecurrent{Hidden: 3, Out: 4}, "Out is 4, want 1 to 3"},
		{model.FullyRecurrent{Hidden: 3, Mask: all(2, 5)}, "Mask has 2 rows, want one for each of the 3 units"},
		{model.FullyRecurrent{Hidden: 3, Mask: all(3, 4)}, "Mask has 4 columns in row 0, want 2 for the inputs and 3 for the units"},
		{model.FullyRecurrent{Hidden: 3, Gradient: 7}, "there is no Gradient 7"},
		{model.FullyRecurrent{Hidden: 3, Gradient: model.RTRL, Window: 2}, "Window is set, which is for BPTT"},
		{model.FullyRecurrent{Hidden: 1 << 28, Gradient: model.RTRL}, "out of memory"},
		{model.FullyRecurrent{Hidden: 1 << 14, Gradient: model.RTRL}, `stage "layer": workspace of 2x4398851817472: `},
	} {
		_, err := model.New(reference.New(), model.Spec{{Name: "layer", Layer: test.layer}}, in, model.Options{})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: error %v, want one line with %q", test.layer, err, test.want)
		}
	}
	learner := model.Spec{{Name: "below", Layer: model.Dense{Out: 2}}, {Name: "layer", Layer: model.FullyRecurrent{Hidden: 3, Gradient: model.RTRL}}}
	if _, err := model.New(reference.New(), learner, in, model.Options{}); err == nil || !strings.Contains(err.Error(), `stage "layer": RTRL gives no gradient of the input`) {
		t.Errorf("RTRL after a layer that learns: error %v", err)
	}
}
