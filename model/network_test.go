package model_test

import (
	"errors"
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

// everyLayer is a network with one of each.
var everyLayer = model.Spec{
	{Name: "rnn", Layer: model.RNN{Hidden: 5, Layers: 2}},
	{Name: "lstm", Layer: model.LSTM{Hidden: 3, Layers: 4, Peepholes: true}},
	{Name: "grid", Layer: model.GridLSTM{Hidden: 3, Layers: 3}},
	{Name: "gru", Layer: model.GRU{Hidden: 3, Layers: 2, Bidirectional: true, Dropout: 0.2}},
	{Name: "norm", Layer: model.LSTM{Hidden: 4, Projection: 3, LayerNorm: true, ZoneoutHidden: 0.1, ZoneoutCell: 0.1}},
	{Name: "drop", Layer: model.Dropout{Rate: 0.1}},
	{Name: "tanh", Layer: model.Tanh},
	{Name: "last", Layer: model.LastStep{}},
	{Name: "head", Layer: model.Dense{Out: 7}},
}

// meter is a backend that counts its live allocations and can run short of
// memory.
type meter struct {
	backend.Backend
	allowed int // allocations that succeed
	live    int
}

func (m *meter) New(rows, cols int) (backend.Tensor, error) {
	if m.allowed == 0 {
		return backend.Tensor{}, fmt.Errorf("meter: New: %w", backend.ErrOutOfMemory)
	}
	m.allowed--
	t, err := m.Backend.New(rows, cols)
	if err == nil {
		m.live++
	}
	return t, err
}

func (m *meter) NewInts(n int) (backend.Ints, error) {
	if m.allowed == 0 {
		return backend.Ints{}, fmt.Errorf("meter: NewInts: %w", backend.ErrOutOfMemory)
	}
	m.allowed--
	t, err := m.Backend.NewInts(n)
	if err == nil {
		m.live++
	}
	return t, err
}

func (m *meter) Free(buf backend.Buffer) {
	m.live--
	m.Backend.Free(buf)
}

func TestNewReportsWhatCannotBeBuilt(t *testing.T) {
	in := model.Shape{Steps: 4, Batch: 3, Width: 2}
	one := func(l model.Layer) model.Spec { return model.Spec{{Name: "bad", Layer: l}} }
	for name, test := range map[string]struct {
		spec model.Spec
		in   model.Shape
		want string
	}{
		"no stages":             {nil, in, "no stages"},
		"no name":               {model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: 1}}, {Layer: model.Tanh}}, in, "stage 2 has no name"},
		"reserved name":         {model.Spec{{Name: "train/x", Layer: model.Tanh}}, in, `stage "train/x": names that begin with "train/" are reserved`},
		"duplicate name":        {model.Spec{{Name: "bad", Layer: model.Tanh}, {Name: "bad", Layer: model.ReLU}}, in, `stage "bad": another stage`},
		"no layer":              {one(nil), in, `stage "bad" has no Layer`},
		"duplicate parameter":   {model.Spec{{Name: "a", Layer: model.Jordan{Hidden: 1, Out: 1}}, {Name: "a.output", Layer: model.Dense{Out: 1}}}, in, `stage "a.output": another stage has a parameter "a.output.weight" too`},
		"teacher's width":       {model.Spec{{Name: "bad", Layer: model.Jordan{Hidden: 1, Out: 3, TeacherForcing: true}}, {Name: "head", Layer: model.Dense{Out: 2}}}, in, `stage "bad": its teacher gives the targets of the network, of width 2, for its 3 outputs`},
		"width 0":               {one(model.Tanh), model.Shape{Steps: 4, Batch: 3}, `stage "bad": Width is 0, want 1 to`},
		"steps 0":               {one(model.Tanh), model.Shape{Batch: 3, Width: 2}, `stage "bad": Steps is 0`},
		"batch -1":              {one(model.Tanh), model.Shape{Steps: 4, Batch: -1, Width: 2}, `stage "bad": Batch is -1`},
		"rows overflow":         {one(model.Tanh), model.Shape{Steps: 1 << 20, Batch: 1 << 20, Width: 2}, `stage "bad": Steps·Batch is 1099511627776`},
		"width overflow":        {one(model.Tanh), model.Shape{Steps: 1, Batch: 1, Width: math.MaxInt}, `stage "bad": Width is 9223372036854775807`},
		"hidden 0":              {one(model.LSTM{}), in, `stage "bad": Hidden is 0, want 1 to`},
		"hidden -1":             {one(model.RNN{Hidden: -1}), in, `stage "bad": Hidden is -1`},
		"hidden overflow":       {one(model.LSTM{Hidden: math.MaxInt}), in, `stage "bad": Hidden is 9223372036854775807`},
		"layers -1":             {one(model.LSTM{Hidden: 1, Layers: -1}), in, `stage "bad": Layers is -1`},
		"grid hidden 0":         {one(model.GridLSTM{}), in, `stage "bad": Hidden is 0, want 1 to`},
		"grid layers -1":        {one(model.GridLSTM{Hidden: 1, Layers: -1}), in, `stage "bad": Layers is -1`},
		"layers beyond reason":  {one(model.RNN{Hidden: 1, Layers: math.MaxInt}), in, `stage "bad": Layers is`},
		"out 0":                 {one(model.Dense{}), in, `stage "bad": Out is 0`},
		"no such activation":    {one(model.Activation(9)), in, `stage "bad": there is no Activation 9`},
		"forget bias, no bias":  {one(model.LSTM{Hidden: 1, NoBias: true, ForgetBias: 1}), in, `stage "bad": ForgetBias is set, but NoBias leaves no bias to add it to`},
		"dropout 1":             {one(model.GRU{Hidden: 1, Layers: 2, Dropout: 1}), in, `stage "bad": Dropout is 1, want at least 0 and below 1`},
		"dropout of one layer":  {one(model.RNN{Hidden: 1, Dropout: 0.5}), in, `stage "bad": Dropout acts between layers, but there is only one layer`},
		"dropout NaN":           {one(model.Dropout{Rate: math.NaN()}), in, `stage "bad": Rate is NaN, want at least 0 and below 1`},
		"projection as wide":    {one(model.LSTM{Hidden: 3, Projection: 3}), in, `stage "bad": the Projection is 3, want 1 to 2, less than Hidden, or 0 for none`},
		"projection -1":         {one(model.LSTM{Hidden: 3, Projection: -1}), in, `stage "bad": the Projection is -1`},
		"zoneout NaN":           {one(model.LSTM{Hidden: 3, ZoneoutCell: math.NaN()}), in, `stage "bad": ZoneoutCell is NaN`},
		"peephole, layer norm":  {one(model.LSTM{Hidden: 3, Peepholes: true, LayerNorm: true}), in, `stage "bad": the option Peepholes does not go with`},
		"gru hidden 0":          {one(model.GRU{}), in, `stage "bad": Hidden is 0, want 1 to`},
		"forget bias too large": {one(model.LSTM{Hidden: 1, ForgetBias: 1e300}), in, `stage "bad": ForgetBias is 1e+300`},
		"forget bias NaN":       {one(model.LSTM{Hidden: 1, ForgetBias: math.NaN()}), in, `stage "bad": ForgetBias is NaN`},
		"too large a parameter": {one(model.LSTM{Hidden: 1 << 28}), in, `"bad.weight_hh_l0" of shape [1073741824 268435456] makes the network too large`},
		"too many parameters":   {one(model.RNN{Hidden: 1 << 27, Layers: 1024}), in, "makes the network too large"},
		"more than memory":      {one(model.LSTM{Hidden: 1 << 27}), in, `the largest "bad.weight_hh_l0" of shape [536870912 134217728]`},
		"more workspace":        {one(model.LSTM{Hidden: 4}), model.Shape{Steps: 1 << 28, Batch: 1, Width: 2}, `stage "bad": workspace of`},
	} {
		t.Run(name, func(t *testing.T) {
			b := &meter{Backend: reference.New(), allowed: -1}
			defer b.Close()
			net, err := model.New(b, test.spec, test.in, model.Options{})
			if err == nil || net != nil {
				t.Fatalf("New returned %v, %v, want an error", net, err)
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with %q", err, test.want)
			}
			if b.live != 0 {
				t.Errorf("%d allocations are left", b.live)
			}
		})
	}
}

func TestNewFreesAllWhenMemoryRunsShort(t *testing.T) {
	for allowed := 0; ; allowed++ {
		b := &meter{Backend: reference.New(), allowed: allowed}
		defer b.Close()
		net, err := model.New(b, everyLayer, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{InputGrad: true})
		if err == nil {
			if allowed < 20 {
				t.Errorf("the network needs only %d allocations", allowed)
			}
			net.Free()
		} else if text := err.Error(); !errors.Is(err, backend.ErrOutOfMemory) || strings.Contains(text, "\n") ||
			!slices.ContainsFunc(everyLayer, func(s model.Stage) bool { return strings.Contains(text, `"`+s.Name) }) {
			t.Errorf("allocation %d: error %q, want one line that names a stage and wraps %q", allowed, err, backend.ErrOutOfMemory)
		}
		if b.live != 0 {
			t.Errorf("%d of %d allocations are left", b.live, allowed)
		}
		if err == nil {
			return
		}
	}
}

func TestNewOnAClosedBackend(t *testing.T) {
	b := reference.New()
	b.Close()
	_, err := model.New(b, model.Spec{{Name: "tanh", Layer: model.Tanh}}, model.Shape{Steps: 1, Batch: 1, Width: 1}, model.Options{})
	if !errors.Is(err, backend.ErrClosed) {
		t.Errorf("error %v, want %v", err, backend.ErrClosed)
	}
}

func TestMisusePanics(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := build(t, b, everyLayer, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{})
	x := func(rows, cols int) backend.Tensor { return newTensor(t, b, rows, cols) }
	for _, test := range []struct {
		name string
		call func()
		want string
	}{
		{"Backward before any Forward", func() { net.Backward(x(3, 7)) }, "model: Backward: no Forward in mode Training"},
		{"Backward after Eval", func() { net.Forward(x(8, 2), 4, model.Evaluation); net.Backward(x(2, 7)) }, "model: Backward: no Forward in mode Training"},
		{"Backward after Train, then Eval", func() {
			net.Forward(x(8, 2), 4, model.Training)
			net.Forward(x(8, 2), 4, model.Evaluation)
			net.Backward(x(2, 7))
		}, "model: Backward: no Forward in mode Training"},
		{"Backward twice", func() {
			net.Forward(x(8, 2), 4, model.Training)
			net.Backward(x(2, 7))
			net.Backward(x(2, 7))
		}, "model: Backward: no Forward in mode Training"},
		{"gradient of another shape", func() { net.Forward(x(8, 2), 4, model.Training); net.Backward(x(3, 7)) }, "model: Backward: dy is 3x7, want 2x7"},
		{"input of another width", func() { net.Forward(x(8, 3), 4, model.Evaluation) }, "x is 8x3, want 2 columns"},
		{"no whole number of sequences", func() { net.Forward(x(7, 2), 4, model.Evaluation) }, "x is 7x2, want 2 columns and a multiple of 4 rows up to 12"},
		{"larger batch than built", func() { net.Forward(x(4, 2), 1, model.Evaluation) }, "x is 4x2, want 2 columns and a multiple of 1 rows up to 3"},
		{"more steps than built", func() { net.Forward(x(5, 2), 5, model.Evaluation) }, "5 steps, want 1 to 4"},
		{"no steps", func() { net.Forward(x(0, 2), 0, model.Evaluation) }, "0 steps, want 1 to 4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, test.want) {
					t.Errorf("panic %q, want one with %q", text, test.want)
				}
			}()
			test.call()
		})
	}
}

func TestWindowsAreThoseOfPyTorchAligned(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := build(t, b, model.Spec{
		{Name: "rnn", Layer: model.RNN{Hidden: 3, NoBias: true}},
		{Name: "lstm", Layer: model.LSTM{Hidden: 5, Layers: 2, Peepholes: true}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "head", Layer: model.Dense{Out: 7}},
	}, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{})
	want := []string{
		"rnn.weight_ih_l0 [3 2]", "rnn.weight_hh_l0 [3 3]",
		"lstm.weight_ih_l0 [20 3]", "lstm.weight_hh_l0 [20 5]", "lstm.bias_ih_l0 [20]", "lstm.bias_hh_l0 [20]", "lstm.weight_peep_l0 [3 5]",
		"lstm.weight_ih_l1 [20 5]", "lstm.weight_hh_l1 [20 5]", "lstm.bias_ih_l1 [20]", "lstm.bias_hh_l1 [20]", "lstm.weight_peep_l1 [3 5]",
		"head.weight [7 5]", "head.bias [7]",
	}
	count, end := 0, 0
	for i, w := range net.Parameters() {
		if got := fmt.Sprint(w.Name, " ", w.Shape); i >= len(want) || got != want[i] {
			t.Errorf("parameter %d is %s", i, got)
		}
		if w.Value.Off != w.Grad.Off || w.Value.Off%32 != 0 || w.Value.Off < end {
			t.Errorf("%s starts at %d, its gradient at %d, the parameter before ends at %d", w.Name, w.Value.Off, w.Grad.Off, end)
		}
		if found, ok := net.Parameter(w.Name); !ok || found.Value != w.Value {
			t.Errorf("Parameter(%q) is %v, %v", w.Name, found, ok)
		}
		end = w.Value.Off + w.Value.Size()
		count += w.Value.Size()
	}
	if len(net.Parameters()) != len(want) || net.Count() != count || net.Values().Rows != 1 || net.Values().Size() < end || net.Grads().Size() != net.Values().Size() {
		t.Errorf("%d parameters, want %d; Count %d, want %d; flat tensors %v, %v", len(net.Parameters()), len(want), net.Count(), count, net.Values(), net.Grads())
	}
	if _, ok := net.Parameter("head.gain"); ok {
		t.Error("there is a parameter head.gain")
	}
	if got := net.Output(); got != (model.Shape{Steps: 1, Batch: 3, Width: 7}) {
		t.Errorf("Output is %v", got)
	}
}

func TestPaddingStaysZero(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := build(t, b, everyLayer, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{})
	net.Init(1)
	trainPass(t, net, 4, 3, 1)
	params, grads := download(t, b, net.Values()), download(t, b, net.Grads())
	used := make([]bool, len(params))
	for _, w := range net.Parameters() {
		for i := range w.Value.Size() {
			used[w.Value.Off+i] = true
		}
	}
	for i := range used {
		if !used[i] && (params[i] != 0 || grads[i] != 0) {
			t.Errorf("padding at element %d: parameter %v, gradient %v", i, params[i], grads[i])
		}
	}
}

// trainPass runs Forward and Backward on random numbers and returns the output
// and the gradient of the input, nil without InputGrad.
func trainPass(t *testing.T, net *model.Network, steps, batch int, seed uint64) (y, dx []float64) {
	b, rng := net.Backend(), rand.New(rand.NewPCG(1, seed))
	in := model.Shape{Steps: steps, Batch: batch, Width: net.Input().Width}
	out := net.OutputShape(in)
	x, dy := newTensor(t, b, in.Rows(), in.Width), newTensor(t, b, out.Rows(), out.Width)
	values, upstream := random(rng, x.Size()), random(rng, dy.Size())
	upload(b, x, values)
	upload(b, dy, upstream)
	y = download(t, b, net.Forward(x, steps, model.Training))
	if d := net.Backward(dy); d.Present() {
		dx = download(t, b, d)
	}
	compare(t, "x after the passes", download(t, b, x), values, 1e-7)
	compare(t, "dy after Backward", download(t, b, dy), upstream, 1e-7)
	return y, dx
}

func TestSmallBatchesMatchANetworkOfTheirSize(t *testing.T) {
	for _, on := range backends {
		t.Run(on.name, func(t *testing.T) {
			b := on.open(t)
			defer b.Close()
			large := build(t, b, everyLayer, model.Shape{Steps: 6, Batch: 5, Width: 2}, model.Options{InputGrad: true})
			large.Init(1)
			for i, size := range []struct{ steps, batch int }{{6, 5}, {6, 2}, {3, 5}, {1, 1}, {5, 4}} {
				exact := build(t, b, everyLayer, model.Shape{Steps: size.steps, Batch: size.batch, Width: 2}, model.Options{InputGrad: true})
				exact.Init(1)
				b.Fill(large.Grads(), 0)
				y, dx := trainPass(t, large, size.steps, size.batch, uint64(i))
				wantY, wantDX := trainPass(t, exact, size.steps, size.batch, uint64(i))
				name := fmt.Sprintf("%d steps, batch %d: ", size.steps, size.batch)
				compare(t, name+"output", y, wantY, on.tolerance)
				compare(t, name+"gradient of the input", dx, wantDX, on.tolerance)
				compare(t, name+"gradients", download(t, b, large.Grads()), download(t, b, exact.Grads()), on.tolerance)
			}
		})
	}
}

func TestEmptyBatch(t *testing.T) {
	b := reference.New()
	defer b.Close()
	spec := slices.Concat(model.Spec{
		{Name: "windowed", Layer: model.LSTM{Hidden: 3, Window: 2}},
		{Name: "truncated", Layer: model.Elman{Hidden: 3}},
	}, everyLayer)
	net := build(t, b, spec, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{})
	net.Init(1)
	if y, _ := trainPass(t, net, 4, 0, 1); len(y) != 0 {
		t.Errorf("the output is %v", y)
	}
	compare(t, "gradients", download(t, b, net.Grads()), make([]float64, net.Grads().Size()), 0)
}

func TestChunksWithStatesMatchTheWhole(t *testing.T) {
	const steps, batch, width = 7, 3, 2
	for _, on := range backends {
		t.Run(on.name, func(t *testing.T) {
			spec := model.Spec{
				{Name: "rnn", Layer: model.RNN{Hidden: 4, Layers: 2, Stateful: true}},
				{Name: "lstm", Layer: model.LSTM{Hidden: 5, Layers: 2, Peepholes: true, Stateful: true}},
				{Name: "grid", Layer: model.GridLSTM{Hidden: 4, Layers: 2, Stateful: true}},
				{Name: "head", Layer: model.Dense{Out: 3}},
			}
			b := on.open(t)
			defer b.Close()
			net := build(t, b, spec, model.Shape{Steps: steps, Batch: batch, Width: width}, model.Options{})
			net.Init(1)
			x := newTensor(t, b, steps*batch, width)
			upload(b, x, random(rand.New(rand.NewPCG(1, 1)), x.Size()))
			whole := download(t, b, net.Forward(x, steps, model.Evaluation))
			for _, size := range []int{1, 2, 3, 6} {
				for _, s := range net.States(size, batch) {
					b.Fill(s.Initial, 0)
				}
				var parts []float64
				for from := 0; from < steps; from += size {
					n := min(size, steps-from)
					parts = append(parts, download(t, b, net.Forward(x.Slice(from*batch, (from+n)*batch), n, model.Evaluation))...)
					for i, s := range net.States(n, batch) {
						b.Copy(net.States(size, batch)[i].Initial, s.Final)
					}
				}
				compare(t, fmt.Sprintf("chunks of %d steps", size), parts, whole, on.tolerance)
			}
		})
	}
}

func TestStatesAreNamedAndOnlyOfStatefulLayers(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := build(t, b, model.Spec{
		{Name: "a", Layer: model.LSTM{Hidden: 4, Layers: 2, Stateful: true}},
		{Name: "b", Layer: model.RNN{Hidden: 3}},
		{Name: "c", Layer: model.RNN{Hidden: 2, Stateful: true}},
	}, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{})
	var got []string
	for _, s := range net.States(2, 2) {
		got = append(got, s.Name+" "+s.Initial.String())
		for _, x := range []backend.Tensor{s.Final, s.InitialGrad, s.FinalGrad} {
			if x.String() != s.Initial.String() {
				t.Errorf("%s: shapes %v and %v", s.Name, s.Initial, x)
			}
		}
	}
	if want := []string{"a.h_l0 2x4", "a.c_l0 2x4", "a.h_l1 2x4", "a.c_l1 2x4", "c.h_l0 2x2"}; !slices.Equal(got, want) {
		t.Errorf("states %q, want %q", got, want)
	}
	if got, want := net.Restarts(), []string{"b"}; !slices.Equal(got, want) {
		t.Errorf("stages %q restart, want %q", got, want)
	}
}

func TestSequencesStartFromZeroUnlessStateful(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := build(t, b, everyLayer, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{})
	net.Init(1)
	first, _ := trainPass(t, net, 4, 2, 1)
	trainPass(t, net, 2, 3, 2)
	second, _ := trainPass(t, net, 4, 2, 1)
	compare(t, "the same batch again", second, first, 0)
}

func TestBackwardAddsToTheGradients(t *testing.T) {
	b := reference.New()
	defer b.Close()
	net := build(t, b, everyLayer, model.Shape{Steps: 4, Batch: 3, Width: 2}, model.Options{})
	net.Init(1)
	trainPass(t, net, 4, 3, 1)
	want := download(t, b, net.Grads())
	for i := range want {
		want[i] *= 2
	}
	trainPass(t, net, 4, 3, 1)
	compare(t, "gradients of two passes", download(t, b, net.Grads()), want, 1e-14)
}

func TestInputGradIsComputedOnlyIfWanted(t *testing.T) {
	b := reference.New()
	defer b.Close()
	in := model.Shape{Steps: 4, Batch: 3, Width: 2}
	for i, stage := range everyLayer {
		// Before the first layer with parameters, a layer has nothing to pass on to.
		spec := append(model.Spec{{Name: "first", Layer: model.Sigmoid}}, everyLayer[i:]...)
		with, without := build(t, b, spec, in, model.Options{InputGrad: true}), build(t, b, spec, in, model.Options{})
		with.Init(1)
		without.Init(1)
		if _, dx := trainPass(t, with, 4, 3, 1); len(dx) != in.Rows()*in.Width {
			t.Errorf("from %s: the gradient of the input has %d elements", stage.Name, len(dx))
		}
		if _, dx := trainPass(t, without, 4, 3, 1); dx != nil {
			t.Errorf("from %s: a gradient of the input that nobody wants", stage.Name)
		}
		compare(t, "from "+stage.Name+": gradients", download(t, b, without.Grads()), download(t, b, with.Grads()), 0)
	}
}
