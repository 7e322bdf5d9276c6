package main

import (
	"fmt"

	"gputrain/data"
	"gputrain/model"
)

// inference is what eval and predict have in common: a trained network, applied
// on a device.
type inference struct {
	Model  string `required:"" placeholder:"RUN" help:"Directory of a run, latest for the one in runs that began last, or a model file."`
	Device string `default:"auto" help:"As for train."`
	Math   string `default:"float32" help:"As for train."`
}

// probabilities returns the stage that makes probabilities of logits. Numbers have none.
func (d *description) probabilities() []model.Stage {
	switch d.task() {
	case taskRegress:
		return nil
	case taskMultilabel:
		return []model.Stage{{Name: "probability", Layer: model.Sigmoid}}
	}
	return []model.Stage{{Name: "probability", Layer: model.Softmax}}
}

// apply restores the network, with further stages behind it, and calls use with
// it and with the data that load returns for it, besides notes on them.
func (i *inference) apply(con console, load func(*description) (*data.Dataset, []string, error),
	use func(*description, *model.Network, *data.Dataset) error, further ...func(*description) []model.Stage) error {
	if err := checkDevice(i.Device); err != nil {
		return err
	}
	if err := checkMath(i.Math, i.Device); err != nil {
		return err
	}
	var err error
	if i.Model, err = findRun(i.Model); err != nil {
		return err
	}
	d, file, err := readModel(i.Model)
	if err != nil {
		return err
	}
	set, notes, err := load(d)
	if err != nil {
		return err
	}
	if !d.ofText() {
		if set, err = set.WithSteps(d.Steps); err != nil {
			return err
		}
	}
	b, note, err := openDevice(i.Device, i.Math)
	if err != nil {
		return err
	}
	defer b.Close()
	if i.Device != "auto" && note != "" {
		notes = append(notes, note)
	}
	var stages []model.Stage
	for _, more := range further {
		stages = append(stages, more(d)...)
	}
	net, err := d.restore(b, file, stages...)
	if err != nil {
		return fmt.Errorf("%s: %w", i.Model, err)
	}
	for _, note := range notes {
		printLine(con.err, note)
	}
	return use(d, net, set)
}
