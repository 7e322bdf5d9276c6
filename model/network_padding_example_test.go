package model_test

import (
	"fmt"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

// total adds the time steps of each sequence, without the padding: y = Σ_t x_t.
type total struct{}

func (total) Output(in model.Shape) (model.Shape, error) {
	return model.Shape{Steps: 1, Batch: in.Batch, Width: in.Width}, nil
}

func (total) Parameters(model.Shape) []model.ParameterSpec { return nil }

func (total) Build(b *model.Builder, in model.Shape) model.Module {
	m := &totalModule{
		backend: b.Backend(),
		lengths: b.Lengths(in),
		steps:   b.New(in.Rows(), in.Width),
		y:       b.New(in.Batch, in.Width),
	}
	b.EndSequences()
	return m
}

type totalModule struct {
	backend backend.Backend
	lengths *model.Lengths
	steps   backend.Tensor // x without the padding; in Backward the gradient of x
	y       backend.Tensor
	in      model.Shape // of the last Forward
}

func (m *totalModule) Forward(x backend.Tensor, in model.Shape, _ model.Mode) backend.Tensor {
	m.in = in
	steps, y := m.steps.Slice(0, in.Rows()), m.y.Slice(0, in.Batch)
	m.backend.Copy(steps, x)
	m.clearPadding(steps)
	m.backend.Fill(y, 0)
	for t := range in.Steps {
		m.backend.Add(y, y, steps.Slice(t*in.Batch, (t+1)*in.Batch))
	}
	return y
}

func (m *totalModule) Backward(dy backend.Tensor) backend.Tensor {
	dx := m.steps.Slice(0, m.in.Rows())
	for t := range m.in.Steps {
		m.backend.Copy(dx.Slice(t*m.in.Batch, (t+1)*m.in.Batch), dy)
	}
	m.clearPadding(dx)
	return dx
}

func (m *totalModule) clearPadding(steps backend.Tensor) {
	if m.lengths.Given() {
		m.backend.MulCol(steps, steps, m.lengths.Mask())
	}
}

// A layer of your own that leaves out the padding after sequences of 2, 0 and 3
// steps.
func ExampleBuilder_Lengths() {
	b := reference.New()
	defer b.Close()
	in := model.Shape{Steps: 3, Batch: 3, Width: 1}
	net, err := model.New(b, model.Spec{{Name: "total", Layer: total{}}}, in, model.Options{Ragged: true, InputGrad: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err := b.New(in.Rows(), in.Width)
	if err != nil {
		fmt.Println(err)
		return
	}
	b.Upload(x, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9})
	for _, lengths := range [][]int32{nil, {2, 0, 3}} {
		net.SetLengths(in.Steps, lengths)
		sums, gradient := make([]float32, 3), make([]float32, 9)
		y := net.Forward(x, in.Steps, model.Training)
		if err := b.Download(sums, y); err != nil {
			fmt.Println(err)
			return
		}
		b.Fill(y, 1)
		if err := b.Download(gradient, net.Backward(y)); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(sums, gradient)
	}
	// Output:
	// [12 15 18] [1 1 1 1 1 1 1 1 1]
	// [5 0 18] [1 0 1 1 0 1 0 0 1]
}
