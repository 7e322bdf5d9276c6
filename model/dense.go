package model

import "gputrain/backend"

// Dense is a fully connected layer, applied to each row:
//
//	y = x·weightᵀ + bias
//
// Its parameters are those of PyTorch's Linear: weight [Out, Width] and, unless
// NoBias, bias [Out], both drawn from U(±1/√Width).
type Dense struct {
	Out    int // width of the output
	NoBias bool
}

// Output returns in with width d.Out.
func (d Dense) Output(in Shape) (Shape, error) {
	if err := checkSize("Out", d.Out, maxSize); err != nil {
		return Shape{}, err
	}
	return Shape{Steps: in.Steps, Batch: in.Batch, Width: d.Out}, nil
}

// Parameters describes weight and bias.
func (d Dense) Parameters(in Shape) []ParameterSpec {
	draw := uniform(in.Width)
	params := []ParameterSpec{{Name: "weight", Shape: []int{d.Out, in.Width}, Init: draw}}
	if !d.NoBias {
		params = append(params, ParameterSpec{Name: "bias", Shape: []int{d.Out}, Init: draw})
	}
	return params
}

// Build allocates the output and the gradient of the input.
func (d Dense) Build(b *Builder, in Shape) Module {
	m := &dense{backend: b.Backend(), y: b.New(in.Rows(), d.Out)}
	m.weight, m.weightGrad = b.Parameter(0)
	if !d.NoBias {
		m.bias, m.biasGrad = b.Parameter(1)
	}
	m.overwriter = b.overwriter(m.weightGrad, m.biasGrad)
	if b.InputGrad() {
		m.dx = b.New(in.Rows(), in.Width)
	}
	return m
}

type dense struct {
	*overwriter
	backend              backend.Backend
	weight, bias         backend.Tensor
	weightGrad, biasGrad backend.Tensor
	y, dx                backend.Tensor // for the largest input
	x                    backend.Tensor // of the last Forward
}

func (m *dense) Forward(x backend.Tensor, _ Shape, _ Mode) backend.Tensor {
	m.x = x
	y := m.y.Slice(0, x.Rows)
	m.backend.Gemm(y, backend.NoTrans, backend.Trans, 1, x, m.weight, 0)
	if m.bias.Present() {
		m.backend.AddRow(y, y, m.bias)
	}
	return y
}

func (m *dense) Backward(dy backend.Tensor) backend.Tensor {
	beta := m.beta()
	m.backend.Gemm(m.weightGrad, backend.Trans, backend.NoTrans, 1, dy, m.x, beta)
	if m.bias.Present() {
		m.backend.SumRows(m.biasGrad, dy, beta)
	}
	if !m.dx.Present() {
		return backend.Tensor{}
	}
	dx := m.dx.Slice(0, dy.Rows)
	m.backend.Gemm(dx, backend.NoTrans, backend.NoTrans, 1, dy, m.weight, 0)
	return dx
}
