package main

import (
	"errors"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"

	"gputrain/internal/inputfile"
	"gputrain/internal/memorylimit"
)

// maxConfig bounds a file of settings, in bytes.
const maxConfig = 1 << 20

// configFlag is the path of a file of settings.
type configFlag string

// BeforeResolve is kong's hook between reading the flags and filling in the
// settings that they leave open.
func (configFlag) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	return addConfig(ctx, string(ctx.FlagValue(trace.Flag).(configFlag)))
}

// addConfig fills in the settings that the flags leave open from the file at path.
func addConfig(ctx *kong.Context, path string) error {
	path = kong.ExpandPath(path)
	text, err := readConfig(path)
	if err != nil {
		return err
	}
	resolver, err := resolve(path, text)
	if err != nil {
		return err
	}
	ctx.AddResolver(resolver)
	return nil
}

// readConfig returns the text of the file of settings at path.
func readConfig(path string) ([]byte, error) {
	file, err := inputfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		err = usagef("%s: it has more than %s; settings are a few lines", path, memorylimit.Size(maxConfig))
	}
	return text, err
}

// resolve reads settings from TOML, for the flags that are not on the command line.
// name is that of the file, for errors.
func resolve(name string, text []byte) (kong.Resolver, error) {
	s, meta, err := decodeSettings(name, string(text))
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	if _, err := toml.Decode(string(text), &values); err != nil {
		return nil, err
	}
	if format, ok := values[formatKey]; ok && format != int64(runFormat) {
		return nil, usagef("%s:%d: format is %v, this version of gputrain knows %d only", name, lineOf(text, formatKey), format, runFormat)
	}
	for _, path := range meta.Keys() {
		if path[0] == formatKey {
			continue
		}
		if path[0] == "layer" {
			return nil, usagef("%s:%d: it has layers: give it to --network", name, lineOf(text, "layer"))
		}
		if key, valid := path[0], settingKeys(); !slices.Contains(valid, key) {
			return nil, usagef("%s:%d: unknown key %q, %s", name, lineOf(text, key), key,
				hint(key, valid, "the keys are the flags of gputrain train, without the hyphens"))
		}
	}
	var bad *settingError
	if errors.As(s.check(), &bad) && meta.IsDefined(bad.key) {
		return nil, usagef("%s:%d: %s %s", name, lineOf(text, bad.key), bad.key, bad.why)
	}
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		return values[flag.Name], nil
	}), nil
}

// decodeSettings reads settings from text, over the defaults. name is that of
// the file, for errors.
func decodeSettings(name, text string) (s settings, meta toml.MetaData, err error) {
	if err := kong.ApplyDefaults(&s); err != nil {
		return s, meta, err
	}
	if meta, err = toml.Decode(text, &s); err != nil {
		return s, meta, notTOML(name, text, err)
	}
	return s, meta, nil
}

// notTOML returns the error of a text that toml cannot decode.
func notTOML(name, text string, err error) error {
	remedy := ""
	if !utf8.ValidString(text) {
		remedy = "; save it as UTF-8, or convert it, from Latin-1 with: iconv -f LATIN1 -t UTF-8"
	}
	return usagef("%s: %s%s", name, strings.TrimPrefix(err.Error(), "toml: "), remedy)
}

// lineOf returns the number of the line that sets key, counted from 1.
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
	for _, field := range keyedFields(reflect.TypeFor[settings](), "toml") {
		keys = append(keys, keyOf(field, "toml"))
	}
	return keys
}

// keyOf returns the key of a field in files of a kind, toml or json.
func keyOf(field reflect.StructField, kind string) string {
	key, _, _ := strings.Cut(field.Tag.Get(kind), ",")
	return key
}

// keyedFields returns the fields of a struct that have keys in files of a kind. Those
// of a struct within it count as its own.
func keyedFields(t reflect.Type, kind string) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(t), func(field reflect.StructField) bool { return keyOf(field, kind) == "" })
}
