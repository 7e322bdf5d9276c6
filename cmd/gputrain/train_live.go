package main

import (
	"errors"
	"time"

	"gputrain/train"
)

// lossEvery returns the number of steps between two reads of the loss: few enough for
// the records of steps, else the trainer's own choice.
func (s *settings) lossEvery() int {
	const usual = 10
	if s.MetricsEvery < usual {
		return s.MetricsEvery
	}
	return 0
}

// record is what was measured at a step: of the step, or of the epoch that ends
// there.
type record struct {
	event       string // stepEvent or epochEvent
	time        time.Time
	epoch, step int
	figures     []figure
}

const (
	stepEvent  = "step"
	epochEvent = "epoch"
)

// figure is a number with its name. NaN means unknown.
type figure struct {
	name  string
	value float64
}

// liveLog is a file of records that others read while the run goes on.
type liveLog interface {
	append(record) error
	sync() error
	close() error
}

// liveMetrics writes records for those who watch a run: to metrics.jsonl, and to an
// event file of TensorBoard.
type liveMetrics struct {
	every int // steps between two records of steps; 0: there are none
	logs  []liveLog

	// Those of the last record of a step.
	step, samples int
	time          time.Time
}

// openLive opens the files that the settings ask for, where the trainer stands.
func openLive(dir runDir, s *settings, trainer *train.Trainer) (*liveMetrics, error) {
	l := &liveMetrics{every: s.MetricsEvery, step: trainer.Steps(), time: time.Now()}
	reached := place{trainer.Steps(), trainer.Epochs()}
	if s.MetricsEvery > 0 {
		lines, err := openLines(dir.file(linesName), reached)
		if err != nil {
			return nil, err
		}
		l.logs = append(l.logs, lines)
	}
	if s.TensorBoard {
		events, err := openEvents(dir, reached)
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		l.logs = append(l.logs, events)
	}
	return l, nil
}

// place is how far a run has come. The records up to there are the first ones of a
// file: a killed process may have left later ones, which come again.
type place struct{ steps, epochs int }

// has says whether the next record of a file, of an event at a step, belongs to the
// run so far; if not, none after it does. The validation of an epoch may come again
// although its last step does not.
func (p *place) has(event string, step int) bool {
	belongs := step <= p.steps
	if event == epochEvent {
		belongs = p.epochs > 0
		p.epochs--
	}
	if !belongs {
		*p = place{-1, 0}
	}
	return belongs
}

// endStep notes a step if that is due.
func (l *liveMetrics) endStep(p train.Progress) error {
	if l.every == 0 || p.Step/l.every == l.step/l.every {
		return nil
	}
	now := time.Now()
	r := record{event: stepEvent, time: now, epoch: p.Epoch, step: p.Step, figures: []figure{
		{"loss", p.Loss}, {"lr", p.LR}, {"samples_per_second", float64(p.Samples-l.samples) / now.Sub(l.time).Seconds()},
	}}
	l.step, l.samples, l.time = p.Step, p.Samples, now
	return l.append(r)
}

// endEpoch notes an epoch that ended with a step.
func (l *liveMetrics) endEpoch(e train.Epoch, step int) error {
	figures := []figure{
		{"train_loss", e.TrainLoss}, {"validation_loss", e.ValidLoss}, {"validation_accuracy", e.ValidAccuracy},
		{"lr", e.LR}, {"seconds", e.Seconds}, {"samples_per_second", e.SamplesPerSecond},
	}
	if e.SumSeconds > 0 {
		figures = append(figures, figure{"sum_seconds", e.SumSeconds})
	}
	return l.append(record{event: epochEvent, time: time.Now(), epoch: e.Epoch, step: step, figures: figures})
}

func (l *liveMetrics) append(r record) error {
	return l.each(func(log liveLog) error { return log.append(r) })
}

func (l *liveMetrics) sync() error  { return l.each(liveLog.sync) }
func (l *liveMetrics) close() error { return l.each(liveLog.close) }

func (l *liveMetrics) each(do func(liveLog) error) error {
	var err error
	for _, log := range l.logs {
		err = errors.Join(err, do(log))
	}
	return err
}
