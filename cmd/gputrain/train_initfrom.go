package main

import (
	"fmt"
	"reflect"
	"slices"

	"gputrain/model"
)

// initialPath returns where the model is that --init-from names. A run has a copy of
// it, because the model may be gone, or another one, when the run is resumed.
func (c *trainCommand) initialPath() (string, error) {
	if c.Resume == "" || c.InitFrom == "" {
		return c.InitFrom, nil
	}
	dir, err := findRun(string(c.Resume))
	return runDir(dir).file(initialName), err
}

// readInitial reads the model at path; without a path, both results are nil.
func readInitial(path string) (*description, *model.File, error) {
	if path == "" {
		return nil, nil, nil
	}
	path, err := findRun(path)
	if err != nil {
		return nil, nil, err
	}
	return readModel(path)
}

// checkInitial returns an error if a network that d describes cannot begin as the one
// that initial describes. Inputs that mean the same are a matter of the columns, which
// the reader of the data has found by name.
func (d *description) checkInitial(name string, initial *description) error {
	if !reflect.DeepEqual(learned(d.layers()), learned(initial.layers())) {
		return fmt.Errorf("--init-from %s: its network is %s, but this run's is %s", name, initial.network(), d.network())
	}
	for _, c := range []struct {
		key           string
		ours, initial any
	}{
		{"units", d.Units, initial.Units}, {"embedding", d.Embedding, initial.Embedding},
		{"steps", d.Steps, initial.Steps}, {"width", d.Width, initial.Width},
	} {
		if c.ours != c.initial {
			return fmt.Errorf("--init-from %s: its %s is %v, but this run's is %v", name, c.key, c.initial, c.ours)
		}
	}
	if d.task() != initial.task() || !slices.Equal(d.Targets, initial.Targets) {
		return fmt.Errorf("--init-from %s: it learned %s %s, but this run learns %s %s", name,
			initial.outputsName(), some(initial.outputNames()), d.outputsName(), some(d.outputNames()))
	}
	if !slices.Equal(d.Classes, initial.Classes) {
		return fmt.Errorf("--init-from %s: %w", name, initial.otherClasses(d.Classes))
	}
	return d.checkInitialSeries(name, initial)
}
