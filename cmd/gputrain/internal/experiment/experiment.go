// Package experiment repeats the experiments by which the literature compares
// perceptrons, recurrent networks and the generations of LSTM. Each has a task,
// a network, a way of learning and a criterion.
package experiment

import (
	"context"
	"fmt"
	"math"
	"time"

	"gputrain/backend"
)

// Experiment is one task with one network that is to learn it. Run trains the
// network from the beginning, on sequences that depend on Env.Seed only.
type Experiment struct {
	Name      string // "temporal-order"
	Task      string // what is asked, in a line
	Learner   string // the network and how it learns, in a line
	Published string // the figure of the literature for the task
	Criterion string // what Outcome.Met stands for
	Note      string // how the result differs from the literature, and why, as far as known; may be empty
	Seeds     int    // trials that make the experiment
	Need      int    // trials that must meet the criterion; 0: there is no gate, the figures are only reported

	Time    time.Duration // of a seed on one core, about
	Measure Measure
	Run     func(context.Context, Env) (Outcome, error)
}

// Measure is what an experiment watches while it trains.
type Measure struct {
	Name  string  // "mean error of the last 2,000 sequences"
	Limit float64 // the limit that the criterion sets for the measure; 0: it sets none
	Log   bool    // plot it on a logarithmic scale
}

// Env is what a trial is given.
type Env struct {
	Seed    uint64          // of the initial parameters and of the sequences
	Backend backend.Backend // of this trial alone
	Report  func(Progress)  // called now and then
}

// Progress is how far a trial is.
type Progress struct {
	Trained, Most int // sequences
	Value         float64
}

// Outcome is the result of a trial.
type Outcome struct {
	Met     bool     // the criterion
	Trained int      // sequences, until the criterion was met or the limit was reached
	Value   float64  // of the Measure, at the end
	Curve   []Point  // Measure over the sequences
	Figures []Figure // further figures
}

// note records the value of the Measure after o.Trained of most sequences. NaN
// means that the network diverged, and is an error.
func (o *Outcome) note(env Env, most int, value float64) error {
	if math.IsNaN(value) {
		return fmt.Errorf("training diverged: the outputs are NaN after %d sequences", o.Trained)
	}
	o.Value = value
	o.Curve = append(o.Curve, Point{o.Trained, value})
	env.Report(Progress{o.Trained, most, value})
	return nil
}

// Point is the value of a Measure after some sequences.
type Point struct {
	Trained int
	Value   float64
}

// Figure is a number with a name.
type Figure struct {
	Name  string
	Value float64
}

// All returns the experiments in the order of the tutorial.
func All() []Experiment {
	return []Experiment{
		gates, xorPerceptron, xor,
		parity,
		reber, reber1997, reberRTRL, reberElman,
		longLag, longLagRNN,
		distractors, distractors1000,
		adding, adding500, multiplication,
		temporalOrder, temporalOrder4, temporalOrder4of1997,
		continualReber, continualReberNoForget,
		timingCosine, timingDelays, timingSpikes,
		copyMemory,
		mackeyGlass, mackeyGlassWindows,
	}
}

// Find returns the experiment of that name.
func Find(name string) (Experiment, bool) {
	for _, e := range All() {
		if e.Name == name {
			return e, true
		}
	}
	return Experiment{}, false
}
