package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// settings decide the outcome of a run. They are flags of train, and keys of
// config.toml under the same names.
type settings struct {
	Data   string      `toml:"data" default:"digits" help:"What to learn: digits (built in), csv:FILE, parquet:FILE, npy:FILE, npz:FILE, idx:DIR (the files of MNIST, or of a data set like it), text:FILE (or FILE,FILE,..., one after the other), or series:FILE (a table whose rows are in order of time, to forecast)."`
	Target columnNames `toml:"target,omitempty" sep:"none" placeholder:"COLUMN" help:"The column of a table to learn: its name, or its number from 1. Several numbers or labels to learn are several --target."`
	Task   string      `toml:"task" default:"auto" help:"What to learn of a table: classify (classes), regress (numbers), multilabel (targets that hold or not, each by itself), or auto: numbers if the target looks like a quantity, labels if several targets are all true or false."`

	Features   columnNames `toml:"features,omitempty" placeholder:"COLUMN,..." help:"The columns of a table to learn from, by name; by default all but the target."`
	Ignore     columnNames `toml:"ignore,omitempty" placeholder:"COLUMN,..." help:"Columns of a table to leave out, by name."`
	Categories columnNames `toml:"categories,omitempty" placeholder:"COLUMN,..." help:"Columns whose numbers are codes of categories, by name. Columns of text are categories anyway."`
	Missing    string      `toml:"missing" default:"refuse" help:"What to do about missing values of a table: refuse them, take the mean of the training set, drop their rows, or indicator: the mean, and a further feature that says so."`

	streamSettings `embed:""`

	embedSettings `embed:""`

	Steps int `toml:"steps" default:"0" help:"Time steps that the features of a sample are split into; 0 means 8 for digits, the rows of an image for idx, 1 for tables and for mlp. For text, how many units an error goes back; 0 means 100."`

	TextUnits    string `toml:"text-units,omitempty" placeholder:"UNITS" help:"What a text is cut into: char (if not set), byte or word."`
	TextMinCount int    `toml:"text-min-count,omitzero" default:"0" placeholder:"N" help:"Words of a text that occur fewer times all become <unk>."`
	Embedding    int    `toml:"embedding,omitzero" default:"0" placeholder:"N" help:"Width of the vectors that stand for the units of a text, where 0 means 64, or for the categories of --embed, where it means half their number, up to 50."`

	seriesSettings `embed:""`

	Model  string `toml:"model" default:"lstm" help:"lstm, gru, rnn or mlp; or of the literature: grid-lstm, lstm1997, elman, partially-recurrent or fully-recurrent."`
	Hidden int    `toml:"hidden" default:"64" help:"Hidden units per layer."`
	Layers int    `toml:"layers" default:"1" help:"Hidden layers."`
	networkSettings

	rankSettings `embed:""`

	InitFrom string `toml:"init-from,omitempty" placeholder:"RUN" help:"Begin with the parameters of that run or model file, whose network, features and classes must be the same. The features are scaled as there."`

	Loss           string  `toml:"loss" default:"auto" help:"cross-entropy for classes; mse, mae or huber for numbers; bce (binary cross-entropy) for labels; auto: cross-entropy, mse or bce."`
	HuberDelta     float64 `toml:"huber-delta" default:"1" help:"Where the huber loss becomes linear, in standard deviations of the target."`
	ClassWeights   string  `toml:"class-weights" default:"none" help:"none, or balanced: each class weighs the same in all, however few samples it has; where a label holds, as much as where it does not."`
	LabelSmoothing float64 `toml:"label-smoothing" default:"0" help:"Share of the target that goes to all classes alike, 0 to 1."`

	optimizerSettings `embed:""`

	Epochs          int     `toml:"epochs" default:"30" help:"Passes over the training data."`
	Batch           int     `toml:"batch" default:"32" help:"Samples per batch, and per update, unless --accumulate."`
	Optimizer       string  `toml:"optimizer" default:"adam" help:"sgd, rmsprop, adam or adamw."`
	LR              float64 `toml:"lr" name:"lr" default:"0.02" help:"Learning rate."`
	Schedule        string  `toml:"schedule" default:"cosine" help:"How the learning rate changes: constant, step (a tenth after each third of the run) or cosine (down to 0)."`
	Warmup          float64 `toml:"warmup" default:"0.1" help:"Part of the run in which the cosine schedule first rises, 0 to 1."`
	Momentum        float64 `toml:"momentum" default:"0" help:"Momentum of sgd and rmsprop, 0 to 1."`
	WeightDecay     float64 `toml:"weight-decay" default:"0" help:"Weight decay."`
	Clip            float64 `toml:"clip" default:"1" help:"Largest norm of the gradient; 0 means no limit."`
	Patience        int     `toml:"patience" default:"0" help:"Stop after this many epochs without a better validation loss, and keep the best parameters; 0 means never."`
	CheckpointEvery string  `toml:"checkpoint-every" default:"10m" help:"How much may be lost if the process is killed: a time such as 10m, or steps or epochs, such as 1000steps or 2epochs."`
	CheckpointKeep  int     `toml:"checkpoint-keep" default:"2" help:"How many of the newest checkpoints are kept."`
	MetricsEvery    int     `toml:"metrics-every,omitempty" default:"0" help:"Write metrics.jsonl: a JSON object for each epoch, and one after every so many steps; 0 writes none."`
	TensorBoard     bool    `toml:"tensorboard,omitempty" name:"tensorboard" negatable:"" help:"Write an event file for TensorBoard, with the figures of each epoch, and those of the steps of --metrics-every."`
	Seed            int64   `toml:"seed" default:"1" help:"Seed of the initial parameters and of the order of the samples."`
	Device          string  `toml:"device" default:"${device=auto}" help:"auto (the CPU), cpu, cuda or cuda:N (an NVIDIA GPU), gl or gl:N (a GPU with OpenGL), or emulated (the CUDA kernels on the CPU: slow, for tests)."`
	Math            string  `toml:"math" default:"float32" help:"How matrix products are computed: float32; or, on a CPU with AMX, bf16x6 (as exact, and faster), bf16x3 (to 4 digits) or bf16 (to 2), from parts of the numbers; or, where they are faster, on the tensor cores of an NVIDIA GPU of compute capability 8.0 or later, tf32x3 (to 6 digits), tf32 (to 3) or bf16 (to 2)."`
}

// Limits that keep products of sizes within an int64; memory runs out long
// before.
const (
	maxSize   = 10_000_000
	maxLayers = 1_000
)

// maxEpochs keeps the history in a checkpoint, 54 bytes for an epoch, within what the
// format of the file allows.
const maxEpochs = 1_000_000

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
		size("epochs", s.Epochs, maxEpochs),
		size("batch", s.Batch, maxSize),
		{"lr", s.LR, s.LR > 0 && finite(s.LR), "a number above 0"},
		{"warmup", s.Warmup, s.Warmup >= 0 && s.Warmup < 1, "0 or more and less than 1"},
		{"momentum", s.Momentum, s.Momentum >= 0 && s.Momentum < 1, "0 or more and less than 1"},
		{"weight-decay", s.WeightDecay, s.WeightDecay >= 0 && finite(s.WeightDecay), "0 or more"},
		{"clip", s.Clip, s.Clip >= 0 && finite(s.Clip), "0 or more"},
		size("checkpoint-keep", s.CheckpointKeep, maxSize),
		{"patience", s.Patience, s.Patience >= 0, "0 or more"},
		{"metrics-every", s.MetricsEvery, s.MetricsEvery >= 0, "0 or more"},
		{"seed", s.Seed, s.Seed >= 0, "0 or more"},
		{"huber-delta", s.HuberDelta, s.HuberDelta > 0 && finite(s.HuberDelta), "a number above 0"},
		{"label-smoothing", s.LabelSmoothing, s.LabelSmoothing >= 0 && s.LabelSmoothing <= 1, "0 to 1"},
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
		{"task", s.Task, taskKinds()},
		{"missing", s.Missing, missingKinds()},
		{"loss", s.Loss, []string{"auto", "cross-entropy", "mse", "mae", "huber", lossBinary}},
		{"class-weights", s.ClassWeights, []string{"none", "balanced"}},
	} {
		if err := checkOneOf(c.key, c.value, c.valid); err != nil {
			return err
		}
	}
	if err := checkDevice(s.Device); err != nil {
		return err
	}
	if err := checkMath(s.Math, s.Device); err != nil {
		return err
	}
	if s.Momentum > 0 && (s.Optimizer == "adam" || s.Optimizer == "adamw") {
		return &settingError{"momentum", fmt.Sprintf("is %v, but %s has none: it is for sgd and rmsprop", s.Momentum, s.Optimizer)}
	}
	if err := cmp.Or(s.checkOptimizer(), s.checkRanks()); err != nil {
		return err
	}
	if _, err := parseInterval(s.CheckpointEvery); err != nil {
		return &settingError{"checkpoint-every", err.Error()}
	}
	source, err := parseSource(s.Data)
	if err != nil {
		return &settingError{"data", err.Error()}
	}
	if err := cmp.Or(s.checkText(source), s.checkEmbed(source)); err != nil {
		return err
	}
	if err := s.checkNetwork(source); err != nil {
		return err
	}
	if err := s.checkStream(source); err != nil {
		return err
	}
	if err := s.checkSeries(source); err != nil || source.isSeries() {
		return err
	}
	return s.checkTable(source)
}

// checkTable reports a setting of a table that has no meaning.
func (s *settings) checkTable(from source) error {
	if from.isTable() {
		if len(s.Target) == 0 {
			return &settingError{"target", "is missing: it names the column of " + from.path + " to learn"}
		}
		switch {
		case len(s.Features) > 0 && len(s.Ignore) > 0:
			return &settingError{"ignore", "goes without --features, which leaves out all other columns"}
		case s.InitFrom != "" && (len(s.Features)+len(s.Ignore)+len(s.Categories) > 0 || s.Missing != "refuse"):
			return &settingError{"init-from", "takes the columns as that model does; leave out --features, --ignore, --categories and --missing"}
		}
		return nil
	}
	for _, c := range []struct {
		key, value string
		given      bool
	}{
		{"target", strings.Join(s.Target, ","), len(s.Target) > 0},
		{"features", strings.Join(s.Features, ","), len(s.Features) > 0},
		{"ignore", strings.Join(s.Ignore, ","), len(s.Ignore) > 0},
		{"categories", strings.Join(s.Categories, ","), len(s.Categories) > 0},
		{"missing", s.Missing, s.Missing != "refuse"},
		{"task", s.Task, s.Task == taskRegress || s.Task == taskMultilabel},
	} {
		if c.given {
			return &settingError{c.key, fmt.Sprintf("is %q, but only tables have columns", c.value)}
		}
	}
	return nil
}

// columnNames are names of columns. A file of settings may have a single one as text.
type columnNames []string

// String returns the names as they follow a flag.
func (c columnNames) String() string { return strings.Join(c, ",") }

// UnmarshalTOML implements toml.Unmarshaler.
func (c *columnNames) UnmarshalTOML(value any) error {
	*c = nil
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	for _, item := range list {
		name, ok := item.(string)
		if !ok {
			return fmt.Errorf("%v is not the name of a column, in quotes", item)
		}
		*c = append(*c, name)
	}
	return nil
}

// loadFrom returns the network that s asks for, the data prepared for it, and the model
// at initial with which it begins; nil if initial is "". The data may come from stdin, if it is not nil.
func (s *settings) loadFrom(initial string, stdin io.Reader) (*description, sets, *model.File, error) {
	from, err := parseSource(s.Data)
	if err != nil {
		return nil, sets{}, nil, err
	}
	if _, err := s.stack(); err != nil {
		return nil, sets{}, nil, err // before the data are read, which may take long
	}
	from.streamSettings = s.streamSettings
	if from.fromStdin() {
		if from.stdin, err = keepStdin(stdin, s.Cache); err != nil {
			return nil, sets{}, nil, err
		}
		defer from.stdin.close()
	}
	before, file, err := readInitial(initial)
	if err != nil {
		return nil, sets{}, nil, err
	}
	var parts sets
	switch {
	case from.kind == "text":
		parts, err = s.loadText(from, before)
	case from.isSeries():
		parts, err = s.loadSeries(from, before)
	default:
		parts, err = from.load(s.tableChoice(), before)
	}
	if err != nil {
		return nil, sets{}, nil, err
	}
	d, err := s.describe(from, parts)
	if err != nil {
		return nil, sets{}, nil, err
	}
	if err := s.checkGroups(d); err != nil {
		return nil, sets{}, nil, err
	}
	if before != nil {
		if err := d.checkInitial(initial, before); err != nil {
			return nil, sets{}, nil, err
		}
	}
	if d.ofText() {
		return d, parts, file, nil // the steps are those of its streams
	}
	for _, part := range parts.each() {
		if *part, err = (*part).WithSteps(d.Steps); err != nil {
			return nil, sets{}, nil, err
		}
	}
	return d, parts, file, nil
}

// resolvePaths makes the paths in s independent of the current directory.
func (s *settings) resolvePaths() error {
	from, err := parseSource(s.Data)
	if err != nil {
		return err
	}
	if from.path != "" && !from.fromStdin() {
		from = from.withPaths(func(path string) string {
			path, failed := filepath.Abs(path)
			err = cmp.Or(err, failed)
			return path
		})
		if err != nil {
			return err
		}
		s.Data = from.kind + ":" + from.path
	}
	if s.Cache != "" {
		if s.Cache, err = filepath.Abs(s.Cache); err != nil {
			return err
		}
	}
	if s.Network != "" {
		if s.Network, err = filepath.Abs(s.Network); err != nil {
			return err
		}
	}
	if s.InitFrom == "" {
		return nil
	}
	if s.InitFrom, err = findRun(s.InitFrom); err != nil {
		return err
	}
	s.InitFrom, err = filepath.Abs(s.InitFrom)
	return err
}

// options translates s for the training of d.
func (s *settings) options(d *description, set *data.Dataset) train.Options {
	samples := set.Len()
	o := train.Options{
		Loss: s.trainingLoss(d, set), LR: s.LR, ClipNorm: s.Clip,
		Epochs: s.Epochs, Batch: s.Batch, Seed: uint64(s.Seed), Patience: s.Patience, KeepBest: true,
	}
	o.Streams = s.ofText()
	o.Optimizer, o.Groups, o.Accumulate, o.EMA = s.optimizer(s.WeightDecay), s.groups(), s.Accumulate, s.EMA
	steps := s.Epochs * s.updates(samples)
	switch s.Schedule {
	case "step":
		o.Schedule = train.StepDecay{Every: (steps + 2) / 3, Gamma: 0.1}
	case "cosine":
		o.Schedule = train.Cosine{Warmup: int(s.Warmup * float64(steps)), Total: steps}
	}
	return o
}

// checkOneOf reports a setting that has none of the valid values.
func checkOneOf(key, value string, valid []string) error {
	if slices.Contains(valid, value) {
		return nil
	}
	return notOneOf(key, value, valid)
}

func notOneOf(key, value string, valid []string) error {
	return &choiceError{&settingError{key, fmt.Sprintf("is %q, not one of %s; %s",
		value, strings.Join(valid, ", "), hint(value, valid, "choose one of them"))}, valid}
}

// choiceError is a setting that has none of the valid values.
type choiceError struct {
	*settingError
	valid []string
}

func (e *choiceError) Unwrap() error { return e.settingError }

// outOfRange reports a setting whose number makes no sense.
func outOfRange(key string, value any, want string) error {
	return &settingError{key, fmt.Sprintf("is %v; it must be %s", value, want)}
}

// settingError is a setting with an invalid value.
type settingError struct{ key, why string }

func (e *settingError) Error() string { return "--" + e.key + " " + e.why }
