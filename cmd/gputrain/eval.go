package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

type evalCommand struct {
	inference `embed:""`

	Data   string `placeholder:"SOURCE" help:"digits (their test set), csv:FILE (all rows), idx:DIR (the t10k files) or text:FILE (all of it); by default the test set of the data that the run's config.toml names."`
	Target string `placeholder:"COLUMN" help:"The column of a CSV file that holds the class; by default the one that the model learned from."`
	Quiet  bool   `help:"Print the last line only."`
	JSON   bool   `name:"json" help:"Print a JSON object."`
}

// Help is what "gputrain eval --help" says in more detail.
func (*evalCommand) Help() string {
	return `Prints how often each class was taken for which other one, or the most frequent mistakes if there are many classes, and at last the figure that gputrain train ends with:

    test accuracy 0.9xxx (correct/all)

For text that is the loss, in nats, bits and as perplexity.

With --json, it prints an object {"event":"result", "test_accuracy", "test_loss", "correct", "count"} instead. A figure that is no number is null.`
}

// Run prints the loss, the confusion and the accuracy of a model.
func (c *evalCommand) Run(con console) error {
	if c.Quiet {
		con.err = io.Discard // for what is no error
	}
	return c.apply(con, c.load, func(d *description, net *model.Network, set *data.Dataset) error {
		metrics, err := train.Evaluate(net, train.CrossEntropy{}, set)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return json.NewEncoder(con.out).Encode(newResult(metrics, d.Units))
		case c.Quiet || d.ofText():
			return printOutcome(con.out, metrics, d.Units)
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

// load returns the data to measure on, scaled for the model, and notes on them.
func (c *evalCommand) load(d *description) (set *data.Dataset, notes []string, err error) {
	from, target, err := c.source(d)
	if err != nil {
		return nil, nil, err
	}
	if from.kind == "text" {
		return c.loadText(from, d)
	}
	if d.ofText() {
		return nil, nil, fmt.Errorf("%v: the model learned from text; give it --data text:FILE", from)
	}
	switch {
	case from.kind == "csv" && c.Data != "":
		set, notes, err = c.loadRows(from, target, d)
	case from.kind == "idx" && c.Data != "":
		set, notes, err = c.loadImages(from, d)
	}
	if set == nil && err == nil {
		var parts sets
		parts, err = from.load(target, d)
		set, notes = parts.test, parts.notes
	}
	if err != nil {
		return nil, nil, err
	}
	if !slices.Equal(set.Classes, d.Classes) {
		return nil, nil, fmt.Errorf("%v: %w", from, d.otherClasses(set.Classes))
	}
	if learned, _ := parseSource(d.Data); learned.kind != from.kind {
		notes = append(notes, fmt.Sprintf("the model learned from %s: the values of %v are scaled as those", d.Data, from))
	}
	return set, append(notes, understoodSet(from.String(), set)), nil
}

// source returns where the data are and the column of the class. What the metadata
// of a model say is no path to open: without --data, it is the run's own
// config.toml that counts.
func (c *evalCommand) source(d *description) (from source, target string, err error) {
	text, target := c.Data, cmp.Or(c.Target, d.Target)
	if text == "" {
		text = d.Data
		config := filepath.Join(c.Model, configName)
		switch content, err := readConfig(config); {
		case err == nil:
			s, _, err := decodeSettings(config, string(content))
			if err != nil {
				return source{}, "", err
			}
			text = s.Data
		case d.Data != "digits":
			return source{}, "", usagef("--data is missing: %s says that it learned from %q, but not where that is", c.Model, d.Data)
		}
	}
	if from, err = parseSource(text); err != nil {
		return source{}, "", usagef("--data %w", err)
	}
	if from.kind == "csv" && target == "" {
		return source{}, "", usagef("--target is missing: it names the column of %s that holds the class", from.path)
	}
	return from, target, nil
}

// loadRows returns all rows of a CSV file.
func (c *evalCommand) loadRows(from source, target string, d *description) (*data.Dataset, []string, error) {
	options := csvOptions(target, d)
	options.Classes = d.Classes
	table, err := data.OpenCSV(from.path, options)
	if err != nil {
		return nil, nil, err
	}
	return d.scale(table)
}

// loadImages returns the test set of a folder of IDX files, whatever of its training
// set is there; nil if it has no test set.
func (c *evalCommand) loadImages(from source, d *description) (*data.Dataset, []string, error) {
	set, notes, err := data.OpenIDXTest(from.path, d.Classes)
	if set == nil || err != nil {
		return nil, nil, err
	}
	if err := d.checkFeatures(from.path, set.Steps*set.Width); err != nil {
		return nil, nil, err
	}
	set, err = d.scaling().Apply(set)
	return set, notes, err
}

// printOutcome prints the figure that counts: the accuracy, or, for text of these
// units, the loss.
func printOutcome(w io.Writer, m train.Metrics, units string) error {
	if units == "" {
		return printAccuracy(w, m)
	}
	_, err := fmt.Fprintf(w, "test loss %s\n", textFigures(m.Loss, units))
	return err
}

func printAccuracy(w io.Writer, m train.Metrics) error {
	_, err := fmt.Fprintf(w, "test accuracy %.4f (%d/%d)\n", m.Accuracy, m.Correct, m.Count)
	return err
}
