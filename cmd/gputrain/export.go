package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"gputrain/data"
	"gputrain/internal/atomicfile"
	"gputrain/model"
	"gputrain/model/onnx"
)

type exportCommand struct {
	Model   string `required:"" placeholder:"RUN" help:"Directory of a run, latest for the one in runs that began last, or a model file."`
	ONNX    string `name:"onnx" placeholder:"FILE" help:"Write an ONNX model, for onnxruntime and others. It takes the features as they are in the data, and has the scaling inside."`
	PyTorch string `name:"pytorch" placeholder:"FILE" help:"Write a state dict for PyTorch, a safetensors file. The scaling is in its metadata."`
	Quiet   bool   `help:"Print nothing."`
}

// Help is what "gputrain export --help" says in more detail.
func (*exportCommand) Help() string {
	return `The ONNX model has an input for each feature, called as its column, or one input x, [batch, features], if the features have no names. Its outputs are probability, [batch, classes], and class, the name of the most probable one, or for labels the former only, or for numbers predicted, [batch, targets]; an output whose name a column has gets a number, as class_2.

The state dict has the names and shapes of PyTorch's modules. The attributes of an nn.Module that it fits are said; its load_state_dict takes what safetensors.torch.load_file reads. PyTorch knows no scaling: its metadata shift and factor say what the network wants, (x - shift) * factor, beside the names of the features and the classes.

docs/pytorch.md walks through both. Existing files are not replaced.`
}

// Run writes the model in the formats of other programs.
func (c *exportCommand) Run(con console) error {
	if c.Quiet {
		con.err = io.Discard
	}
	if c.ONNX == "" && c.PyTorch == "" {
		return usagef("--onnx and --pytorch are missing: one of them, or both, say what to write")
	}
	if c.ONNX != "" && filepath.Clean(c.ONNX) == filepath.Clean(c.PyTorch) {
		return usagef("--onnx and --pytorch are both %s", c.ONNX)
	}
	for _, out := range []struct{ flag, path string }{{"onnx", c.ONNX}, {"pytorch", c.PyTorch}} {
		if out.path == "" {
			continue
		}
		if err := checkAbsent(out.flag, out.path); err != nil {
			return err
		}
	}
	name, err := findRun(c.Model)
	if err != nil {
		return err
	}
	d, file, err := readModel(name)
	if err != nil {
		return err
	}
	if c.PyTorch != "" {
		if err := unknownToPyTorch(d.layers()); err != nil {
			return err
		}
	}
	b, err := openCPU()
	if err != nil {
		return err
	}
	defer b.Close()
	further := d.probabilities()
	net, err := model.New(b, append(d.learnedSpec(), further...), d.input(1), model.Options{})
	if err == nil {
		err = net.Load(d.unscaled(file))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.Model, err)
	}
	const copies = 3 // as the network's values, in another order, and as bytes
	if err := checkMemory("export", need{"what it writes", copies * 4 * int64(net.Values().Size())}); err != nil {
		return err
	}
	if c.ONNX != "" {
		err = c.writeONNX(con, d, net)
	}
	if err == nil && c.PyTorch != "" {
		err = c.writePyTorch(con, d, net, file)
	}
	return err
}

func (c *exportCommand) writeONNX(con console, d *description, net *model.Network) error {
	o := onnx.Options{Rows: true, Columns: d.featureNames(), Scaling: d.scaling(), Classes: d.Classes, Output: "probability"}
	outputs := fmt.Sprintf("the probability of each of %s, and the class", plural(len(d.Classes), "class", "classes"))
	switch d.task() {
	case taskRegress:
		o.Output = "predicted"
		outputs = plural(d.outputs(), "number", "numbers") + " in " + o.Output
	case taskMultilabel:
		outputs = "the probability of " + some(d.outputNames()) + ", in this order"
	}
	if slices.Contains(d.Features, "") {
		o.Columns = nil // an input must have a name
	}
	if d.ofText() {
		o = onnx.Options{Output: o.Output}
	}
	if err := atomicfile.Write(c.ONNX, func(w io.Writer) error { return onnx.Write(w, net, o) }); err != nil {
		return err
	}
	if d.ofText() {
		return printLine(con.err, fmt.Sprintf("%s: an ONNX model with the input x, [steps, batch, 1], ids of %ss; its outputs are the probability of each that may follow, and the states, which are inputs too; --pytorch writes which id is what",
			c.ONNX, data.TextUnits(d.Units).Name()))
	}
	inputs := "one input, x"
	switch {
	case o.Columns != nil && d.Encodings != nil:
		inputs = "an input for each: columns, and 0 or 1 for categories and what is missing"
	case o.Columns != nil:
		inputs = "an input for each column"
	}
	lines := []string{fmt.Sprintf("%s: an ONNX model of %s, scaling included, with %s; its outputs are %s",
		c.ONNX, plural(d.Steps*d.Width, "feature", "features"), inputs, outputs)}
	lines = append(lines, d.seriesInputs()...)
	lines = append(lines, d.explainIDs()...)
	if rounded := d.roundedFeatures(); len(rounded) > 0 {
		lines = append(lines, fmt.Sprintf("warning: ONNX has float32, which rounds away differences that the network knows between values of %s; gputrain predict keeps them", some(rounded)))
	}
	for _, line := range lines {
		if err := printLine(con.err, line); err != nil {
			return err
		}
	}
	return nil
}

// roundedFeatures returns the features whose values are so large beside their
// differences, such as the seconds since 1970, that rounding them to float32 changes
// what the network sees.
func (d *description) roundedFeatures() []string {
	const most = 1e-4 // of a standard deviation
	columns := d.featureNames()
	var names []string
	for i, shift := range d.Shift {
		if math.Abs(shift)/(1<<24)*d.Factor[i] <= most {
			continue
		}
		name := fmt.Sprintf("feature %d", i+1)
		if columns != nil {
			name = shortName(columns[i])
		}
		names = append(names, name)
	}
	return names
}

// featureNames returns the names of the features that the columns become: that of the
// column, with a category behind "=" if there are more than two. It is nil without a
// header.
func (d *description) featureNames() (names []string) {
	if d.Features == nil || d.Encodings == nil {
		return d.Features
	}
	for i, e := range d.Encodings {
		name := d.Features[i]
		if len(e.Categories) == 0 || len(e.Categories) == 2 || e.Embedding > 0 {
			names = append(names, name)
		} else {
			for _, category := range e.Categories {
				names = append(names, name+"="+category)
			}
		}
		if e.Indicator {
			names = append(names, name+" is missing")
		}
	}
	if _, again := repeated(names); again {
		return nil
	}
	return names
}

// unscaled returns file with a head that gives numbers in the units of the targets.
func (d *description) unscaled(file *model.File) *model.File {
	if d.task() != taskRegress {
		return file
	}
	out := &model.File{Meta: file.Meta, Tensors: maps.Clone(file.Tensors)}
	weight, bias := out.Tensors[headName+".weight"], out.Tensors[headName+".bias"]
	weight.Data, bias.Data = slices.Clone(weight.Data), slices.Clone(bias.Data)
	inputs := len(weight.Data) / len(bias.Data)
	for j := range bias.Data {
		target := j % len(d.Targets) // series have outputs for each row ahead
		for k := range inputs {
			weight.Data[j*inputs+k] = float32(float64(weight.Data[j*inputs+k]) / d.TargetFactor[target])
		}
		bias.Data[j] = float32(d.targetScaling().Restore(target, float64(bias.Data[j])))
	}
	out.Tensors[headName+".weight"], out.Tensors[headName+".bias"] = weight, bias
	return out
}

// writePyTorch writes the parameters of net as they are in file: those of a regression
// give scaled numbers.
func (c *exportCommand) writePyTorch(con console, d *description, net *model.Network, file *model.File) error {
	dict := &model.File{Meta: map[string]string{"format": "pt"}, Tensors: map[string]model.Array{}}
	for _, p := range net.Parameters() {
		dict.Tensors[p.Name] = file.Tensors[p.Name]
	}
	meta := map[string]any{"features": d.Features, "classes": d.Classes, "shift": d.Shift, "factor": d.Factor}
	remedy := "scale the features first, as its metadata say"
	if d.Encodings != nil {
		meta["encodings"] = d.Encodings
	}
	if d.task() == taskRegress {
		meta["targets"], meta["target_shift"], meta["target_factor"] = d.Targets, d.TargetShift, d.TargetFactor
		remedy = "scale the features first, and the outputs back, as its metadata say"
	}
	if d.task() == taskMultilabel {
		meta["targets"] = d.Targets
	}
	if d.ofText() {
		meta = map[string]any{"units": d.Units, "vocabulary": d.Vocabulary}
		remedy = "its metadata have the units by their ids"
	}
	for name, value := range meta {
		text, err := json.Marshal(value)
		if err != nil {
			return err
		}
		dict.Meta[name] = string(text)
	}
	if err := dict.Write(c.PyTorch); err != nil {
		return err
	}
	var modules []string
	width := d.Width
	for _, stage := range d.spec() {
		if text := pytorchModule(stage, width); text != "" {
			modules = append(modules, text)
		}
		if out, err := stage.Layer.Output(model.Shape{Steps: 1, Batch: 1, Width: width}); err == nil {
			width = out.Width
		}
	}
	return printLine(con.err, fmt.Sprintf("%s: a state dict for %s; %s", c.PyTorch, strings.Join(modules, ", "), remedy))
}

// pytorchModule returns how PyTorch makes what has the parameters of a stage; "" if
// there are none.
func pytorchModule(s model.Stage, width int) string {
	module := func(kind string, sizes ...any) string {
		text := fmt.Sprintf("self.%s = nn.%s(%d", s.Name, kind, width)
		for _, option := range sizes {
			text += fmt.Sprintf(", %v", option)
		}
		return text + ")"
	}
	recurrent := func(kind string, hidden, layers int, bidirectional, noBias bool, more ...any) string {
		options := []any{hidden, fmt.Sprintf("num_layers=%d", layers)}
		if noBias {
			options = append(options, "bias=False")
		}
		if bidirectional {
			options = append(options, "bidirectional=True")
		}
		return module(kind, append(options, more...)...)
	}
	switch l := s.Layer.(type) {
	case model.LSTM:
		if l.Projection > 0 {
			return recurrent("LSTM", l.Hidden, l.Layers, l.Bidirectional, l.NoBias, fmt.Sprintf("proj_size=%d", l.Projection))
		}
		return recurrent("LSTM", l.Hidden, l.Layers, l.Bidirectional, l.NoBias)
	case model.GRU:
		return recurrent("GRU", l.Hidden, l.Layers, l.Bidirectional, l.NoBias)
	case model.RNN:
		if l.ReLU {
			return recurrent("RNN", l.Hidden, l.Layers, l.Bidirectional, l.NoBias, `nonlinearity="relu"`)
		}
		return recurrent("RNN", l.Hidden, l.Layers, l.Bidirectional, l.NoBias)
	case model.ColumnEmbedding:
		return moduleOfColumns(s.Name, l)
	case model.Embedding:
		return fmt.Sprintf("self.%s = nn.Embedding(%d, %d)", s.Name, l.IDs, l.Out)
	case model.Dense:
		if l.NoBias {
			return module("Linear", l.Out, "bias=False")
		}
		return module("Linear", l.Out)
	}
	return ""
}

// unknownToPyTorch returns an error for a layer that no module of PyTorch computes.
func unknownToPyTorch(stack []layer) error {
	for _, l := range stack {
		kind, _ := kindOf(l.Kind)
		for _, key := range []string{"peepholes", "layer-norm", "zoneout"} {
			if slices.Contains(given(l), key) {
				return fmt.Errorf("--pytorch: PyTorch has no %s with %s; --onnx has it", l.Kind, key)
			}
		}
		if !kind.rows && !slices.Contains([]string{"lstm", "gru", "rnn"}, l.Kind) {
			return fmt.Errorf("--pytorch: PyTorch has no %s; --onnx has it", l.Kind)
		}
	}
	return nil
}
