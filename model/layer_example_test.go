package model_test

import (
	"fmt"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

// residual adds its input to the output of a layer: y = x + inner(x).
type residual struct{ inner model.Layer }

func (r residual) Output(in model.Shape) (model.Shape, error) {
	out, err := r.inner.Output(in)
	if err == nil && out != in {
		err = fmt.Errorf("residual: the inner layer makes %v of %v", out, in)
	}
	return out, err
}

func (r residual) Parameters(in model.Shape) []model.ParameterSpec { return r.inner.Parameters(in) }

func (r residual) Build(b *model.Builder, in model.Shape) model.Module {
	m := &residualModule{backend: b.Backend(), inner: r.inner.Build(b, in), y: b.New(in.Rows(), in.Width)}
	if b.InputGrad() {
		m.dx = b.New(in.Rows(), in.Width)
	}
	return m
}

type residualModule struct {
	backend backend.Backend
	inner   model.Module
	y, dx   backend.Tensor // for the largest input
}

func (m *residualModule) Forward(x backend.Tensor, in model.Shape, mode model.Mode) backend.Tensor {
	y := m.y.Slice(0, in.Rows())
	m.backend.Add(y, x, m.inner.Forward(x, in, mode))
	return y
}

func (m *residualModule) Backward(dy backend.Tensor) backend.Tensor {
	inner := m.inner.Backward(dy)
	if !m.dx.Present() {
		return backend.Tensor{}
	}
	dx := m.dx.Slice(0, dy.Rows)
	m.backend.Add(dx, dy, inner)
	return dx
}

// A layer of your own, around another.
func ExampleLayer() {
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "residual", Layer: residual{model.ReLU}},
	}, model.Shape{Steps: 1, Batch: 3, Width: 1}, model.Options{InputGrad: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err := b.New(3, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	b.Upload(x, []float32{-1, 1, 2})
	values := make([]float32, 3)
	if err := b.Download(values, net.Forward(x, 1, model.Training)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("y ", values)

	b.Fill(x, 1)
	if err := b.Download(values, net.Backward(x)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("dx", values)
	// Output:
	// y  [-1 2 4]
	// dx [1 2 2]
}
