package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	return []string{"data", "epochs", "lr", "schedule", "warmup", "clip", "patience", "device", "checkpoint-every", "checkpoint-keep", "metrics-every", "tensorboard", "cache", "ranks", "reduce"}
}

// BeforeResolve is kong's hook between reading the flags and filling in the
// settings that they leave open.
func (resumeFlag) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	if err := checkValues(ctx); err != nil {
		return err
	}
	for _, path := range ctx.Path {
		if path.Flag != nil && !slices.Contains(append(changeableKeys(), "resume", "quiet", "json", "metrics-listen", "stop-after", "stop-at-eof", "stall"), path.Flag.Name) {
			return usagef("--resume keeps the settings of the run: leave out --%s; you may change --%s",
				path.Flag.Name, strings.Join(changeableKeys(), ", --"))
		}
	}
	dir, err := findRun(string(ctx.FlagValue(trace.Flag).(resumeFlag)))
	if err != nil {
		return err
	}
	if err := addConfig(ctx, filepath.Join(dir, configName)); err != nil {
		return fmt.Errorf("%s is not a run that can be resumed: %w", dir, err)
	}
	return nil
}

// resume goes on with the run that a command line names, with the data that it
// began with. It returns lines that say what the user should know.
func (s *session) resume(name string, parts sets) (notes []string, err error) {
	path, err := findRun(name)
	if err != nil {
		return nil, err
	}
	if s.dir, s.lock, err = openRun(path); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.lock.unlock()
		}
	}()
	text, err := s.dir.readConfig()
	if err != nil {
		return nil, err
	}
	before, _, err := decodeSettings(s.dir.file(configName), text)
	if err != nil {
		return nil, err
	}
	if notes, err = s.restore(&before); err != nil {
		return nil, err
	}
	if err := s.trainer.Check(parts.train, parts.valid); err != nil {
		return nil, fmt.Errorf("%s cannot go on with %s: %w", s.dir, s.settings.Data, err)
	}
	if s.trainer.Done() && s.dir.has(resultName) {
		return nil, s.finished()
	}
	if err := s.settings.resolvePaths(); err != nil {
		return nil, err
	}
	var changes []string
	for _, c := range s.settings.changes(&before) {
		changes = append(changes, c.String())
	}
	if len(changes) > 0 {
		changed := fmt.Sprintf("resumed in epoch %d with %s", s.trainer.Epochs()+1, strings.Join(changes, ", "))
		notes = append(notes, changed)
		// It may be noted already, if the process died before its first checkpoint.
		lines := slices.DeleteFunc(comments(text), func(line string) bool { return line == "# "+changed })
		if err := s.dir.writeConfig(s.settings, append(lines, "# "+changed)); err != nil {
			return nil, err
		}
	}
	// From here on the run is unfinished, and has what it needs to go on.
	if err := os.Remove(s.dir.file(resultName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return notes, s.open()
}

// finished is the error of a run that has nothing left to do.
func (s *session) finished() error {
	epochs := s.trainer.Epochs()
	if epochs < s.settings.Epochs {
		return fmt.Errorf("%s is finished: it stopped after epoch %d, as --patience %d asks; extend it with a larger --patience or with 0", s.dir, epochs, s.settings.Patience)
	}
	return fmt.Errorf("%s is finished: it has %s; extend it with --epochs above that", s.dir, plural(epochs, "epoch", "epochs"))
}

// restore loads the newest checkpoint that is not damaged. It sets damaged ones
// aside and says so. before are the settings in config.toml; restore replaces them by
// those of the checkpoint, because config.toml may have been edited.
func (s *session) restore(before *settings) (notes []string, err error) {
	steps, err := s.dir.checkpoints()
	if err != nil {
		return nil, err
	}
	switch {
	case len(steps) == 0 && s.dir.has(modelName):
		return nil, fmt.Errorf("%s has a model, but no checkpoint to go on from; begin a run with --init-from %[1]s", s.dir)
	case len(steps) == 0:
		return []string{fmt.Sprintf("%s has no checkpoint yet: it begins again", s.dir)}, s.share("")
	}
	var damaged, reasons []string
	for _, step := range steps {
		path := s.dir.checkpointFile(step)
		file, err := readModelFile(path)
		switch {
		case errors.Is(err, model.ErrDamaged):
			damaged, reasons = append(damaged, path), append(reasons, err.Error())
			continue
		case err != nil:
			return nil, err
		}
		places := *before
		if *before, err = s.checkRun(file); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		before.Data, before.InitFrom, before.Network = places.Data, places.InitFrom, places.Network
		before.Cache = places.Cache
		if err := s.trainer.Load(file); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if err := s.share(path); err != nil {
			return nil, err
		}
		if s.trainer.Steps() != step {
			return nil, fmt.Errorf("%s: it was renamed: it is the checkpoint after step %d, which is called %s", path, s.trainer.Steps(),
				filepath.Base(s.dir.checkpointFile(s.trainer.Steps())))
		}
		for i, path := range damaged {
			if err := os.Rename(path, path+damagedSuffix); err != nil {
				return nil, err
			}
			notes = append(notes, fmt.Sprintf("%s; set aside as %s%s", reasons[i], filepath.Base(path), damagedSuffix))
		}
		return notes, nil
	}
	return nil, fmt.Errorf("every checkpoint of %s is damaged: %s; begin again with: %s", s.dir, strings.Join(reasons, "; "),
		commandLine("gputrain", "train", "--config", pathArgument(s.dir.file(configName))))
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
