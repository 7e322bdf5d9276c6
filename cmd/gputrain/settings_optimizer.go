package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// optimizerSettings say more about how the parameters are updated.
type optimizerSettings struct {
	Decay      string            `toml:"decay" default:"all" help:"What --weight-decay acts on: all parameters, or weights: no biases, gains of layer norm and peepholes, as is usual in PyTorch."`
	Freeze     parameterPatterns `toml:"freeze,omitempty" placeholder:"NAME,..." help:"Parameters that keep their values: names such as head.bias, or patterns such as lstm.* (in quotes)."`
	LROf       parameterPatterns `toml:"lr-of,omitempty" name:"lr-of" placeholder:"NAME=FACTOR,..." help:"Parameters whose learning rate is so many times --lr, by names or patterns."`
	Accumulate int               `toml:"accumulate" default:"1" placeholder:"N" help:"Batches per update. Several small ones are learned like a large one, in the memory of a small one."`
	EMA        float64           `toml:"ema" name:"ema" default:"0" placeholder:"DECAY" help:"Keep an average of the parameters, which forgets older ones by this factor per update, such as 0.999. It is validated, and is the model. 0 means none."`
}

// parameterPatterns are names of parameters, or patterns of names. A file of settings may
// have a single one as text.
type parameterPatterns []string

// String returns the patterns as they follow a flag.
func (p parameterPatterns) String() string { return columnNames(p).String() }

// UnmarshalTOML implements toml.Unmarshaler.
func (p *parameterPatterns) UnmarshalTOML(value any) error {
	return (*columnNames)(p).UnmarshalTOML(value)
}

// checkOptimizer reports a setting with an invalid value.
func (s *settings) checkOptimizer() error {
	if err := checkOneOf("decay", s.Decay, []string{"all", "weights"}); err != nil {
		return err
	}
	switch {
	case s.Accumulate < 1 || s.Accumulate > maxSize:
		return outOfRange("accumulate", s.Accumulate, fmt.Sprintf("1 to %d", maxSize))
	case !(s.EMA >= 0 && s.EMA < 1):
		return outOfRange("ema", s.EMA, "0 or more and less than 1")
	}
	for _, text := range s.LROf {
		if _, _, err := parseFactor(text); err != nil {
			return err
		}
	}
	return nil
}

// parseFactor reads what follows --lr-of.
func parseFactor(text string) (pattern string, factor float64, err error) {
	pattern, number, ok := strings.Cut(text, "=")
	if factor, err = strconv.ParseFloat(number, 64); !ok || err != nil || !(factor > 0 && factor <= maxSize) {
		return "", 0, &settingError{"lr-of", fmt.Sprintf("is %q; it must be a name and a factor above 0, such as head.*=10", text)}
	}
	return pattern, factor, nil
}

// checkGroups reports settings that have no effect, and names that the network of d does
// not have.
func (s *settings) checkGroups(d *description) error {
	if s.Decay == "weights" && s.WeightDecay == 0 { // which may be in a file and a flag
		return &settingError{"decay", `is "weights", but nothing decays: give a --weight-decay above 0`}
	}
	names := parameterNames(d)
	for _, text := range s.LROf {
		pattern, _, err := parseFactor(text)
		if err != nil {
			return err
		}
		if _, err := train.MatchNames(pattern, names); err != nil {
			return &settingError{"lr-of", fmt.Sprintf("is %q, but %v", text, err)}
		}
	}
	left := names
	for _, pattern := range s.Freeze {
		frozen, err := train.MatchNames(pattern, names)
		if err != nil {
			return &settingError{"freeze", fmt.Sprintf("is %q, but %v", s.Freeze.String(), err)}
		}
		left = slices.DeleteFunc(slices.Clone(left), func(name string) bool { return slices.Contains(frozen, name) })
	}
	if len(left) == 0 {
		return &settingError{"freeze", fmt.Sprintf("is %q, which are all parameters: nothing would be learned", s.Freeze.String())}
	}
	return nil
}

// parameterNames returns the names of the parameters of a network that is not built yet.
func parameterNames(d *description) []string {
	var names []string
	shape := d.input(1)
	for _, stage := range d.spec() {
		for _, p := range stage.Layer.Parameters(shape) {
			names = append(names, stage.Name+"."+p.Name)
		}
		out, err := stage.Layer.Output(shape)
		if err != nil {
			break // which model.New explains
		}
		shape = out
	}
	return names
}

// optimizer returns the one that s asks for.
func (s *settings) optimizer(weightDecay float64) train.Optimizer {
	switch s.Optimizer {
	case "sgd":
		return train.SGD{Momentum: s.Momentum, WeightDecay: weightDecay}
	case "rmsprop":
		return train.RMSProp{Momentum: s.Momentum, WeightDecay: weightDecay}
	case "adam":
		return train.Adam{WeightDecay: weightDecay}
	}
	return train.AdamW{WeightDecay: weightDecay}
}

// groups returns the parameters that are updated in another way than the rest.
func (s *settings) groups() []train.Group {
	var groups []train.Group
	if s.Decay == "weights" {
		groups = append(groups, train.Group{Vectors: true, Optimizer: s.optimizer(0)})
	}
	for _, text := range s.LROf {
		if pattern, factor, err := parseFactor(text); err == nil { // as check has seen
			groups = append(groups, train.Group{Parameters: []string{pattern}, LRFactor: factor})
		}
	}
	if len(s.Freeze) > 0 {
		groups = append(groups, train.Group{Parameters: s.Freeze, Frozen: true})
	}
	return groups
}

// updates returns how many updates an epoch of so many samples makes.
func (s *settings) updates(samples int) int {
	batches := (samples + s.Batch - 1) / s.Batch
	return (batches + s.Accumulate - 1) / s.Accumulate
}

// update makes one update with batch, again and again if there is --accumulate.
func (s *settings) update(trainer *train.Trainer, batch data.Batch) {
	for range s.Accumulate {
		trainer.Step(batch)
	}
}

// updateNotes says what is unusual about the updates of net.
func (s *settings) updateNotes(net *model.Network) []string {
	var notes []string
	frozen := 0
	for _, p := range net.Parameters() {
		if slices.ContainsFunc(s.Freeze, func(pattern string) bool {
			matches, err := train.MatchNames(pattern, []string{p.Name})
			return err == nil && len(matches) > 0
		}) {
			frozen += p.Value.Size()
		}
	}
	if frozen > 0 {
		notes = append(notes, fmt.Sprintf("%d of %s are frozen", frozen, plural(net.Count(), "parameter", "parameters")))
	}
	if s.Accumulate > 1 {
		notes = append(notes, fmt.Sprintf("%d batches of %d make one update", s.Accumulate, s.Batch))
	}
	if s.EMA > 0 {
		notes = append(notes, fmt.Sprintf("the model is an average of the parameters, with a decay of %v per update", s.EMA))
	}
	return notes
}
