package model_test

import (
	"math"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

// tied is two dense layers with the same weights, the second one without a bias.
type tied struct{ width int }

func (l tied) dense() model.Dense { return model.Dense{Out: l.width} }

func (l tied) Output(in model.Shape) (model.Shape, error) { return l.dense().Output(in) }

func (l tied) Parameters(in model.Shape) []model.ParameterSpec { return l.dense().Parameters(in) }

func (l tied) Build(b *model.Builder, in model.Shape) model.Module {
	return chainModule{
		chain:  chain{l.dense(), model.Dense{Out: l.width, NoBias: true}},
		first:  l.dense().Build(b.Inner(0), in),
		second: model.Dense{Out: l.width, NoBias: true}.Build(b.Inner(0), in),
	}
}

// penalized adds to the gradient of the weights of a layer before the layer does.
type penalized struct{ model.Dense }

func (l penalized) Build(b *model.Builder, in model.Shape) model.Module {
	m := &penalizedModule{backend: b.Backend(), Module: l.Dense.Build(b, in)}
	m.weight, m.weightGrad = b.Parameter(0)
	return m
}

type penalizedModule struct {
	model.Module
	backend            backend.Backend
	weight, weightGrad backend.Tensor
}

func (m *penalizedModule) Backward(dy backend.Tensor) backend.Tensor {
	m.backend.AddScaled(m.weightGrad, 0.5, m.weight)
	return m.Module.Backward(dy)
}

// twice goes through a layer backward twice.
type twice struct{ model.Dense }

func (l twice) Build(b *model.Builder, in model.Shape) model.Module {
	return twiceModule{l.Dense.Build(b, in)}
}

type twiceModule struct{ model.Module }

func (m twiceModule) Backward(dy backend.Tensor) backend.Tensor {
	m.Module.Backward(dy)
	return m.Module.Backward(dy)
}

// stopped lets no error through.
type stopped struct{ model.Layer }

func (l stopped) Build(b *model.Builder, in model.Shape) model.Module {
	return stoppedModule{l.Layer.Build(b, in)}
}

type stoppedModule struct{ model.Module }

func (m stoppedModule) Backward(dy backend.Tensor) backend.Tensor {
	m.Module.Backward(dy)
	return backend.Tensor{}
}

// fills counts the elements that Fill writes.
type fills struct {
	backend.Backend
	elements *int
}

func (f fills) Fill(dst backend.Tensor, value float64) {
	*f.elements += dst.Size()
	f.Backend.Fill(dst, value)
}

// However often layers add to a gradient, and whether any does, BackwardAnew gives what
// Backward adds to zeros, and zeros in the padding. A Backward after it adds as ever.
func TestBackwardAnewOverwritesTheGradients(t *testing.T) {
	head := model.Stage{Name: "head", Layer: model.Dense{Out: 2}}
	in := model.Shape{Steps: 4, Batch: 3, Width: 2}
	for name, spec := range map[string]model.Spec{
		"every layer":    everyLayer,
		"tied":           {{Name: "below", Layer: model.Dense{Out: 3}}, {Name: "layer", Layer: tied{3}}, head},
		"penalized":      {{Name: "layer", Layer: penalized{model.Dense{Out: 3}}}, head},
		"backward twice": {{Name: "layer", Layer: twice{model.Dense{Out: 3}}}, head},
		"stopped":        {{Name: "below", Layer: model.LSTM{Hidden: 3}}, {Name: "layer", Layer: stopped{model.Dense{Out: 3}}}, head},
		"windowed":       {{Name: "layer", Layer: model.LSTM{Hidden: 3, Window: 2}}, head},
		"within a layer": {{Name: "layer", Layer: chain{model.Dense{Out: 3}, model.GRU{Hidden: 3}}}, head},
		"without a bias": {{Name: "layer", Layer: model.RNN{Hidden: 3, NoBias: true}}, head},
		"memory blocks":  {{Name: "layer", Layer: model.LSTM1997{Blocks: 2, Cells: 2, ForgetGates: true}}, head},
		"no parameters":  {{Name: "layer", Layer: model.Tanh}},
	} {
		b := reference.New()
		defer b.Close()
		net := build(t, b, spec, in, model.Options{})
		net.Init(1)
		for _, batch := range []int{3, 0, 2} {
			pass := func(backward func(backend.Tensor) backend.Tensor) []float64 {
				x := newTensor(t, b, in.Steps*batch, in.Width)
				upload(b, x, draws(x.Size(), "x"))
				y := net.Forward(x, in.Steps, model.Training)
				dy := newTensor(t, b, y.Rows, y.Cols)
				upload(b, dy, draws(dy.Size(), "dy"))
				backward(dy)
				return download(t, b, net.Grads())
			}
			b.Fill(net.Grads(), 0)
			once, again := pass(net.Backward), pass(net.Backward)
			b.Fill(net.Grads(), math.NaN())
			compare(t, name+", overwritten", pass(net.BackwardAnew), once, 0)
			compare(t, name+", added after that", pass(net.Backward), again, 1e-14)
		}
	}
}

// Layers that add once to their gradients need no zeros there.
func TestBackwardAnewFillsOnlyWhatNothingOverwrites(t *testing.T) {
	const padding = 30 + 31
	for _, c := range []struct {
		name  string
		layer model.Layer
		want  int
	}{
		{"Dense", model.Dense{Out: 32}, 0},
		{"LSTM", model.LSTM{Hidden: 32, Layers: 2, Peepholes: true, Bidirectional: true}, 4 * 3 * 32}, // the peepholes
		{"LSTM in steps", model.LSTM{Hidden: 64, Projection: 32}, 0},
		{"GRU", model.GRU{Hidden: 32}, 0},
		{"RNN", model.RNN{Hidden: 32}, 0},
		{"GridLSTM", model.GridLSTM{Hidden: 32}, 0},
		{"FullyRecurrent", model.FullyRecurrent{Hidden: 32, Out: 32}, 0},
		{"padding", model.Dense{Out: 1}, padding},
		{"LSTM1997", model.LSTM1997{Blocks: 1, Cells: 1, NoGateFeedback: true}, 3*4 + 20},
	} {
		elements := 0
		b := fills{reference.New(), &elements}
		defer b.Close()
		in := model.Shape{Steps: 2, Batch: 2, Width: 2}
		net := build(t, b, model.Spec{{Name: "layer", Layer: c.layer}}, in, model.Options{})
		run := func(backward func(backend.Tensor) backend.Tensor) int {
			y := net.Forward(newTensor(t, b, in.Rows(), in.Width), in.Steps, model.Training)
			dy := newTensor(t, b, y.Rows, y.Cols)
			elements = 0
			backward(dy)
			return elements
		}
		if anew := run(net.BackwardAnew) - run(net.Backward); anew != c.want {
			t.Errorf("%s: %d gradients are filled with zeros, want %d", c.name, anew, c.want)
		}
	}
}
