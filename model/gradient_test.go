package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

// The gradient check compares Backward with differences of Forward, on the
// reference backend, in float64. The loss is Σ y⊙r + Σ final⊙q with random r and q,
// so r and q are the gradients that Backward gets. The differences are central, of
// fourth order:
//
//	f'(x) ≈ (8·(f(x+h) − f(x−h)) − (f(x+2h) − f(x−2h))) / 12h
const (
	gradientStep      = 4e-4
	gradientTolerance = 1e-6
	// gradientFloor is the magnitude below which an error does not count relative
	// to the gradient: rounding of the loss alone costs 1e-15/gradientStep.
	gradientFloor = 1e-4
)

// gradientCheck is a network and all that its loss depends on.
type gradientCheck struct {
	b      *reference.Backend
	net    *model.Network
	in     model.Shape
	mode   model.Mode // of the Forwards for the differences
	x      backend.Tensor
	states []model.State
	dy     []float64
	final  [][]float64 // gradient of each state's Final
}

func newGradientCheck(t *testing.T, spec model.Spec, in model.Shape, seed uint64, o model.Options) *gradientCheck {
	o.InputGrad = true
	b := reference.New()
	t.Cleanup(func() { b.Close() })
	rng := rand.New(rand.NewPCG(1, seed))
	c := &gradientCheck{b: b, in: in, net: build(t, b, spec, in, o)}
	randomize(c.net, rng)
	c.x = newTensor(t, b, in.Rows(), in.Width)
	b.UploadFloat64(c.x, random(rng, c.x.Size()))
	out := c.net.Output()
	c.dy = random(rng, out.Rows()*out.Width)
	c.states = c.net.States(in.Steps, in.Batch)
	for _, s := range c.states {
		b.UploadFloat64(s.Initial, random(rng, s.Initial.Size()))
		q := random(rng, s.Final.Size())
		b.UploadFloat64(s.FinalGrad, q)
		c.final = append(c.final, q)
	}
	return c
}

func (c *gradientCheck) loss(t *testing.T) float64 {
	loss := dot(download(t, c.b, c.net.Forward(c.x, c.in.Steps, c.mode)), c.dy)
	for i, s := range c.states {
		loss += dot(download(t, c.b, s.Final), c.final[i])
	}
	return loss
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// errors returns a text for every element whose gradient is wrong, and the
// largest relative error.
func (c *gradientCheck) errors(t *testing.T) (wrong []string, worst float64) {
	dy := newTensor(t, c.b, c.net.Output().Rows(), c.net.Output().Width)
	c.b.UploadFloat64(dy, c.dy)
	c.b.Fill(c.net.Grads(), 0)
	c.net.Forward(c.x, c.in.Steps, model.Training)
	dx := c.net.Backward(dy)

	check := func(name string, value, grad backend.Tensor) {
		values, got := download(t, c.b, value), download(t, c.b, grad)
		for i, v := range values {
			at := func(offset float64) float64 {
				values[i] = v + offset*gradientStep
				c.b.UploadFloat64(value, values)
				return c.loss(t)
			}
			want := (8*(at(1)-at(-1)) - (at(2) - at(-2))) / (12 * gradientStep)
			values[i] = v
			err := math.Abs(got[i]-want) / max(math.Abs(got[i]), math.Abs(want), gradientFloor)
			worst = max(worst, err)
			if !(err < gradientTolerance) {
				wrong = append(wrong, fmt.Sprintf("%s: element %d of %v: got %v, want %v, relative error %.3g, tolerance %.3g",
					name, i, value, got[i], want, err, gradientTolerance))
			}
		}
		c.b.UploadFloat64(value, values)
	}
	for _, w := range c.net.Parameters() {
		check(w.Name, w.Value, w.Grad)
	}
	check("input", c.x, dx)
	for _, s := range c.states {
		check("initial "+s.Name, s.Initial, s.InitialGrad)
	}
	return wrong, worst
}

func TestGradientsMatchDifferences(t *testing.T) {
	head := model.Stage{Name: "head", Layer: model.Dense{Out: 3}}
	last := model.Stage{Name: "last", Layer: model.LastStep{}}
	stage := func(l model.Layer) model.Stage { return model.Stage{Name: "layer", Layer: l} }
	rows, sequences := model.Shape{Steps: 1, Batch: 5, Width: 4}, model.Shape{Steps: 4, Batch: 3, Width: 2}
	for i, test := range []struct {
		name string
		spec model.Spec
		in   model.Shape
	}{
		{"dense", model.Spec{head}, rows},
		{"dense without bias", model.Spec{stage(model.Dense{Out: 3, NoBias: true})}, rows},
		{"sigmoid", model.Spec{stage(model.Sigmoid)}, rows},
		{"tanh", model.Spec{stage(model.Tanh)}, rows},
		{"relu", model.Spec{stage(model.ReLU)}, rows},
		{"softmax", model.Spec{stage(model.Softmax)}, rows},
		{"last step", model.Spec{last}, sequences},
		{"deep", model.Spec{
			{Name: "1", Layer: model.Dense{Out: 5}}, {Name: "2", Layer: model.Sigmoid},
			{Name: "3", Layer: model.Dense{Out: 4}}, {Name: "4", Layer: model.Tanh},
			{Name: "5", Layer: model.Dense{Out: 4}}, {Name: "6", Layer: model.ReLU},
			head, {Name: "7", Layer: model.Softmax},
		}, rows},
		{"rnn", model.Spec{stage(model.RNN{Hidden: 3})}, sequences},
		{"rnn with relu", model.Spec{stage(model.RNN{Hidden: 3, ReLU: true})}, sequences},
		{"rnn of two layers", model.Spec{stage(model.RNN{Hidden: 3, Layers: 2}), head}, sequences},
		{"rnn with relu of two layers", model.Spec{stage(model.RNN{Hidden: 3, Layers: 2, ReLU: true}), last, head}, sequences},
		{"rnn of five layers without bias", model.Spec{stage(model.RNN{Hidden: 2, Layers: 5, NoBias: true})}, sequences},
		{"rnn with states", model.Spec{stage(model.RNN{Hidden: 3, Layers: 2, Stateful: true}), last, head}, sequences},
		{"lstm", model.Spec{stage(model.LSTM{Hidden: 3})}, sequences},
		{"lstm of one step", model.Spec{stage(model.LSTM{Hidden: 3})}, model.Shape{Steps: 1, Batch: 2, Width: 3}},
		{"lstm with peepholes", model.Spec{stage(model.LSTM{Hidden: 3, Peepholes: true})}, sequences},
		{"lstm of two layers", model.Spec{stage(model.LSTM{Hidden: 3, Layers: 2}), last, head}, sequences},
		{"lstm with peepholes of two layers", model.Spec{stage(model.LSTM{Hidden: 3, Layers: 2, Peepholes: true}), head}, sequences},
		{"lstm of five layers without bias", model.Spec{stage(model.LSTM{Hidden: 2, Layers: 5, NoBias: true})}, sequences},
		{"lstm with states", model.Spec{stage(model.LSTM{Hidden: 3, Layers: 2, Stateful: true, Peepholes: true}), last, head}, sequences},
		{"lstm on rnn", model.Spec{stage(model.RNN{Hidden: 3, Stateful: true}), {Name: "lstm", Layer: model.LSTM{Hidden: 2, Stateful: true}}, head}, sequences},
	} {
		t.Run(test.name, func(t *testing.T) {
			wrong, worst := newGradientCheck(t, test.spec, test.in, uint64(i), model.Options{}).errors(t)
			for _, text := range wrong {
				t.Errorf("seed %d: %s", i, text)
			}
			t.Logf("largest relative error %.3g", worst)
		})
	}
}

// broken is a dense layer whose Backward does something else besides.
type broken struct {
	model.Dense
	spoil func(b backend.Backend, weightGrad, dx backend.Tensor)
}

type brokenModule struct {
	model.Module
	spoil func(dx backend.Tensor)
}

func (l broken) Build(b *model.Builder, in model.Shape) model.Module {
	_, weightGrad := b.Parameter(0)
	return brokenModule{l.Dense.Build(b, in), func(dx backend.Tensor) { l.spoil(b.Backend(), weightGrad, dx) }}
}

func (m brokenModule) Backward(dy backend.Tensor) backend.Tensor {
	dx := m.Module.Backward(dy)
	m.spoil(dx)
	return dx
}

func TestGradientCheckFindsWrongGradients(t *testing.T) {
	for name, spoil := range map[string]func(b backend.Backend, weightGrad, dx backend.Tensor){
		"a parameter's, by a factor":   func(b backend.Backend, weightGrad, _ backend.Tensor) { b.Scale(weightGrad, 1+1e-5, weightGrad) },
		"the input's, by a factor":     func(b backend.Backend, _, dx backend.Tensor) { b.Scale(dx, 1+1e-5, dx) },
		"the input's last row is lost": func(b backend.Backend, _, dx backend.Tensor) { b.Fill(dx.Slice(dx.Rows-1, dx.Rows), 0) },
		"a NaN":                        func(b backend.Backend, _, dx backend.Tensor) { b.Fill(dx, math.NaN()) },
	} {
		t.Run(name, func(t *testing.T) {
			spec := model.Spec{
				{Name: "lstm", Layer: model.LSTM{Hidden: 3}},
				{Name: "head", Layer: broken{model.Dense{Out: 2}, spoil}},
			}
			if wrong, _ := newGradientCheck(t, spec, model.Shape{Steps: 3, Batch: 2, Width: 2}, 1, model.Options{}).errors(t); len(wrong) == 0 {
				t.Error("the check did not notice")
			}
		})
	}
}
