package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
)

// description is what a model file holds besides the parameters, so that using
// it takes no other file. It is JSON in the file's metadata.
type description struct {
	Data   string `json:"data"`             // the source that it learned from
	Target string `json:"target,omitempty"` // the class column of a csv source

	Model   string    `json:"model"` // lstm, gru, rnn, mlp
	Steps   int       `json:"steps"` // of a sample, of Width features each
	Width   int       `json:"width"`
	Hidden  int       `json:"hidden"`
	Layers  int       `json:"layers"`
	Classes []string  `json:"classes"`
	Shift   []float32 `json:"shift"` // data.Scaling
	Factor  []float32 `json:"factor"`
}

// The key of the description in the file's metadata.
const descriptionKey = "gputrain.model"

// describe returns the description of the network that s asks for and that
// fits the raw training set.
func (s *settings) describe(from source, train *data.Dataset) (*description, error) {
	features := train.Steps * train.Width
	steps := s.Steps
	switch {
	case s.Model == "mlp":
		steps = 1
	case steps == 0:
		steps = from.steps(train)
	}
	if features%steps != 0 {
		return nil, usagef("--steps is %d; it must divide the %d features of a sample of %v", steps, features, from)
	}
	scaling := from.scaling(train)
	return &description{
		Data: s.Data, Target: s.Target,
		Model: s.Model, Steps: steps, Width: features / steps, Hidden: s.Hidden, Layers: s.Layers,
		Classes: train.Classes, Shift: scaling.Shift, Factor: scaling.Factor,
	}, nil
}

// spec returns the stages of the network. Their outputs are logits, one per
// class.
func (d *description) spec() model.Spec {
	head := model.Stage{Name: "head", Layer: model.Dense{Out: len(d.Classes)}}
	last := model.Stage{Name: "last", Layer: model.LastStep{}}
	switch d.Model {
	case "lstm":
		return model.Spec{{Name: "lstm", Layer: model.LSTM{Hidden: d.Hidden, Layers: d.Layers}}, last, head}
	case "gru":
		return model.Spec{{Name: "gru", Layer: model.GRU{Hidden: d.Hidden, Layers: d.Layers}}, last, head}
	case "rnn":
		return model.Spec{{Name: "rnn", Layer: model.RNN{Hidden: d.Hidden, Layers: d.Layers}}, last, head}
	}
	var spec model.Spec
	for i := range d.Layers {
		spec = append(spec,
			model.Stage{Name: fmt.Sprintf("hidden%d", i), Layer: model.Dense{Out: d.Hidden}},
			model.Stage{Name: fmt.Sprintf("relu%d", i), Layer: model.ReLU})
	}
	return append(spec, head)
}

// input returns the shape of a batch of samples.
func (d *description) input(batch int) model.Shape {
	return model.Shape{Steps: d.Steps, Batch: batch, Width: d.Width}
}

// title describes the network, and batches of this many samples, in a line.
func (d *description) title(batch int) string {
	layers := "layers"
	if d.Layers == 1 {
		layers = "layer"
	}
	return fmt.Sprintf("%s, %d %s of %d hidden units, %d classes; batches of %d samples, %d steps of %d features",
		d.Model, d.Layers, layers, d.Hidden, len(d.Classes), batch, d.Steps, d.Width)
}

// prepare scales a raw set and splits it into time steps. name is that of the
// set, for errors.
func (d *description) prepare(set *data.Dataset, name string) (*data.Dataset, error) {
	if features, want := set.Steps*set.Width, d.Steps*d.Width; features != want {
		return nil, fmt.Errorf("%s: its samples have %d features, but the model takes %d", name, features, want)
	}
	scaled, err := data.Scaling{Shift: d.Shift, Factor: d.Factor}.Apply(set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return scaled.WithSteps(d.Steps)
}

// newFile returns a model file with the description and no tensors yet.
func (d *description) newFile() (*model.File, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return &model.File{Meta: map[string]string{descriptionKey: string(text)}}, nil
}

// readModel reads the model file at path, or the one in a run's directory
// there.
func readModel(path string) (*description, *model.File, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, modelName)
	}
	file, err := model.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	text, ok := file.Meta[descriptionKey]
	if !ok {
		return nil, nil, fmt.Errorf("%s: not a model of gputrain: its metadata have no %q", path, descriptionKey)
	}
	if !file.Sealed() {
		return nil, nil, fmt.Errorf("%s: it has no checksum, which every model of gputrain has: it is damaged, or was written by another version or program", path)
	}
	d := new(description)
	if err := json.Unmarshal([]byte(text), d); err != nil {
		return nil, nil, fmt.Errorf("%s: metadata %q: %w", path, descriptionKey, err)
	}
	if err := d.check(); err != nil {
		return nil, nil, fmt.Errorf("%s: metadata %q: %w", path, descriptionKey, err)
	}
	return d, file, nil
}

// check reports a description that no network can have.
func (d *description) check() error {
	if !slices.Contains(modelKinds(), d.Model) {
		return fmt.Errorf("model is %q, which this version does not know", d.Model)
	}
	for _, size := range []struct {
		name  string
		value int
	}{{"steps", d.Steps}, {"width", d.Width}, {"hidden", d.Hidden}, {"layers", d.Layers}, {"classes", len(d.Classes)}} {
		if size.value < 1 || size.value > maxSize {
			return fmt.Errorf("%s is %d, want 1 to %d", size.name, size.value, maxSize)
		}
	}
	if d.Layers > maxLayers {
		return fmt.Errorf("layers is %d, want 1 to %d", d.Layers, maxLayers)
	}
	if n := len(d.Factor); len(d.Shift) != n || n != 1 && n != d.Steps*d.Width {
		return fmt.Errorf("the scaling has %d shifts and %d factors for %d features", len(d.Shift), n, d.Steps*d.Width)
	}
	return nil
}

// inferenceBatch is how many samples go through a network together when it does
// not learn.
const inferenceBatch = 256

// restore builds the network of a model file on b, with further stages behind
// it.
func (d *description) restore(b backend.Backend, file *model.File, further ...model.Stage) (*model.Network, error) {
	net, err := model.New(b, append(d.spec(), further...), d.input(inferenceBatch), model.Options{})
	if err != nil {
		return nil, err
	}
	return net, net.Load(file)
}
