package model_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gputrain/backend/reference"
	"gputrain/model"
)

// modern are the options of RNN, LSTM and GRU, each for two layers.
var modern = []struct {
	name  string
	layer model.Layer
}{
	{"rnn", model.RNN{Hidden: 3, Layers: 2, Stateful: true}},
	{"rnn, bidirectional", model.RNN{Hidden: 3, Layers: 2, ReLU: true, Bidirectional: true, Stateful: true}},
	{"lstm", model.LSTM{Hidden: 3, Layers: 2, Stateful: true}},
	{"lstm, bidirectional with peepholes", model.LSTM{Hidden: 2, Layers: 2, Bidirectional: true, Peepholes: true, Stateful: true}},
	{"lstm, projection", model.LSTM{Hidden: 3, Layers: 2, Projection: 2, Stateful: true}},
	{"lstm, projection without bias", model.LSTM{Hidden: 3, Layers: 2, Projection: 2, NoBias: true, Bidirectional: true, Stateful: true}},
	{"lstm, layer norm", model.LSTM{Hidden: 3, Layers: 2, LayerNorm: true, Stateful: true}},
	{"lstm, layer norm without bias", model.LSTM{Hidden: 4, LayerNorm: true, NoBias: true}},
	{"lstm, zoneout of h", model.LSTM{Hidden: 3, Layers: 2, ZoneoutHidden: 0.3, Stateful: true}},
	{"lstm, zoneout of c", model.LSTM{Hidden: 3, Layers: 2, ZoneoutCell: 0.3, Stateful: true}},
	{"lstm, all of it", model.LSTM{Hidden: 3, Layers: 2, Projection: 2, LayerNorm: true, ZoneoutHidden: 0.2, ZoneoutCell: 0.4,
		Bidirectional: true, Dropout: 0.3, Stateful: true}},
	{"lstm, dropout", model.LSTM{Hidden: 2, Layers: 3, Dropout: 0.4}},
	{"gru", model.GRU{Hidden: 3, Layers: 2, Stateful: true}},
	{"gru without bias", model.GRU{Hidden: 3, Layers: 2, NoBias: true}},
	{"gru, bidirectional with dropout", model.GRU{Hidden: 3, Layers: 2, Bidirectional: true, Dropout: 0.5, Stateful: true}},
}

func TestModernGradientsMatchDifferences(t *testing.T) {
	in := model.Shape{Steps: 3, Batch: 3, Width: 2}
	for i, test := range modern {
		layer := model.Stage{Name: "layer", Layer: test.layer}
		deep := model.Spec{
			layer, {Name: "drop", Layer: model.Dropout{Rate: 0.3}},
			{Name: "last", Layer: model.LastStep{}}, {Name: "head", Layer: model.Dense{Out: 2}},
		}
		for _, run := range []struct {
			name    string
			spec    model.Spec
			lengths []int32
		}{
			{"whole", model.Spec{layer}, nil},
			{"ragged", model.Spec{layer}, []int32{1, 0, 2}},
			{"ragged, last step", deep, []int32{2, 3, 0}},
		} {
			t.Run(test.name+"/"+run.name, func(t *testing.T) {
				c := newGradientCheck(t, run.spec, in, uint64(100+i), model.Options{Ragged: true})
				c.net.SetSeed(uint64(i))
				c.net.SetLengths(in.Steps, run.lengths)
				c.mode = model.Training
				wrong, _ := c.errors(t)
				for _, text := range wrong {
					t.Errorf("seed %d: %s", i, text)
				}
			})
		}
	}
}

// pass is what a forward and a backward pass of one layer give.
type pass struct {
	y, dx         []float64
	grads         map[string][]float64
	final, before map[string][]float64 // Final states, gradients of the Initial ones
}

// recurrentRun is one layer with all that its passes depend on, by sequence.
type recurrentRun struct {
	layer   model.Layer
	in      model.Shape
	ragged  bool
	lengths []int32
	x, dy   [][]float64 // of each sequence, [steps, ...]
	initial func(name string, sequence, n int) []float64
	dfinal  func(name string, sequence, n int) []float64
}

// draws returns n numbers that follow from the words.
func draws(n int, words ...any) []float64 {
	hash := uint64(14695981039346656037)
	for _, c := range fmt.Sprint(words...) {
		hash = (hash ^ uint64(c)) * 1099511628211
	}
	return random(rand.New(rand.NewPCG(1, hash)), n)
}

// timeMajor joins sequences, [steps, width] each, to [steps·batch, width].
func timeMajor(sequences [][]float64, steps, width int) []float64 {
	var all []float64
	for t := range steps {
		for _, s := range sequences {
			all = append(all, s[t*width:(t+1)*width]...)
		}
	}
	return all
}

func (r recurrentRun) run(t *testing.T) pass {
	t.Helper()
	b := reference.New()
	defer b.Close()
	net := build(t, b, model.Spec{{Name: "layer", Layer: r.layer}}, r.in, model.Options{Ragged: r.ragged, InputGrad: true})
	if r.lengths != nil {
		net.SetLengths(r.in.Steps, r.lengths)
	}
	for _, w := range net.Parameters() {
		upload(b, w.Value, draws(w.Value.Size(), w.Name))
	}
	width := net.Output().Width
	x, dy := newTensor(t, b, r.in.Rows(), r.in.Width), newTensor(t, b, r.in.Rows(), width)
	upload(b, x, timeMajor(r.x, r.in.Steps, r.in.Width))
	upload(b, dy, timeMajor(r.dy, r.in.Steps, width))
	states := net.States(r.in.Steps, r.in.Batch)
	for _, s := range states {
		for i := range r.in.Batch {
			upload(b, s.Initial.Slice(i, i+1), r.initial(s.Name, i, s.Initial.Cols))
			upload(b, s.FinalGrad.Slice(i, i+1), r.dfinal(s.Name, i, s.Final.Cols))
		}
	}
	p := pass{grads: map[string][]float64{}, final: map[string][]float64{}, before: map[string][]float64{}}
	p.y = download(t, b, net.Forward(x, r.in.Steps, model.Training))
	p.dx = download(t, b, net.Backward(dy))
	for _, w := range net.Parameters() {
		p.grads[w.Name] = download(t, b, w.Grad)
	}
	for _, s := range states {
		p.final[s.Name], p.before[s.Name] = download(t, b, s.Final), download(t, b, s.InitialGrad)
	}
	return p
}

// This is the definition of lengths: a batch of sequences that end early gives what
// each sequence gives by itself, and zeros after it. An empty sequence passes its
// states on.
func TestPaddedIsUnpadded(t *testing.T) {
	const steps, width = 6, 2
	lengths := []int32{4, 0, 6, 1, 4}
	for _, test := range modern {
		if strings.Contains(test.name, "zoneout") || strings.Contains(test.name, "dropout") || strings.Contains(test.name, "all") {
			continue // the bits depend on the place in the batch
		}
		t.Run(test.name, func(t *testing.T) {
			out, err := test.layer.Output(model.Shape{Steps: steps, Batch: 1, Width: width})
			if err != nil {
				t.Fatal(err)
			}
			whole := recurrentRun{
				layer: test.layer, in: model.Shape{Steps: steps, Batch: len(lengths), Width: width},
				ragged: true, lengths: lengths,
				initial: func(name string, i, n int) []float64 { return draws(n, "initial", name, i) },
				dfinal:  func(name string, i, n int) []float64 { return draws(n, "dfinal", name, i) },
			}
			for i := range lengths {
				whole.x = append(whole.x, draws(steps*width, "x", i))
				whole.dy = append(whole.dy, draws(steps*out.Width, "dy", i))
			}
			got := whole.run(t)
			want := pass{grads: map[string][]float64{}, final: map[string][]float64{}, before: map[string][]float64{}}
			ys, dxs := make([][]float64, len(lengths)), make([][]float64, len(lengths))
			for i, length := range lengths {
				ys[i], dxs[i] = make([]float64, steps*out.Width), make([]float64, steps*width)
				if length == 0 {
					for name, final := range got.final {
						n := len(final) / len(lengths)
						want.final[name] = append(want.final[name], whole.initial(name, i, n)...)
						want.before[name] = append(want.before[name], whole.dfinal(name, i, n)...)
					}
					continue
				}
				single := whole
				single.in.Steps, single.in.Batch, single.lengths, single.ragged = int(length), 1, nil, false
				single.x, single.dy = whole.x[i:i+1], whole.dy[i:i+1]
				single.initial = func(name string, _, n int) []float64 { return whole.initial(name, i, n) }
				single.dfinal = func(name string, _, n int) []float64 { return whole.dfinal(name, i, n) }
				alone := single.run(t)
				copy(ys[i], alone.y)
				copy(dxs[i], alone.dx)
				for name, grad := range alone.grads {
					want.grads[name] = sum(want.grads[name], grad)
				}
				for name := range alone.final {
					want.final[name] = append(want.final[name], alone.final[name]...)
					want.before[name] = append(want.before[name], alone.before[name]...)
				}
			}
			compare(t, "y", got.y, timeMajor(ys, steps, out.Width), 1e-12)
			compare(t, "dx", got.dx, timeMajor(dxs, steps, width), 1e-12)
			for name := range want.grads {
				compare(t, "gradient of "+name, got.grads[name], want.grads[name], 1e-12)
			}
			for name := range want.final {
				compare(t, "final "+name, got.final[name], want.final[name], 1e-12)
				compare(t, "gradient of initial "+name, got.before[name], want.before[name], 1e-12)
			}
		})
	}
}

// sum returns a + b; nil counts as zeros.
func sum(a, b []float64) []float64 {
	s := slices.Clone(b)
	for i := range a {
		s[i] += a[i]
	}
	return s
}

// backwards returns a sequence from the end to the beginning.
func backwards(x []float64, width int) []float64 {
	var turned []float64
	for row := len(x)/width - 1; row >= 0; row-- {
		turned = append(turned, x[row*width:(row+1)*width]...)
	}
	return turned
}

func TestBidirectionalIsTwoLayersOfOneDirection(t *testing.T) {
	const steps, width, hidden = 5, 3, 4
	for name, layer := range map[string]func(both bool) model.Layer{
		"rnn":  func(both bool) model.Layer { return model.RNN{Hidden: hidden, Bidirectional: both} },
		"lstm": func(both bool) model.Layer { return model.LSTM{Hidden: hidden, Bidirectional: both} },
		"gru":  func(both bool) model.Layer { return model.GRU{Hidden: hidden, Bidirectional: both} },
	} {
		t.Run(name, func(t *testing.T) {
			b := reference.New()
			defer b.Close()
			in := model.Shape{Steps: steps, Batch: 1, Width: width}
			run := func(layer model.Layer, suffix string, x, dy []float64) (y, dx []float64, grads map[string][]float64) {
				net := build(t, b, model.Spec{{Name: "layer", Layer: layer}}, in, model.Options{InputGrad: true})
				for _, w := range net.Parameters() {
					upload(b, w.Value, draws(w.Value.Size(), w.Name+suffix))
				}
				dxs, dys := newTensor(t, b, steps, width), newTensor(t, b, steps, net.Output().Width)
				upload(b, dxs, x)
				upload(b, dys, dy)
				y = download(t, b, net.Forward(dxs, steps, model.Training))
				dx = download(t, b, net.Backward(dys))
				grads = map[string][]float64{}
				for _, w := range net.Parameters() {
					grads[w.Name+suffix] = download(t, b, w.Grad)
				}
				return y, dx, grads
			}
			x, dy := draws(steps*width, name, "x"), draws(2*steps*hidden, name, "dy")
			y, dx, grads := run(layer(true), "", x, dy)
			var half [2][]float64
			for row := range steps {
				for k := range half {
					half[k] = append(half[k], dy[(2*row+k)*hidden:][:hidden]...)
				}
			}
			y0, dx0, grads0 := run(layer(false), "", x, half[0])
			y1, dx1, grads1 := run(layer(false), "_reverse", backwards(x, width), backwards(half[1], hidden))
			y1, dx1 = backwards(y1, hidden), backwards(dx1, width)
			var joined []float64
			for row := range steps {
				joined = append(joined, y0[row*hidden:(row+1)*hidden]...)
				joined = append(joined, y1[row*hidden:(row+1)*hidden]...)
			}
			compare(t, "y", y, joined, 1e-12)
			compare(t, "dx", dx, sum(dx0, dx1), 1e-12)
			for _, part := range []map[string][]float64{grads0, grads1} {
				for name, grad := range part {
					compare(t, "gradient of "+name, grads[name], grad, 1e-12)
				}
			}
			if len(grads) != len(grads0)+len(grads1) {
				t.Errorf("%d parameters, want %d and %d", len(grads), len(grads0), len(grads1))
			}
		})
	}
}

// The two biases of an LSTM and of an RNN are added to each other, so their
// gradients are the same. The gradients of the biases of a GRU differ.
func TestGradientsOfBothBiasesAreTheSame(t *testing.T) {
	for name, test := range map[string]struct {
		layer model.Layer
		same  bool
	}{
		"rnn":              {model.RNN{Hidden: 3}, true},
		"lstm":             {model.LSTM{Hidden: 3}, true},
		"lstm, projection": {model.LSTM{Hidden: 3, Projection: 2}, true},
		"gru":              {model.GRU{Hidden: 3}, false},
	} {
		out, err := test.layer.Output(model.Shape{Steps: 4, Batch: 1, Width: 2})
		if err != nil {
			t.Fatal(err)
		}
		got := recurrentRun{
			layer: test.layer, in: model.Shape{Steps: 4, Batch: 1, Width: 2},
			x: [][]float64{draws(4*2, "x")}, dy: [][]float64{draws(4*out.Width, "dy")},
		}.run(t)
		text := mismatch(got.grads["layer.bias_ih_l0"], got.grads["layer.bias_hh_l0"], 0)
		if same := text == ""; same != test.same {
			t.Errorf("%s: the gradients of both biases are the same: %t, want %t %s", name, same, test.same, text)
		}
	}
}
