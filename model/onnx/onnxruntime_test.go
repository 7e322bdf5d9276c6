package onnx_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/model/onnx"
)

var python = flag.String("python", "", "a Python that has onnx, onnxruntime and safetensors, to compare with")

// sample is a network with an input for it.
type sample struct {
	spec    model.Spec
	in      model.Shape // that the network is built for
	steps   int         // of the input
	network model.Options
	graph   onnx.Options
	ids     int   // that an embedding takes; 0 for a network that takes numbers
	columns []int // how many ids each column of the input has, 0 for numbers
	rng     *rand.Rand
}

// randomSample draws a network.
func randomSample(seed uint64) sample {
	rng := rand.New(rand.NewPCG(1, seed))
	s := sample{rng: rng, in: model.Shape{Steps: 1 + rng.IntN(6), Batch: 1 + rng.IntN(4), Width: 1 + rng.IntN(5)}}
	s.network.Ragged = s.chance(0.5)
	width := s.in.Width
	for i := range 1 + rng.IntN(4) {
		layer := s.randomLayer(width)
		if i == 0 && s.chance(0.2) {
			s.ids = 1 + rng.IntN(5)
			layer = model.Embedding{IDs: s.ids, Out: 1 + rng.IntN(3)}
		} else if i == 0 && s.chance(0.2) {
			layer = s.randomColumns(width)
		}
		s.spec = append(s.spec, model.Stage{Name: fmt.Sprintf("s%d", i), Layer: layer})
		out, err := layer.Output(model.Shape{Steps: s.in.Steps, Batch: 1, Width: width})
		if err != nil {
			panic(err)
		}
		width = out.Width
	}
	if s.chance(0.3) {
		for i := range width {
			s.graph.Classes = append(s.graph.Classes, fmt.Sprintf("klasse %d ä", i))
		}
	}
	s.steps, s.graph.Rows = s.in.Steps, s.chance(0.5)
	if !s.graph.Rows {
		s.steps = 1 + rng.IntN(s.in.Steps)
		return s
	}
	features := s.in.Steps * s.in.Width
	if s.chance(0.5) {
		for i := range features {
			s.graph.Columns = append(s.graph.Columns, []string{"x", "y", "s0/MatMul", "größe", "a b"}[i%5]+strings.Repeat("+", i/5))
		}
	}
	for range []int{0, 1, features}[rng.IntN(3)] {
		if s.ids > 0 {
			break
		}
		s.graph.Scaling.Shift = append(s.graph.Scaling.Shift, float64(rng.IntN(2))*2000+rng.Float64())
		s.graph.Scaling.Factor = append(s.graph.Scaling.Factor, float64(rng.IntN(4))*rng.Float64())
	}
	if s.columns != nil {
		s.keepIDs()
	}
	return s
}

// keepIDs makes the scaling leave columns of ids as they are.
func (s *sample) keepIDs() {
	scaling := &s.graph.Scaling
	if len(scaling.Factor) == 1 {
		*scaling = data.Scaling{}
	}
	for i := range scaling.Factor {
		if s.columns[i%s.in.Width] > 0 {
			scaling.Shift[i], scaling.Factor[i] = 0, 1
		}
	}
}

// randomColumns draws an embedding of some columns.
func (s *sample) randomColumns(width int) model.Layer {
	var layer model.ColumnEmbedding
	s.columns = make([]int, width)
	for column := range width {
		if column == width-1 && layer.Columns == nil || s.chance(0.5) {
			c := model.EmbeddedColumn{Column: column, IDs: 1 + s.rng.IntN(5), Out: 1 + s.rng.IntN(3)}
			layer.Columns, s.columns[column] = append(layer.Columns, c), c.IDs
		}
	}
	return layer
}

func (s *sample) chance(part float64) bool { return s.rng.Float64() < part }

// randomLayer draws a layer of each kind, with options, for an input of that width.
func (s *sample) randomLayer(width int) model.Layer {
	size, layers := 1+s.rng.IntN(5), 1+s.rng.IntN(3)
	dropout := 0.0
	if layers > 1 && s.chance(0.5) {
		dropout = 0.5
	}
	coin := func() bool { return s.chance(0.5) }
	stateful := coin()
	kinds := []model.Layer{
		model.Dense{Out: size, NoBias: coin()},
		model.RNN{Hidden: size, Layers: layers, ReLU: coin(), NoBias: coin(), Bidirectional: coin(), Stateful: stateful, Dropout: dropout},
		model.GRU{Hidden: size, Layers: layers, NoBias: coin(), Bidirectional: coin(), Stateful: stateful, Dropout: dropout},
		model.LSTM{Hidden: size, Layers: layers, Peepholes: coin(), NoBias: coin(), Bidirectional: coin(), Stateful: stateful, Dropout: dropout},
		s.randomSteps(size, layers, coin(), stateful),
		s.randomContext(size, width, stateful),
		model.GridLSTM{Hidden: size, Layers: layers, Stateful: stateful},
		model.LastStep{Bidirectional: width%2 == 0 && coin()},
		model.Activation(s.rng.IntN(5)),
		model.Dropout{Rate: 0.5},
		model.Logistic{Slope: 2},
		model.Squash{Range: 2, Slope: 0.5},
		model.Perceptron{Out: size, Binary: coin()},
		model.Threshold{Binary: coin()},
	}
	if len(s.spec) == 0 && s.chance(0.1) { // it must be the first stage with parameters
		return model.LSTM1997{
			Blocks: size, Cells: 1 + s.rng.IntN(2), ForgetGates: coin(), Peepholes: coin(), NoGateFeedback: coin(),
			LinearOutput: coin(), InitRange: 0.5, Stateful: stateful,
		}
	}
	return kinds[s.rng.IntN(len(kinds))]
}

// randomSteps draws an LSTM of steps.
func (s *sample) randomSteps(size, layers int, both, stateful bool) model.Layer {
	l := model.LSTM{Hidden: size + 1, Layers: layers, Bidirectional: both, Stateful: stateful, NoBias: s.chance(0.3), LayerNorm: s.chance(0.5)}
	if s.chance(0.5) {
		l.Projection = size
	}
	if s.chance(0.5) {
		l.ZoneoutHidden = 0.25
	}
	if s.chance(0.5) || l.Projection == 0 {
		l.ZoneoutCell = 0.5
	}
	return l
}

// randomContext draws a net of units with a context.
func (s *sample) randomContext(size, width int, stateful bool) model.Layer {
	f, g := model.Activation(s.rng.IntN(3)), model.Activation(s.rng.IntN(5))
	mask := make([][]bool, size)
	for i := range mask {
		mask[i] = make([]bool, width+size)
		for j := range mask[i] {
			mask[i][j] = s.chance(0.5)
		}
	}
	nets := []model.Layer{
		model.Elman{Hidden: size, Activation: f, Stateful: stateful},
		model.Jordan{Hidden: size, Out: 1 + s.rng.IntN(3), Activation: f, OutputActivation: g, Decay: 0.5, Stateful: stateful},
		model.PartiallyRecurrent{Hidden: size, Activation: f, Stateful: stateful},
		model.FullyRecurrent{Hidden: size, Out: 1 + s.rng.IntN(size), Activation: f, Mask: mask, Stateful: stateful},
	}
	if len(s.spec) == 0 { // nothing before it can learn
		nets = append(nets, model.FullyRecurrent{Hidden: size, Activation: f, Gradient: model.RTRL, Stateful: stateful})
	}
	return nets[s.rng.IntN(len(nets))]
}

// sequence reports whether the input of the graph has time steps.
func (s *sample) sequence() bool {
	return s.in.Steps > 1 || slices.ContainsFunc(s.spec, func(s model.Stage) bool {
		switch s.Layer.(type) {
		case model.Embedding, model.ColumnEmbedding, model.Dense, model.Activation, model.Dropout, model.Logistic, model.Squash, model.Perceptron, model.Threshold:
			return false
		}
		return true
	})
}

// ended reports whether the output has one step for each sequence.
func (s *sample) ended() bool {
	return slices.ContainsFunc(s.spec, func(s model.Stage) bool { _, is := s.Layer.(model.LastStep); return is })
}

// build builds the network.
func (s *sample) build(t *testing.T) *model.Network {
	t.Helper()
	b := reference.New()
	t.Cleanup(func() { b.Close() })
	net, err := model.New(b, s.spec, s.in, s.network)
	if err != nil {
		t.Fatal(err)
	}
	net.Init(s.rng.Uint64())
	return net
}

// export returns the model.
func (s *sample) export(t *testing.T, net *model.Network) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := onnx.Write(&file, net, s.graph); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// write writes the model, and what it makes of a random input, to path.onnx and
// path.safetensors.
func (s *sample) write(t *testing.T, path string) {
	t.Helper()
	net := s.build(t)
	if err := os.WriteFile(path+".onnx", s.export(t, net), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := s.run(t, net).Write(path + ".safetensors"); err != nil {
		t.Fatal(err)
	}
}

// run returns inputs and outputs of the network.
func (s *sample) run(t *testing.T, net *model.Network) *model.File {
	t.Helper()
	b, batch, width := net.Backend(), 1+s.rng.IntN(s.in.Batch), s.in.Width
	file := &model.File{Meta: map[string]string{}, Tensors: map[string]model.Array{}}
	put := func(name string, values []float32, shape ...int) {
		file.Tensors[name] = model.Array{Shape: shape, Data: values}
	}
	download := func(x backend.Tensor) []float32 {
		values := make([]float32, x.Size())
		if err := b.Download(values, x); err != nil {
			t.Fatal(err)
		}
		return values
	}

	if s.network.Ragged {
		lengths, floats := make([]int32, batch), make([]float32, batch)
		for i := range lengths {
			lengths[i] = int32(s.rng.IntN(s.steps + 1))
			floats[i] = float32(lengths[i])
		}
		net.SetLengths(s.steps, lengths)
		put("in:lengths", floats, batch)
	}
	states := slices.DeleteFunc(net.States(s.steps, batch), func(state model.State) bool {
		return strings.Contains(state.Name, ".ds_") || strings.HasSuffix(state.Name, ".sensitivity") // of a gradient
	})
	for _, state := range states {
		values := s.normal(batch * state.Initial.Cols)
		b.Upload(state.Initial, values)
		put("in:"+state.Name+".initial", values, batch, state.Initial.Cols)
	}
	rows := s.features(batch)
	scaled := rows.X
	if s.graph.Scaling.Factor != nil {
		set, err := s.graph.Scaling.Apply(rows)
		if err != nil {
			t.Fatal(err)
		}
		scaled = set.X
	}
	switch features := s.steps * width; {
	case s.graph.Columns != nil:
		for j, name := range s.graph.Columns {
			column := make([]float32, batch)
			for i := range column {
				column[i] = rows.X[i*features+j]
			}
			put("in:"+name, column, batch, 1)
		}
	case s.graph.Rows:
		put("in:x", rows.X, batch, features)
	case s.sequence():
		put("in:x", swapped(rows.X, batch, s.steps, width), s.steps, batch, width)
	default:
		put("in:x", rows.X, batch, width)
	}

	out := s.forward(t, net, swapped(scaled, batch, s.steps, width))
	y, shape := download(out), []int{s.steps, batch, out.Cols}
	switch {
	case s.ended() || !s.sequence():
		shape = []int{batch, out.Cols}
	case s.graph.Rows:
		y, shape = swapped(y, s.steps, batch, out.Cols), []int{batch, s.steps, out.Cols}
	}
	name := "y"
	if slices.Contains(s.graph.Columns, "y") {
		name = "y_2"
	}
	put("out:"+name, y, shape...)
	for _, state := range states {
		put("out:"+state.Name+".final", download(state.Final), batch, state.Final.Cols)
	}
	if s.graph.Classes != nil {
		text, err := json.Marshal(s.classes(y, shape))
		if err != nil {
			t.Fatal(err)
		}
		file.Meta["out:class"] = string(text)
	}
	return file
}

// forward runs the network on x, time-major.
func (s *sample) forward(t *testing.T, net *model.Network, x []float32) backend.Tensor {
	t.Helper()
	b := net.Backend()
	if s.ids == 0 {
		on, err := b.New(len(x)/s.in.Width, s.in.Width)
		if err != nil {
			t.Fatal(err)
		}
		b.Upload(on, x)
		if s.columns != nil {
			net.SetColumnIDs(x)
		}
		return net.Forward(on, s.steps, model.Evaluation)
	}
	on, err := b.NewInts(len(x))
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]int32, len(x))
	for i := range ids {
		ids[i] = int32(x[i])
	}
	b.UploadInts(on, ids)
	return net.ForwardIDs(on, s.steps, model.Evaluation)
}

// classes returns the class of the largest element of each row of y, in its shape.
func (s *sample) classes(y []float32, shape []int) any {
	if len(shape) == 1 {
		return s.graph.Classes[slices.Index(y, slices.Max(y))]
	}
	var all []any
	for part := range slices.Chunk(y, len(y)/shape[0]) {
		all = append(all, s.classes(part, shape[1:]))
	}
	return all
}

// features draws samples of ids, or whose features are near the shifts of the scaling.
func (s *sample) features(batch int) *data.Dataset {
	features := s.steps * s.in.Width
	x := s.normal(batch * features)
	for i := range x {
		if s.ids > 0 {
			x[i] = float32(s.rng.IntN(s.ids))
		}
		if s.columns != nil && s.columns[i%s.in.Width] > 0 {
			x[i] = float32(s.rng.IntN(s.columns[i%s.in.Width]))
		}
	}
	if shift := s.graph.Scaling.Shift; shift != nil {
		for i := range x {
			x[i] += float32(shift[i%features%len(shift)])
		}
	}
	return &data.Dataset{X: x, Steps: s.steps, Width: s.in.Width, Targets: make([]float32, batch), TargetWidth: 1}
}

func (s *sample) normal(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(s.rng.NormFloat64())
	}
	return values
}

// swapped returns x, [a, b, width], as [b, a, width].
func swapped(x []float32, a, b, width int) []float32 {
	y := make([]float32, len(x))
	for i := range a {
		for j := range b {
			copy(y[(j*a+i)*width:][:width], x[(i*b+j)*width:])
		}
	}
	return y
}

// go test ./model/onnx -args -python=python3
func TestOnnxruntimeComputesTheSame(t *testing.T) {
	if *python == "" {
		t.Skip("needs the flag -python")
	}
	const samples = 600
	dir := t.TempDir()
	kinds := map[string]bool{}
	for seed := range uint64(samples) {
		s := randomSample(seed)
		for _, stage := range s.spec {
			kinds[fmt.Sprintf("%T", stage.Layer)] = true
		}
		s.write(t, filepath.Join(dir, fmt.Sprintf("%03d", seed)))
	}
	for name, layer := range map[string]model.Layer{
		"large lstm": model.LSTM{Hidden: 100, Layers: 2, Bidirectional: true}, "large gru": model.GRU{Hidden: 100, Layers: 3}, "large rnn": model.RNN{Hidden: 100},
		"large projection": model.LSTM{Hidden: 60, Projection: 30, LayerNorm: true},
	} {
		large := sample{
			spec: model.Spec{{Name: "layer", Layer: layer}, {Name: "last", Layer: model.LastStep{}}, {Name: "head", Layer: model.Dense{Out: 20}}},
			in:   model.Shape{Steps: 70, Batch: 5, Width: 30}, steps: 70, network: model.Options{Ragged: true}, rng: rand.New(rand.NewPCG(1, 0)),
		}
		large.write(t, filepath.Join(dir, name))
	}
	if len(kinds) != 19 {
		t.Errorf("the samples have %d kinds of layers: %v", len(kinds), kinds)
	}
	// The control: another output than that of the network is found.
	wrong := sample{spec: model.Spec{{Name: "head", Layer: model.Dense{Out: 2}}}, in: model.Shape{Steps: 1, Batch: 2, Width: 3}, steps: 1, rng: rand.New(rand.NewPCG(1, 0))}
	wrong.write(t, filepath.Join(dir, "control"))
	file, err := model.ReadFile(filepath.Join(dir, "control.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	file.Tensors["out:y"].Data[0] += 1e-4
	if err := file.Write(filepath.Join(dir, "control.safetensors")); err != nil {
		t.Fatal(err)
	}
	lines := compare(t, dir)
	if last := lines[len(lines)-1]; last != fmt.Sprintf("%d models", samples+5) {
		t.Errorf("the last line is %q", last)
	}
	for _, line := range lines[:len(lines)-1] {
		name, _, _ := strings.Cut(line, ":")
		if name == "control" {
			continue
		}
		seed, err := strconv.ParseUint(name, 10, 64)
		if err != nil {
			t.Error(line)
			continue
		}
		t.Errorf("%s\n%+v", line, randomSample(seed))
	}
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "control: output y differs by up to") }) {
		t.Error("a wrong output goes unnoticed")
	}
}

// compare returns the lines that compare.py prints about the models in dir.
func compare(t *testing.T, dir string) []string {
	t.Helper()
	out, err := exec.Command(*python, "testdata/compare.py", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
