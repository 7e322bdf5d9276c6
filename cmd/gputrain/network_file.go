package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// readStack reads the file of --network and completes its stack.
func readStack(path string, text bool) ([]layer, error) {
	content, err := readConfig(path)
	if err != nil {
		return nil, fmt.Errorf("--network: %w", err)
	}
	return parseStack(path, content, text)
}

// parseStack reads a stack from TOML and completes it. name is that of the file, for
// errors.
func parseStack(name string, content []byte, text bool) ([]layer, error) {
	var tables struct {
		Layer []map[string]any `toml:"layer"`
	}
	var file struct {
		Layer []layer `toml:"layer"`
	}
	meta, err := toml.Decode(string(content), &tables)
	if err != nil {
		return nil, usagef("%s: %s", name, strings.TrimPrefix(err.Error(), "toml: "))
	}
	for _, path := range meta.Keys() {
		if key := path[0]; key != "layer" {
			return nil, usagef("%s:%d: unknown key %q, %s", name, lineOf(content, key), key,
				hint(key, []string{"layer"}, "a network is a list of layers, each below a line [[layer]]"))
		}
	}
	switch count := len(tables.Layer); {
	case count == 0:
		return nil, usagef(`%s: it has no layer; each begins with a line [[layer]] and has a kind, such as kind = "lstm"`, name)
	case count > maxWritten:
		return nil, usagef("%s: it has %d layers; it must be 1 to %d", name, count, maxWritten)
	}
	for i, table := range tables.Layer {
		kind, given := table["kind"].(string)
		for _, key := range slices.Sorted(maps.Keys(table)) {
			if valid := layerKeys(kind); !slices.Contains(layerKeys(""), key) {
				return nil, wrongLayer(name, content, i, kind, key, "is unknown, "+hint(key, valid, "the keys are "+strings.Join(valid, ", ")))
			}
		}
		if !given {
			return nil, wrongLayer(name, content, i, "no kind", "kind", "is missing; it is one of "+strings.Join(layerKindNames(), ", "))
		}
	}
	if _, err := toml.Decode(string(content), &file); err != nil {
		return nil, usagef("%s: %s", name, strings.TrimPrefix(err.Error(), "toml: "))
	}
	stack := completed(file.Layer, text)
	var wrong *layerError
	if errors.As(checkStack(stack, text), &wrong) {
		// The command may have added a last step before it, and the head.
		at, isLast := wrong.at, func(l layer) bool { return l.Kind == lastStepKind }
		if added := slices.IndexFunc(stack, isLast); added >= 0 && added < at && !slices.ContainsFunc(file.Layer, isLast) {
			at--
		}
		at = min(at, len(file.Layer)-1)
		return nil, wrongLayer(name, content, at, file.Layer[at].Kind, wrong.bad.key, wrong.bad.why)
	}
	return stack, nil
}

// layerKeys returns the keys of a layer of a kind, all keys if there is no such kind.
func layerKeys(kind string) []string {
	if k, known := kindOf(kind); known {
		return append([]string{"kind", "name"}, k.keys...)
	}
	var keys []string
	for _, field := range keyedFields(reflect.TypeFor[layer](), "toml") {
		keys = append(keys, keyOf(field, "toml"))
	}
	return keys
}

// wrongLayer is an error about a key of layer i of a file.
func wrongLayer(name string, content []byte, i int, kind, key, why string) error {
	return usagef("%s:%d: layer %d (%s): %s %s", name, lineOfLayer(content, i, key), i+1, kind, key, why)
}

var layerHeader = regexp.MustCompile(`(?m)^[ \t]*\[\[[ \t]*["']?layer["']?[ \t]*\]\]`)

// lineOfLayer returns the number of the line that sets a key of layer i, or at which the
// layer begins, counted from 1.
func lineOfLayer(content []byte, i int, key string) int {
	headers := layerHeader.FindAllIndex(content, i+2)
	if i >= len(headers) {
		return lineOf(content, "layer")
	}
	begin, end := headers[i][0], len(content)
	if i+1 < len(headers) {
		end = headers[i+1][0]
	}
	before := strings.Count(string(content[:begin]), "\n")
	return before + lineOf(content[begin:end], key)
}
