package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// largestSweep bounds a sweep.
const largestSweep = 1000

// The tables of the file of a sweep. The keys above them are settings that all trials
// have.
const (
	varyTable    = "vary"
	searchTable  = "search"
	halvingTable = "halving"
)

func sweepTables() []string { return []string{varyTable, searchTable, halvingTable} }

// sweepPlan is what the file of a sweep asks for.
type sweepPlan struct {
	variables []variable // in the order of the file
	choice
	trials []settings // with paths that are absolute
}

// choice is how trials are chosen, and which are the best.
type choice struct {
	Search  search   `toml:"search"`
	Halving *halving `toml:"halving"`
}

// search is how the variables are combined: each value of one with each of the others,
// or drawn at random.
type search struct {
	Trials int    `toml:"trials"` // drawn; 0 means all combinations
	Seed   int64  `toml:"seed"`
	By     string `toml:"by"` // the column of metrics.csv that compares trials
}

// variable is a setting that differs between trials.
type variable struct {
	key    string
	values []any // of which one is taken, or
	limits *limits
}

// limits are those of numbers that are drawn.
type limits struct {
	min, max   float64
	log, whole bool
}

// readSweep reads the file of a sweep. name is that of the file, for errors.
func readSweep(name string, text []byte) (*sweepPlan, error) {
	constants := map[string]any{}
	meta, err := toml.Decode(string(text), &constants)
	if err != nil {
		return nil, notTOML(name, string(text), err)
	}
	p := &sweepPlan{}
	if p.choice, err = readChoice(name, string(text)); err != nil {
		return nil, err
	}
	vary, ok := constants[varyTable].(map[string]any)
	for _, table := range sweepTables() {
		delete(constants, table)
	}
	if err := checkConstants(name, text, constants); err != nil {
		return nil, err
	}
	if !ok || len(vary) == 0 {
		return nil, usagef("%s: the table [%s] is missing: it lists the settings that vary, such as lr = [0.01, 0.1]", name, varyTable)
	}
	for _, path := range meta.Keys() {
		if len(path) != 2 || path[0] != varyTable {
			continue
		}
		key := path[1]
		if _, both := constants[key]; both {
			return nil, usagef("%s: %s is among the settings that all trials have, and in [%s]; take it out of one of them", name, key, varyTable)
		}
		v, err := readVariable(key, vary[key])
		if err != nil {
			return nil, usagef("%s: [%s] %s %w", name, varyTable, key, err)
		}
		p.variables = append(p.variables, v)
	}
	delete(constants, formatKey)
	combinations, err := p.combine()
	if err != nil {
		return nil, usagef("%s: %w", name, err)
	}
	for i, values := range combinations {
		s, err := p.trial(name, text, constants, values)
		if err != nil {
			return nil, fmt.Errorf("%w (trial %d: %s)", err, i+1, p.describe(values))
		}
		p.trials = append(p.trials, s)
	}
	return p, p.checkChoice(name)
}

// readChoice reads the tables [search] and [halving].
func readChoice(name, text string) (c choice, err error) {
	meta, err := toml.Decode(text, &c)
	if err != nil {
		return c, notTOML(name, text, err)
	}
	valid := map[string][]string{searchTable: {"trials", "seed", "by"}, halvingTable: {"eta", "epochs"}}
	for _, path := range meta.Undecoded() {
		if keys := valid[path[0]]; keys != nil && len(path) > 1 {
			return c, usagef("%s: [%s] has the unknown key %q, %s", name, path[0], path[1], hint(path[1], keys, "it takes "+strings.Join(keys, ", ")))
		}
	}
	if c.Search.By == "" {
		c.Search.By = "validation_loss"
	}
	if meta.IsDefined(searchTable, "trials") && (c.Search.Trials < 1 || c.Search.Trials > largestSweep) {
		return c, usagef("%s: [%s] trials is %d; it must be 1 to %d", name, searchTable, c.Search.Trials, largestSweep)
	}
	if h := c.Halving; h != nil {
		if !meta.IsDefined(halvingTable, "eta") {
			h.Eta = 3
		}
		if !meta.IsDefined(halvingTable, "epochs") {
			h.Epochs = 1
		}
		if h.Eta < 2 || h.Eta > largestSweep {
			return c, usagef("%s: [%s] eta is %d; it must be 2 to %d", name, halvingTable, h.Eta, largestSweep)
		}
	}
	figures := slices.DeleteFunc(slices.Clone(metricsColumns), func(name string) bool { return !strings.HasPrefix(name, "validation_") })
	if !slices.Contains(figures, c.Search.By) {
		return c, usagef("%s: [%s] by is %q, not one of %s", name, searchTable, c.Search.By, strings.Join(figures, ", "))
	}
	return c, nil
}

// checkConstants reports a setting that is none, or has a value of another type.
func checkConstants(name string, text []byte, constants map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(constants)) {
		line, value := lineOf(text, key), constants[key]
		if key == formatKey {
			if value != int64(runFormat) {
				return usagef("%s:%d: format is %v, this version of gputrain knows %d only", name, line, value, runFormat)
			}
			continue
		}
		if err := checkType(key, value, sweepTables()...); err != nil {
			return usagef("%s:%d: %s %w", name, line, key, err)
		}
	}
	return nil
}

// checkType reports a key that is no setting, or a value that is not of its type. others
// are keys that the user may have meant too.
func checkType(key string, value any, others ...string) error {
	if valid := settingKeys(); !slices.Contains(valid, key) {
		return fmt.Errorf("is an unknown key, %s", hint(key, append(others, valid...), "the keys are the flags of gputrain train, without the hyphens"))
	}
	text, err := toml.Marshal(map[string]any{key: value})
	if err != nil {
		return fmt.Errorf("is %v: %s", value, strings.TrimPrefix(err.Error(), "toml: "))
	}
	if _, err := toml.Decode(string(text), &settings{}); err != nil {
		_, why, _ := strings.Cut(err.Error(), "): ") // behind the place in text
		return fmt.Errorf("is %v: %s", value, why)
	}
	return nil
}

// readVariable reads a list of values, or limits.
func readVariable(key string, value any) (v variable, err error) {
	v = variable{key: key}
	switch value := value.(type) {
	case []any:
		v.values = value
	case map[string]any:
		v.limits, err = readLimits(key, value)
		return v, err
	default:
		return v, fmt.Errorf("is %v; it must be a list of values, or limits such as {min = 1e-4, max = 0.1, log = true}", value)
	}
	if len(v.values) == 0 {
		return v, errors.New("is an empty list")
	}
	for i, value := range v.values {
		if err := checkType(key, value); err != nil {
			return v, err
		}
		if slices.ContainsFunc(v.values[:i], func(before any) bool { return reflect.DeepEqual(before, value) }) {
			return v, fmt.Errorf("has the value %v twice", value)
		}
	}
	return v, nil
}

func readLimits(key string, table map[string]any) (*limits, error) {
	l := &limits{}
	if err := checkType(key, int64(1)); err != nil {
		return nil, fmt.Errorf("has limits, but is no number: %w", err)
	}
	l.whole = checkType(key, 0.5) != nil
	number := func(name string) (x float64, err error) {
		switch value := table[name].(type) {
		case int64:
			return float64(value), nil
		case float64:
			if !l.whole || value == math.Trunc(value) {
				return value, nil
			}
		case nil:
			return 0, fmt.Errorf("lacks %s: limits are min and max, and perhaps log = true", name)
		}
		return 0, fmt.Errorf("has the %s %v, which is not a number of its kind", name, table[name])
	}
	var err error
	if l.min, err = number("min"); err != nil {
		return nil, err
	}
	if l.max, err = number("max"); err != nil {
		return nil, err
	}
	log, isBool := table["log"].(bool)
	for name := range table {
		if !slices.Contains([]string{"min", "max", "log"}, name) {
			return nil, fmt.Errorf("has %q, but limits are min and max, and perhaps log = true", name)
		}
	}
	if l.log = log; table["log"] != nil && !isBool {
		return nil, fmt.Errorf("has log = %v; it must be true or false", table["log"])
	}
	const largest = 1 << 53 // of the whole numbers that float64 has all of
	switch {
	case !(l.min < l.max) || math.IsInf(l.max-l.min, 0):
		return nil, fmt.Errorf("has limits from %v to %v; max must be above min", l.min, l.max)
	case l.whole && max(-l.min, l.max) > largest:
		return nil, fmt.Errorf("has limits from %v to %v, which are too large", l.min, l.max)
	case l.log && l.min <= 0:
		return nil, fmt.Errorf("has log = true, but the min %v; it must be above 0", l.min)
	}
	return l, nil
}

// combine returns the values of the variables in each trial.
func (p *sweepPlan) combine() ([][]any, error) {
	if p.Search.Trials > 0 {
		return p.draw()
	}
	combinations := [][]any{nil}
	for _, v := range p.variables {
		if v.limits != nil {
			return nil, fmt.Errorf("[%s] %s has limits, which take a number of trials to draw: [%s] trials = 20", varyTable, v.key, searchTable)
		}
		if len(combinations)*len(v.values) > largestSweep {
			return nil, fmt.Errorf("the values of [%s] have more than %d combinations; draw some of them with [%s] trials = 20", varyTable, largestSweep, searchTable)
		}
		var more [][]any
		for _, values := range combinations {
			for _, value := range v.values {
				more = append(more, append(slices.Clone(values), value))
			}
		}
		combinations = more
	}
	return combinations, nil
}

// draw draws the values of different trials. Those of a longer sweep begin with those of
// a shorter one.
func (p *sweepPlan) draw() (combinations [][]any, err error) {
	const enough = 1000 // draws in a row that bring nothing new
	seen := map[string]bool{}
	for draws, last := 0, 0; len(combinations) < p.Search.Trials; draws++ {
		if draws-last > enough {
			return nil, fmt.Errorf("[%s] trials is %d, but %d draws in a row brought nothing new after %d different trials", searchTable, p.Search.Trials, enough, len(combinations))
		}
		rng := rand.New(rand.NewPCG(uint64(p.Search.Seed), uint64(draws)))
		var values []any
		for _, v := range p.variables {
			values = append(values, v.draw(rng))
		}
		if name := p.describe(values); !seen[name] {
			seen[name], last = true, draws
			combinations = append(combinations, values)
		}
	}
	return combinations, nil
}

// draw draws a value; if that is no whole number, one of four digits, which can be read.
func (v *variable) draw(rng *rand.Rand) any {
	l := v.limits
	if l == nil {
		return v.values[rng.IntN(len(v.values))]
	}
	low, high := l.min, l.max
	if l.whole { // so that the limits are as probable as what is between them
		low, high = low-0.5, high+0.5
	}
	x := low + rng.Float64()*(high-low)
	if l.log {
		x = low * math.Pow(high/low, rng.Float64())
	}
	if l.whole {
		return int64(min(max(math.Round(x), l.min), l.max))
	}
	x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64)
	return min(max(x, l.min), l.max)
}

// describe lists values of the variables: "lr 0.1, hidden 64".
func (p *sweepPlan) describe(values []any) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = fmt.Sprintf("%s %s", p.variables[i].key, formatSetting(value))
	}
	return strings.Join(texts, ", ")
}

// formatSetting formats the value of a setting for people.
func formatSetting(value any) string {
	if list, ok := value.([]any); ok {
		texts := make([]string, len(list))
		for i, item := range list {
			texts[i] = fmt.Sprint(item)
		}
		return strings.Join(texts, ",")
	}
	return fmt.Sprint(value)
}

// trial returns the settings of a trial. name and text are those of the file.
func (p *sweepPlan) trial(name string, text []byte, constants map[string]any, values []any) (s settings, err error) {
	all := maps.Clone(constants)
	for i, v := range p.variables {
		all[v.key] = values[i]
	}
	encoded, err := toml.Marshal(all)
	if err != nil {
		return s, usagef("%s: %w", name, err)
	}
	if s, _, err = decodeSettings(name, string(encoded)); err != nil {
		return s, err
	}
	var bad *settingError
	switch err := s.check(); {
	case errors.As(err, &bad):
		if _, constant := constants[bad.key]; constant {
			return s, usagef("%s:%d: %s %s", name, lineOf(text, bad.key), bad.key, bad.why)
		}
		return s, usagef("%s: %s %s", name, bad.key, bad.why)
	case err != nil:
		return s, err
	}
	return s, s.resolvePaths()
}

// checkChoice reports trials that cannot be compared as the file asks.
func (p *sweepPlan) checkChoice(name string) error {
	h := p.Halving
	if h == nil {
		return nil
	}
	if slices.ContainsFunc(p.variables, func(v variable) bool { return v.key == "epochs" }) {
		return usagef("%s: [%s] compares trials after the same number of epochs: take epochs out of [%s]", name, halvingTable, varyTable)
	}
	if epochs := p.trials[0].Epochs; h.Epochs < 1 || h.Epochs >= epochs {
		return usagef("%s: [%s] epochs is %d; it must be 1 or more, and less than the %d of a trial", name, halvingTable, h.Epochs, epochs)
	}
	return nil
}

// incomparable returns the variables that change what the validation loss means.
func (p *sweepPlan) incomparable() (keys []string) {
	meaning := []string{"data", "target", "task", "missing", "text-units", "text-min-count", "loss", "huber-delta", "class-weights", "label-smoothing"}
	for _, v := range p.variables {
		if slices.Contains(meaning, v.key) {
			keys = append(keys, v.key)
		}
	}
	return keys
}
