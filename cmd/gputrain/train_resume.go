package main

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"gputrain/model"
)

// resumeFlag is the directory of an unfinished run. The settings come from its
// config.toml.
type resumeFlag string

// changeableKeys returns the settings that a resumed run may change: how it
// learns from there on, but not what.
func changeableKeys() []string {
	return []string{"epochs", "lr", "schedule", "warmup", "clip", "patience", "device"}
}

// BeforeResolve is kong's hook between reading the flags and filling in the
// settings that they leave open.
func (resumeFlag) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	for _, path := range ctx.Path {
		if path.Flag != nil && !slices.Contains(append(changeableKeys(), "resume", "quiet", "json"), path.Flag.Name) {
			return usagef("--resume keeps the settings of the run: leave out --%s; you may change --%s",
				path.Flag.Name, strings.Join(changeableKeys(), ", --"))
		}
	}
	dir := string(ctx.FlagValue(trace.Flag).(resumeFlag))
	if err := addConfig(ctx, filepath.Join(dir, configName)); err != nil {
		return fmt.Errorf("%s is not a run that can be resumed: %w", dir, err)
	}
	return nil
}

// resume loads the checkpoint of the run in dir. If settings have changed, it
// notes that in config.toml and returns a line that says so.
func (s *session) resume(dir string) (changed string, err error) {
	if s.dir, err = openRun(dir); err != nil {
		return "", err
	}
	path := s.dir.file(checkpointName)
	file, err := readModelFile(path)
	if err != nil {
		return "", err
	}
	if err := s.description.checkSame(file); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	if err := s.trainer.Load(file); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	path = s.dir.file(configName)
	text, err := readConfig(path)
	if err != nil {
		return "", err
	}
	before, _, err := decodeSettings(path, string(text))
	if err != nil {
		return "", err
	}
	changes := s.settings.changes(&before)
	if changes == "" {
		return "", nil
	}
	changed = fmt.Sprintf("resumed in epoch %d with %s", len(s.trainer.History())+1, changes)
	return changed, s.dir.writeConfig(s.settings, append(comments(string(text)), "# "+changed))
}

// changes lists the settings that differ from those before.
func (s *settings) changes(before *settings) string {
	var changes []string
	now, then := reflect.ValueOf(s).Elem(), reflect.ValueOf(before).Elem()
	for _, field := range reflect.VisibleFields(now.Type()) {
		if a, b := now.FieldByIndex(field.Index), then.FieldByIndex(field.Index); !a.Equal(b) {
			changes = append(changes, fmt.Sprintf("%s %v (before %v)", keyOf(field, "toml"), a, b))
		}
	}
	return strings.Join(changes, ", ")
}

// checkSame returns an error that says how d differs from the description in a
// checkpoint.
func (d *description) checkSame(file *model.File) error {
	before, err := descriptionOf(file)
	if err != nil {
		return err
	}
	now, then := reflect.ValueOf(*d), reflect.ValueOf(*before)
	for _, field := range reflect.VisibleFields(now.Type()) {
		a, b := now.FieldByIndex(field.Index), then.FieldByIndex(field.Index)
		switch key := keyOf(field, "json"); {
		case reflect.DeepEqual(a.Interface(), b.Interface()):
		case key == "classes" || key == "features":
			return fmt.Errorf("%s has changed since the run began: it has other %s", d.Data, key)
		case a.Kind() == reflect.Slice:
			return fmt.Errorf("%s has changed since the run began: its features have another scaling", d.Data)
		default:
			return fmt.Errorf("the run began with %s %v, and cannot go on with %v", key, b, a)
		}
	}
	return nil
}

// comments returns the comments of a config.toml that have a line of their own.
func comments(text string) []string {
	var comments []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			comments = append(comments, strings.TrimSpace(line))
		}
	}
	return comments
}
