package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// loadConfig reads settings from TOML, for the flags that are not on the
// command line. Its errors name the file and the line.
func loadConfig(r io.Reader) (kong.Resolver, error) {
	name := "config"
	if file, ok := r.(*os.File); ok {
		name = file.Name()
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var s settings
	if err := kong.ApplyDefaults(&s); err != nil {
		return nil, err
	}
	meta, err := toml.Decode(string(text), &s)
	if err != nil {
		return nil, usagef("%s: %s", name, strings.TrimPrefix(err.Error(), "toml: "))
	}
	for _, path := range meta.Keys() {
		if key, valid := path[0], settingKeys(); !slices.Contains(valid, key) {
			return nil, usagef("%s:%d: unknown key %q, did you mean %q?", name, lineOf(text, key), key, nearest(key, valid))
		}
	}
	var bad *settingError
	if errors.As(s.check(), &bad) && meta.IsDefined(bad.key) {
		return nil, usagef("%s:%d: %s %s", name, lineOf(text, bad.key), bad.key, bad.why)
	}
	values := map[string]any{}
	if _, err := toml.Decode(string(text), &values); err != nil {
		return nil, err
	}
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		return values[flag.Name], nil
	}), nil
}

// lineOf returns the line of text, from 1, that sets key.
func lineOf(text []byte, key string) int {
	at := regexp.MustCompile(`(?m)^[\s\["']*` + regexp.QuoteMeta(key) + `\b`).FindIndex(text)
	if at == nil {
		return 1
	}
	return 1 + strings.Count(string(text[:at[1]]), "\n")
}

// settingKeys returns the keys of config.toml.
func settingKeys() []string {
	var keys []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[settings]()) {
		key, _, _ := strings.Cut(field.Tag.Get("toml"), ",")
		keys = append(keys, key)
	}
	return keys
}

// resumeFlag is the directory of an unfinished run. It stands for the run's
// config.toml; no other setting can be given with it.
type resumeFlag string

// BeforeResolve is kong's hook between reading the flags and filling in the
// settings that they leave open.
func (resumeFlag) BeforeResolve(parser *kong.Kong, ctx *kong.Context, trace *kong.Path) error {
	for _, path := range ctx.Path {
		if path.Flag != nil && !slices.Contains([]string{"resume", "quiet", "json"}, path.Flag.Name) {
			return usagef("--resume goes on with the run's own settings: leave out --%s", path.Flag.Name)
		}
	}
	dir := string(ctx.FlagValue(trace.Flag).(resumeFlag))
	resolver, err := parser.LoadConfig(filepath.Join(dir, configName))
	if err != nil {
		return fmt.Errorf("%s is not a run that can be resumed: %w", dir, err)
	}
	ctx.AddResolver(resolver)
	return nil
}
