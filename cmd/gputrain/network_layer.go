package main

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gputrain/model"
)

// layer describes a stage of a network: in a file of --network, in a model, and as what
// the flags mean. Its keys are those of files, and the flags that there are.
type layer struct {
	Kind   string `toml:"kind" json:"kind"` // of layerKinds
	Name   string `toml:"name" json:"name"`
	Hidden int    `toml:"hidden" json:"hidden,omitempty"` // units
	Layers int    `toml:"layers" json:"layers,omitempty"`
	layerOptions

	// Options that only files have.
	Out              int     `toml:"out" json:"out,omitempty"` // of jordan and fully-recurrent; 0: hidden
	Cells            int     `toml:"cells" json:"cells,omitempty"`
	Decay            float64 `toml:"decay" json:"decay,omitempty"`
	OutputActivation string  `toml:"output-activation" json:"output_activation,omitempty"`
	NoBias           bool    `toml:"no-bias" json:"no_bias,omitempty"`
	ForgetGates      bool    `toml:"forget-gates" json:"forget_gates,omitempty"`
	NoGateFeedback   bool    `toml:"no-gate-feedback" json:"no_gate_feedback,omitempty"`
	LinearOutput     bool    `toml:"linear-output" json:"linear_output,omitempty"`
}

// layerOptions are what layers may have besides their sizes. The zero value of each is
// the layer without it.
type layerOptions struct {
	Bidirectional bool    `toml:"bidirectional,omitempty" json:"bidirectional,omitempty" negatable:"" help:"Read the samples in both directions."`
	Dropout       float64 `toml:"dropout,omitzero" json:"dropout,omitempty" default:"0" placeholder:"P" help:"Part of the hidden units that is left out by chance while training: between the layers, in an mlp behind each."`
	Projection    int     `toml:"projection,omitzero" json:"projection,omitempty" default:"0" placeholder:"N" help:"Width of the output of each lstm layer, less than --hidden."`
	Peepholes     bool    `toml:"peepholes,omitempty" json:"peepholes,omitempty" negatable:"" help:"The gates of an lstm see its cells."`
	LayerNorm     bool    `toml:"layer-norm,omitempty" json:"layer_norm,omitempty" negatable:"" help:"Normalize the sums and cells of an lstm over its units."`
	Zoneout       rates   `toml:"zoneout,omitempty" json:"zoneout,omitempty" placeholder:"P[,P]" help:"Part of the outputs of an lstm that keep their value of the step before, by chance while training; the second P is that of its cells."`
	ForgetBias    float64 `toml:"forget-bias,omitzero" json:"forget_bias,omitempty" default:"0" placeholder:"X" help:"Added to the initial bias of the forget gates of an lstm."`
	Init          string  `toml:"init,omitempty" json:"init,omitempty" placeholder:"SCHEME" help:"How the weights begin: xavier-uniform, xavier-normal, kaiming-uniform, kaiming-normal or orthogonal; by default as in PyTorch's layers."`
	Activation    string  `toml:"activation,omitempty" json:"activation,omitempty" placeholder:"NAME" help:"Of the hidden units: relu (of an mlp if not set), tanh (of an rnn if not set), or sigmoid; an rnn has no sigmoid."`
	Window        int     `toml:"bptt-window,omitzero" json:"bptt_window,omitempty" name:"bptt-window" default:"0" placeholder:"N" help:"Time steps that an error goes back, its own included; 0 means 1 for elman, and all else."`
	RTRL          bool    `toml:"rtrl,omitempty" json:"rtrl,omitempty" name:"rtrl" negatable:"" help:"Learn a fully-recurrent layer forward in time, by real-time recurrent learning."`
}

// rates are one probability or several. A file may have a single one as a number.
type rates []float64

// UnmarshalTOML implements toml.Unmarshaler.
func (r *rates) UnmarshalTOML(value any) error {
	*r = nil
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	for _, item := range list {
		switch rate := item.(type) {
		case float64:
			*r = append(*r, rate)
		case int64:
			*r = append(*r, float64(rate))
		default:
			return fmt.Errorf("%v is no rate: one number or two, as in [0.1, 0.05]", item)
		}
	}
	return nil
}

// String returns the rates as they follow a flag.
func (r rates) String() string {
	var texts []string
	for _, rate := range r {
		texts = append(texts, strconv.FormatFloat(rate, 'g', -1, 64))
	}
	return strings.Join(texts, ",")
}

// at returns rate i, 0 if there is none.
func (r rates) at(i int) float64 {
	if i < len(r) {
		return r[i]
	}
	return 0
}

// layerKind is a kind of layer.
type layerKind struct {
	name    string
	stage   string   // what stages of it are called
	numbers bool     // even a single one has a number
	keys    []string // its options
	rows    bool     // it looks at each time step alone
	deaf    bool     // it gives no error to what comes before
	model   func(l layer, stateful bool) model.Layer
}

// layerKinds are the kinds that a file may have.
func layerKinds() []layerKind {
	dense := func(l layer, _ bool) model.Layer { return model.Dense{Out: l.Hidden, NoBias: l.NoBias} }
	activation := func(l layer, _ bool) model.Layer { return activations[l.Kind] }
	return []layerKind{
		{name: "lstm", stage: "lstm", keys: []string{"hidden", "layers", "bidirectional", "dropout", "projection", "peepholes", "layer-norm", "zoneout", "forget-bias", "init", "bptt-window", "no-bias"},
			model: func(l layer, stateful bool) model.Layer {
				return model.LSTM{
					Hidden: l.Hidden, Layers: l.Layers, Projection: l.Projection, Peepholes: l.Peepholes, NoBias: l.NoBias,
					Bidirectional: l.Bidirectional, Stateful: stateful, ForgetBias: l.ForgetBias, Dropout: l.Dropout, Window: l.Window,
					LayerNorm: l.LayerNorm, ZoneoutHidden: l.Zoneout.at(0), ZoneoutCell: l.Zoneout.at(1),
				}
			}},
		{name: "gru", stage: "gru", keys: []string{"hidden", "layers", "bidirectional", "dropout", "init", "no-bias"},
			model: func(l layer, stateful bool) model.Layer {
				return model.GRU{Hidden: l.Hidden, Layers: l.Layers, NoBias: l.NoBias, Bidirectional: l.Bidirectional, Stateful: stateful, Dropout: l.Dropout}
			}},
		{name: "rnn", stage: "rnn", keys: []string{"hidden", "layers", "bidirectional", "dropout", "init", "activation", "bptt-window", "no-bias"},
			model: func(l layer, stateful bool) model.Layer {
				return model.RNN{
					Hidden: l.Hidden, Layers: l.Layers, ReLU: l.Activation == "relu", NoBias: l.NoBias,
					Bidirectional: l.Bidirectional, Stateful: stateful, Dropout: l.Dropout, Window: l.Window,
				}
			}},
		{name: "grid-lstm", stage: "grid-lstm", keys: []string{"hidden", "layers", "init"},
			model: func(l layer, stateful bool) model.Layer {
				return model.GridLSTM{Hidden: l.Hidden, Layers: l.Layers, Stateful: stateful}
			}},
		{name: "lstm1997", stage: "lstm1997", keys: []string{"hidden", "cells", "peepholes", "forget-gates", "no-gate-feedback", "linear-output"}, deaf: true,
			model: func(l layer, stateful bool) model.Layer {
				cells := cmp.Or(l.Cells, 1)
				return model.LSTM1997{
					Blocks: l.Hidden / cells, Cells: cells, ForgetGates: l.ForgetGates, Peepholes: l.Peepholes,
					NoGateFeedback: l.NoGateFeedback, LinearOutput: l.LinearOutput, Stateful: stateful,
				}
			}},
		{name: "elman", stage: "elman", keys: []string{"hidden", "activation", "bptt-window"},
			model: func(l layer, stateful bool) model.Layer {
				return model.Elman{Hidden: l.Hidden, Activation: activations[l.Activation], Window: l.Window, Stateful: stateful}
			}},
		{name: "jordan", stage: "jordan", keys: []string{"hidden", "activation", "bptt-window", "out", "decay", "output-activation"},
			model: func(l layer, stateful bool) model.Layer {
				return model.Jordan{
					Hidden: l.Hidden, Out: cmp.Or(l.Out, l.Hidden), Activation: activations[l.Activation],
					OutputActivation: activations[l.OutputActivation], Decay: l.Decay, Window: l.Window, Stateful: stateful,
				}
			}},
		{name: "partially-recurrent", stage: "partially-recurrent", keys: []string{"hidden", "activation", "bptt-window"},
			model: func(l layer, stateful bool) model.Layer {
				return model.PartiallyRecurrent{Hidden: l.Hidden, Activation: activations[l.Activation], Window: l.Window, Stateful: stateful}
			}},
		{name: "fully-recurrent", stage: "fully-recurrent", keys: []string{"hidden", "activation", "bptt-window", "out", "rtrl"},
			model: func(l layer, stateful bool) model.Layer {
				f := model.FullyRecurrent{Hidden: l.Hidden, Out: l.Out, Activation: activations[l.Activation], Window: l.Window, Stateful: stateful}
				if l.RTRL {
					f.Gradient = model.RTRL
				}
				return f
			}},
		{name: "dense", stage: "hidden", numbers: true, keys: []string{"hidden", "init", "no-bias"}, rows: true, model: dense},
		{name: "relu", stage: "relu", numbers: true, rows: true, model: activation},
		{name: "tanh", stage: "tanh", numbers: true, rows: true, model: activation},
		{name: "sigmoid", stage: "sigmoid", numbers: true, rows: true, model: activation},
		{name: "softmax", stage: "softmax", numbers: true, rows: true, model: activation},
		{name: "dropout", stage: "dropout", numbers: true, keys: []string{"dropout"}, rows: true,
			model: func(l layer, _ bool) model.Layer { return model.Dropout{Rate: l.Dropout} }},
		{name: lastStepKind, stage: lastStepName, rows: true, model: func(layer, bool) model.Layer { return model.LastStep{} }},
		{name: headName, stage: headName, keys: []string{"init", "no-bias"}, rows: true, model: dense},
	}
}

// lastStepKind is the layer that passes on the last of the time steps, lastStepName what
// the command calls it.
const lastStepKind, lastStepName = "last-step", "last"

// mlpKeys are the options of --model mlp, which is a stack of several kinds.
func mlpKeys() []string { return []string{"hidden", "layers", "dropout", "init", "activation"} }

// activations are the functions of units. That of the empty name is what the
// recurrent layers of the literature have by default.
var activations = map[string]model.Activation{
	"": model.Sigmoid, "sigmoid": model.Sigmoid, "tanh": model.Tanh, "relu": model.ReLU, "softmax": model.Softmax, "identity": model.Identity,
}

// activationNames returns the activations that layers of a kind may have.
func activationNames(kind string) []string {
	switch kind {
	case "rnn":
		return []string{"tanh", "relu"}
	case "mlp":
		return []string{"relu", "tanh", "sigmoid"}
	}
	return []string{"sigmoid", "tanh", "relu", "identity"}
}

// initializations are the schemes of --init.
var initializations = map[string]model.Initialization{
	"": model.OwnInit, "xavier-uniform": model.XavierUniform, "xavier-normal": model.XavierNormal,
	"kaiming-uniform": model.KaimingUniform, "kaiming-normal": model.KaimingNormal, "orthogonal": model.Orthogonal,
}

func initializationNames() []string {
	return []string{"xavier-uniform", "xavier-normal", "kaiming-uniform", "kaiming-normal", "orthogonal"}
}

// kindOf returns the kind of that name.
func kindOf(name string) (kind layerKind, known bool) {
	all := layerKinds()
	i := slices.IndexFunc(all, func(k layerKind) bool { return k.name == name })
	if i < 0 {
		return kind, false
	}
	return all[i], true
}

func layerKindNames() (names []string) {
	for _, kind := range layerKinds() {
		names = append(names, kind.name)
	}
	return names
}

// kindsWith lists the kinds that have an option.
func kindsWith(key string) string {
	var names []string
	for _, kind := range layerKinds() {
		if slices.Contains(kind.keys, key) {
			names = append(names, kind.name)
		}
	}
	return strings.Join(names, ", ")
}

// given returns the keys of the options of a layer, or of options alone, that are set.
func given[T layer | layerOptions](options T) (keys []string) {
	object := reflect.ValueOf(options)
	for _, field := range keyedFields(object.Type(), "toml") {
		if key := keyOf(field, "toml"); key != "kind" && key != "name" && !object.FieldByIndex(field.Index).IsZero() {
			keys = append(keys, key)
		}
	}
	return keys
}

// text returns the layer in a few words, such as "lstm 2x64 bidirectional dropout 0.2".
func (l layer) text() string {
	words := []string{l.Kind}
	switch {
	case l.Layers > 1:
		words = append(words, fmt.Sprintf("%dx%d", l.Layers, l.Hidden))
	case l.Hidden > 0:
		words = append(words, strconv.Itoa(l.Hidden))
	}
	object := reflect.ValueOf(l)
	for _, field := range keyedFields(object.Type(), "toml") {
		key, value := keyOf(field, "toml"), object.FieldByIndex(field.Index)
		if value.IsZero() || slices.Contains([]string{"kind", "name", "hidden", "layers"}, key) {
			continue
		}
		if key != l.Kind {
			words = append(words, key)
		}
		if value.Kind() != reflect.Bool {
			words = append(words, fmt.Sprint(value.Interface()))
		}
	}
	return strings.Join(words, " ")
}

// check returns the first option that makes no sense.
func (l layer) check() error {
	kind, known := kindOf(l.Kind)
	switch {
	case l.Kind == embeddingName:
		return &settingError{"kind", fmt.Sprintf("is %q, which the command puts before the layers of a text: --embedding is its width", l.Kind)}
	case !known:
		return notOneOf("kind", l.Kind, layerKindNames())
	}
	has := func(key string) bool { return slices.Contains(kind.keys, key) }
	for _, key := range given(l) {
		if !has(key) {
			return &settingError{key, fmt.Sprintf("goes with %s, not with %s", kindsWith(key), l.Kind)}
		}
	}
	finite := func(x float64) bool { return math.Abs(x) <= math.MaxFloat32 } // false for NaN
	rate := func(x float64) bool { return x >= 0 && x < 1 }
	sized := func(n int) bool { return n >= 1 && n <= maxSize }
	for _, r := range []struct {
		key   string
		value any
		ok    bool
		want  string
	}{
		{"hidden", l.Hidden, sized(l.Hidden) || !has("hidden"), fmt.Sprintf("1 to %d", maxSize)},
		{"layers", l.Layers, l.Layers >= 1 && l.Layers <= maxLayers || !has("layers"), fmt.Sprintf("1 to %d", maxLayers)},
		{"dropout", l.Dropout, rate(l.Dropout), "0 or more and less than 1"},
		{"dropout", l.Dropout, l.Dropout > 0 || l.Kind != "dropout", "more than 0 and less than 1"},
		{"projection", l.Projection, l.Projection >= 0 && l.Projection < max(l.Hidden, 1), fmt.Sprintf("less than the hidden units, 1 to %d, or 0 for none", l.Hidden-1)},
		{"zoneout", l.Zoneout, len(l.Zoneout) <= 2 && rate(l.Zoneout.at(0)) && rate(l.Zoneout.at(1)), "one or two rates, 0 or more and less than 1"},
		{"forget-bias", l.ForgetBias, finite(l.ForgetBias), "a finite number that fits a float32"},
		{"bptt-window", l.Window, l.Window >= 0 && l.Window <= maxSize, fmt.Sprintf("1 to %d, or 0 for what the layer has", maxSize)},
		{"out", l.Out, l.Out == 0 || sized(l.Out), fmt.Sprintf("1 to %d", maxSize)},
		{"out", l.Out, l.Out <= l.Hidden || l.Kind != "fully-recurrent", fmt.Sprintf("1 to %d, the hidden units", l.Hidden)},
		{"cells", l.Cells, l.Cells >= 0 && l.Hidden%max(l.Cells, 1) == 0, fmt.Sprintf("the cells of a block, which divide the %d hidden units", l.Hidden)},
		{"decay", l.Decay, rate(l.Decay), "0 or more and less than 1"},
	} {
		if !r.ok {
			return outOfRange(r.key, r.value, r.want)
		}
	}
	for _, c := range []struct {
		key, value string
		valid      []string
	}{
		{"init", l.Init, initializationNames()},
		{"activation", l.Activation, activationNames(l.Kind)},
		{"output-activation", l.OutputActivation, activationNames(l.Kind)},
	} {
		if c.value != "" {
			if err := checkOneOf(c.key, c.value, c.valid); err != nil {
				return err
			}
		}
	}
	return l.checkTogether()
}

// checkTogether returns the first option that does not go with another one.
func (l layer) checkTogether() error {
	stepwise := ""
	switch {
	case l.Projection > 0:
		stepwise = "projection"
	case l.LayerNorm:
		stepwise = "layer-norm"
	case len(l.Zoneout) > 0:
		stepwise = "zoneout"
	}
	switch {
	case l.Dropout > 0 && l.Layers == 1:
		return &settingError{"dropout", fmt.Sprintf("is %v, but acts between the layers of the %s, which has one: set layers to 2 or more", l.Dropout, l.Kind)}
	case l.Peepholes && stepwise != "":
		return &settingError{"peepholes", "does not go with " + stepwise}
	case l.Window > 0 && stepwise != "":
		return &settingError{"bptt-window", fmt.Sprintf("is %d, which does not go with %s", l.Window, stepwise)}
	case l.NoBias && l.ForgetBias != 0:
		return &settingError{"forget-bias", fmt.Sprintf("is %v, but no-bias leaves no bias", l.ForgetBias)}
	case l.RTRL && l.Window > 0:
		return &settingError{"bptt-window", fmt.Sprintf("is %d, but rtrl looks at all of the past", l.Window)}
	}
	return nil
}
