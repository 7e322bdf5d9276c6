package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"gputrain/data"
	"gputrain/model"
)

// A checkpoint belongs to one run: one of the same settings and test set. Its metadata
// say which, besides what the trainer and the description of the model say.
const (
	settingsKey = "gputrain.settings" // as in config.toml, but without the places of files
	testKey     = "gputrain.test"     // data.Digest of the test set, in JSON
)

// saveCheckpoint adds all to file that the run needs to go on.
func (s *session) saveCheckpoint(file *model.File) error {
	var settings strings.Builder
	public, err := s.settings.public()
	if err != nil {
		return err
	}
	if err := public.encode(&settings); err != nil {
		return err
	}
	test, err := json.Marshal(s.test)
	if err != nil {
		return err
	}
	file.Meta[settingsKey], file.Meta[testKey] = settings.String(), string(test)
	return s.trainer.Save(file)
}

// public returns s as others may see it.
func (s settings) public() (settings, error) {
	from, err := parseSource(s.Data)
	s.Data, s.Cache = from.public(), ""
	if s.InitFrom != "" {
		s.InitFrom = filepath.Base(s.InitFrom)
	}
	if s.Network != "" {
		s.Network = filepath.Base(s.Network)
	}
	return s, err
}

// checkRun returns an error that says how the run of this session differs from the one
// that the checkpoint in file is of, if it may not. before are the settings of the run
// when the checkpoint was written.
func (s *session) checkRun(file *model.File) (before settings, err error) {
	text, ok := file.Meta[settingsKey]
	if !ok {
		return before, errors.New("it is no checkpoint of gputrain train")
	}
	const name = "metadata " + settingsKey
	if _, err := resolve(name, []byte(text)); err != nil {
		return before, fmt.Errorf("%v", err) // no mistake of the user
	}
	if before, _, err = decodeSettings(name, text); err != nil {
		return before, err
	}
	public, err := s.settings.public()
	if err != nil {
		return before, err
	}
	for _, c := range public.changes(&before) {
		if !slices.Contains(changeableKeys(), c.key) {
			return before, fmt.Errorf("the run began with %s %v, and cannot go on with %v", c.key, c.before, c.now)
		}
	}
	if err := s.description.checkSame(file, s.settings.Data); err != nil {
		return before, err
	}
	var test data.Digest
	if err := json.Unmarshal([]byte(file.Meta[testKey]), &test); err != nil {
		return before, fmt.Errorf("metadata %s: %w", testKey, err)
	}
	if differs := s.test.Differs(test); differs != "" {
		return before, fmt.Errorf("%s has changed since the run began: its test set has %s", s.settings.Data, differs)
	}
	return before, nil
}

// change is a setting that differs from the one before.
type change struct {
	key         string
	before, now any
}

func (c change) String() string { return fmt.Sprintf("%s %v (before %v)", c.key, c.now, c.before) }

// changes lists the settings that differ from those before.
func (s *settings) changes(before *settings) []change {
	var changes []change
	now, then := reflect.ValueOf(s).Elem(), reflect.ValueOf(before).Elem()
	for _, field := range keyedFields(now.Type(), "toml") {
		a, b := now.FieldByIndex(field.Index).Interface(), then.FieldByIndex(field.Index).Interface()
		if !reflect.DeepEqual(a, b) {
			changes = append(changes, change{keyOf(field, "toml"), b, a})
		}
	}
	return changes
}

// checkSame returns an error that says how d differs from the description in a
// checkpoint. where is where the data are.
func (d *description) checkSame(file *model.File, where string) error {
	before, err := descriptionOf(file)
	if err != nil {
		return err
	}
	now, then := reflect.ValueOf(*d), reflect.ValueOf(*before)
	for _, field := range keyedFields(now.Type(), "json") {
		a, b := now.FieldByIndex(field.Index), then.FieldByIndex(field.Index)
		switch key := keyOf(field, "json"); {
		case key == "data": // may lie elsewhere now
		case reflect.DeepEqual(a.Interface(), b.Interface()):
		case key == "model" || key == "hidden" || key == "layers" || key == "stack":
			return fmt.Errorf("the run began with the network %s, and cannot go on with %s", before.network(), d.network())
		case key == "classes" || key == "features" || key == "targets" || key == "vocabulary" || key == "series":
			return fmt.Errorf("%s has changed since the run began: it has other %s", where, key)
		case a.Kind() == reflect.Slice:
			return fmt.Errorf("%s has changed since the run began: its features have another scaling", where)
		default:
			return fmt.Errorf("the run began with %s %v, and cannot go on with %v", key, b, a)
		}
	}
	return nil
}
