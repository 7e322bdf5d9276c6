package model_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/model"
)

// pytorchCase is a run of one PyTorch module. testdata/pytorch.py writes them
// and has the meaning of the tensors.
type pytorchCase struct {
	Kind                                string
	Layers, Steps, Batch, Width, Hidden int
	Tensors                             map[string][]float64
}

func (c pytorchCase) name() string {
	return fmt.Sprintf("%s/layers=%d,steps=%d,batch=%d", c.Kind, c.Layers, c.Steps, c.Batch)
}

func (c pytorchCase) layer() model.Layer {
	switch c.Kind {
	case "rnn_tanh":
		return model.RNN{Hidden: c.Hidden, Layers: c.Layers, Stateful: true}
	case "rnn_relu":
		return model.RNN{Hidden: c.Hidden, Layers: c.Layers, Stateful: true, ReLU: true}
	case "lstm":
		return model.LSTM{Hidden: c.Hidden, Layers: c.Layers, Stateful: true}
	case "linear":
		return model.Dense{Out: c.Hidden}
	}
	panic("unknown kind " + c.Kind)
}

// pytorchFixture is what testdata/pytorch.py writes.
type pytorchFixture struct {
	Generator string // SHA-256 of the program
	Cases     []pytorchCase
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
	if len(fixture.Cases) == 0 {
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

// run runs c on b and returns the tensors that PyTorch computed, by the names
// of the fixture.
func (c pytorchCase) run(t *testing.T, b backend.Backend) map[string][]float64 {
	in := model.Shape{Steps: c.Steps, Batch: c.Batch, Width: c.Width}
	net := build(t, b, model.Spec{{Name: "layer", Layer: c.layer()}}, in, model.InputGrad())
	for _, w := range net.Windows() {
		upload(b, w.Param, c.Tensors[strings.TrimPrefix(w.Name, "layer.")])
	}
	x, dy := newTensor(t, b, in.Rows(), c.Width), newTensor(t, b, in.Rows(), c.Hidden)
	upload(b, x, c.Tensors["x"])
	upload(b, dy, c.Tensors["dy"])
	// A state of PyTorch holds all layers: state.h_l1 is the second part of h.
	parts := func(visit func(name string, from, to int, s model.State)) {
		for _, s := range net.States(c.Steps, c.Batch) {
			var layer int
			name, number, _ := strings.Cut(strings.TrimPrefix(s.Name, "layer."), "_l")
			fmt.Sscan(number, &layer)
			visit(name, layer*s.Final.Size(), (layer+1)*s.Final.Size(), s)
		}
	}
	parts(func(name string, from, to int, s model.State) {
		upload(b, s.Initial, c.Tensors["initial."+name][from:to])
		upload(b, s.FinalGrad, c.Tensors["dfinal."+name][from:to])
	})
	got := make(map[string][]float64)
	got["y"] = download(t, b, net.Forward(x, c.Steps, model.Train))
	got["dx"] = download(t, b, net.Backward(dy))
	for _, w := range net.Windows() {
		got["grad."+strings.TrimPrefix(w.Name, "layer.")] = download(t, b, w.Grad)
	}
	parts(func(name string, _, _ int, s model.State) {
		got["final."+name] = append(got["final."+name], download(t, b, s.Final)...)
		got["dinitial."+name] = append(got["dinitial."+name], download(t, b, s.InitialGrad)...)
	})
	return got
}

func TestLayersMatchPyTorch(t *testing.T) {
	cases := readPytorchFixture(t).Cases
	for _, on := range backends {
		for _, c := range cases {
			t.Run(on.name+"/"+c.name(), func(t *testing.T) {
				b := on.open(t)
				defer b.Close()
				got := c.run(t, b)
				for _, name := range slices.Sorted(maps.Keys(c.Tensors)) {
					if values, ok := got[name]; ok {
						compare(t, name, values, c.Tensors[name], on.tolerance)
					} else if strings.Contains(name, "grad") || strings.HasPrefix(name, "final") {
						t.Errorf("%s was not computed", name)
					}
				}
			})
		}
	}
}

func TestPyTorchComparisonFindsSwappedGates(t *testing.T) {
	for _, c := range readPytorchFixture(t).Cases {
		if c.Kind != "lstm" {
			continue
		}
		b := reference.New()
		defer b.Close()
		weight := c.Tensors["weight_ih_l0"]
		for i := range c.Hidden * c.Width { // rows i and f
			f := i + c.Hidden*c.Width
			weight[i], weight[f] = weight[f], weight[i]
		}
		if mismatch(c.run(t, b)["y"], c.Tensors["y"], 1e-4) == "" {
			t.Errorf("%s: no mismatch with gates i and f swapped", c.name())
		}
	}
}
