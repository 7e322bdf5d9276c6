package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/schollz/progressbar/v3"

	"gputrain/train"
)

// reporter shows the progress of a training.
type reporter interface {
	step(train.Progress)
	epoch(train.Epoch) error
	close()                             // no more steps come
	result(runDir, train.Metrics) error // the end of a run that was not interrupted
}

// reporter returns the reporter that the flags ask for; by default a bar on a
// terminal, lines elsewhere. samples is the size of an epoch.
func (c *trainCommand) reporter(con console, samples int) reporter {
	last := lastLine{con.out}
	switch {
	case c.JSON:
		return &jsonLines{out: json.NewEncoder(con.out), epochs: c.Epochs, quiet: c.Quiet}
	case c.Quiet:
		return last
	case isTerminal(con.err):
		return &bar{lastLine: last, err: con.err, samples: samples, accuracy: math.NaN()}
	}
	return &lines{lastLine: last, err: con.err}
}

// lastLine shows the result only.
type lastLine struct{ out io.Writer }

func (lastLine) step(train.Progress)     {}
func (lastLine) epoch(train.Epoch) error { return nil }
func (lastLine) close()                  {}

func (l lastLine) result(_ runDir, m train.Metrics) error { return printAccuracy(l.out, m) }

func (l lastLine) fullResult(dir runDir, m train.Metrics) error {
	if _, err := fmt.Fprintf(l.out, "saved in %s\n", dir); err != nil {
		return err
	}
	return printAccuracy(l.out, m)
}

// bar is a progress bar over all samples of all epochs.
type bar struct {
	lastLine
	err      io.Writer
	samples  int                      // of an epoch
	bar      *progressbar.ProgressBar // from the first step on
	accuracy float64                  // of the last validation, NaN before
}

func (b *bar) step(p train.Progress) {
	if b.bar == nil {
		// A resumed run shows what is left of it.
		left := float64(b.samples) * float64(p.Epochs) * float64(p.Steps-p.Step+1) / float64(p.Steps)
		b.bar = progressbar.NewOptions(int(left),
			progressbar.OptionSetWriter(b.err), progressbar.OptionSetWidth(20), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString("samples"), progressbar.OptionSetPredictTime(true))
	}
	text := fmt.Sprintf("epoch %d/%d  loss %.4f", p.Epoch, p.Epochs, p.Loss)
	if !math.IsNaN(b.accuracy) {
		text += fmt.Sprintf("  accuracy %.4f", b.accuracy)
	}
	b.bar.Describe(text)
	b.bar.Set(p.Samples)
}

func (b *bar) epoch(e train.Epoch) error {
	b.accuracy = e.ValidAccuracy
	return nil
}

func (b *bar) close() {
	if b.bar != nil {
		b.bar.Exit()
		fmt.Fprintln(b.err)
	}
}

func (b *bar) result(dir runDir, m train.Metrics) error { return b.fullResult(dir, m) }

// lines prints about thirty lines in all, for logs.
type lines struct {
	lastLine
	err     io.Writer
	began   time.Time
	first   int // step that the process began with
	current train.Progress
}

func (l *lines) step(p train.Progress) {
	if l.began.IsZero() {
		l.began, l.first = time.Now(), p.Step
	}
	l.current = p
}

func (l *lines) epoch(e train.Epoch) error {
	p := l.current
	if stride := (p.Epochs + 29) / 30; e.Epoch%stride != 0 && e.Epoch != p.Epochs {
		return nil
	}
	done := p.Step - l.first
	var left time.Duration
	if done > 0 {
		left = time.Since(l.began) / time.Duration(done) * time.Duration(p.Steps-p.Step)
	}
	_, err := fmt.Fprintf(l.err, "epoch %3d/%d  loss %.4f  validation loss %.4f  accuracy %.4f  %.0f samples/s  %v left\n",
		e.Epoch, p.Epochs, e.TrainLoss, e.ValidLoss, e.ValidAccuracy, e.SamplesPerSecond, left.Round(time.Second))
	return err
}

func (l *lines) result(dir runDir, m train.Metrics) error { return l.fullResult(dir, m) }

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
	}{"epoch", e.Epoch, j.epochs, jsonNumber(e.LR), jsonNumber(e.TrainLoss), jsonNumber(e.ValidLoss),
		jsonNumber(e.ValidAccuracy), jsonNumber(e.Seconds), jsonNumber(e.SamplesPerSecond)})
}

func (j *jsonLines) result(dir runDir, m train.Metrics) error {
	return j.out.Encode(struct {
		result
		Run runDir `json:"run"`
	}{newResult(m), dir})
}

// result is the last object of train and eval.
type result struct {
	Event        string     `json:"event"`
	TestAccuracy jsonNumber `json:"test_accuracy"`
	TestLoss     jsonNumber `json:"test_loss"`
	Correct      int        `json:"correct"`
	Count        int        `json:"count"`
}

func newResult(m train.Metrics) result {
	return result{"result", jsonNumber(m.Accuracy), jsonNumber(m.Loss), m.Correct, m.Count}
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
