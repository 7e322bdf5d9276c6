package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"gputrain/internal/memorylimit"
)

type sweepCommand struct {
	File  string `arg:"" placeholder:"FILE" help:"What to try, in TOML."`
	Jobs  *int   `placeholder:"N" help:"Trials at the same time; by default one for each core of the CPU, and one on other devices."`
	Out   string `placeholder:"DIR" help:"Directory of the sweep; by default sweeps/<name of FILE>. If it has begun there, it goes on."`
	Quiet bool   `help:"Print the table only."`
	JSON  bool   `name:"json" help:"Print JSON objects, one per line."`
}

// Help is what "gputrain sweep --help" says in more detail.
func (*sweepCommand) Help() string {
	return `Trains with many settings, and says which are the best on the validation set. FILE has the settings that all trials share, as config.toml of a run has them, and a table of those that vary, each with a list of values:

    data = "digits"
    epochs = 20

    [vary]
    hidden = [32, 64, 128]
    lr = [0.003, 0.01, 0.03]

Each value is tried with each value of the others. With a number of trials, values are drawn instead, from lists or between limits:

    [vary]
    hidden = {min = 16, max = 256, log = true}
    lr = {min = 1e-4, max = 0.1, log = true}
    optimizer = ["adam", "sgd"]

    [search]
    trials = 30
    seed = 1

The table [halving] ends hopeless trials early (successive halving): all trials train for some epochs, the best third of them for three times as many, and so on. A trial that goes on has the schedule of all its epochs from the beginning.

    [halving]
    epochs = 2
    eta = 3

Trials are compared by the smallest validation loss of their epochs, or by another column of metrics.csv: by = "validation_accuracy" in [search].

Each trial is a run of its own, DIR/trial-0001 and so on, as gputrain train writes it, trained by a process of its own with its share of the cores and of the memory. DIR also has the table as sweep.csv, and sweep.png, in which each trial is a line. The test set has no part in the choice; the figures of the best trial are said once, at the end.

Ctrl-C lets the trials save. The same command goes on: what is finished stays, what was interrupted goes on from its checkpoint, what failed is tried again. FILE may have more trials then, unless it has [halving], but no other settings. A trial that fails or diverges ends nothing; the exit code is 1 if none succeeds.

With --json, each trial is an object {"event":"trial", "rank", "trial", "run", "state", "epochs", "best_epoch", "validation_loss", ..., "settings", "failure"}, and the end is {"event":"result", "trial", "run", "test_accuracy", ...}.`
}

// sweep is a sweep in progress.
type sweep struct {
	*sweepCommand
	*sweepPlan
	dir   sweepDir
	jobs  int
	share jobShare
	con   console
	meter *meter // on a terminal

	planned  int // epochs of all trials
	mutex    sync.Mutex
	failures map[int]string // of trials in this process
}

// Run trains the trials.
func (c *sweepCommand) Run(ctx context.Context, con console) error {
	text, err := readConfig(c.File)
	if err != nil {
		return err
	}
	plan, err := readSweep(c.File, text)
	if err != nil {
		return err
	}
	jobs, err := c.jobs(plan)
	if err != nil {
		return err
	}
	name := filepath.Base(c.File)
	dir := sweepDir(cmp.Or(c.Out, filepath.Join(sweepsName, strings.TrimSuffix(name, filepath.Ext(name)))))
	lock, notes, err := plan.open(dir, c.File, text)
	if err != nil {
		return err
	}
	defer lock.unlock()
	s := &sweep{sweepCommand: c, sweepPlan: plan, dir: dir, jobs: jobs, share: shareOf(jobs), con: con, failures: map[int]string{}}
	for _, line := range append(s.about(), notes...) {
		s.say(line)
	}
	ctx, stop := notifyStop(ctx)
	defer stop()
	failed := s.run(ctx)
	results, err := s.results(s.everyTrial(), maxEpochs)
	if err := cmp.Or(err, s.write(results)); err != nil {
		return err
	}
	if failed != nil {
		return s.interrupted(failed, results)
	}
	if err := s.draw(results); err != nil {
		return err
	}
	if err := s.print(results); err != nil {
		return err
	}
	switch first := results[0]; {
	case bestOf(results) != nil:
		return nil
	case first.failure == "":
		return fmt.Errorf("no trial has a %s: choose another figure with by in [%s]", s.Search.By, searchTable)
	default:
		return fmt.Errorf("none of %s succeeded; the first says: %s", plural(len(results), "trial", "trials"), first.failure)
	}
}

// jobs returns how many trials are trained at the same time.
func (c *sweepCommand) jobs(plan *sweepPlan) (int, error) {
	const leastMemory = 64 << 20 // of a process
	jobs := runtime.GOMAXPROCS(0)
	if !slices.ContainsFunc(plan.trials, func(s settings) bool { return onCPU(s.Device) }) {
		jobs = 1
	}
	if c.Jobs != nil {
		if jobs = *c.Jobs; jobs < 1 || jobs > largestSweep {
			return 0, outOfRange("jobs", jobs, fmt.Sprintf("1 to %d", largestSweep))
		}
	}
	jobs = min(jobs, len(plan.trials))
	if share := shareOf(jobs); share.memory < leastMemory {
		return 0, fmt.Errorf("--jobs %d leaves %s of memory to each; take fewer", jobs, memorylimit.Size(share.memory))
	}
	return jobs, nil
}

// about says what the sweep does.
func (s *sweep) about() []string {
	var keys []string
	for _, v := range s.variables {
		keys = append(keys, v.key)
	}
	how := "all combinations of"
	if s.Search.Trials > 0 {
		how = "drawn from"
	}
	lines := []string{
		fmt.Sprintf("%s, %s %s, in %s", plural(len(s.trials), "trial", "trials"), how, strings.Join(keys, ", "), s.dir),
		fmt.Sprintf("%s at a time, with %s and %s of memory each", plural(s.jobs, "trial", "trials"), plural(s.share.cores, "core", "cores"), memorylimit.Size(s.share.memory)),
	}
	trials := len(s.trials)
	for _, rung := range s.Halving.rungs(s.trials[0].Epochs) {
		best := s.Halving.promoted(trials)
		lines = append(lines, fmt.Sprintf("after %s, the best %d of %d go on", plural(rung, "epoch", "epochs"), best, trials))
		trials = best
	}
	if keys := s.incomparable(); len(keys) > 0 && s.Search.By == "validation_loss" {
		lines = append(lines, fmt.Sprintf("warning: trials differ in %s, so their validation losses do not mean the same; of classes, by = \"validation_accuracy\" in [%s] compares them", strings.Join(keys, ", "), searchTable))
	}
	return lines
}

func (s *sweep) say(line string) {
	if !s.Quiet {
		printLine(s.con.err, line)
	}
}

func (s *sweep) everyTrial() []int {
	trials := make([]int, len(s.trials))
	for i := range trials {
		trials[i] = i
	}
	return trials
}

// run trains all trials, or with halving the best of them, to their end.
func (s *sweep) run(ctx context.Context) error {
	s.planned = s.plannedEpochs()
	if !s.Quiet {
		s.meter = newMeter(s.con.err)
	}
	if s.meter != nil {
		watching, stop := context.WithCancel(ctx)
		var watcher sync.WaitGroup
		watcher.Go(func() { s.watch(watching) })
		defer func() {
			stop()
			watcher.Wait()
			s.meter.clear()
		}()
	}
	trials := s.everyTrial()
	for _, rung := range s.Halving.rungs(s.trials[0].Epochs) {
		if err := s.trainAll(ctx, trials, func(int) int { return rung }); err != nil {
			return err
		}
		results, err := s.results(trials, rung)
		if err != nil {
			return err
		}
		var best []int
		for _, r := range results[:s.Halving.promoted(len(trials))] {
			if r.ok() {
				best = append(best, r.number-1)
			}
		}
		slices.Sort(best)
		trials = best
	}
	return s.trainAll(ctx, trials, func(i int) int { return s.trials[i].Epochs })
}

// plannedEpochs returns how many epochs all trials together train.
func (s *sweep) plannedEpochs() (sum int) {
	trials, before := len(s.trials), 0
	for _, rung := range s.Halving.rungs(s.trials[0].Epochs) {
		sum += trials * (rung - before)
		trials, before = s.Halving.promoted(trials), rung
	}
	for _, settings := range s.trials[:trials] {
		sum += settings.Epochs - before
	}
	return sum
}

// watch shows how many epochs are done, until ctx ends.
func (s *sweep) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	pace := newPace(s.done())
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		done := s.done()
		s.mutex.Lock()
		s.meter.show(done, fmt.Sprintf("%.0f/%d epochs", done*float64(s.planned), s.planned), fmt.Sprintf("%v left", pace.left(done)))
		s.mutex.Unlock()
	}
}

// done returns the part of the planned epochs that is done.
func (s *sweep) done() float64 {
	sum := 0
	for i := range s.trials {
		// A trial that has no metrics yet has no epochs.
		if text, err := os.ReadFile(s.dir.trial(i).file(metricsName)); err == nil {
			sum += bytes.Count(text, []byte("\n")) - 1
		}
	}
	return min(1, float64(sum)/float64(s.planned))
}

// ended says what came of a trial that is trained no further for now.
func (s *sweep) ended(i int, failed error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if failed != nil {
		s.failures[i] = failed.Error()
	}
	r, err := s.result(i, maxEpochs)
	if err != nil {
		s.failures[i] = err.Error()
		return
	}
	if s.meter != nil {
		s.meter.clear()
	}
	what := fmt.Sprintf("trial %d of %d: %s: ", r.number, len(s.trials), s.describeTrial(r))
	if r.failure != "" {
		s.say(what + r.state + ": " + r.failure)
		return
	}
	s.say(fmt.Sprintf("%s%s %s, after %d of %d epochs", what, strings.ReplaceAll(s.Search.By, "_", " "), formatFigure(r.figure), r.epochs, r.settings.Epochs))
}

// interrupted returns the error of a sweep that can go on.
func (s *sweep) interrupted(cause error, results []*trialResult) error {
	var stopped *stoppedError
	if !errors.As(cause, &stopped) {
		return cause
	}
	finished := 0
	for _, r := range results {
		if r.state == stateFinished || r.state == stateDiverged {
			finished++
		}
	}
	words := []string{"gputrain", "sweep", pathArgument(s.File)}
	if s.Jobs != nil {
		words = append(words, "--jobs", fmt.Sprint(*s.Jobs))
	}
	if s.Out != "" {
		words = append(words, "--out", pathArgument(s.Out))
	}
	return fmt.Errorf("%w with %d of %s done, the others saved; go on with: %s", cause, finished, plural(len(results), "trial", "trials"), commandLine(words...))
}
