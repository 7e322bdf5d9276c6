package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"gputrain/data"
	"gputrain/model"
)

type evalCommand struct {
	inference `embed:""`

	Data   string      `placeholder:"SOURCE" help:"digits (their test set), csv:FILE or another table (all rows), idx:DIR (the t10k files), text:FILE or series:FILE (all of it); by default the test set of the data that the run's config.toml names."`
	Target columnNames `sep:"none" placeholder:"COLUMN" help:"The column of a table that the model learned; by default that of the training data. Several are several --target."`
	Quiet  bool        `help:"Print the last line only."`
	JSON   bool        `name:"json" help:"Print a JSON object."`
}

// Help is what "gputrain eval --help" says in more detail.
func (*evalCommand) Help() string {
	return `Prints how often each class was taken for which other one, or the most frequent mistakes if there are many classes, and at last the figure that gputrain train ends with:

    test accuracy 0.9xxx (correct/all)

For text that is the loss, in nats, bits and as perplexity.

Of classes it also prints precision, recall and F1, each class by itself, their mean (macro) and their mean weighted by the samples, and the area under the ROC curve (AUROC) of up to 100 classes, of more than two each against the rest. Of numbers it prints R2, the root of the mean squared error (RMSE) and the mean absolute error (MAE), in the units of the target:

    test R2 0.9xxx, RMSE 12.34, MAE 5.678 (359 samples)

Of series it prints the errors of the network and of the baselines, over all rows ahead and by how far ahead, and how often the intervals of predict held what came.

Of labels (train --task multilabel) it prints precision, recall, F1 and AUROC of each, their mean (macro), those of all labels together (micro), and the share of the labels that are wrong (Hamming loss). The last line has the mean F1 and the share of the samples all of whose labels are right:

    test F1 0.9xxx (3 labels), exact match 0.8xxx (359 samples)

With --json, it prints an object {"event":"result", "test_accuracy", "test_loss", "correct", "count", "test_precision", "test_recall", "test_f1", "test_auroc", "classes"} instead, the means being macro. For numbers it is {"event":"result", "test_loss", "count", "test_r2", "test_rmse", "test_mae", "targets":[{"name", "r2", "rmse", "mae"}]}, without the two errors if there are several targets. For labels it is {"event":"result", "test_loss", "count", "test_precision", "test_recall", "test_f1", "test_micro_f1", "test_auroc", "test_exact_match", "test_hamming_loss", "labels":[{"name", "precision", "recall", "f1", "auroc", "count"}]}. For text it is {"event":"result", "test_accuracy", "test_loss", "correct", "count", "unit", "test_bits", "test_perplexity"}. For series it is {"event":"result", "test_loss", "count", "ahead", "season", "test_skill", "test_rmse", "test_mae", "targets":[{"name", "skill", "methods":[{"name", "rmse", "mae", "rmse_ahead", "mae_ahead"}], "intervals":[{"level", "coverage"}]}]}. A figure that is no number is null.`
}

// Run prints the loss, the confusion and the accuracy of a model.
func (c *evalCommand) Run(con console) error {
	if c.Quiet {
		con.err = io.Discard // for what is no error
	}
	var frames *data.Frames // of series
	load := func(d *description) (set *data.Dataset, notes []string, err error) {
		if !d.ofSeries() {
			return c.load(d)
		}
		frames, set, notes, err = c.loadSeries(d)
		return set, notes, err
	}
	return c.apply(con, load, func(d *description, net *model.Network, set *data.Dataset) error {
		measure := func() (*evaluation, error) { return d.measure(net, set) }
		if frames != nil {
			measure = func() (*evaluation, error) {
				return d.measureSeries(net, set, frames, d.Series.Linear, d.Series.Intervals)
			}
		}
		m, err := measure()
		switch {
		case err != nil:
			return err
		case c.JSON:
			return json.NewEncoder(con.out).Encode(m.detailedResult())
		case c.Quiet || d.ofText():
			return m.printLast(con.out)
		}
		if err := m.print(con.out); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(con.out, "\ntest loss %.4f\n", m.Loss); err != nil {
			return err
		}
		return m.printLast(con.out)
	})
}

// load returns the data to measure on, scaled for the model, and notes on them.
func (c *evalCommand) load(d *description) (set *data.Dataset, notes []string, err error) {
	if d.ofSeries() {
		_, set, notes, err = c.loadSeries(d)
		return set, notes, err
	}
	from, err := c.source(d)
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
	case from.isTable() && c.Data != "":
		set, notes, err = c.loadRows(from, d)
	case from.kind == "idx" && c.Data != "":
		set, notes, err = c.loadImages(from, d)
	}
	if set == nil && err == nil {
		var parts sets
		parts, err = c.loadParts(from, d)
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

// source returns where the data are. What the metadata of a model say is no path to
// open: without --data, it is the run's own config.toml that counts.
func (c *evalCommand) source(d *description) (from source, err error) {
	text := c.Data
	if text == "" {
		text = d.Data
		config := filepath.Join(c.Model, configName)
		switch content, err := readConfig(config); {
		case err == nil:
			s, _, err := decodeSettings(config, string(content))
			if err != nil {
				return source{}, err
			}
			text = s.Data
		case d.Data != "digits":
			return source{}, usagef("--data is missing: %s says that it learned from %q, but not where that is", c.Model, d.Data)
		}
	}
	if from, err = parseSource(text); err != nil {
		return source{}, usagef("--data %w", err)
	}
	switch want := d.outputsWanted(); {
	case from.isSeries() != d.ofSeries():
		return source{}, usagef("--data %s: the model learned from %s", text, d.Data)
	case !from.isSeries() && !from.isTable() && d.Targets != nil:
		return source{}, usagef("--data %s has classes, but the model learned %s", from, d.outputsKind())
	case from.isTable() && d.Target == "" && d.Targets == nil && len(c.Target) == 0:
		return source{}, usagef("--target is missing: it names the column of %s that holds the class", from.path)
	case len(c.Target) > 0 && len(c.Target) != want:
		return source{}, usagef("--target is given %d times, but the model learned %s", len(c.Target), plural(want, "column", "columns"))
	}
	return from, nil
}

// loadRows returns all rows of a CSV file.
func (c *evalCommand) loadRows(from source, d *description) (*data.Dataset, []string, error) {
	options := d.csvOptions(c.Target)
	options.Classes = d.Classes
	table, err := from.openTable(options)
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
