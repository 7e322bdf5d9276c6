package main

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"gputrain/cmd/gputrain/internal/experiment"
)

// trialBar shows the progress of experiments: a bar for each on a terminal, a
// line for each elsewhere.
type trialBar struct {
	out       io.Writer
	meter     *meter // on a terminal
	done, all int    // experiments
}

func newTrialBar(out io.Writer, all int) *trialBar {
	return &trialBar{out: out, meter: newMeter(out), all: all}
}

// begin shows that e begins. It returns the function that shows the progress of
// its trials.
func (b *trialBar) begin(e experiment.Experiment, s experiment.Settings) func(int, experiment.Progress) {
	if b.meter == nil {
		return nil
	}
	parts := make([]float64, cmp.Or(s.Seeds, e.Seeds)) // of each trial
	pace := newPace(0)
	return func(trial int, p experiment.Progress) {
		parts[trial] = float64(p.Trained) / float64(p.Most)
		if !b.meter.due() {
			return
		}
		done := 0.0
		for _, part := range parts {
			done += part / float64(len(parts))
		}
		b.meter.show(done, fmt.Sprintf("%d/%d %s", b.done+1, b.all, e.Name), fmt.Sprintf("%v left", pace.left(done)),
			fmt.Sprintf("seed %d: %.4g", s.Seed+uint64(trial), p.Value))
	}
}

// end shows the result of an experiment.
func (b *trialBar) end(r experiment.Result, err error) {
	if b.meter != nil {
		b.meter.clear()
	}
	if err != nil {
		return
	}
	b.done++
	fmt.Fprintf(b.out, "%d/%d %s: %d of %d seeds met the criterion, in %v\n",
		b.done, b.all, r.Experiment.Name, r.Met(), len(r.Trials), r.Elapsed.Round(100*time.Millisecond))
}
