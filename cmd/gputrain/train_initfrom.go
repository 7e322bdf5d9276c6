package main

import (
	"fmt"
	"slices"

	"gputrain/model"
)

// readInitial reads the model that --init-from names; without it, both results are
// nil.
func (s *settings) readInitial() (*description, *model.File, error) {
	if s.InitFrom == "" {
		return nil, nil, nil
	}
	path, err := findRun(s.InitFrom)
	if err != nil {
		return nil, nil, err
	}
	return readModel(path)
}

// checkInitial returns an error if a network that d describes cannot begin as the one
// that initial describes. Inputs that mean the same are a matter of the columns, which
// the reader of the data has found by name.
func (d *description) checkInitial(name string, initial *description) error {
	for _, c := range []struct {
		key           string
		ours, initial any
	}{
		{"model", d.Model, initial.Model}, {"hidden", d.Hidden, initial.Hidden}, {"layers", d.Layers, initial.Layers},
		{"steps", d.Steps, initial.Steps}, {"width", d.Width, initial.Width},
	} {
		if c.ours != c.initial {
			return fmt.Errorf("--init-from %s: its %s is %v, but this run's is %v", name, c.key, c.initial, c.ours)
		}
	}
	if !slices.Equal(d.Classes, initial.Classes) {
		return fmt.Errorf("--init-from %s: %w", name, initial.otherClasses(d.Classes))
	}
	return nil
}

// loadInitial gives the network the parameters of the model that --init-from names,
// if there is one.
func (s *session) loadInitial() error {
	_, file, err := s.settings.readInitial()
	if file == nil || err != nil {
		return err
	}
	return s.net.Load(file)
}
