package model_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

// pytorchCase is a run of one PyTorch module. testdata/pytorch.py writes it and
// explains the tensors.
type pytorchCase struct {
	Name, Kind                          string
	Layers, Steps, Batch, Width, Hidden int
	Bidirectional                       bool
	Projection                          int
	Lengths                             []int32
	IDs                                 int                  // of an embedding
	Columns                             [][3]int             // of embeddings beside numbers: column, ids, width
	Tensors                             map[string][]float64 // the results
}

func (c pytorchCase) layer() model.Layer {
	switch c.Kind {
	case "rnn_tanh", "rnn_relu":
		return model.RNN{Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.Bidirectional, Stateful: true, ReLU: c.Kind == "rnn_relu"}
	case "lstm":
		return model.LSTM{Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.Bidirectional, Projection: c.Projection, Stateful: true}
	case "lstm_norm":
		return model.LSTM{Hidden: c.Hidden, LayerNorm: true, Stateful: true}
	case "gru":
		return model.GRU{Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.Bidirectional, Stateful: true}
	case "linear":
		return model.Dense{Out: c.Hidden}
	}
	panic("unknown kind " + c.Kind)
}

// draw returns n multiples of 1/1024 from −bound/1024 to bound/1024, as the
// generator draws them for the tensor.
func (c pytorchCase) draw(tensor string, n, bound int) []float64 {
	state := uint64(crc32.ChecksumIEEE([]byte(c.Name + "/" + tensor)))
	values := make([]float64, n)
	for i := range values {
		state = state*6364136223846793005 + 1442695040888963407
		values[i] = float64(int(state>>33)%(2*bound+1)-bound) / 1024
	}
	return values
}

// pytorchFixture is what testdata/pytorch.py writes.
type pytorchFixture struct {
	Generator string // SHA-256 of the program
	Cases     []pytorchCase

	Embeddings, Columns []pytorchCase
}

func readPytorchFixture(t *testing.T) pytorchFixture {
	t.Helper()
	file, err := os.Open("testdata/pytorch.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var fixture pytorchFixture
	if err := json.NewDecoder(text).Decode(&fixture); err != nil {
		t.Fatal(err)
	}
	if len(fixture.Cases) == 0 || len(fixture.Embeddings) == 0 || len(fixture.Columns) == 0 {
		t.Fatal("no cases")
	}
	return fixture
}

func TestPytorchFixtureIsFresh(t *testing.T) {
	program, err := os.ReadFile("testdata/pytorch.py")
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(program)); sum != readPytorchFixture(t).Generator {
		t.Errorf("testdata/pytorch.json.gz is stale: run testdata/pytorch.py, whose SHA-256 is %s", sum)
	}
}

// start builds a network of the layer of c and of the stages after it. It sets the
// parameters, which spoil may change before, the input x, and the states. It
// returns the states by what they belong to.
func (c pytorchCase) start(t *testing.T, b backend.Backend, spoil func(name string, values []float64), after ...model.Stage) (net *model.Network, x backend.Tensor, kinds map[string][]model.State) {
	t.Helper()
	in := model.Shape{Steps: c.Steps, Batch: c.Batch, Width: c.Width}
	net = build(t, b, append(model.Spec{{Name: "layer", Layer: c.layer()}}, after...), in, model.Options{InputGrad: true, Ragged: true})
	net.SetLengths(c.Steps, c.Lengths)
	fan := c.Hidden
	if c.Kind == "linear" {
		fan = c.Width
	}
	for _, w := range net.Parameters() {
		name := strings.TrimPrefix(w.Name, "layer.")
		values := c.draw(name, w.Value.Size(), int(1024/math.Sqrt(float64(fan))))
		spoil(name, values)
		upload(b, w.Value, values)
	}
	x = newTensor(t, b, in.Rows(), c.Width)
	upload(b, x, c.draw("x", x.Size(), 1024))
	// A state of PyTorch holds all layers, each in all directions: "layer.h_l1"
	// is the second part of h, or the third of four.
	kinds = map[string][]model.State{}
	for _, s := range net.States(c.Steps, c.Batch) {
		kind, _, _ := strings.Cut(strings.TrimPrefix(s.Name, "layer."), "_")
		kinds[kind] = append(kinds[kind], s)
	}
	set := func(x backend.Tensor, name string, i, parts int) {
		upload(b, x, c.draw(name, parts*x.Size(), 1024)[i*x.Size():(i+1)*x.Size()])
	}
	for kind, parts := range kinds {
		for i, s := range parts {
			set(s.Initial, "initial."+kind, i, len(parts))
			set(s.FinalGrad, "dfinal."+kind, i, len(parts))
		}
	}
	return net, x, kinds
}

// run runs c on b and returns the tensors that PyTorch computed, by the names
// of the fixture. spoil may change the parameters before.
func (c pytorchCase) run(t *testing.T, b backend.Backend, spoil func(name string, values []float64)) map[string][]float64 {
	t.Helper()
	net, x, kinds := c.start(t, b, spoil)
	dy := newTensor(t, b, x.Rows, net.Output().Width)
	upload(b, dy, c.draw("dy", dy.Size(), 1024))
	got := make(map[string][]float64)
	got["y"] = download(t, b, net.Forward(x, c.Steps, model.Training))
	got["dx"] = download(t, b, net.Backward(dy))
	for _, w := range net.Parameters() {
		got["grad."+strings.TrimPrefix(w.Name, "layer.")] = download(t, b, w.Grad)
	}
	for kind, parts := range kinds {
		for _, s := range parts {
			got["final."+kind] = append(got["final."+kind], download(t, b, s.Final)...)
			got["dinitial."+kind] = append(got["dinitial."+kind], download(t, b, s.InitialGrad)...)
		}
	}
	return got
}

func leave(string, []float64) {}

func TestLayersMatchPyTorch(t *testing.T) {
	cases := readPytorchFixture(t).Cases
	for _, on := range backends {
		for _, c := range cases {
			t.Run(on.name+"/"+c.Name, func(t *testing.T) {
				b := on.open(t)
				defer b.Close()
				got := c.run(t, b, leave)
				if len(got) != len(c.Tensors) {
					t.Errorf("got %d tensors, PyTorch %d", len(got), len(c.Tensors))
				}
				for _, name := range slices.Sorted(maps.Keys(c.Tensors)) {
					compare(t, name, got[name], c.Tensors[name], on.tolerance)
				}
			})
		}
	}
}

// h_n of the top layer, both directions side by side.
func TestLastStepOfBothDirectionsIsTheFinalStateOfPyTorch(t *testing.T) {
	for _, c := range readPytorchFixture(t).Cases {
		if !c.Bidirectional {
			continue
		}
		b := reference.New()
		defer b.Close()
		net, x, _ := c.start(t, b, leave, model.Stage{Name: "last", Layer: model.LastStep{Bidirectional: true}})
		got := download(t, b, net.Forward(x, c.Steps, model.Evaluation))
		final := c.Tensors["final.h"]
		half := net.Output().Width / 2
		size := c.Batch * half // of a layer in one direction
		forward, reverse := final[len(final)-2*size:len(final)-size], final[len(final)-size:]
		var want []float64
		for row := 0; row < size; row += half {
			want = append(want, forward[row:row+half]...)
			want = append(want, reverse[row:row+half]...)
		}
		compare(t, c.Name, got, want, 1e-10)
	}
}

func TestPyTorchComparisonFindsSwappedGates(t *testing.T) {
	for _, c := range readPytorchFixture(t).Cases {
		if c.Kind != "lstm" && c.Kind != "gru" {
			continue
		}
		b := reference.New()
		defer b.Close()
		got := c.run(t, b, func(name string, values []float64) {
			if name == "weight_ih_l0" { // rows i and f, or r and z
				for i := range c.Hidden * c.Width {
					other := i + c.Hidden*c.Width
					values[i], values[other] = values[other], values[i]
				}
			}
		})
		if mismatch(got["y"], c.Tensors["y"], 1e-4) == "" {
			t.Errorf("%s: no mismatch with two gates swapped", c.Name)
		}
	}
}
