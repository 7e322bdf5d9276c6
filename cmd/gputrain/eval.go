package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

type evalCommand struct {
	inference `embed:""`

	Data   string `placeholder:"SOURCE" help:"digits (their test set), csv:FILE (all rows) or idx:DIR (the t10k files); by default the test set of the data that the model learned from."`
	Target string `placeholder:"COLUMN" help:"The column of a CSV file that holds the class; by default the one that the model learned from."`
	Quiet  bool   `help:"Print the last line only."`
	JSON   bool   `name:"json" help:"Print a JSON object."`
}

// Help is what "gputrain eval --help" says in more detail.
func (*evalCommand) Help() string {
	return `Prints how often each class was taken for which other one, or the most frequent mistakes if there are many classes, and at last the figure that gputrain train ends with:

    test accuracy 0.9xxx (correct/all)

With --json, it prints an object {"event":"result", "test_accuracy", "test_loss", "correct", "count"} instead. A figure that is no number is null.`
}

// Run prints the loss, the confusion and the accuracy of a model.
func (c *evalCommand) Run(con console) error {
	if c.Quiet {
		con.err = io.Discard // for what is no error
	}
	load := func(d *description) (*data.Dataset, error) { return c.load(d, con.err) }
	return c.apply(con, load, func(d *description, net *model.Network, set *data.Dataset) error {
		metrics, err := train.Evaluate(net, train.CrossEntropy{}, set)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return json.NewEncoder(con.out).Encode(newResult(metrics))
		case c.Quiet:
			return printAccuracy(con.out, metrics)
		}
		if err := printConfusion(con.out, metrics.Confusion, d.Classes); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(con.out, "\ntest loss %.4f\n", metrics.Loss); err != nil {
			return err
		}
		return printAccuracy(con.out, metrics)
	})
}

// load returns the data to measure on, prepared for the model, and writes
// what the reader says of it to notes.
func (c *evalCommand) load(d *description, notes io.Writer) (*data.Dataset, error) {
	text, target := c.Data, c.Target
	if text == "" {
		text = d.Data
	}
	if target == "" {
		target = d.Target
	}
	from, err := parseSource(text)
	if err != nil {
		return nil, usagef("--data %w", err)
	}
	var set *data.Dataset
	if from.kind == "csv" && c.Data != "" {
		if target == "" {
			return nil, usagef("--target is missing: it names the column of %s that holds the class", from.path)
		}
		set, err = data.OpenCSV(from.path, data.CSVOptions{Target: target, Classes: d.Classes})
	} else {
		var parts sets
		parts, err = from.load(target)
		set = parts.test
		for _, line := range parts.notes {
			fmt.Fprintln(notes, line)
		}
	}
	if err != nil {
		return nil, err
	}
	if !slices.Equal(set.Classes, d.Classes) {
		return nil, fmt.Errorf("%v: its %d classes are not the %d classes of the model", from, len(set.Classes), len(d.Classes))
	}
	return d.prepare(set, from.String())
}

func printAccuracy(w io.Writer, m train.Metrics) error {
	_, err := fmt.Fprintf(w, "test accuracy %.4f (%d/%d)\n", m.Accuracy, m.Correct, m.Count)
	return err
}
