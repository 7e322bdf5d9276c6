package model_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

func TestGradientsOfActivationsMatchDifferences(t *testing.T) {
	in := model.Shape{Steps: 1, Batch: 5, Width: 4}
	for i, test := range []struct {
		name  string
		layer model.Layer
	}{
		{"identity", model.Identity},
		{"logistic of slope 1", model.Logistic{Slope: 1}},
		{"logistic of slope 3", model.Logistic{Slope: 3}},
		{"g of 1997", model.Squash(backend.SquashInput())},
		{"h of 1997", model.Squash(backend.SquashOutput())},
		{"squash of any range and slope", model.Squash{Range: 1.7159, Slope: 2. / 3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			spec := model.Spec{
				{Name: "hidden", Layer: model.Dense{Out: 6}}, {Name: "layer", Layer: test.layer}, {Name: "head", Layer: model.Dense{Out: 3}},
			}
			for _, s := range []model.Spec{spec, spec[1:2]} {
				wrong, worst := newGradientCheck(t, s, in, uint64(i), model.Options{}).errors(t)
				for _, text := range wrong {
					t.Errorf("seed %d: %s", i, text)
				}
				t.Logf("largest relative error %.3g", worst)
			}
		})
	}
}

func TestActivationsFollowTheirFormulas(t *testing.T) {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	inputs := []float64{-800, -30, -2, -0.5, 0, 1e-3, 0.5, 2, 30, 800}
	tests := []struct {
		name  string
		layer model.Layer
		want  func(x float64) float64
	}{
		{"identity", model.Identity, func(x float64) float64 { return x }},
		{"logistic", model.Logistic{Slope: 2.5}, func(x float64) float64 { return sigmoid(2.5 * x) }},
		{"g of 1997", model.Squash(backend.SquashInput()), func(x float64) float64 { return 4*sigmoid(x) - 2 }},
		{"h of 1997", model.Squash(backend.SquashOutput()), func(x float64) float64 { return 2*sigmoid(x) - 1 }},
		{"threshold", model.Threshold{}, func(x float64) float64 {
			if x > 0 {
				return 1
			}
			return -1
		}},
		{"binary threshold", model.Threshold{Binary: true}, func(x float64) float64 {
			if x > 0 {
				return 1
			}
			return 0
		}},
	}
	for _, on := range allBackends {
		t.Run(on.name, func(t *testing.T) {
			b := on.open(t)
			defer b.Close()
			x := newTensor(t, b, len(inputs), 1)
			upload(b, x, inputs)
			for _, test := range tests {
				net := build(t, b, model.Spec{{Name: "layer", Layer: test.layer}}, model.Shape{Steps: 1, Batch: len(inputs), Width: 1}, model.Options{})
				want := make([]float64, len(inputs))
				for i, x := range inputs {
					want[i] = test.want(x)
				}
				compare(t, test.name, download(t, b, net.Forward(x, 1, model.Evaluation)), want, on.tolerance)
			}
		})
	}
}

func TestActivationsRefuseScalesThatMakeNoSense(t *testing.T) {
	b := reference.New()
	defer b.Close()
	for _, test := range []struct {
		layer model.Layer
		want  string
	}{
		{model.Logistic{}, `stage "layer": Slope is 0, want a number above 0`},
		{model.Logistic{Slope: -1}, "Slope is -1"},
		{model.Logistic{Slope: math.NaN()}, "Slope is NaN"},
		{model.Logistic{Slope: math.Inf(1)}, "Slope is +Inf"},
		{model.Squash{}, "Range is 0"},
		{model.Squash{Range: math.NaN(), Slope: 1}, "Range is NaN"},
		{model.Squash{Range: 2}, "Slope is 0"},
		{model.Squash{Range: 1e-300, Slope: 1}, "Range is 1e-300"},
		{model.Logistic{Slope: 1e300}, "Slope is 1e+300"},
		{model.Identity + 1, "there is no Activation 5"},
	} {
		_, err := model.New(b, model.Spec{{Name: "layer", Layer: test.layer}}, model.Shape{Steps: 1, Batch: 1, Width: 1}, model.Options{})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%#v: error %v, want one with %q", test.layer, err, test.want)
		}
	}
}

func TestPassesOfActivationsAllocateNothing(t *testing.T) {
	b := openCPU(t)
	defer b.Close()
	net := build(t, b, model.Spec{
		{Name: "perceptron", Layer: model.Perceptron{Out: 4}},
		{Name: "dense", Layer: model.Dense{Out: 4}}, {Name: "identity", Layer: model.Identity},
		{Name: "logistic", Layer: model.Logistic{Slope: 2}}, {Name: "squash", Layer: model.Squash(backend.SquashInput())},
	}, model.Shape{Steps: 1, Batch: 3, Width: 2}, model.Options{})
	net.Init(1)
	x, dy := newTensor(t, b, 3, 2), newTensor(t, b, 3, 4)
	trained := build(t, b, net.Spec()[1:], model.Shape{Steps: 1, Batch: 3, Width: 2}, model.Options{})
	if n := testing.AllocsPerRun(100, func() {
		net.Forward(x, 1, model.Evaluation)
		trained.Forward(x, 1, model.Training)
		trained.Backward(dy)
	}); n != 0 {
		t.Errorf("two forward passes and a backward pass allocate %v times", n)
	}
}

func TestSpecsPrintReadably(t *testing.T) {
	for _, test := range []struct {
		value any
		want  string
	}{
		{model.Sigmoid, "Sigmoid"},
		{model.Identity, "Identity"},
		{model.Identity + 1, "Activation(5)"},
		{model.Sigmoid - 1, "Activation(-1)"},
		{model.BPTT, "BPTT"},
		{model.RTRL, "RTRL"},
		{model.RTRL + 1, "Gradient(2)"},
		{model.Spec{{Name: "squash", Layer: model.ReLU}, {Name: "end", Layer: model.Softmax}}, "[{squash ReLU OwnInit} {end Softmax OwnInit}]"},
	} {
		if got := fmt.Sprint(test.value); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	full := fmt.Sprintf("%+v", model.FullyRecurrent{Activation: model.Tanh, Gradient: model.RTRL})
	for _, want := range []string{"Activation:Tanh", "Gradient:RTRL"} {
		if !strings.Contains(full, want) {
			t.Errorf("%q has no %q", full, want)
		}
	}
}
