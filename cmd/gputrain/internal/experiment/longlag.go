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

var longLag = Experiment{
	Name:      "long-lag",
	Task:      "2a: the first of 51 symbols must be remembered to the last, noise-free",
	Learner:   "LSTM 1997, 32 blocks of 1 cell, input-gate biases 0 to −6, Adam with β₂ 0.99, rate 0.1, batches of 2",
	Published: "p = 100: LSTM 5,040 sequences; p = 10: RTRL never (Hochreiter, Schmidhuber 1997)",
	Criterion: "every symbol of 200 fresh sequences right, within 20,000 sequences",
	Note: "The published network has one cell and direct connections from the input to the output; this one has no such connections " +
		"and needs more cells, because they predict the other symbols too. The biases are there because a cell with an open input gate drifts over 50 steps until h saturates.",
	Seeds: 5, Need: 4,
	Time:    3 * time.Second,
	Measure: Measure{Name: "share of last symbols predicted", Limit: 1},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		o := longLagOf(env, 0.1, model.LSTM1997{Blocks: 32, Cells: 1, InputGateBias: ramp(0, -6, 32)})
		o.met = func(m measured) bool { return m.Right == m.Steps }
		return o.run(ctx, env)
	},
}

var longLagRNN = Experiment{
	Name:      "long-lag-rnn",
	Task:      longLag.Task,
	Learner:   "RNN of 32 tanh units, full BPTT, Adam with β₂ 0.99, rate 0.01, batches of 2, the same sequences",
	Published: longLag.Published,
	Criterion: "at most 60 % of the last symbols after 20,000 sequences",
	Seeds:     5, Need: 4,
	Time:    9 * time.Second,
	Measure: Measure{Name: "share of last symbols predicted", Limit: 0.6},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		out, err := longLagOf(env, 0.01, model.RNN{Hidden: 32}).run(ctx, env)
		out.Met = out.Value <= 0.6
		return out, err
	},
}

func longLagOf(env Env, lr float64, layer model.Layer) batched {
	task, rng := tasks.LongLag{P: 50}, rand.New(rand.NewPCG(env.Seed, 0))
	return batched{
		format: task.Format(), lr: lr, optimizer: train.Adam{Beta2: 0.99}, steps: 50, batch: 2, most: 20_000, every: 1000,
		spec:  classifier(layer, task.Format().Outputs),
		tests: data.Draw(task, rng, 200),
		draw:  fresh(task, rng, 2),
		judge: shareDistantRight,
		met:   func(measured) bool { return false },
	}
}
