package model_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

// bench is one recurrent layer on the reference backend, with random weights,
// inputs x, and gradients dy of its outputs.
type bench struct {
	b       *reference.Backend
	net     *model.Network
	in      model.Shape
	x, dy   backend.Tensor
	target  backend.Tensor // of the teacher; absent if the layer wants none
	initial []float64      // context
}

func newBench(t testing.TB, layer model.Layer, in model.Shape, seed uint64, o model.Options) *bench {
	t.Helper()
	b := reference.New()
	t.Cleanup(func() { b.Close() })
	net := build(t, b, model.Spec{{Name: "layer", Layer: layer}}, in, o)
	rng := rand.New(rand.NewPCG(1, seed))
	c := &bench{b: b, net: net, in: in, x: newTensor(t, b, in.Rows(), in.Width)}
	out := net.Output()
	c.dy = newTensor(t, b, out.Rows(), out.Width)
	for _, w := range net.Parameters() {
		b.UploadFloat64(w.Value, random(rng, w.Value.Size()))
	}
	b.UploadFloat64(c.x, random(rng, c.x.Size()))
	b.UploadFloat64(c.dy, random(rng, c.dy.Size()))
	if net.Taught() {
		c.target = newTensor(t, b, c.dy.Rows, c.dy.Cols)
		b.UploadFloat64(c.target, random(rng, c.target.Size()))
	}
	for _, s := range net.States(in.Steps, in.Batch) {
		if strings.HasSuffix(s.Name, "context") {
			c.initial = random(rng, s.Initial.Size())
			b.UploadFloat64(s.Initial, c.initial)
		}
	}
	return c
}

// gradient runs both passes from zero gradients and returns the gradients of the
// parameters and of the input, if there is one.
func (c *bench) gradient(t testing.TB) (grads, dx []float64) {
	t.Helper()
	c.b.Fill(c.net.Grads(), 0)
	if c.target.Present() {
		c.net.Teach(c.target)
	}
	c.net.Forward(c.x, c.in.Steps, model.Training)
	input := c.net.Backward(c.dy)
	grads = download(t, c.b, c.net.Grads())
	if input.Present() {
		dx = download(t, c.b, input)
	}
	return grads, dx
}

// differences returns the central differences of loss by the elements of x.
func (c *bench) differences(t testing.TB, x backend.Tensor, loss func() float64) []float64 {
	t.Helper()
	values := download(t, c.b, x)
	slopes := make([]float64, len(values))
	for i, v := range values {
		at := func(offset float64) float64 {
			values[i] = v + offset*gradientStep
			c.b.UploadFloat64(x, values)
			return loss()
		}
		slopes[i] = (8*(at(1)-at(-1)) - (at(2) - at(-2))) / (12 * gradientStep)
		values[i] = v
	}
	c.b.UploadFloat64(x, values)
	return slopes
}

func TestRecurrentGradientsMatchDifferences(t *testing.T) {
	const whole = model.WholeSequence
	head := model.Stage{Name: "head", Layer: model.Dense{Out: 2}}
	in := model.Shape{Steps: 5, Batch: 3, Width: 2}
	for i, test := range []struct {
		name  string
		layer model.Layer
	}{
		{"Elman", model.Elman{Hidden: 3, Window: whole}},
		{"Elman with states", model.Elman{Hidden: 3, Window: whole, Stateful: true, Activation: model.Tanh}},
		{"Jordan", model.Jordan{Hidden: 3, Out: 2, Window: whole}},
		{"Jordan with decay and states", model.Jordan{Hidden: 3, Out: 2, Window: whole, Decay: 0.6, Stateful: true, OutputActivation: model.Softmax}},
		{"FullyRecurrent", model.FullyRecurrent{Hidden: 4}},
		{"FullyRecurrent with hidden units and states", model.FullyRecurrent{Hidden: 4, Out: 2, Activation: model.Tanh, Stateful: true}},
		{"FullyRecurrent of one unit", model.FullyRecurrent{Hidden: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			spec := model.Spec{{Name: "below", Layer: model.Dense{Out: 2}}, {Name: "layer", Layer: test.layer}, head}
			wrong, worst := newGradientCheck(t, spec, in, uint64(i), model.Options{}).errors(t)
			for _, text := range wrong {
				t.Errorf("seed %d: %s", i, text)
			}
			t.Logf("largest relative error %.3g", worst)
		})
	}
}

// The layer is compared with a twin of Window steps. The twin starts at the context
// that was recorded for the first step of the window. Its last output is the output
// of the layer as a function of weights and inputs, with the context held constant.
func TestWindowedGradientsMatchDifferencesWithFrozenContext(t *testing.T) {
	for i, test := range []struct {
		name   string
		window int
		layer  func(window int) model.Layer
	}{
		{"Elman", 1, func(w int) model.Layer { return model.Elman{Hidden: 3, Window: w, Stateful: true} }},
		{"Elman", 3, func(w int) model.Layer { return model.Elman{Hidden: 3, Window: w, Stateful: true} }},
		{"Jordan", 1, func(w int) model.Layer { return model.Jordan{Hidden: 3, Out: 2, Window: w, Stateful: true} }},
		{"Jordan with decay", 4, func(w int) model.Layer {
			return model.Jordan{Hidden: 3, Out: 2, Decay: 0.7, Window: w, Stateful: true}
		}},
		{"FullyRecurrent", 2, func(w int) model.Layer {
			return model.FullyRecurrent{Hidden: 4, Out: 3, Window: w, Stateful: true}
		}},
	} {
		t.Run(fmt.Sprintf("%s/%d", test.name, test.window), func(t *testing.T) {
			in := model.Shape{Steps: 6, Batch: 2, Width: 2}
			c := newBench(t, test.layer(test.window), in, uint64(i), model.Options{InputGrad: true})
			grads, dx := c.gradient(t)

			contexts := recordContexts(t, c)
			twin := build(t, c.b, model.Spec{{Name: "layer", Layer: test.layer(test.window)}},
				model.Shape{Steps: test.window, Batch: in.Batch, Width: in.Width}, model.Options{})
			dy := download(t, c.b, c.dy)
			loss := func() float64 {
				c.b.Copy(twin.Values(), c.net.Values())
				sum := 0.0
				for t0 := range in.Steps {
					from := max(0, t0+1-test.window)
					steps := t0 + 1 - from
					c.b.UploadFloat64(twin.States(steps, in.Batch)[0].Initial, contexts[from])
					y := download(t, c.b, twin.Forward(c.x.Slice(from*in.Batch, (t0+1)*in.Batch), steps, model.Evaluation))
					rows := len(dy) / in.Steps
					sum += dot(y[(steps-1)*rows:], dy[t0*rows:(t0+1)*rows])
				}
				return sum
			}
			compare(t, "weights", grads, c.differences(t, c.net.Values(), loss), gradientTolerance)
			compare(t, "input", dx, c.differences(t, c.x, loss), gradientTolerance)
		})
	}
}

// recordContexts returns the context before each step.
func recordContexts(t *testing.T, c *bench) [][]float64 {
	contexts := [][]float64{c.initial}
	for steps := 1; steps < c.in.Steps; steps++ {
		c.net.Forward(c.x.Slice(0, steps*c.in.Batch), steps, model.Evaluation)
		contexts = append(contexts, download(t, c.b, c.net.States(steps, c.in.Batch)[0].Final))
	}
	return contexts
}

func TestWindowOfTheWholeSequenceIsFullBPTT(t *testing.T) {
	in := model.Shape{Steps: 7, Batch: 2, Width: 3}
	for name, layer := range map[string]func(window int) model.Layer{
		"Elman":              func(w int) model.Layer { return model.Elman{Hidden: 4, Window: w} },
		"Jordan":             func(w int) model.Layer { return model.Jordan{Hidden: 4, Out: 2, Decay: 0.5, Window: w} },
		"PartiallyRecurrent": func(w int) model.Layer { return model.PartiallyRecurrent{Hidden: 4, Window: w} },
		"FullyRecurrent":     func(w int) model.Layer { return model.FullyRecurrent{Hidden: 4, Out: 2, Window: w} },
		"taught": func(w int) model.Layer {
			return model.FullyRecurrent{Hidden: 4, Out: 2, Window: w, TeacherForcing: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			want, wantDX := newBench(t, layer(model.WholeSequence), in, 1, model.Options{InputGrad: true}).gradient(t)
			got, gotDX := newBench(t, layer(in.Steps), in, 1, model.Options{InputGrad: true}).gradient(t)
			compare(t, "weights", got, want, 1e-12)
			compare(t, "input", gotDX, wantDX, 1e-12)
			shorter, _ := newBench(t, layer(in.Steps-1), in, 1, model.Options{InputGrad: true}).gradient(t)
			if mismatch(shorter, want, 1e-12) == "" {
				t.Error("a window that is one step shorter gives the same gradient")
			}
		})
	}
}

func TestElmanWithFullBPTTIsRNN(t *testing.T) {
	in := model.Shape{Steps: 9, Batch: 3, Width: 2}
	const hidden = 4
	c := newBench(t, model.Elman{Hidden: hidden, Activation: model.Tanh, Window: model.WholeSequence}, in, 1, model.Options{InputGrad: true})
	grads, dx := c.gradient(t)

	rnn := build(t, c.b, model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: hidden}}}, in, model.Options{InputGrad: true})
	part := func(values []float64, from, cols int) []float64 {
		var picked []float64
		for row := range hidden {
			at := row*(in.Width+hidden+1) + from
			picked = append(picked, values[at:at+cols]...)
		}
		return picked
	}
	weight := download(t, c.b, c.net.Parameters()[0].Value)
	parts := map[string][2]int{"rnn.weight_ih_l0": {0, in.Width}, "rnn.weight_hh_l0": {in.Width, hidden}, "rnn.bias_ih_l0": {in.Width + hidden, 1}}
	for name, columns := range parts {
		w, _ := rnn.Parameter(name)
		c.b.UploadFloat64(w.Value, part(weight, columns[0], columns[1]))
	}
	rnn.Forward(c.x, in.Steps, model.Training)
	compare(t, "input", dx, download(t, c.b, rnn.Backward(c.dy)), 1e-12)
	for name, columns := range parts {
		w, _ := rnn.Parameter(name)
		compare(t, name, part(grads, columns[0], columns[1]), download(t, c.b, w.Grad), 1e-12)
	}
}
