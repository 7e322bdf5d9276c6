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

	Input  string      `required:"" placeholder:"FILE" help:"CSV file, Parquet file or arrays of NumPy (.npy, .npz), with one sample per row, or series in order of time, with the columns and in the units that the model learned from, found by name if there is a header; - is stdin."`
	Target columnNames `sep:"none" placeholder:"COLUMN" help:"The column of the target, if the input has it, to leave out: its name, or its number from 1. With a header, other columns than those of the model are left out anyway."`
	Out    string      `placeholder:"FILE" help:"Where to write the CSV, instead of stdout."`
	Top    int         `default:"0" help:"Write the K most probable classes and their probabilities, not those of all classes; 0 means all. It is for classes only." placeholder:"K"`
	Ahead  int         `placeholder:"N" help:"Rows to forecast behind the end of each series; by default as many as the model was trained for."`
	Quiet  bool        `help:"Print the CSV only."`
}

// Run writes, for each row of the input, the class that the model finds most
// probable and the probability of each class, or of the most probable ones. For a
// regression it writes the numbers, in the units of the targets; for labels, whether each
// holds and how probable that is.
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
	var ends *data.Frames // of series
	load := func(d *description) (set *data.Dataset, notes []string, err error) {
		if !d.ofSeries() {
			return c.load(d, con.in)
		}
		ends, set, notes, err = c.loadSeries(d, con.in)
		return set, notes, err
	}
	return c.apply(con, load, func(d *description, net *model.Network, set *data.Dataset) error {
		if ends != nil {
			return c.forecast(con, d, net, ends)
		}
		const header = 24 // of a slice
		bytes := int64(set.Len()) * (header + 4*int64(d.outputs()))
		if err := checkMemory("predict", need{"the outputs for " + c.Input, bytes}); err != nil {
			return fmt.Errorf("%w; take fewer rows at a time", err)
		}
		outputs, err := train.Predict(net, set)
		if err != nil {
			return err
		}
		write := func(w io.Writer) error {
			switch d.task() {
			case taskRegress:
				return writeNumbers(w, outputs, d.Targets, d.targetScaling())
			case taskMultilabel:
				return writeLabels(w, outputs, d.Targets)
			}
			return writePredictions(w, outputs, d.Classes, c.Top)
		}
		if c.Out == "" {
			return write(con.out)
		}
		return atomicfile.Write(c.Out, write)
	}, (*description).probabilities)
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
	if c.Ahead != 0 {
		return nil, nil, usagef("--ahead is for series, but the model learned from %s", d.Data)
	}
	if c.Top > 0 && d.task() != taskClassify {
		return nil, nil, usagef("--top is for classes, but the model gives %s", d.outputsKind())
	}
	name, options := c.Input, d.csvOptions(c.Target)
	if options.Unlabelled = true; len(c.Target) == 0 {
		options.Target, options.Targets = "", nil
	}
	if options.Missing == data.MissingDropped {
		options.Missing = data.MissingRefused // every row gets its answer
	}
	if name == "-" {
		name = "stdin"
		table, err = data.ReadCSV(stdin, name, options)
	} else {
		table, err = data.OpenTable(name, options)
	}
	switch {
	case errors.Is(err, inputfile.ErrIrregular):
		return nil, nil, fmt.Errorf("%w; give a pipe to --input - as stdin", err)
	case err != nil:
		return nil, nil, err
	}
	if len(c.Target) == 0 && d.Encodings == nil && table.Width == d.Steps*d.Width+d.outputsWanted() {
		return nil, nil, fmt.Errorf("%s has %d columns, %d more than the model takes: if that is the target, name it with --target", name, table.Width, d.outputsWanted())
	}
	set, notes, err = d.scale(table)
	if err != nil {
		return nil, nil, err
	}
	return set, append(notes, fmt.Sprintf("%s: %s of %s", name, plural(set.Len(), "sample", "samples"), plural(d.columns(), "feature", "features"))), nil
}
