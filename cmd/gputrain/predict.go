package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"gputrain/data"
	"gputrain/internal/atomicfile"
	"gputrain/internal/inputfile"
	"gputrain/model"
	"gputrain/train"
)

type predictCommand struct {
	inference `embed:""`

	Input  string `required:"" placeholder:"FILE" help:"CSV file with one sample per row, with the columns and in the units that the model learned from, found by name if there is a header; - is stdin."`
	Target string `placeholder:"COLUMN" help:"The column of the class, if the input has it, to leave out: its name, or its number from 1. With a header, other columns than those of the model are left out anyway."`
	Out    string `placeholder:"FILE" help:"Where to write the CSV, instead of stdout."`
	Top    int    `default:"0" help:"Write the K most probable classes and their probabilities, not those of all classes; 0 means all." placeholder:"K"`
	Quiet  bool   `help:"Print the CSV only."`
}

// Run writes, for each row of the input, the class that the model finds most
// probable and the probability of each class, or of the most probable ones.
func (c *predictCommand) Run(con console) error {
	if c.Top < 0 {
		return outOfRange("top", c.Top, "0 or more")
	}
	if err := c.checkOut(con.in); err != nil {
		return err
	}
	if c.Quiet {
		con.err = io.Discard // for what is no error
	}
	load := func(d *description) (*data.Dataset, []string, error) { return c.load(d, con.in) }
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
		write := func(w io.Writer) error { return writePredictions(w, probabilities, d.Classes, c.Top) }
		if c.Out == "" {
			return write(con.out)
		}
		return atomicfile.Write(c.Out, write)
	}, model.Stage{Name: "probability", Layer: model.Softmax})
}

// checkOut refuses to write over what is read.
func (c *predictCommand) checkOut(stdin io.Reader) error {
	out, err := os.Stat(c.Out)
	if c.Out == "" || err != nil {
		return nil // nothing is there
	}
	for _, path := range []string{c.Input, modelPath(c.Model)} {
		if read, err := os.Stat(path); err == nil && os.SameFile(out, read) {
			return usagef("--out %s is the file %s, which is read; choose another one", c.Out, path)
		}
	}
	if file, ok := stdin.(*os.File); ok && c.Input == "-" {
		if read, err := file.Stat(); err == nil && os.SameFile(out, read) {
			return usagef("--out %s is the file that stdin reads; choose another one", c.Out)
		}
	}
	return nil
}

// load returns the samples, scaled for the model, and notes on them.
func (c *predictCommand) load(d *description, stdin io.Reader) (set *data.Dataset, notes []string, err error) {
	if d.ofText() {
		return nil, nil, fmt.Errorf("%s learned from text: gputrain generate goes on with a text, and gputrain eval --data text:FILE says how well it predicts one", c.Model)
	}
	var table *data.Table
	name, options := c.Input, csvOptions(c.Target, d)
	options.Unlabelled = true
	if name == "-" {
		name = "stdin"
		table, err = data.ReadCSV(stdin, name, options)
	} else {
		table, err = data.OpenCSV(name, options)
	}
	switch {
	case errors.Is(err, inputfile.ErrIrregular):
		return nil, nil, fmt.Errorf("%w; give a pipe to --input - as stdin", err)
	case err != nil:
		return nil, nil, err
	}
	if c.Target == "" && table.Width == d.Steps*d.Width+1 {
		return nil, nil, fmt.Errorf("%s has %d columns, one more than the model takes: if one is the class, name it with --target", name, table.Width)
	}
	set, notes, err = d.scale(table)
	if err != nil {
		return nil, nil, err
	}
	return set, append(notes, fmt.Sprintf("%s: %s of %s", name, plural(set.Len(), "sample", "samples"), plural(table.Width, "feature", "features"))), nil
}
