package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

// flowOf measures the flow of a random sequence through a layer with random, scaled
// weights.
func flowOf(t *testing.T, layer model.Layer, state string, scale float64, steps, batch int) ([]model.Flow, *model.Network, []float32) {
	t.Helper()
	b := backends[0].open(t)
	net := build(t, b, model.Spec{{Name: "layer", Layer: layer}}, model.Shape{Steps: 1, Batch: batch, Width: 2}, model.Options{})
	rng := rand.New(rand.NewPCG(1, 1))
	randomize(net, rng)
	b.Scale(net.Values(), scale, net.Values())
	x := make([]float32, 2*steps)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	flow, err := model.ErrorFlow(net, x, state)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range flow {
		if f.Lag != i {
			t.Fatalf("flow %d is of lag %d", i, f.Lag)
		}
	}
	if len(flow) != steps+1 || math.Abs(flow[0].Largest-1) > 0 || math.Abs(flow[0].Norm-1) > 0 {
		t.Fatalf("%d flows, the first %+v", len(flow), flow[0])
	}
	return flow, net, x
}

// The same net is measured by backpropagation and by differences, for a state that
// has one path only.
func TestErrorFlowByGradientIsThatByDifferences(t *testing.T) {
	const steps, units = 12, 4
	want, _, _ := flowOf(t, model.FullyRecurrent{Hidden: units, Stateful: true}, "layer.context", 2, steps, 2*units)
	got, _, _ := flowOf(t, model.FullyRecurrent{Hidden: units, Stateful: true, Gradient: model.RTRL}, "layer.context", 2, steps, 2*units)
	for lag := range want {
		if off := math.Abs(got[lag].Largest/want[lag].Largest - 1); !(off < 1e-3) {
			t.Errorf("lag %d: %v by differences, %v by gradient, off by %.2g", lag, got[lag].Largest, want[lag].Largest, off)
		}
	}
	if want[steps].Largest == want[0].Largest {
		t.Error("the flow is constant")
	}
}

// ∂h(T)/∂h(T−q) of an RNN is the product of f'(t)·W.
func TestErrorFlowOfAnRNNIsTheProductOfItsFactors(t *testing.T) {
	const steps, units = 9, 3
	flow, net, x := flowOf(t, model.RNN{Hidden: units, Stateful: true}, "layer.h_l0", 1, steps, units)
	b := net.Backend()
	weights := map[string][]float64{}
	for _, w := range net.Parameters() {
		weights[strings.TrimPrefix(w.Name, "layer.")] = download(t, b, w.Value)
	}
	var slopes [][]float64 // f' of each step
	h := make([]float64, units)
	for step := range steps {
		next, slope := make([]float64, units), make([]float64, units)
		for u := range units {
			z := weights["bias_ih_l0"][u] + weights["bias_hh_l0"][u]
			for v := range 2 {
				z += weights["weight_ih_l0"][2*u+v] * float64(x[2*step+v])
			}
			for v := range units {
				z += weights["weight_hh_l0"][units*u+v] * h[v]
			}
			next[u] = math.Tanh(z)
			slope[u] = 1 - next[u]*next[u]
		}
		h, slopes = next, append(slopes, slope)
	}
	grad := []float64{1, 0, 0, 0, 1, 0, 0, 0, 1}
	for lag := 1; lag <= steps; lag++ {
		next, largest := make([]float64, units*units), 0.0
		for u := range units {
			for v := range units {
				for w := range units {
					next[u*units+v] += grad[u*units+w] * slopes[steps-lag][w] * weights["weight_hh_l0"][w*units+v]
				}
				largest = max(largest, math.Abs(next[u*units+v]))
			}
		}
		grad = next
		if off := math.Abs(flow[lag].Largest/largest - 1); !(off < 1e-5) {
			t.Errorf("lag %d: %v, want %v", lag, flow[lag].Largest, largest)
		}
	}
}

func TestErrorFlowStaysBelowItsBound(t *testing.T) {
	const steps, units = 60, 5
	for _, scale := range []float64{0.1, 1, 4} {
		t.Run(fmt.Sprint(scale), func(t *testing.T) {
			flow, net, _ := flowOf(t, model.RNN{Hidden: units, Stateful: true}, "layer.h_l0", scale, steps, units)
			w, _ := net.Parameter("layer.weight_hh_l0")
			weights := download(t, net.Backend(), w.Value)
			for _, f := range flow {
				if bound := model.ErrorBound(weights, 1, f.Lag); f.Largest > bound || f.Norm > bound {
					t.Errorf("lag %d: %+v, more than the bound %v", f.Lag, f, bound)
				}
			}
			if last := flow[steps].Largest; scale == 0.1 && !(last > 0 && last < 1e-30) {
				t.Errorf("small weights: flow %v after %d steps, want less than 1e-30 and more than nothing", last, steps)
			}
		})
	}
}

// The constant error carousel, and what forget gates make of it.
func TestErrorFlowOfLSTM(t *testing.T) {
	const steps = 100
	for _, c := range []struct {
		name, state string
		layer       model.Layer
		low, high   float64 // of the flow over all steps
	}{
		{"1997", "layer.s", model.LSTM1997{Blocks: 2, Cells: 2, Stateful: true}, 0.999, 1.001},
		{"forget gates", "layer.s", model.LSTM1997{Blocks: 2, Cells: 2, ForgetGates: true, Stateful: true}, 0, 1e-3},
		{"forget gates that are open", "layer.c_l0", model.LSTM{Hidden: 4, ForgetBias: 20, Stateful: true}, 0.5, math.Inf(1)},
		{"modern", "layer.c_l0", model.LSTM{Hidden: 4, Stateful: true}, 0, 1e-3},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := backends[0].open(t)
			net := build(t, b, model.Spec{{Name: "layer", Layer: c.layer}}, model.Shape{Steps: 1, Batch: 8, Width: 2}, model.Options{})
			net.Init(1)
			x := make([]float32, 2*steps)
			rng := rand.New(rand.NewPCG(1, 2))
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			flow, err := model.ErrorFlow(net, x, c.state)
			if err != nil {
				t.Fatal(err)
			}
			if last := flow[steps].Largest; !(last >= c.low && last <= c.high) {
				t.Errorf("flow %v over %d steps, want from %v to %v", last, steps, c.low, c.high)
			}
		})
	}
}

// A Window changes how the layer learns, not what its state is made of.
func TestErrorFlowOfALayerWithAWindow(t *testing.T) {
	const steps, units = 12, 3
	want, _, _ := flowOf(t, model.RNN{Hidden: units, Stateful: true}, "layer.h_l0", 1, steps, 2*units)
	got, _, _ := flowOf(t, model.RNN{Hidden: units, Stateful: true, Window: 1}, "layer.h_l0", 1, steps, 2*units)
	for lag := range want {
		if off := math.Abs(got[lag].Largest/want[lag].Largest - 1); !(off < 1e-2) {
			t.Errorf("lag %d: %v with a window, %v without, off by %.2g", lag, got[lag].Largest, want[lag].Largest, off)
		}
	}
}

// The lengths of the batch before do not apply to the sequence that is measured.
func TestErrorFlowAfterSequencesThatEndEarly(t *testing.T) {
	b := backends[0].open(t)
	in := model.Shape{Steps: 4, Batch: 3, Width: 2}
	net := build(t, b, model.Spec{{Name: "layer", Layer: model.GRU{Hidden: 3, Stateful: true}}}, in, model.Options{Ragged: true})
	net.Init(1)
	x := []float32{1, 0, 0, 1, -1, 1}
	want, err := model.ErrorFlow(net, x, "layer.h_l0")
	if err != nil {
		t.Fatal(err)
	}
	net.SetLengths(4, []int32{1, 0})
	net.Forward(newTensor(t, b, 8, 2), 4, model.Evaluation)
	got, err := model.ErrorFlow(net, x, "layer.h_l0")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("flow is %v, before it was %v", got, want)
	}
}

func TestErrorFlowSaysWhatIsMissing(t *testing.T) {
	b := backends[0].open(t)
	net := build(t, b, model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: 4, Stateful: true}}}, model.Shape{Steps: 1, Batch: 3, Width: 2}, model.Options{})
	for state, want := range map[string]string{
		"lstm.c_l0": `no state "lstm.c_l0", it has ["rnn.h_l0"]`,
		"rnn.h_l0":  `has 4 elements: build the network for batches of 4, not 3`,
	} {
		if _, err := model.ErrorFlow(net, make([]float32, 4), state); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", state, err, want)
		}
	}
	hidden := model.Stage{Name: "rnn", Layer: model.RNN{Hidden: 2, Stateful: true}}
	for want, spec := range map[string]model.Spec{
		"TeacherForcing":              {hidden, {Name: "full", Layer: model.FullyRecurrent{Hidden: 2, TeacherForcing: true, Stateful: true}}},
		"backward in time":            {hidden, {Name: "both", Layer: model.GRU{Hidden: 2, Bidirectional: true, Stateful: true}}},
		`stage "gru" is not Stateful`: {hidden, {Name: "gru", Layer: model.GRU{Hidden: 2}}},
	} {
		net := build(t, b, spec, model.Shape{Steps: 1, Batch: 4, Width: 2}, model.Options{})
		if _, err := model.ErrorFlow(net, make([]float32, 4), "rnn.h_l0"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// A measurement leaves nothing in the network, whose states and gradients it used.
func TestErrorFlowLeavesStatesAndGradientsOfZero(t *testing.T) {
	for state, layer := range map[string]model.Layer{
		"layer.h_l0":    model.GRU{Hidden: 2, Layers: 2, Stateful: true},
		"layer.context": model.FullyRecurrent{Hidden: 2, Stateful: true},
		"layer.s":       model.LSTM1997{Blocks: 2, Cells: 1, Stateful: true},
	} {
		b := reference.New()
		defer b.Close()
		net := build(t, b, model.Spec{{Name: "layer", Layer: layer}, {Name: "head", Layer: model.Dense{Out: 1}}}, model.Shape{Steps: 1, Batch: 4, Width: 1}, model.Options{Ragged: true})
		net.Init(1)
		if _, err := model.ErrorFlow(net, []float32{1, 2, 3}, state); err != nil {
			t.Fatal(err)
		}
		left := map[string]backend.Tensor{"gradients": net.Grads()}
		for _, s := range net.States(1, 4) {
			left[s.Name] = s.Initial
			if s.FinalGrad.Present() {
				left[s.Name+", gradient"] = s.FinalGrad
			}
		}
		for what, x := range left {
			compare(t, state+": "+what, download(t, b, x), make([]float64, x.Size()), 0)
		}
	}
}
