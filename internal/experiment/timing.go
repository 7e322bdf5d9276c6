package experiment

import (
	"context"
	"time"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

var timingCosine = Experiment{
	Name:      "timing-cosine",
	Task:      "a cosine of 10 steps' period, without any input",
	Learner:   "LSTM with peepholes, 4 cells, Adam, rate 0.01, sequences of 100 steps",
	Published: "solved with an error below 0.3 for 1,000 periods (Gers et al. 2002)",
	Criterion: "RMSE below 0.15 over 1,000 steps, within 10,000 sequences",
	Seeds:     5, Need: 5,
	Time:    time.Second,
	Measure: Measure{Name: "RMSE over 1,000 steps", Limit: 0.15, Log: true},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		const (
			trained = 100 // steps
			tested  = 1000
			most    = 10_000 // sequences
		)
		task := data.PeriodicFunction{Wave: data.Cosine, Period: 10, Steps: trained}
		long := task
		long.Steps = tested
		format := task.Format()
		set, test := data.Pack(format, data.Draw(task, nil, 1)), data.Draw(long, nil, 1)
		net, err := model.New(env.Backend, model.Spec{
			{Name: "lstm", Layer: model.LSTM{Hidden: 4, Peephole: true}},
			{Name: "output", Layer: model.Dense{Out: 1}},
		}, model.Shape{Steps: tested, Batch: 1, Width: 1})
		if err != nil {
			return Outcome{}, err
		}
		net.Init(env.Seed)
		trainer, err := train.New(net, train.Options{
			Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.01, ClipNorm: 1, Epochs: 1, Batch: 1})
		if err != nil {
			return Outcome{}, err
		}
		batch := data.NewBatches(set, 1).Batch(0)
		var out Outcome
		for out.Trained < most && !out.Met {
			if ctx.Err() != nil {
				return out, context.Cause(ctx)
			}
			trainer.Step(batch)
			out.Trained++
			if out.Trained%100 > 0 {
				continue
			}
			outputs, err := train.Predict(net, data.Pack(format, test))
			if err != nil {
				return out, err
			}
			if err := out.note(env, most, test[0].Judge(outputs[0]).RMSE()); err != nil {
				return out, err
			}
			out.Met = out.Value < 0.15
		}
		return out, nil
	},
}

var timingDelays = Experiment{
	Name:      "timing-delays",
	Task:      "NMSD: whether the second of two spikes came 10 or 11 steps after the first",
	Learner:   "LSTM of 2002, 1 block of 1 cell with peepholes, Adam, rate 0.01",
	Published: "solved with peepholes (Gers et al. 2002)",
	Criterion: "the last 2,000 within 0.49, mean error below 0.25, within 50,000 sequences",
	Seeds:     5,
	Time:      time.Second,
	Measure:   Measure{Name: "mean error of the last 2,000 sequences", Limit: 0.25},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		return online{
			task: data.SpikeDelays{Period: 10, MaxDelay: 1, Spikes: 1}, steps: 11, most: 50_000,
			lr: 0.01, optimizer: train.Adam{}, meanError: 0.25,
			spec: model.Spec{
				{Name: "lstm", Layer: peepholes},
				{Name: "last", Layer: model.LastStep{}},
				{Name: "output", Layer: model.Dense{Out: 1}},
			},
		}.run(ctx, env)
	},
}

var timingSpikes = Experiment{
	Name:      "timing-spikes",
	Task:      "GTS: a spike 10 or 11 steps after the last, as the input says, 20 spikes",
	Learner:   "LSTM of 2002, 1 block of 1 cell with peepholes, Adam, rate 0.01",
	Published: "solved with peepholes (Gers et al. 2002)",
	Criterion: "every output of the last 2,000 within 0.49 of its target, within 50,000 sequences",
	Seeds:     5,
	Time:      5 * time.Second,
	Measure:   Measure{Name: "mean error of the last 2,000 sequences", Log: true},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		return online{
			task: data.TimedSpikes{Period: 10, MaxDelay: 1, Spikes: 20}, steps: 220, most: 50_000,
			lr: 0.01, optimizer: train.Adam{}, meanError: 1,
			spec: model.Spec{
				{Name: "lstm", Layer: peepholes},
				{Name: "output", Layer: model.Dense{Out: 1}},
			},
		}.run(ctx, env)
	},
}

// peepholes is the network of Gers, Schraudolph and Schmidhuber (2002).
var peepholes = model.LSTM1997{
	Blocks: 1, Cells: 1, ForgetGates: true, NoGateFeedback: true, Peepholes: true, LinearOutput: true,
	ForgetGateBias: []float64{2}, OutputGateBias: []float64{0}, InputGateBias: []float64{0},
}
