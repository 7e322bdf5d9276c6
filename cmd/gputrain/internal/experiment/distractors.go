package experiment

import (
	"context"
	"math/rand/v2"
	"time"

	"gputrain/data"
	"gputrain/data/tasks"
	"gputrain/model"
	"gputrain/train"
)

var distractors = Experiment{
	Name:      "distractors",
	Task:      "2c: which of two symbols came, 100 or more distractors of 100 kinds later",
	Learner:   "LSTM of 16 cells, chrono initialisation, Adam with β₂ 0.99, rate 0.01, batches of 8",
	Published: "31,000 sequences (Hochreiter, Schmidhuber 1997)",
	Note:      "The rate was chosen on the seeds 1001 to 1042. Of the seeds 101 to 120, all meet the criterion. With a rate of 0.05, 15 do; the others never begin to learn.",
	Criterion: "500 fresh sequences all right, within 31,000 sequences",
	Seeds:     5, Need: 5,
	Time:    2 * time.Second,
	Measure: Measure{Name: "share of test sequences answered right", Limit: 1},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		return afterDistractors(100, 31_000, env).run(ctx, env)
	},
}

var distractors1000 = Experiment{
	Name:      "distractors-1000",
	Task:      "2c: which of two symbols came, 1,000 or more distractors of 100 kinds later",
	Learner:   distractors.Learner,
	Published: "135,000 sequences (Hochreiter, Schmidhuber 1997)",
	Criterion: "500 fresh sequences all right, within 20,000 sequences",
	Seeds:     2,
	Time:      40 * time.Second,
	Measure:   distractors.Measure,
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		return afterDistractors(1000, 20_000, env).run(ctx, env)
	},
}

func afterDistractors(lag, most int, env Env) batched {
	// One sequence in thirty thousand has another hundred distractors.
	steps := lag + 100
	task, rng := upTo{tasks.Distractors{Q: lag, P: 100}, steps}, rand.New(rand.NewPCG(env.Seed, 0))
	return batched{
		format: task.Format(), steps: steps, batch: 8, most: most, every: 1000,
		lr: 0.01, optimizer: train.Adam{Beta2: 0.99},
		spec:  classifier(chrono{model.LSTM{Hidden: 16}, float64(lag)}, 2),
		tests: data.Draw(task, rng, 500),
		draw:  fresh(task, rng, 8),
		judge: shareRight,
		met:   func(m measured) bool { return m.Right == m.Steps },
	}
}
