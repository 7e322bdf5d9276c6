package main

import (
	"fmt"
	"io"

	"gputrain/data"
)

type generateCommand struct {
	Model       string  `required:"" placeholder:"RUN" help:"Directory of a run on text, latest for the one in runs that began last, or a model file."`
	Prompt      string  `placeholder:"TEXT" help:"Text to go on with, which is printed first; by default the beginning of a line."`
	Length      int     `default:"500" help:"How many characters, bytes or words follow, as the model has learned them."`
	Temperature float64 `default:"1" help:"Below 1 the probable becomes more probable, above 1 less; 0 takes the most probable always."`
	TopK        int     `name:"top-k" default:"0" placeholder:"K" help:"Draw from the K most probable only; 0 means all."`
	TopP        float64 `name:"top-p" default:"1" placeholder:"P" help:"Draw from the most probable ones only that together have the probability P."`
	Seed        int64   `default:"1" help:"Another seed gives another text."`
	Device      string  `default:"auto" help:"As for train."`
	Math        string  `default:"float32" help:"As for train."`
}

// Help is what "gputrain generate --help" says in more detail.
func (*generateCommand) Help() string {
	return `Writes text in the manner of the text that the model learned from, as it comes. The same seed, model and settings give the same text. --top-k counts before --top-p, and both after --temperature. On a terminal, control characters of the text are shown, not obeyed.`
}

func (c *generateCommand) check() error {
	finite := func(x float64) bool { return x-x == 0 }
	for _, r := range []struct {
		key   string
		value any
		ok    bool
		want  string
	}{
		{"length", c.Length, c.Length >= 0, "0 or more"},
		{"temperature", c.Temperature, c.Temperature >= 0 && finite(c.Temperature), "0 or more"},
		{"top-k", c.TopK, c.TopK >= 0, "0 or more"},
		{"top-p", c.TopP, c.TopP > 0 && c.TopP <= 1, "above 0, and at most 1"},
		{"seed", c.Seed, c.Seed >= 0, "0 or more"},
	} {
		if !r.ok {
			return outOfRange(r.key, r.value, r.want)
		}
	}
	if err := checkDevice(c.Device); err != nil {
		return err
	}
	return checkMath(c.Math, c.Device)
}

// Run goes on with a text.
func (c *generateCommand) Run(con console) error {
	if err := c.check(); err != nil {
		return err
	}
	path, err := findRun(c.Model)
	if err != nil {
		return err
	}
	d, file, err := readModel(path)
	if err != nil {
		return err
	}
	if !d.ofText() {
		return fmt.Errorf("%s learned from %s, not from text; gputrain predict applies it", path, d.Data)
	}
	vocabulary, err := data.NewVocabulary(data.TextUnits(d.Units), d.Vocabulary)
	if err != nil {
		return err
	}
	prompt, err := c.prompt(vocabulary)
	if err != nil {
		return err
	}
	b, note, err := openDevice(c.Device, c.Math)
	if err != nil {
		return err
	}
	defer b.Close()
	if c.Device != "auto" && note != "" {
		printLine(con.err, note)
	}
	writer, err := newTextWriter(b, d, file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	out := &textPrinter{out: con.out, vocabulary: vocabulary, before: -1}
	if c.Prompt != "" {
		if err := out.print(prompt...); err != nil {
			return err
		}
	}
	draw := newSampler(c.Temperature, c.TopK, c.TopP, uint64(c.Seed))
	err = writer.read(prompt)
	for range c.Length {
		if err != nil {
			break
		}
		id := draw.next(writer.logits)
		if err = out.print(id); err == nil {
			err = writer.read([]int32{id})
		}
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(con.out, "\n")
	return err
}

// prompt returns the ids to begin after.
func (c *generateCommand) prompt(v *data.Vocabulary) ([]int32, error) {
	text := c.Prompt
	if text == "" {
		text = "\n"
	}
	ids, err := v.Encode(text)
	switch {
	case err != nil && c.Prompt == "":
		return nil, usagef("--prompt is missing: the text that the model learned from has one line only")
	case err != nil:
		return nil, fmt.Errorf("--prompt: %w", err)
	case len(ids) == 0:
		return nil, usagef("--prompt %q has no word", c.Prompt)
	}
	return ids, nil
}

// textPrinter writes units as text, as they come.
type textPrinter struct {
	out        io.Writer
	vocabulary *data.Vocabulary
	before     int32 // the unit before; −1 at the beginning
	text       []byte
}

func (p *textPrinter) print(ids ...int32) error {
	p.text = p.text[:0]
	for _, id := range ids {
		p.text = p.vocabulary.AppendText(p.text, p.before, id)
		p.before = id
	}
	_, err := p.out.Write(p.text)
	return err
}
