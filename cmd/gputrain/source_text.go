package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gputrain/data"
	"gputrain/train"
)

// Sizes of a network for text that are not set.
const (
	textSteps     = 100
	textEmbedding = 64
)

// pathSeparator stands between the files of a text.
const pathSeparator = ","

// paths returns the files of s.
func (s source) paths() []string {
	if s.kind == "text" {
		return strings.Split(s.path, pathSeparator)
	}
	return []string{s.path}
}

// withPaths returns s with other files in place of its own.
func (s source) withPaths(change func(path string) string) source {
	paths := s.paths()
	for i, path := range paths {
		paths[i] = change(path)
	}
	s.path = strings.Join(paths, pathSeparator)
	return s
}

// checkText reports the first setting of text that makes no sense.
func (s *settings) checkText(from source) error {
	if from.kind != "text" {
		for _, c := range []struct {
			key   string
			value any
			set   bool
		}{
			{"text-units", s.TextUnits, s.TextUnits != ""}, {"text-min-count", s.TextMinCount, s.TextMinCount != 0}, {"embedding", s.Embedding, s.Embedding != 0 && !from.isTable()},
		} {
			if c.set {
				return &settingError{c.key, fmt.Sprintf("is %v, but only text data take it: --data text:FILE", c.value)}
			}
		}
		return nil
	}
	switch {
	case slices.Contains(from.paths(), ""):
		return &settingError{"data", fmt.Sprintf("is %q, but a path is missing, as in text:FILE,FILE", s.Data)}
	case s.TextMinCount < 0:
		return outOfRange("text-min-count", s.TextMinCount, "0 or more")
	case s.TextMinCount > 0 && s.TextUnits != string(data.Words):
		return &settingError{"text-min-count", fmt.Sprintf("is %d, but it is for --text-units word", s.TextMinCount)}
	case s.ClassWeights != "none":
		return &settingError{"class-weights", fmt.Sprintf("is %q, but a text has no classes", s.ClassWeights)}
	case s.Loss != "auto" && s.Loss != "cross-entropy":
		return &settingError{"loss", fmt.Sprintf("is %q, but a text is learned by its cross-entropy", s.Loss)}
	case s.Embedding < 0 || s.Embedding > maxSize:
		return outOfRange("embedding", s.Embedding, fmt.Sprintf("0 to %d", maxSize))
	case s.Steps > maxSize:
		return outOfRange("steps", s.Steps, fmt.Sprintf("0 to %d", maxSize))
	case s.Model == "mlp":
		return &settingError{"model", "is mlp, which has no memory for text; choose lstm, gru or rnn"}
	}
	if s.TextUnits == "" {
		return nil
	}
	return checkOneOf("text-units", s.TextUnits, []string{string(data.Characters), string(data.Bytes), string(data.Words)})
}

// ofText reports whether s is about text.
func (s *settings) ofText() bool { return strings.HasPrefix(s.Data, "text:") }

// textUnits returns what s says, or what it leaves open.
func (s *settings) textUnits() data.TextUnits {
	if s.TextUnits == "" {
		return data.Characters
	}
	return data.TextUnits(s.TextUnits)
}

func (s *settings) textSteps() int {
	if s.Steps == 0 {
		return textSteps
	}
	return s.Steps
}

// Where the parts of a text end. The beginning is learned from.
const (
	trainPart = 0.9
	validPart = 0.95
)

// loadText reads the text and cuts it: the last tenth is held out, one half to choose
// between models, the other for the final figure. before is the model to begin with, if
// there is one, whose vocabulary it then is.
func (s *settings) loadText(from source, before *description) (parts sets, err error) {
	o := data.TextOptions{Units: s.textUnits(), MinCount: s.TextMinCount}
	if before != nil {
		if o.Vocabulary, err = before.textVocabulary(o.Units); err != nil {
			return sets{}, fmt.Errorf("--init-from: %w", err)
		}
	}
	text, err := data.OpenText(from.paths(), o)
	if err != nil {
		return sets{}, err
	}
	valid, test := cutText(len(text.IDs))
	if parts.train, err = data.Streams(text.IDs[:valid], s.Batch, s.textSteps()); err != nil {
		return sets{}, fmt.Errorf("%v: the text to learn from is too short: %w; they are --batch and --steps", from, err)
	}
	for _, part := range []struct {
		set **data.Dataset
		ids []int32
	}{{&parts.valid, text.IDs[valid:test]}, {&parts.test, text.IDs[test:]}} {
		if *part.set, err = heldOut(part.ids); err != nil {
			return sets{}, fmt.Errorf("%v: the text is too short to hold out two twentieths: %w", from, err)
		}
	}
	parts.vocabulary = text.Vocabulary
	parts.notes = textNotes(from, text)
	unit := text.Vocabulary.Units.Name()
	parts.notes = append(parts.notes, fmt.Sprintf("%ss: %d to train on, in %d streams of %s of %d steps; %d to validate, %d to test",
		unit, len(parts.train.Labels), s.Batch, plural(parts.train.Len()/s.Batch, "part", "parts"), s.textSteps(), len(parts.valid.Labels), len(parts.test.Labels)))
	return parts, nil
}

// cutText returns where the validation part and the test part of a text begin.
func cutText(length int) (valid, test int) {
	return int(trainPart * float64(length)), int(validPart * float64(length))
}

// heldOut arranges text to be judged: in streams long enough that their beginnings,
// where the network knows nothing yet, do not count.
func heldOut(ids []int32) (*data.Dataset, error) {
	const length, most = 4096, 64
	streams := min(max(1, len(ids)/length), most)
	return data.Streams(ids, streams, max(1, (len(ids)-1)/streams))
}

// textNotes says what was understood of a text.
func textNotes(from source, text *data.Text) []string {
	v := text.Vocabulary
	unit := v.Units.Name()
	line := fmt.Sprintf("%v: %s", from, plural(len(text.IDs), unit, unit+"s"))
	if v.Units == data.Bytes {
		return []string{line}
	}
	line += fmt.Sprintf("; the vocabulary has %d", v.Len())
	var names []string
	for _, token := range v.Tokens()[:min(v.Len(), 10)] {
		names = append(names, fmt.Sprintf("%q", token))
	}
	if line += ": " + strings.Join(names, " "); len(names) < v.Len() {
		line += " ..."
	}
	if text.Unknown > 0 {
		line += fmt.Sprintf("; %d (%.2g %%) are %s", text.Unknown, 100*float64(text.Unknown)/float64(len(text.IDs)), data.Unknown)
	}
	return []string{line}
}

// describeText is describe for a text.
func (s *settings) describeText(from source, parts sets) (*description, error) {
	stack, err := s.stack()
	if err != nil {
		return nil, err
	}
	d := &description{
		Format: descriptionFormat, Data: from.public(), Steps: s.textSteps(), Width: 1,
		Units: string(parts.vocabulary.Units), Vocabulary: parts.vocabulary.Tokens(), Embedding: s.Embedding,
	}
	if d.Embedding == 0 {
		d.Embedding = textEmbedding
	}
	d.setStack(stack)
	return d, d.check()
}

// ofText reports whether the network that d describes reads text.
func (d *description) ofText() bool { return d.Units != "" }

// checkText reports what no network for text can have.
func (d *description) checkText() error {
	switch {
	case d.Embedding < 1 || d.Embedding > maxSize:
		return fmt.Errorf("embedding is %d, want 1 to %d", d.Embedding, maxSize)
	case d.Width != 1:
		return fmt.Errorf("width is %d, want 1 for text", d.Width)
	case d.Model == "mlp":
		return errors.New("model is mlp, which cannot read text")
	case d.Classes != nil || d.Features != nil || d.Shift != nil || d.Factor != nil:
		return errors.New("it has classes, features or their scaling, but learned from text")
	case d.Units == string(data.Bytes) && d.Vocabulary != nil:
		return errors.New("it has a vocabulary, but bytes have none")
	}
	_, err := data.NewVocabulary(data.TextUnits(d.Units), d.Vocabulary)
	return err
}

// textVocabulary returns the vocabulary of a network that reads units.
func (d *description) textVocabulary(units data.TextUnits) (*data.Vocabulary, error) {
	switch {
	case !d.ofText():
		return nil, fmt.Errorf("the model learned from %s, not from text", d.Data)
	case string(units) != d.Units:
		return nil, fmt.Errorf("the model reads %ss, not %ss", data.TextUnits(d.Units).Name(), units.Name())
	}
	return data.NewVocabulary(units, d.Vocabulary)
}

// loadText returns the text to measure a model on: all of it, or, of the text that
// the model learned from, the end.
func (c *evalCommand) loadText(from source, d *description) (*data.Dataset, []string, error) {
	v, err := d.textVocabulary(data.TextUnits(d.Units))
	if err != nil {
		return nil, nil, fmt.Errorf("%v: %w", from, err)
	}
	text, err := data.OpenText(from.paths(), data.TextOptions{Units: v.Units, Vocabulary: v})
	if err != nil {
		return nil, nil, err
	}
	notes := textNotes(from, text)
	if c.Data == "" {
		_, test := cutText(len(text.IDs))
		text.IDs = text.IDs[test:]
	}
	set, err := heldOut(text.IDs)
	if err != nil {
		return nil, nil, fmt.Errorf("%v: the text is too short: %w", from, err)
	}
	unit := v.Units.Name()
	return set, append(notes, plural(len(set.Labels), unit, unit+"s")+" to test"), nil
}

// textFigures says how well the next unit of a text is predicted.
func textFigures(loss float64, units string) string {
	return fmt.Sprintf("%.4f nats per %s (%.4f bits, perplexity %.4g)", loss, data.TextUnits(units).Name(), loss/math.Ln2, math.Exp(loss))
}

// textResult is what the results of text have besides.
type textResult struct {
	Unit       string     `json:"unit,omitempty"` // of which there is one loss in test_loss, in nats
	Bits       jsonNumber `json:"test_bits,omitempty"`
	Perplexity jsonNumber `json:"test_perplexity,omitempty"`
}

func newTextResult(m train.Metrics, units string) textResult {
	if units == "" {
		return textResult{}
	}
	return textResult{data.TextUnits(units).Name(), jsonNumber(m.Loss / math.Ln2), jsonNumber(math.Exp(m.Loss))}
}
