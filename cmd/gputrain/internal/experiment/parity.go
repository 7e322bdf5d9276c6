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

var parity = Experiment{
	Name:      "parity",
	Task:      "whether the number of ones among 1 to 10 bits is odd",
	Learner:   "LSTM of 16 cells, Adam, rate 0.02, batches of 32",
	Published: "no figure",
	Criterion: "99 % of 2,000 fresh sequences right, within 100,000 sequences",
	Seeds:     5, Need: 5,
	Time:    time.Second,
	Measure: Measure{Name: "share of test sequences answered right", Limit: 0.99},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		task, rng := tasks.Parity{MaxSteps: 10}, rand.New(rand.NewPCG(env.Seed, 0))
		return batched{
			format: task.Format(), lr: 0.02, optimizer: train.Adam{}, steps: 10, batch: 32, most: 100_000, every: 2000,
			spec:  classifier(model.LSTM{Hidden: 16}, 2),
			tests: data.Draw(task, rng, 2000),
			draw:  fresh(task, rng, 32),
			judge: shareRight,
			met:   func(m measured) bool { return shareRight(m) >= 0.99 },
		}.run(ctx, env)
	},
}
