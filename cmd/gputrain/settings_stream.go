package main

import (
	"io"
	"os"
	"path/filepath"

	"gputrain/model"
)

// streamSettings say where the rows of a table are while a network learns from them.
type streamSettings struct {
	Stream string `toml:"stream,omitempty" placeholder:"WHEN" help:"Read the rows of a table from disk while training, in place of holding them in memory: auto (if not set; if they would take more than half of the memory that is left), always or never."`
	Cache  string `toml:"cache,omitempty" placeholder:"DIR" help:"Where the rows of tables that stream are kept, for the next time too; by default gputrain in the user's folder for caches."`
}

// The values of streamSettings.Stream besides "".
const (
	streamAuto   = "auto"
	streamAlways = "always"
	streamNever  = "never"
)

// checkStream reports a setting of a table that streams which has no meaning.
func (s *settings) checkStream(from source) error {
	if s.Stream != "" {
		if err := checkOneOf("stream", s.Stream, []string{streamAuto, streamAlways, streamNever}); err != nil {
			return err
		}
	}
	if s.Stream == streamAlways && !from.isTable() {
		return &settingError{"stream", "is always, but only tables stream from disk"}
	}
	return nil
}

// load is settings.loadFrom for a run. Whether its rows stream is a part of its settings from
// here on, because it decides about their order: a run that is resumed does as it did before.
func (c *trainCommand) load(initial string, stdin io.Reader) (*description, sets, *model.File, error) {
	given := c.Stream
	if c.Resume != "" && given == "" {
		c.Stream = streamNever
	}
	from, err := c.settings.withNetworkOf(string(c.Resume))
	if err != nil {
		return nil, sets{}, nil, err
	}
	d, parts, file, err := from.loadFrom(initial, stdin)
	if c.Stream = given; parts.rows != nil {
		c.Stream = streamAlways
	}
	if c.Data == "csv:"+stdinPath && err == nil {
		parts.notes = append(parts.notes, "stdin: it is not kept; to resume this run, pipe the same table into the command again")
	}
	return d, parts, file, err
}

// load is loadFrom without data on stdin.
func (s *settings) load(initial string) (*description, sets, *model.File, error) {
	return s.loadFrom(initial, nil)
}

// loadParts returns the parts of the data that a run learned from. Rows that streamed do so again,
// from the file that was made for the run.
func (c *evalCommand) loadParts(from source, d *description) (sets, error) {
	choice := tableChoice{targets: c.Target}
	config := filepath.Join(c.Model, configName)
	content, err := readConfig(config)
	if err != nil {
		return from.load(choice, d) // a model file, or the model learned from digits
	}
	s, _, err := decodeSettings(config, string(content))
	if err != nil {
		return sets{}, err
	}
	if from.streamSettings = s.streamSettings; s.Stream == streamAlways && from.isTable() && len(c.Target) == 0 {
		choice = s.tableChoice()
	}
	return from.load(choice, d)
}

// cacheDir returns the folder of row caches.
func cacheDir(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", usagef("%w: name a folder for the rows that stream with --cache", err)
	}
	return filepath.Join(dir, "gputrain"), nil
}
