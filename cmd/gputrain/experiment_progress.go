package main

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"gputrain/cmd/gputrain/internal/experiment"
)

// trialBar shows the progress of experiments: a bar for each on a terminal, a
// line for each elsewhere.
type trialBar struct {
	out       io.Writer
	terminal  bool
	done, all int // experiments
	bar       *progressbar.ProgressBar
	perTrial  []int // the progress of each trial, up to perMille
}

// perMille is the part of a finished trial in the bar.
const perMille = 1000

func newTrialBar(out io.Writer, all int) *trialBar {
	return &trialBar{out: out, terminal: isTerminal(out), all: all}
}

// begin shows that e begins. It returns the function that shows the progress of
// its trials.
func (b *trialBar) begin(e experiment.Experiment, s experiment.Settings) func(int, experiment.Progress) {
	if !b.terminal {
		return nil
	}
	seeds := cmp.Or(s.Seeds, e.Seeds)
	b.perTrial = make([]int, seeds)
	b.bar = progressbar.NewOptions(seeds*perMille,
		progressbar.OptionSetWriter(b.out), progressbar.OptionSetWidth(20), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(true))
	return func(trial int, p experiment.Progress) {
		b.perTrial[trial] = perMille * p.Trained / p.Most
		sum := 0
		for _, n := range b.perTrial {
			sum += n
		}
		b.bar.Describe(fmt.Sprintf("%d/%d %s  seed %d: %.4g", b.done+1, b.all, e.Name, s.Seed+uint64(trial), p.Value))
		b.bar.Set(sum)
	}
}

// end shows the result of an experiment.
func (b *trialBar) end(r experiment.Result, err error) {
	if b.bar != nil {
		b.bar.Clear()
		b.bar = nil
	}
	if err != nil {
		return
	}
	b.done++
	fmt.Fprintf(b.out, "%d/%d %s: %d of %d seeds met the criterion, in %v\n",
		b.done, b.all, r.Experiment.Name, r.Met(), len(r.Trials), r.Elapsed.Round(100*time.Millisecond))
}
