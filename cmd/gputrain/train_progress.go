package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"gputrain/data"
	"gputrain/train"
)

// reporter shows the progress of a training.
type reporter interface {
	step(train.Progress)
	epoch(train.Epoch) error
	close()                           // no more steps come
	result(runDir, *evaluation) error // the end of a run that was not interrupted
}

// reporter returns the reporter that the flags ask for.
func (c *trainCommand) reporter(con console, d *description) reporter {
	last := lastLine{con.out}
	switch {
	case c.JSON:
		return &jsonLines{out: json.NewEncoder(con.out), epochs: c.Epochs, quiet: c.Quiet}
	case c.Quiet:
		return last
	}
	return &lines{lastLine: last, err: con.err, epochs: c.Epochs, meter: newMeter(con.err), units: d.Units, steps: d.Steps}
}

// lastLine shows the result only.
type lastLine struct{ out io.Writer }

func (lastLine) step(train.Progress)     {}
func (lastLine) epoch(train.Epoch) error { return nil }
func (lastLine) close()                  {}

func (l lastLine) result(_ runDir, m *evaluation) error { return m.printLast(l.out) }

func (l lastLine) fullResult(dir runDir, m *evaluation) error {
	if _, err := fmt.Fprintf(l.out, "saved in %s\n", dir); err != nil {
		return err
	}
	return m.printLast(l.out)
}

// lines prints about thirty lines in all. On a terminal it also shows a bar, below
// them.
type lines struct {
	lastLine
	err     io.Writer
	epochs  int            // of the run
	meter   *meter         // on a terminal
	pace    pace           // from the first step on
	samples int            // before that step
	steps   int            // units of text in a sample
	current train.Progress // zero before the first step, which a resumed run may not have
	units   string         // of text; else ""
}

func (l *lines) step(p train.Progress) {
	if l.current.Steps == 0 {
		l.pace = newPace(part(p))
		l.samples = p.Samples
	}
	l.current = p
	if l.meter != nil && l.meter.due() {
		texts := []string{fmt.Sprintf("epoch %d/%d", p.Epoch, p.Epochs), fmt.Sprintf("loss %.4f", p.Loss)}
		if done := p.Samples - l.samples; done > 0 {
			texts = append(texts, fmt.Sprintf("%v left", l.pace.left(part(p))),
				l.speed(float64(done)/time.Since(l.pace.began).Seconds()))
		}
		l.meter.show(part(p), texts...)
	}
}

// speed says how many samples are learned in a second; of text, how many units.
func (l *lines) speed(samples float64) string {
	if l.units == "" {
		return fmt.Sprintf("%.0f samples/s", samples)
	}
	return fmt.Sprintf("%.0f %ss/s", samples*float64(l.steps), data.TextUnits(l.units).Name())
}

// part is what is done of the whole run. A resumed run does not begin with 0.
func part(p train.Progress) float64 { return float64(p.Step) / float64(p.Steps) }

func (l *lines) epoch(e train.Epoch) error {
	if stride := (l.epochs + 29) / 30; e.Epoch%stride != 0 && e.Epoch != l.epochs {
		return nil
	}
	figures := []string{
		fmt.Sprintf("epoch %3d/%d", e.Epoch, l.epochs), fmt.Sprintf("loss %.4f", e.TrainLoss),
		fmt.Sprintf("validation loss %.4f", e.ValidLoss),
	}
	if !math.IsNaN(e.ValidAccuracy) { // of classes
		figures = append(figures, fmt.Sprintf("accuracy %.4f", e.ValidAccuracy))
	}
	if e.SumSeconds > 0 { // of ranks
		figures = append(figures, fmt.Sprintf("%.0f %% in sums", 100*e.SumSeconds/e.Seconds))
	}
	// An error here is no reason to end a training.
	if l.meter != nil { // which shows the rest
		l.meter.clear()
		fmt.Fprintln(l.err, joinWithin(terminalWidth(l.err), figures))
		return nil
	}
	figures = append(figures, l.speed(e.SamplesPerSecond), fmt.Sprintf("%v left", l.pace.left(part(l.current))))
	fmt.Fprintln(l.err, strings.Join(figures, "  "))
	return nil
}

// joinWithin puts as many texts into a line as width has room for.
func joinWithin(width int, texts []string) string {
	const indent = 4
	all, line := texts[0], len(texts[0])
	for _, text := range texts[1:] {
		if line += 2 + len(text); line <= width {
			all += "  " + text
		} else {
			all += "\n" + strings.Repeat(" ", indent) + text
			line = indent + len(text)
		}
	}
	return all
}

func (l *lines) close() {
	if l.meter != nil {
		l.meter.clear()
	}
}

func (l *lines) result(dir runDir, m *evaluation) error { return l.fullResult(dir, m) }

// jsonLines prints objects for programs.
type jsonLines struct {
	out    *json.Encoder
	epochs int
	quiet  bool // the result only
}

func (*jsonLines) step(train.Progress) {}
func (*jsonLines) close()              {}

func (j *jsonLines) epoch(e train.Epoch) error {
	if j.quiet {
		return nil
	}
	return j.out.Encode(struct {
		Event              string     `json:"event"`
		Epoch              int        `json:"epoch"`
		Epochs             int        `json:"epochs"`
		LR                 jsonNumber `json:"lr"`
		TrainLoss          jsonNumber `json:"train_loss"`
		ValidationLoss     jsonNumber `json:"validation_loss"`
		ValidationAccuracy jsonNumber `json:"validation_accuracy"`
		Seconds            jsonNumber `json:"seconds"`
		SamplesPerSecond   jsonNumber `json:"samples_per_second"`
		SumSeconds         jsonNumber `json:"sum_seconds"`
	}{"epoch", e.Epoch, j.epochs, jsonNumber(e.LR), jsonNumber(e.TrainLoss), jsonNumber(e.ValidLoss),
		jsonNumber(e.ValidAccuracy), jsonNumber(e.Seconds), jsonNumber(e.SamplesPerSecond), jsonNumber(e.SumSeconds)})
}

func (j *jsonLines) result(dir runDir, m *evaluation) error {
	if m.series != nil {
		return j.out.Encode(struct {
			seriesResult
			Run runDir `json:"run"`
		}{m.seriesResult(), dir})
	}
	if m.regression != nil {
		return j.out.Encode(struct {
			regressionResult
			Run runDir `json:"run"`
		}{m.regressionResult(), dir})
	}
	if m.multilabel != nil {
		return j.out.Encode(struct {
			multilabelResult
			Run runDir `json:"run"`
		}{m.multilabelResult(), dir})
	}
	return j.out.Encode(struct {
		result
		Run runDir `json:"run"`
	}{m.result(), dir})
}

// jsonNumber is a number for JSON, which has neither NaN nor infinity: both become
// null.
type jsonNumber float64

// MarshalJSON implements json.Marshaler.
func (x jsonNumber) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(x))
}
