package main

import (
	"fmt"
	"slices"

	"gputrain/backend"
	"gputrain/data"
	"gputrain/model"
)

// spec returns the stages of the network. Their outputs are logits, one per
// class or unit of text, or the scaled targets.
func (d *description) spec() model.Spec {
	return slices.Concat(d.front(), d.body())
}

// embeddingName is the stage that gives the units of a text, or categories, their vectors.
const embeddingName = "embedding"

// front returns the stages that make numbers of what the network takes, if it takes
// something else.
func (d *description) front() model.Spec {
	if d.ofText() {
		return model.Spec{{Name: embeddingName, Layer: model.Embedding{IDs: d.outputs(), Out: d.Embedding}}}
	}
	return d.columnEmbedding()
}

// outputs returns how many outputs the network has: one for each class, number to learn,
// or unit of text.
func (d *description) outputs() int {
	switch {
	case d.Units == string(data.Bytes):
		return 256
	case d.ofText():
		return len(d.Vocabulary)
	case d.ofSeries():
		return d.Series.Block * len(d.Targets)
	case d.Targets != nil:
		return len(d.Targets)
	}
	return len(d.Classes)
}

// outputsName says what the outputs stand for.
func (d *description) outputsName() string {
	switch {
	case d.ofText():
		return "vocabulary"
	case d.task() == taskMultilabel:
		return "labels"
	case d.task() == taskRegress:
		return "targets"
	}
	return "classes"
}

// outputsKind says what the outputs are of a model of a table without classes.
func (d *description) outputsKind() string {
	if d.task() == taskMultilabel {
		return "labels"
	}
	return "numbers"
}

// input returns the shape of a batch of samples.
func (d *description) input(batch int) model.Shape {
	return model.Shape{Steps: d.Steps, Batch: batch, Width: d.Width}
}

// title describes the network, and batches of this many samples, in a line.
func (d *description) title(batch int) string {
	if d.ofText() {
		unit := data.TextUnits(d.Units).Name()
		return fmt.Sprintf("%s, vocabulary of %s; batches of %s, %s of one %s",
			d.network(), plural(d.outputs(), unit, unit+"s"),
			plural(batch, "stream", "streams"), plural(d.Steps, "step", "steps"), unit)
	}
	outputs := plural(len(d.Classes), "class", "classes")
	switch d.task() {
	case taskRegress:
		outputs = plural(len(d.Targets), "target", "targets")
	case taskMultilabel:
		outputs = plural(len(d.Targets), "label", "labels")
	}
	if d.ofSeries() {
		outputs += ", " + plural(d.Series.Block, "row", "rows") + " at a time"
	}
	return fmt.Sprintf("%s, %s; batches of %s, %s of %s", d.network(), outputs,
		plural(batch, "sample", "samples"), plural(d.Steps, "step", "steps"), plural(d.Width, "feature", "features"))
}

// inferenceBatch is how many samples go through a network together when it does
// not learn.
const inferenceBatch = 256

// inferenceInput is the shape of such batches. Text is judged in fewer and longer ones.
func (d *description) inferenceInput() model.Shape {
	if d.ofText() {
		return d.input(64)
	}
	return d.input(inferenceBatch)
}

// restore builds the network of a model file on b, with further stages behind
// it.
func (d *description) restore(b backend.Backend, file *model.File, further ...model.Stage) (*model.Network, error) {
	net, err := model.New(b, append(d.learnedSpec(), further...), d.inferenceInput(), model.Options{})
	if err != nil {
		return nil, err
	}
	return net, net.Load(file)
}
