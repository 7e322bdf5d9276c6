package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

type evalCommand struct {
	inference `embed:""`

	Data   string `placeholder:"SOURCE" help:"digits (their test set), csv:FILE (all rows) or idx:DIR (the t10k files); by default the test set of the data that the model learned from."`
	Target string `placeholder:"COLUMN" help:"The column of a CSV file that holds the class; by default the one that the model learned from."`
}

// Run prints the loss, the confusion matrix and the accuracy of a model.
func (c *evalCommand) Run(con console) error {
	return c.apply(con, c.load, func(d *description, net *model.Network, set *data.Dataset) error {
		metrics, err := train.Evaluate(net, train.CrossEntropy{}, set)
		if err != nil {
			return err
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

// load returns the data to measure on, prepared for the model.
func (c *evalCommand) load(d *description) (*data.Dataset, error) {
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
	}
	if err != nil {
		return nil, err
	}
	if !slices.Equal(set.Classes, d.Classes) {
		return nil, fmt.Errorf("%v: its %d classes are not the %d classes of the model", from, len(set.Classes), len(d.Classes))
	}
	return d.prepare(set, from.String())
}

// printConfusion prints counts by actual and predicted class.
func printConfusion(w io.Writer, counts [][]int, classes []string) error {
	table := tabwriter.NewWriter(w, 4, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "rows: actual class, columns: predicted class\n\n")
	for _, class := range classes {
		fmt.Fprintf(table, "\t%s", class)
	}
	fmt.Fprintf(table, "\t\n")
	for i, row := range counts {
		fmt.Fprint(table, classes[i])
		for _, count := range row {
			fmt.Fprintf(table, "\t%d", count)
		}
		fmt.Fprintf(table, "\t\n")
	}
	return table.Flush()
}

func printAccuracy(w io.Writer, m train.Metrics) error {
	_, err := fmt.Fprintf(w, "test accuracy %.4f (%d/%d)\n", m.Accuracy, m.Correct, m.Count)
	return err
}
