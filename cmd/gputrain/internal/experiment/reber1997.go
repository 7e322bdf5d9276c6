package experiment

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"gputrain/data"
	"gputrain/data/tasks"
	"gputrain/model"
)

var reber1997 = Experiment{
	Name:      "reber-1997",
	Task:      reber.Task,
	Learner:   "LSTM 1997, 3 blocks of 2 cells, 282 weights, rate 0.5",
	Published: "8,440 sequences (Hochreiter, Schmidhuber 1997)",
	Note: "The published network has a bias at the gates only; here each cell has one too. " +
		"Most seeds miss the second outer symbol. With updates after each step, and strings as often as the grammar gives them, " +
		"17 of 40 trials succeed: [docs/reber-1997.md](reber-1997.md) says what was varied.",
	Criterion: "on all 512 strings the legal symbols are the most active outputs, within 100,000 sequences",
	Seeds:     5,
	Time:      7 * time.Second,
	Measure:   Measure{Name: "share of steps with all legal symbols the most active", Limit: 1},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		return reberStrings{
			lr: 0.5, most: 100_000, every: 512,
			spec: model.Spec{
				{Name: "lstm", Layer: model.LSTM1997{Blocks: 3, Cells: 2, OutputGateBias: []float64{-1, -2, -3}, InitRange: 0.2}},
				{Name: "output", Layer: within{model.Dense{Out: len(tasks.ReberSymbols), NoBias: true}, 0.2}},
				{Name: "sigmoid", Layer: model.Sigmoid},
			},
		}.run(ctx, env)
	},
}

var reberRTRL = Experiment{
	Name:      "reber-rtrl",
	Task:      reber.Task,
	Learner:   "12 fully recurrent sigmoid units, RTRL, rate 0.1, 240 weights",
	Published: "25,000 sequences, in some trials (Hochreiter, Schmidhuber 1997, from Smith, Zipser 1989)",
	Criterion: reber1997.Criterion,
	Seeds:     3,
	Time:      30 * time.Second,
	Measure:   reber1997.Measure,
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		return reberStrings{
			lr: 0.1, most: 100_000, every: 1024,
			spec: model.Spec{
				{Name: "units", Layer: model.FullyRecurrent{Hidden: 12, Out: len(tasks.ReberSymbols), Gradient: model.RTRL}},
			},
		}.run(ctx, env)
	},
}

var reberElman = Experiment{
	Name:      "reber-elman",
	Task:      reber.Task,
	Learner:   "15 sigmoid units with a context, no error into the past, rate 0.1",
	Published: "never, in 200,000 sequences (Hochreiter, Schmidhuber 1997, from Cleeremans et al. 1989)",
	Criterion: reber1997.Criterion,
	Seeds:     3,
	Time:      8 * time.Second,
	Measure:   reber1997.Measure,
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		return reberStrings{
			lr: 0.1, most: 100_000, every: 1024,
			spec: model.Spec{
				{Name: "elman", Layer: model.Elman{Hidden: 15}},
				{Name: "output", Layer: model.Dense{Out: len(tasks.ReberSymbols)}},
				{Name: "sigmoid", Layer: model.Sigmoid},
			},
		}.run(ctx, env)
	},
}

// reberStrings is training on the strings of the embedded Reber grammar one by
// one, as in Hochreiter and Schmidhuber (1997).
type reberStrings struct {
	spec  model.Spec
	lr    float64
	most  int // sequences
	every int // sequences between tests
}

func (o reberStrings) run(ctx context.Context, env Env) (Outcome, error) {
	task, rng := tasks.Reber{Embedded: true}, rand.New(rand.NewPCG(env.Seed, 0))
	trained, tested := task.Disjoint(rng, 256, 256)
	all := slices.Concat(trained, tested)
	l, err := newLearner(env, task.Format(), o.spec, longest(all), o.lr)
	if err != nil {
		return Outcome{}, err
	}
	next := again(trained, rng, 1)
	var out Outcome
	var came data.Sequence
	for out.Trained < o.most && !out.Met {
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		came = next()[0]
		came.Targets = make([]float32, len(came.Targets))
		came.OneHot(came.Targets)
		if _, err := l.learn(&came); err != nil {
			return out, err
		}
		out.Trained++
		if out.Trained%o.every > 0 && out.Trained < o.most {
			continue
		}
		var score data.Score
		for i := range all {
			y, err := l.answer(&all[i])
			if err != nil {
				return out, err
			}
			score = score.Add(all[i].Judge(y))
		}
		out.Met = score.Separated == score.Steps
		out.Figures = []Figure{{"share of outer symbols predicted", float64(score.DistantRight) / float64(score.Distant)}}
		if err := out.note(env, o.most, float64(score.Separated)/float64(score.Steps)); err != nil {
			return out, err
		}
	}
	return out, nil
}
