package experiment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gputrain/backend"
)

// Settings say how an experiment is run.
type Settings struct {
	Seed     uint64                          // of the first trial; 0 means 1
	Seeds    int                             // trials; 0 means Experiment.Seeds
	Parallel int                             // trials at the same time; 0 means 1
	Open     func() (backend.Backend, error) // called for each trial
	Report   func(trial int, p Progress)     // called now and then, never twice at the same time; may be nil
}

// Result is the outcome of the trials of an experiment.
type Result struct {
	Experiment Experiment
	Trials     []Trial
	Elapsed    time.Duration
}

// Trial is the outcome of one seed.
type Trial struct {
	Outcome
	Seed    uint64
	Elapsed time.Duration
}

// Trials runs the trials of e, whose seeds are s.Seed, s.Seed+1, and so on. The
// first error ends all of them, and so does a cancelled ctx.
func (e Experiment) Trials(ctx context.Context, s Settings) (Result, error) {
	s.Seed, s.Seeds = cmp.Or(s.Seed, 1), cmp.Or(s.Seeds, e.Seeds)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	result := Result{Experiment: e, Trials: make([]Trial, s.Seeds)}
	free := make(chan struct{}, max(s.Parallel, 1))
	var all sync.WaitGroup
	var reporting sync.Mutex
	for i := range result.Trials {
		all.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			report := func(p Progress) {
				if s.Report != nil {
					reporting.Lock()
					defer reporting.Unlock()
					s.Report(i, p)
				}
			}
			var err error
			if result.Trials[i], err = e.trial(ctx, s.Seed+uint64(i), s.Open, report); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	result.Elapsed = time.Since(began)
	return result, context.Cause(ctx)
}

func (e Experiment) trial(ctx context.Context, seed uint64, open func() (backend.Backend, error), report func(Progress)) (trial Trial, err error) {
	if ctx.Err() != nil {
		return trial, context.Cause(ctx)
	}
	b, err := open()
	if err != nil {
		return trial, err
	}
	defer func() {
		if r := recover(); r != nil { // in this goroutine a panic would end the process
			err = fmt.Errorf("experiment %s, seed %d: %v (this is a bug)", e.Name, seed, r)
		}
		err = errors.Join(err, b.Close())
	}()
	began := time.Now()
	trial.Seed = seed
	trial.Outcome, err = e.Run(ctx, Env{Seed: seed, Backend: b, Report: report})
	trial.Elapsed = time.Since(began)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("experiment %s, seed %d: %w", e.Name, seed, err)
	}
	return trial, err
}

// Met returns how many trials met the criterion.
func (r Result) Met() int {
	met := 0
	for _, t := range r.Trials {
		if t.Met {
			met++
		}
	}
	return met
}

// Need returns how many trials must meet the criterion: the share that the
// experiment asks for, rounded up.
func (r Result) Need() int {
	e := r.Experiment
	return (e.Need*len(r.Trials) + e.Seeds - 1) / e.Seeds
}

// Passed reports whether enough trials met the criterion. It is true for an
// experiment without a gate.
func (r Result) Passed() bool { return r.Met() >= r.Need() }

// Trained returns the mean number of sequences of the trials that met the
// criterion, or of all if none did.
func (r Result) Trained() float64 {
	sum := 0
	trained := r.trained()
	for _, n := range trained {
		sum += n
	}
	return float64(sum) / float64(len(trained))
}

// Range returns the smallest and the largest of the numbers that Trained
// averages.
func (r Result) Range() (least, most int) {
	trained := r.trained()
	return slices.Min(trained), slices.Max(trained)
}

func (r Result) trained() []int {
	var trained []int
	for _, t := range r.Trials {
		if t.Met || r.Met() == 0 {
			trained = append(trained, t.Trained)
		}
	}
	return trained
}

// Value returns the mean of Outcome.Value.
func (r Result) Value() float64 {
	sum := 0.0
	for _, t := range r.Trials {
		sum += t.Value
	}
	return sum / float64(len(r.Trials))
}
