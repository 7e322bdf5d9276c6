package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"gputrain/internal/nearest"
)

// cli is the grammar of the command line.
type cli struct {
	Train       trainCommand       `cmd:"" help:"Train a network."`
	Eval        evalCommand        `cmd:"" help:"Measure a trained network on labelled data."`
	Predict     predictCommand     `cmd:"" help:"Apply a trained network to the rows of a CSV file."`
	Devices     devicesCommand     `cmd:"" help:"List the devices that can compute."`
	Conformance conformanceCommand `cmd:"" help:"Check and measure a device, and write a report."`
	Explain     explainCommand     `cmd:"" help:"Say what training would do on a device: paths, memory, kernels."`
	Profile     profileCommand     `cmd:"" help:"Count what each kernel of a training step does."`
	Show        showCommand        `cmd:"" help:"Draw what a system does."`
	Experiment  experimentCommand  `cmd:"" help:"Repeat the experiments of the literature."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// settings are what decides the outcome of a run: flags of train, and keys of
// config.toml under the same names.
type settings struct {
	Data   string `toml:"data" default:"digits" help:"What to learn: digits (built in), csv:FILE or idx:DIR (MNIST's files)."`
	Target string `toml:"target,omitempty" placeholder:"COLUMN" help:"The column of a CSV file that holds the class: its name, or its number from 1."`
	Steps  int    `toml:"steps" default:"0" help:"Time steps that the features of a sample are split into; 0 means 8 for digits, the rows of an image for idx, 1 for csv and for mlp."`

	Model  string `toml:"model" default:"lstm" help:"lstm, gru, rnn or mlp."`
	Hidden int    `toml:"hidden" default:"64" help:"Hidden units per layer."`
	Layers int    `toml:"layers" default:"1" help:"Hidden layers."`

	Epochs      int     `toml:"epochs" default:"30" help:"Passes over the training data."`
	Batch       int     `toml:"batch" default:"32" help:"Samples per update."`
	Optimizer   string  `toml:"optimizer" default:"adam" help:"sgd, rmsprop, adam or adamw."`
	LR          float64 `toml:"lr" name:"lr" default:"0.02" help:"Learning rate."`
	Schedule    string  `toml:"schedule" default:"cosine" help:"How the learning rate changes: constant, step (a tenth after each third of the run) or cosine (down to 0)."`
	Warmup      float64 `toml:"warmup" default:"0.1" help:"Part of the run in which the cosine schedule first rises, 0 to 1."`
	Momentum    float64 `toml:"momentum" default:"0" help:"Momentum of sgd and rmsprop, 0 to 1."`
	WeightDecay float64 `toml:"weight-decay" default:"0" help:"Weight decay."`
	Clip        float64 `toml:"clip" default:"1" help:"Largest norm of the gradient; 0 means no limit."`
	Patience    int     `toml:"patience" default:"0" help:"Stop after so many epochs without a better validation loss, and keep the best parameters; 0 means never."`
	Seed        int64   `toml:"seed" default:"1" help:"Seed of the initial parameters and of the order of the samples."`
	Device      string  `toml:"device" default:"${device=auto}" help:"auto (the CPU), cpu, cuda or cuda:N (an NVIDIA GPU), or emulated (the CUDA kernels on the CPU: slow, for tests)."`
}

// modelKinds returns the valid values of settings.Model.
func modelKinds() []string { return []string{"lstm", "gru", "rnn", "mlp"} }

// Limits that keep products of sizes within an int64; memory ends long before.
const (
	maxSize   = 10_000_000
	maxLayers = 1_000
)

// check reports the first setting with an invalid value.
func (s *settings) check() error {
	type rule struct {
		key   string
		value any
		ok    bool
		want  string
	}
	finite := func(x float64) bool { return x <= math.MaxFloat64 } // false for NaN
	size := func(key string, value, most int) rule {
		return rule{key, value, value >= 1 && value <= most, fmt.Sprintf("1 to %d", most)}
	}
	for _, r := range []rule{
		{"steps", s.Steps, s.Steps >= 0, "0 or more"},
		size("hidden", s.Hidden, maxSize),
		size("layers", s.Layers, maxLayers),
		size("epochs", s.Epochs, maxSize),
		size("batch", s.Batch, maxSize),
		{"lr", s.LR, s.LR > 0 && finite(s.LR), "a number above 0"},
		{"warmup", s.Warmup, s.Warmup >= 0 && s.Warmup < 1, "0 or more and less than 1"},
		{"momentum", s.Momentum, s.Momentum >= 0 && s.Momentum < 1, "0 or more and less than 1"},
		{"weight-decay", s.WeightDecay, s.WeightDecay >= 0 && finite(s.WeightDecay), "0 or more"},
		{"clip", s.Clip, s.Clip >= 0 && finite(s.Clip), "0 or more"},
		{"patience", s.Patience, s.Patience >= 0, "0 or more"},
		{"seed", s.Seed, s.Seed >= 0, "0 or more"},
	} {
		if !r.ok {
			return outOfRange(r.key, r.value, r.want)
		}
	}
	for _, c := range []struct {
		key, value string
		valid      []string
	}{
		{"model", s.Model, modelKinds()},
		{"optimizer", s.Optimizer, []string{"sgd", "rmsprop", "adam", "adamw"}},
		{"schedule", s.Schedule, []string{"constant", "step", "cosine"}},
	} {
		if err := checkOneOf(c.key, c.value, c.valid); err != nil {
			return err
		}
	}
	if err := checkDevice(s.Device); err != nil {
		return err
	}
	if s.Momentum > 0 && (s.Optimizer == "adam" || s.Optimizer == "adamw") {
		return &settingError{"momentum", fmt.Sprintf("is %v, but %s has none: it is for sgd and rmsprop", s.Momentum, s.Optimizer)}
	}
	source, err := parseSource(s.Data)
	if err != nil {
		return &settingError{"data", err.Error()}
	}
	if (source.kind == "csv") != (s.Target != "") {
		if source.kind == "csv" {
			return &settingError{"target", "is missing: it names the column of " + source.path + " that holds the class"}
		}
		return &settingError{"target", fmt.Sprintf("is %q, but only csv data has columns", s.Target)}
	}
	return nil
}

// checkOneOf reports a setting that has none of the valid values.
func checkOneOf(key, value string, valid []string) error {
	if slices.Contains(valid, value) {
		return nil
	}
	return notOneOf(key, value, valid)
}

func notOneOf(key, value string, valid []string) error {
	return &settingError{key, fmt.Sprintf("is %q, not one of %s; did you mean %q?",
		value, strings.Join(valid, ", "), nearest.Word(value, valid))}
}

// outOfRange reports a setting whose number makes no sense.
func outOfRange(key string, value any, want string) error {
	return &settingError{key, fmt.Sprintf("is %v; it must be %s", value, want)}
}

// settingError is a setting with an invalid value.
type settingError struct{ key, why string }

func (e *settingError) Error() string { return "--" + e.key + " " + e.why }

// parse reads the command line. The context is nil if help was asked for, and
// printed.
func parse(args []string, con console) (*kong.Context, error) {
	if len(args) == 0 {
		return nil, usagef(`no command; "gputrain help" lists them`)
	}
	if args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	helped := false
	parser := kong.Must(new(cli),
		kong.Name("gputrain"),
		kong.Description("Trains feed-forward, recurrent and LSTM networks.\n\n\"gputrain train\" alone trains an LSTM on handwritten digits."),
		kong.Writers(con.out, con.err),
		kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.WithHyphenPrefixedParameters(true),
		kong.Configuration(loadConfig),
	)
	ctx, err := parser.Parse(args)
	if helped {
		return nil, nil
	}
	if err != nil {
		return nil, suggest(err)
	}
	return ctx, nil
}

// suggest rewords what kong says of an unknown word, so that it always names
// the nearest valid one (kong does for slips of a letter or two), and of a flag
// that lacks its value.
func suggest(err error) error {
	parse, ok := err.(*kong.ParseError)
	text := err.Error()
	if !ok || strings.Contains(text, "did you mean") {
		return err
	}
	var valid []string
	if word, found := strings.CutPrefix(text, "unknown flag "); found {
		for _, flag := range parse.Context.Flags() {
			valid = append(valid, "--"+flag.Name)
		}
		return usagef("%s, did you mean %q?", text, nearest.Word(word, valid))
	}
	if word, found := strings.CutPrefix(text, "unexpected argument "); found && parse.Context.Selected() == nil {
		for _, command := range parse.Context.Model.Children {
			valid = append(valid, command.Name)
		}
		return usagef("unknown command %s, did you mean %q?", word, nearest.Word(word, valid))
	}
	if flag, _, found := strings.Cut(text, ": expected"); found && strings.Contains(text, `"EOL"`) {
		return usagef("%s lacks its value", flag)
	}
	return err
}
