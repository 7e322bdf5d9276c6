package model_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

// chain is two layers as one.
type chain struct{ first, second model.Layer }

func (c chain) Output(in model.Shape) (model.Shape, error) {
	middle, err := c.first.Output(in)
	if err != nil {
		return middle, err
	}
	return c.second.Output(middle)
}

func (c chain) middle(in model.Shape) model.Shape {
	middle, err := c.first.Output(in)
	if err != nil {
		panic(err)
	}
	return middle
}

func (c chain) Parameters(in model.Shape) []model.ParameterSpec {
	params := c.first.Parameters(in)
	for _, p := range c.second.Parameters(c.middle(in)) {
		p.Name = "second." + p.Name
		params = append(params, p)
	}
	return params
}

func (c chain) Build(b *model.Builder, in model.Shape) model.Module {
	return chainModule{
		chain:  c,
		first:  c.first.Build(b.Inner(0), in),
		second: c.second.Build(b.Inner(len(c.first.Parameters(in))), c.middle(in)),
	}
}

type chainModule struct {
	chain
	first, second model.Module
}

func (m chainModule) Forward(x backend.Tensor, in model.Shape, mode model.Mode) backend.Tensor {
	return m.second.Forward(m.first.Forward(x, in, mode), m.middle(in), mode)
}

func (m chainModule) Backward(dy backend.Tensor) backend.Tensor {
	return m.first.Backward(m.second.Backward(dy))
}

func TestLayersWithinALayerGiveTheResultsOfTwoStages(t *testing.T) {
	for _, c := range []chain{
		{model.RNN{Hidden: 3}, model.LSTM{Hidden: 3}},
		{model.LSTM{Hidden: 3, Layers: 2, Bidirectional: true, Projection: 2}, model.Dense{Out: 2}},
		{model.GRU{Hidden: 3, Layers: 3, NoBias: true}, model.LSTM{Hidden: 2, Bidirectional: true, Peepholes: true}},
	} {
		one := passes(t, model.Spec{{Name: "both", Layer: c}})
		two := passes(t, model.Spec{{Name: "first", Layer: c.first}, {Name: "second", Layer: c.second}})
		if !slices.Equal(one, two) {
			t.Errorf("seed 1: %T, %T: output and gradients of a layer of two are\n%v\nwant those of two stages\n%v", c.first, c.second, one, two)
		}
	}
}

// passes returns the output and all gradients of a network, one after the other.
func passes(t *testing.T, spec model.Spec) []float32 {
	t.Helper()
	in := model.Shape{Steps: 4, Batch: 2, Width: 2}
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, spec, in, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	net.Init(1)
	x, err := b.New(in.Rows(), in.Width)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	values := make([]float32, x.Size())
	for i := range values {
		values[i] = rng.Float32() - 0.5
	}
	b.Upload(x, values)
	y := net.Forward(x, in.Steps, model.Training)
	net.Backward(y)
	result := make([]float32, y.Size()+net.Grads().Size())
	if err := errors.Join(b.Download(result[:y.Size()], y), b.Download(result[y.Size():], net.Grads())); err != nil {
		t.Fatal(err)
	}
	return result
}

// unbuildable cannot be built.
type unbuildable struct{ model.Activation }

func (unbuildable) Build(b *model.Builder, in model.Shape) model.Module {
	b.Fail(errors.New("no such unit"))
	return nil
}

func TestAnErrorOfALayerWithinALayerIsThatOfTheStage(t *testing.T) {
	b := reference.New()
	defer b.Close()
	for _, c := range []chain{
		{unbuildable{}, model.Tanh},
		{model.Tanh, unbuildable{}},
		{model.Dense{Out: 2}, unbuildable{}},
	} {
		_, err := model.New(b, model.Spec{{Name: "both", Layer: c}}, model.Shape{Steps: 1, Batch: 1, Width: 2}, model.Options{})
		if err == nil || !strings.Contains(err.Error(), `stage "both": no such unit`) {
			t.Errorf("%T, %T: got error %v, want that of the layer", c.first, c.second, err)
		}
	}
}

// recurrentChain passes on the states of its first layer.
type recurrentChain struct{ chain }

func (c recurrentChain) Build(b *model.Builder, in model.Shape) model.Module {
	return recurrentChainModule{c.chain.Build(b, in).(chainModule)}
}

type recurrentChainModule struct{ chainModule }

func (m recurrentChainModule) States(steps, batch int) []model.State {
	return m.first.(interface {
		States(steps, batch int) []model.State
	}).States(steps, batch)
}

func TestALayerWithinALayerTellsThatItRestarts(t *testing.T) {
	b := reference.New()
	defer b.Close()
	for _, test := range []struct {
		layer    model.Layer
		states   int
		restarts bool
	}{
		{recurrentChain{chain{model.LSTM{Hidden: 2}, model.Tanh}}, 0, true},
		{recurrentChain{chain{model.LSTM{Hidden: 2, Stateful: true}, model.Tanh}}, 2, false},
		{chain{model.Dense{Out: 2}, model.Tanh}, 0, false},
	} {
		net := build(t, b, model.Spec{{Name: "both", Layer: test.layer}}, model.Shape{Steps: 3, Batch: 1, Width: 2}, model.Options{})
		if got := len(net.States(3, 1)); got != test.states {
			t.Errorf("%+v: %d states, want %d", test.layer, got, test.states)
		}
		if restarts := slices.Equal(net.Restarts(), []string{"both"}); restarts != test.restarts {
			t.Errorf("%+v: restarts %q; want the stage to restart: %t", test.layer, net.Restarts(), test.restarts)
		}
	}
}

func TestALayerWithinALayerIsTaught(t *testing.T) {
	in := model.Shape{Steps: 4, Batch: 2, Width: 2}
	jordan := func(teacher bool) model.Layer {
		return model.Jordan{Hidden: 3, Out: 2, TeacherForcing: teacher}
	}
	run := func(spec model.Spec) []float64 {
		b := reference.New()
		defer b.Close()
		net := build(t, b, spec, in, model.Options{})
		net.Init(1)
		x := newTensor(t, b, in.Rows(), in.Width)
		upload(b, x, random(rand.New(rand.NewPCG(1, 1)), x.Size()))
		if net.Taught() {
			net.Teach(x)
		}
		return download(t, b, net.Forward(x, in.Steps, model.Training))
	}
	inner := run(model.Spec{{Name: "both", Layer: chain{jordan(true), model.Tanh}}})
	stages := run(model.Spec{{Name: "first", Layer: jordan(true)}, {Name: "second", Layer: model.Tanh}})
	compare(t, "a taught layer within another, seed 1", inner, stages, 0)
	if slices.Equal(inner, run(model.Spec{{Name: "both", Layer: chain{jordan(false), model.Tanh}}})) {
		t.Error("the teacher has no influence")
	}

	b := reference.New()
	defer b.Close()
	_, err := model.New(b, model.Spec{{Name: "both", Layer: chain{jordan(true), model.Dense{Out: 3}}}}, in, model.Options{})
	if err == nil || !strings.Contains(err.Error(), `stage "both": its teacher gives the targets of the network, of width 3, for its 2 outputs`) {
		t.Errorf("error %v, want one about the width of the targets", err)
	}
}
