package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"gputrain/data"
	"gputrain/internal/atomicfile"
	"gputrain/internal/inputfile"
	"gputrain/model"
	"gputrain/train"
)

type predictCommand struct {
	inference `embed:""`

	Input  string `required:"" placeholder:"FILE" help:"CSV file with one sample per row, in the units of the data that the model learned from; - is stdin."`
	Target string `placeholder:"COLUMN" help:"A column of the input to leave out: its name, or its number from 1."`
	Out    string `placeholder:"FILE" help:"Where to write the CSV, instead of stdout."`
}

// Run writes, for each row of the input, the class that the model finds most
// probable and the probability of each class.
func (c *predictCommand) Run(con console) error {
	load := func(d *description) (*data.Dataset, error) { return c.load(d, con.in) }
	return c.apply(con, load, func(d *description, net *model.Network, set *data.Dataset) error {
		const header = 24 // of a slice
		outputs := int64(set.Len()) * (header + 4*int64(len(d.Classes)))
		if err := checkMemory("predict", need{"the probabilities of " + c.Input, outputs}); err != nil {
			return fmt.Errorf("%w; take fewer rows at a time", err)
		}
		probabilities, err := train.Predict(net, set)
		if err != nil {
			return err
		}
		write := func(w io.Writer) error { return writePredictions(w, probabilities, d.Classes) }
		if c.Out == "" {
			return write(con.out)
		}
		return atomicfile.Write(c.Out, write)
	}, model.Stage{Name: "probability", Layer: model.Softmax})
}

// load returns the samples, prepared for the model.
func (c *predictCommand) load(d *description, stdin io.Reader) (set *data.Dataset, err error) {
	name, options := c.Input, data.CSVOptions{Target: c.Target}
	if name == "-" {
		name = "stdin"
		set, err = data.ReadCSV(stdin, name, options)
	} else {
		set, err = data.OpenCSV(name, options)
	}
	switch {
	case errors.Is(err, inputfile.ErrIrregular):
		return nil, fmt.Errorf("%w; give a pipe to --input - as stdin", err)
	case err != nil:
		return nil, err
	}
	if c.Target == "" && set.Width == d.Steps*d.Width+1 {
		return nil, fmt.Errorf("%s has %d columns, one more than the model takes: if one is the class, name it with --target", name, set.Width)
	}
	return d.prepare(set, name)
}

// writePredictions writes a header and a row per sample.
func writePredictions(w io.Writer, probabilities [][]float32, classes []string) error {
	table := csv.NewWriter(w)
	row := []string{"predicted"}
	for _, class := range classes {
		row = append(row, "p("+class+")")
	}
	if err := table.Write(row); err != nil {
		return err
	}
	for _, p := range probabilities {
		row = append(row[:0], classes[slices.Index(p, slices.Max(p))])
		for _, x := range p {
			row = append(row, strconv.FormatFloat(float64(x), 'g', 6, 32))
		}
		if err := table.Write(row); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}
