package main

import (
	"fmt"

	"gputrain/backend"
	"gputrain/model"
)

// spec returns the stages of the network. Their outputs are logits, one per
// class, or the scaled targets.
func (d *description) spec() model.Spec {
	head := model.Stage{Name: "head", Layer: model.Dense{Out: d.outputs()}}
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
	outputs := plural(len(d.Classes), "class", "classes")
	if d.task() == taskRegress {
		outputs = plural(len(d.Targets), "target", "targets")
	}
	return fmt.Sprintf("%s, %s of %s, %s; batches of %s, %s of %s",
		d.Model, plural(d.Layers, "layer", "layers"), plural(d.Hidden, "hidden unit", "hidden units"), outputs,
		plural(batch, "sample", "samples"), plural(d.Steps, "step", "steps"), plural(d.Width, "feature", "features"))
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
