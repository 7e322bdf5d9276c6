package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"gputrain/internal/atomicfile"
)

// networkSettings are the settings of the network besides its kind and size.
type networkSettings struct {
	Network string `toml:"network,omitempty" placeholder:"FILE" help:"A file with the layers of the network, in TOML, in place of --model, --hidden, --layers and the options of layers. docs/network.md describes it."`
	layerOptions
}

// modelKinds returns the valid values of settings.Model.
func modelKinds() []string {
	return append(plainKinds(), "grid-lstm", "lstm1997", "elman", "partially-recurrent", "fully-recurrent")
}

// checkNetwork reports the first setting of the network that makes no sense. It opens
// no file.
func (s *settings) checkNetwork(from source) error {
	if s.Network != "" {
		return s.checkNetworkAlone()
	}
	keys := mlpKeys()
	if kind, known := kindOf(s.Model); known {
		keys = kind.keys
	}
	for _, key := range given(s.layerOptions) {
		if !slices.Contains(keys, key) {
			return &settingError{key, fmt.Sprintf("goes with --model %s, not with %s", strings.Join(modelsWith(key), ", "), s.Model)}
		}
	}
	if s.Activation != "" && s.Model == "mlp" {
		if err := checkOneOf("activation", s.Activation, activationNames("mlp")); err != nil {
			return err
		}
	}
	text := from.kind == "text"
	var wrong *layerError
	if !errors.As(checkStack(stackOf(s.Model, s.Hidden, s.Layers, s.layerOptions, text), text), &wrong) {
		return nil
	}
	switch {
	case wrong.bad.key == "kind" && s.Layers > 1 && !text:
		return outOfRange("layers", s.Layers, fmt.Sprintf("1: %s gives no error to a layer before it", s.Model))
	case wrong.bad.key == "kind":
		wrong.bad.key = "model"
	}
	return wrong.bad
}

// checkNetworkAlone reports a setting that the file of --network has in its place.
func (s *settings) checkNetworkAlone() error {
	var defaults settings
	if err := kong.ApplyDefaults(&defaults); err != nil {
		return err
	}
	keys := given(s.layerOptions)
	if s.Model != defaults.Model {
		keys = append(keys, "model")
	}
	if s.Hidden != defaults.Hidden {
		keys = append(keys, "hidden")
	}
	if s.Layers != defaults.Layers {
		keys = append(keys, "layers")
	}
	if len(keys) > 0 {
		return &settingError{keys[0], "goes without --network: the file says what the layers are"}
	}
	return nil
}

// modelsWith lists the values of --model that an option goes with.
func modelsWith(key string) []string {
	return slices.DeleteFunc(modelKinds(), func(model string) bool {
		kind, known := kindOf(model)
		return known && !slices.Contains(kind.keys, key) || !known && !slices.Contains(mlpKeys(), key)
	})
}

// stack returns the layers of the network that s asks for.
func (s *settings) stack() ([]layer, error) {
	if s.Network != "" {
		return readStack(s.Network, s.ofText())
	}
	return stackOf(s.Model, s.Hidden, s.Layers, s.layerOptions, s.ofText()), nil
}

// networkTitle returns the network in a word or two, as one would name a run.
func (s *settings) networkTitle() string {
	if s.Network == "" {
		return s.Model
	}
	base, _, _ := strings.Cut(filepath.Base(s.Network), ".")
	return base
}

// networkName is the copy of the file of --network in the directory of a run.
const networkName = "network.toml"

// copyNetwork copies the file of --network, if there is one, for the run to go on when
// that has gone or changed.
func (d runDir) copyNetwork(path string) error {
	if path == "" {
		return nil
	}
	content, err := readConfig(path)
	if err != nil {
		return err
	}
	return atomicfile.Write(d.file(networkName), func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// withNetworkOf returns s with the file of --network that a run has of its own.
func (s settings) withNetworkOf(run string) (*settings, error) {
	if run == "" || s.Network == "" {
		return &s, nil
	}
	dir, err := findRun(run)
	s.Network = runDir(dir).file(networkName)
	return &s, err
}
