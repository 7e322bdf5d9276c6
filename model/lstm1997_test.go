package model_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

// The nets of 1997 for temporal order and for adding have 156 and 93 weights.
func TestLSTM1997HaveTheWeightsOfThePaper(t *testing.T) {
	b := reference.New()
	defer b.Close()
	for _, test := range []struct{ inputs, outputs, want int }{{8, 4, 156}, {2, 1, 93}} {
		net := build(t, b, model.Spec{
			{Name: "lstm", Layer: model.LSTM1997{Blocks: 2, Cells: 2}},
			{Name: "output", Layer: model.Dense{Out: test.outputs}},
		}, model.Shape{Steps: 1, Batch: 1, Width: test.inputs}, model.Options{})
		if got := net.Count(); got != test.want {
			t.Errorf("%d inputs, %d outputs: %d weights, want %d", test.inputs, test.outputs, got, test.want)
		}
	}
}

func TestLSTM1997Init(t *testing.T) {
	layer := model.LSTM1997{
		Blocks: 2, Cells: 3, ForgetGates: true, Peepholes: true, InitRange: 0.25,
		InputGateBias: []float64{-2, -4}, ForgetGateBias: []float64{0.5, 1}, OutputGateBias: []float64{-3, 0},
	}
	values := initialised(t, model.Spec{{Name: "lstm", Layer: layer}}, 1)
	weight, sources := values["lstm.weight"], 25+6+6+1
	for j, want := range []float64{-2, -4, 0.5, 1, -3, 0} {
		if got := weight[(j+1)*sources-1]; got != want {
			t.Errorf("bias of unit %d: got %v, want %v", j, got, want)
		}
		weight[(j+1)*sources-1] = 0.25
	}
	for name, drawn := range values {
		if lowest, highest := slices.Min(drawn), slices.Max(drawn); lowest < -0.25 || highest > 0.25 || highest-lowest < 0.3 {
			t.Errorf("%s from %v to %v, want the whole of −0.25 to 0.25", name, lowest, highest)
		}
	}

	plain := model.LSTM1997{Blocks: 2, Cells: 3, Peepholes: true}
	for name, drawn := range initialised(t, model.Spec{{Name: "lstm", Layer: plain}}, 1) {
		if lowest, highest := slices.Min(drawn), slices.Max(drawn); lowest < -0.1 || highest > 0.1 || highest-lowest < 0.1 {
			t.Errorf("%s from %v to %v, want −0.1 to 0.1", name, lowest, highest)
		}
		if name == "lstm.weight_peep" && !slices.Equal(drawn[6:12], make([]float64, 6)) {
			t.Errorf("peepholes of forget gates that do not exist: %v", drawn[6:12])
		}
	}
}

func TestNewReportsLSTM1997ThatMakeNoSense(t *testing.T) {
	lstm := func(l model.LSTM1997) model.Spec { return model.Spec{{Name: "bad", Layer: l}} }
	for name, test := range map[string]struct {
		spec    model.Spec
		options model.Options
		want    string
	}{
		"no blocks":                {lstm(model.LSTM1997{Cells: 2}), model.Options{}, "Blocks is 0, want 1 to"},
		"no cells":                 {lstm(model.LSTM1997{Blocks: 2}), model.Options{}, "Cells is 0, want 1 to"},
		"peepholes without a cell": {lstm(model.LSTM1997{Blocks: 2, Peepholes: true}), model.Options{}, "Cells is 0, want 1 to"},
		"overflow":                 {lstm(model.LSTM1997{Blocks: 1 << 28, Cells: 1 << 28}), model.Options{}, "Blocks·Cells is 72057594037927936"},
		"a bias too few":           {lstm(model.LSTM1997{Blocks: 2, Cells: 1, InputGateBias: []float64{1}}), model.Options{}, "InputGateBias has 1 values, want one for each of 2 blocks"},
		"a bias too many":          {lstm(model.LSTM1997{Blocks: 1, Cells: 1, OutputGateBias: []float64{1, 2}}), model.Options{}, "OutputGateBias has 2 values"},
		"NaN bias":                 {lstm(model.LSTM1997{Blocks: 1, Cells: 1, ForgetGates: true, ForgetGateBias: []float64{math.NaN()}}), model.Options{}, "ForgetGateBias is [NaN]"},
		"infinite bias":            {lstm(model.LSTM1997{Blocks: 1, Cells: 1, ForgetGates: true, ForgetGateBias: []float64{math.Inf(1)}}), model.Options{}, "ForgetGateBias is [+Inf]"},
		"bias of no gate":          {lstm(model.LSTM1997{Blocks: 1, Cells: 1, ForgetGateBias: []float64{1}}), model.Options{}, "ForgetGateBias is set, but ForgetGates is not"},
		"range below 0":            {lstm(model.LSTM1997{Blocks: 1, Cells: 1, InitRange: -1}), model.Options{}, "InitRange is -1"},
		"range NaN":                {lstm(model.LSTM1997{Blocks: 1, Cells: 1, InitRange: math.NaN()}), model.Options{}, "InitRange is NaN"},
		"range infinite":           {lstm(model.LSTM1997{Blocks: 1, Cells: 1, InitRange: math.Inf(1)}), model.Options{}, "InitRange is +Inf"},
		"range too large":          {lstm(model.LSTM1997{Blocks: 1, Cells: 1, InitRange: 1e300}), model.Options{}, "InitRange is 1e+300"},
		"bias too large":           {lstm(model.LSTM1997{Blocks: 1, Cells: 1, InputGateBias: []float64{1e39}}), model.Options{}, "InputGateBias is [1e+39], want finite numbers that fit a float32"},
		"too large":                {lstm(model.LSTM1997{Blocks: 1 << 27, Cells: 1}), model.Options{}, ""},
		"parameters before it": {model.Spec{
			{Name: "dense", Layer: model.Dense{Out: 2}}, {Name: "bad", Layer: model.LSTM1997{Blocks: 1, Cells: 1}},
		}, model.Options{}, "the truncated gradient of an LSTM1997 does not reach its input"},
		"gradient of the input": {lstm(model.LSTM1997{Blocks: 1, Cells: 1}), model.Options{InputGrad: true}, "the truncated gradient of an LSTM1997 does not reach its input"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &meter{Backend: reference.New(), allowed: -1}
			defer b.Close()
			net, err := model.New(b, test.spec, model.Shape{Steps: 4, Batch: 3, Width: 2}, test.options)
			if err == nil || net != nil {
				t.Fatalf("New returned %v, %v, want an error", net, err)
			}
			if text := err.Error(); !strings.Contains(text, `bad`) || !strings.Contains(text, test.want) || strings.Contains(text, "\n") {
				t.Errorf("error %q, want one line with %q and the name of the stage", text, test.want)
			}
			if b.live != 0 {
				t.Errorf("%d allocations are left", b.live)
			}
		})
	}
}

func TestNewFreesLSTM1997WhenMemoryRunsShort(t *testing.T) {
	layer := model.LSTM1997{Blocks: 2, Cells: 2, ForgetGates: true, Peepholes: true, Stateful: true}
	for allowed := 0; ; allowed++ {
		b := &meter{Backend: reference.New(), allowed: allowed}
		net, err := model.New(b, model.Spec{{Name: "lstm", Layer: layer}}, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{})
		if err == nil {
			if allowed != 12 {
				t.Errorf("the network needs %d allocations, want 12", allowed)
			}
			net.Free()
		}
		if b.live != 0 {
			t.Errorf("%d of %d allocations are left", b.live, allowed)
		}
		b.Close()
		if err == nil {
			return
		}
	}
}

func TestLSTM1997BehindAStageWithoutParameters(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := build(t, b, model.Spec{
		{Name: "tanh", Layer: model.Tanh},
		{Name: "lstm", Layer: model.LSTM1997{Blocks: 2, Cells: 1}},
		{Name: "output", Layer: model.Dense{Out: 2}},
	}, model.Shape{Steps: 3, Batch: 2, Width: 2}, model.Options{})
	net.Init(1)
	if _, dx := trainPass(t, net, 3, 2, 1); dx != nil {
		t.Errorf("the gradient of the input is %v, want none", dx)
	}
}

func TestLSTM1997AllocateNothing(t *testing.T) {
	b := openCPU(t)
	defer b.Close()
	for _, test := range generations {
		net := build(t, b, model.Spec{{Name: "lstm", Layer: test.layer}}, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{})
		net.Init(1)
		x, dy := newTensor(t, b, 4*3, 2), newTensor(t, b, 4*3, net.Output().Width)
		if n := testing.AllocsPerRun(20, func() {
			net.Forward(x, 4, model.Training)
			net.Backward(dy)
		}); n != 0 {
			t.Errorf("%s: a forward and a backward pass allocate %v times", test.name, n)
		}
	}
}

func TestLSTM1997StatesAreNamed(t *testing.T) {
	b := reference.New()
	defer b.Close()
	for _, test := range []struct {
		layer model.LSTM1997
		want  []string
	}{
		{model.LSTM1997{Blocks: 2, Cells: 2}, nil},
		{model.LSTM1997{Blocks: 2, Cells: 2, Stateful: true},
			[]string{"lstm.s 3x4", "lstm.y 3x4", "lstm.gates 3x8", "lstm.ds_in 3x44", "lstm.ds_cell 3x44"}},
		{model.LSTM1997{Blocks: 2, Cells: 2, Stateful: true, ForgetGates: true, Peepholes: true, NoGateFeedback: true},
			[]string{"lstm.s 3x4", "lstm.y 3x4", "lstm.ds_in 3x36", "lstm.ds_forget 3x36", "lstm.ds_cell 3x28"}},
	} {
		net := build(t, b, model.Spec{{Name: "lstm", Layer: test.layer}}, model.Shape{Steps: 5, Batch: 4, Width: 2}, model.Options{})
		var got []string
		for _, s := range net.States(4, 3) {
			got = append(got, s.Name+" "+s.Initial.String())
			if s.Final.String() != s.Initial.String() || s.InitialGrad.Present() || s.FinalGrad.Present() {
				t.Errorf("%s: Final %v, gradients %v, %v, want the shape of Initial %v and none", s.Name, s.Final, s.InitialGrad, s.FinalGrad, s.Initial)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("states %q, want %q", got, test.want)
		}
	}
}
