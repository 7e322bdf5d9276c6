package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/backend"
	"gputrain/model"
)

func TestRTRLGivesTheGradientOfBPTT(t *testing.T) {
	mask := all(5, 8)
	mask[0][1], mask[2][4], mask[3][7], mask[4][6] = false, false, false, false
	for i, test := range []struct {
		name  string
		layer model.FullyRecurrent
	}{
		{"all units", model.FullyRecurrent{Hidden: 4}},
		{"hidden units", model.FullyRecurrent{Hidden: 5, Out: 2, Activation: model.Tanh}},
		{"one unit", model.FullyRecurrent{Hidden: 1}},
		{"relu", model.FullyRecurrent{Hidden: 5, Out: 3, Activation: model.ReLU}},
		{"mask", model.FullyRecurrent{Hidden: 5, Out: 2, Mask: mask}},
		{"teacher", model.FullyRecurrent{Hidden: 5, Out: 2, TeacherForcing: true}},
		{"all units taught", model.FullyRecurrent{Hidden: 3, TeacherForcing: true}},
		{"states", model.FullyRecurrent{Hidden: 4, Out: 1, Stateful: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, in := range []model.Shape{{Steps: 1, Batch: 1, Width: 3}, {Steps: 12, Batch: 3, Width: 3}, {Steps: 7, Batch: 1, Width: 3}} {
				want, _ := newBench(t, test.layer, in, uint64(i), model.Options{}).gradient(t)
				layer := test.layer
				layer.Gradient = model.RTRL
				got, _ := newBench(t, layer, in, uint64(i), model.Options{}).gradient(t)
				compare(t, fmt.Sprintf("seed %d, %+v", i, in), got, want, 1e-12)
			}
		})
	}
}

func TestTeacherReplacesTheOutputsInTheContext(t *testing.T) {
	in := model.Shape{Steps: 6, Batch: 2, Width: 2}
	for i, test := range []struct {
		name  string
		layer model.Layer
	}{
		{"Jordan", model.Jordan{Hidden: 3, Out: 2, Decay: 0.4, Window: model.WholeSequence, TeacherForcing: true}},
		{"FullyRecurrent", model.FullyRecurrent{Hidden: 4, Out: 2, TeacherForcing: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newBench(t, test.layer, in, uint64(i), model.Options{InputGrad: true})
			grads, dx := c.gradient(t)
			dy := download(t, c.b, c.dy)
			loss := func() float64 {
				c.net.Teach(c.target)
				return dot(download(t, c.b, c.net.Forward(c.x, in.Steps, model.Training)), dy)
			}
			compare(t, "weights", grads, c.differences(t, c.net.Values(), loss), gradientTolerance)
			compare(t, "input", dx, c.differences(t, c.x, loss), gradientTolerance)

			taught := loss()
			if free := dot(download(t, c.b, c.net.Forward(c.x, in.Steps, model.Evaluation)), dy); free == taught {
				t.Error("the teacher has no influence")
			}
			// A net that gives the targets itself is not changed by the teacher.
			y := c.net.Forward(c.x, in.Steps, model.Evaluation)
			free := download(t, c.b, y)
			c.b.UploadFloat64(c.target, free)
			c.net.Teach(c.target)
			compare(t, "taught what it knows", download(t, c.b, c.net.Forward(c.x, in.Steps, model.Training)), free, 1e-15)
		})
	}
}

func TestChunksOfASequenceAreTheWhole(t *testing.T) {
	in := model.Shape{Steps: 10, Batch: 2, Width: 3}
	for name, layer := range map[string]model.Layer{
		"Elman":  model.Elman{Hidden: 4, Stateful: true},
		"Jordan": model.Jordan{Hidden: 4, Out: 2, Decay: 0.5, Stateful: true},
		"RTRL":   model.FullyRecurrent{Hidden: 4, Out: 2, Gradient: model.RTRL, Stateful: true},
		"taught": model.FullyRecurrent{Hidden: 4, Out: 2, Gradient: model.RTRL, Stateful: true, TeacherForcing: true},
	} {
		for _, chunk := range []int{1, 3, 10} {
			t.Run(fmt.Sprintf("%s/%d", name, chunk), func(t *testing.T) {
				c := newBench(t, layer, in, 1, model.Options{})
				want, _ := c.gradient(t)
				wantY := download(t, c.b, c.net.Forward(c.x, in.Steps, model.Evaluation))
				if c.target.Present() {
					wantY = nil // the gradient without the teacher
				}

				c.b.Fill(c.net.Grads(), 0)
				var y []float64
				for from := 0; from < in.Steps; from += chunk {
					steps := min(chunk, in.Steps-from)
					rows := func(x backend.Tensor) backend.Tensor { return x.Slice(from*in.Batch, (from+steps)*in.Batch) }
					if c.target.Present() {
						c.net.Teach(rows(c.target))
					}
					y = append(y, download(t, c.b, c.net.Forward(rows(c.x), steps, model.Training))...)
					c.net.Backward(rows(c.dy))
					for _, s := range c.net.States(steps, in.Batch) {
						c.b.Copy(s.Initial, s.Final)
					}
				}
				if wantY != nil {
					compare(t, "output", y, wantY, 1e-15)
				}
				compare(t, "gradient", download(t, c.b, c.net.Grads()), want, 1e-12)
			})
		}
	}
}

func TestSequencesOfMoreThan65535Steps(t *testing.T) {
	in := model.Shape{Steps: 70_001, Batch: 3, Width: 1}
	for name, layer := range map[string]model.Layer{
		"Elman": model.Elman{Hidden: 2, Window: 2, Stateful: true},
		"RTRL":  model.FullyRecurrent{Hidden: 2, Gradient: model.RTRL, Stateful: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := openCPU(t)
			defer b.Close()
			net := build(t, b, model.Spec{{Name: "layer", Layer: layer}}, in, model.Options{})
			rng := rand.New(rand.NewPCG(1, 1))
			randomize(net, rng)
			x := newTensor(t, b, in.Rows(), 1)
			upload(b, x, random(rng, in.Rows()))
			y := net.Forward(x, in.Steps, model.Training)
			net.Backward(y)
			whole, grads := download(t, b, y.Slice(y.Rows-in.Batch, y.Rows)), download(t, b, net.Grads())
			for _, g := range grads {
				if math.IsNaN(g) || math.IsInf(g, 0) {
					t.Fatalf("gradients %v", grads)
				}
			}
			for _, s := range net.States(1, in.Batch) {
				b.Fill(s.Initial, 0)
			}
			const cut = 40_000
			net.Forward(x.Slice(0, cut*in.Batch), cut, model.Evaluation)
			b.Copy(net.States(cut, in.Batch)[0].Initial, net.States(cut, in.Batch)[0].Final)
			y = net.Forward(x.Slice(cut*in.Batch, x.Rows), in.Steps-cut, model.Evaluation)
			compare(t, "last output", download(t, b, y.Slice(y.Rows-in.Batch, y.Rows)), whole, 0)
		})
	}
}
