package experiment

import (
	"context"
	"math/rand/v2"
	"time"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

var temporalOrder = Experiment{
	Name:      "temporal-order",
	Task:      "6a: in which order two symbols came, 4 classes, 100 to 110 steps",
	Learner:   "LSTM 1997, 2 blocks of 2 cells, 156 weights, rate 0.5",
	Published: "31,390 sequences (Hochreiter, Schmidhuber 1997)",
	Note:      "Of the seeds 11 to 40, all meet the criterion; 29 with another order of summation, which is all that had changed.",
	Criterion: "the last 2,000 right, mean error below 0.1, within 60,000 sequences",
	Seeds:     5, Need: 5,
	Time:    2 * time.Second,
	Measure: Measure{Name: "mean error of the last 2,000 sequences", Limit: 0.1},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		return online{
			task: data.TemporalOrder{}, steps: 110, most: 60_000, lr: 0.5, meanError: 0.1,
			spec: lstm1997(4, model.LSTM1997{Blocks: 2, Cells: 2, InputGateBias: []float64{-2, -4}}),
		}.run(ctx, env)
	},
}

var temporalOrder4 = Experiment{
	Name:      "temporal-order-4way",
	Task:      "6b: in which order three symbols came, 8 classes, 100 to 110 steps",
	Learner:   "LSTM of 16 cells, chrono initialisation, Adam with β₂ 0.99, rate 0.05, batches of 8",
	Published: "571,100 sequences (Hochreiter, Schmidhuber 1997)",
	Note:      "Right is a sequence whose class is the most active output; the published criterion, within 0.3, is for sigmoid outputs.",
	Criterion: "500 fresh sequences all right, within 60,000 sequences",
	Seeds:     5, Need: 5,
	Time:    2 * time.Second,
	Measure: Measure{Name: "share of test sequences answered right", Limit: 1},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		task, rng := data.TemporalOrder{Three: true}, rand.New(rand.NewPCG(env.Seed, 0))
		return batched{
			format: task.Format(), steps: 110, batch: 8, most: 60_000, every: 1000,
			lr: 0.05, optimizer: train.Adam{Beta2: 0.99},
			spec:  classifier(chrono{model.LSTM{Hidden: 16}, 110}, task.Format().Outputs),
			tests: data.Draw(task, rng, 500),
			draw:  fresh(task, rng, 8),
			judge: shareRight,
			met:   func(m measured) bool { return m.Right == m.Steps },
		}.run(ctx, env)
	},
}

var temporalOrder4of1997 = Experiment{
	Name:      "temporal-order-4way-1997",
	Task:      temporalOrder4.Task,
	Learner:   "LSTM 1997, 3 blocks of 2 cells, 308 weights, rate 0.1",
	Published: temporalOrder4.Published,
	Criterion: "the last 2,000 right, mean error below 0.1, within 1,000,000 sequences",
	Seeds:     2,
	Time:      90 * time.Second,
	Measure:   Measure{Name: "mean error of the last 2,000 sequences", Limit: 0.1},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		return online{
			task: data.TemporalOrder{Three: true}, steps: 110, most: 1_000_000, lr: 0.1, meanError: 0.1,
			spec: lstm1997(8, model.LSTM1997{Blocks: 3, Cells: 2, InputGateBias: []float64{-2, -4, -6}}),
		}.run(ctx, env)
	},
}
