package experiment

import (
	"context"
	"math"
	"time"

	"gputrain/data"
	"gputrain/data/tasks"
	"gputrain/model"
	"gputrain/train"
)

var gates = Experiment{
	Name:      "gates",
	Task:      "AND, OR, NAND and NOR",
	Learner:   "a perceptron each, perceptron rule, rate 0.1",
	Published: "converges where a line separates (Rosenblatt 1958, Novikoff 1962)",
	Criterion: "no mistake of any of them, within 100 epochs",
	Seeds:     20, Need: 20,
	Time:    time.Second,
	Measure: Measure{Name: "mistakes of the four gates in an epoch"},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		return perceptrons(ctx, env, tasks.AND, tasks.OR, tasks.NAND, tasks.NOR)
	},
}

var xorPerceptron = Experiment{
	Name:      "xor-perceptron",
	Task:      "XOR",
	Learner:   "a perceptron, perceptron rule, rate 0.1, 100 epochs",
	Published: "impossible (Minsky, Papert 1969)",
	Criterion: "at most 3 of 4 right",
	Seeds:     20, Need: 20,
	Time:    time.Second,
	Measure: Measure{Name: "mistakes in an epoch"},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		out, err := perceptrons(ctx, env, tasks.XOR)
		out.Met = err == nil && out.Figures[0].Value >= 1
		return out, err
	},
}

// perceptrons trains a perceptron for each gate. Met says that all converged;
// the Figure is the number of samples that the trained ones get wrong.
func perceptrons(ctx context.Context, env Env, gates ...tasks.Gate) (Outcome, error) {
	const epochs = 100
	out := Outcome{Met: true}
	mistakes := make([]int, epochs)
	longest, wrong := 0, 0
	for _, gate := range gates {
		table := gate.Table(-1)
		net, err := model.New(env.Backend, model.Spec{{Name: "perceptron", Layer: model.Perceptron{Out: 1}}},
			model.Shape{Steps: 1, Batch: table.Len(), Width: table.Width}, model.Options{})
		if err != nil {
			return out, err
		}
		net.Init(env.Seed)
		result, err := train.PerceptronRule{LR: 0.1, Epochs: epochs}.Fit(ctx, net, table)
		if err != nil {
			return out, err
		}
		for epoch, m := range result.Mistakes {
			mistakes[epoch] += m
		}
		outputs, err := train.Predict(net, table)
		if err != nil {
			return out, err
		}
		for i, y := range outputs {
			if y[0] != table.Targets[i] {
				wrong++
			}
		}
		out.Met = out.Met && result.Converged
		longest = max(longest, len(result.Mistakes))
		net.Free()
	}
	out.Figures = []Figure{{"samples wrong after training", float64(wrong)}}
	for epoch, m := range mistakes[:longest] {
		out.Trained = 4 * (epoch + 1)
		if err := out.note(env, 4*longest, float64(m)); err != nil {
			return out, err
		}
	}
	return out, nil
}

var xor = Experiment{
	Name:      "xor",
	Task:      "XOR",
	Learner:   "a 2-4-1 net of sigmoid units, backpropagation, rate 0.5, momentum 0.9, batches of all four",
	Published: "learnable (Rumelhart, Hinton, Williams 1986)",
	Criterion: "every output within 0.3 of its target, within 10,000 epochs",
	Seeds:     10, Need: 9,
	Time:    time.Second,
	Measure: Measure{Name: "largest error", Limit: 0.3},
	Run: func(ctx context.Context, env Env) (Outcome, error) {
		const epochs = 10_000
		table := tasks.XOR.Table(0)
		net, err := model.New(env.Backend, model.Spec{
			{Name: "hidden", Layer: model.Dense{Out: 4}},
			{Name: "squash", Layer: model.Sigmoid},
			{Name: "output", Layer: model.Dense{Out: 1}},
			{Name: "sigmoid", Layer: model.Sigmoid},
		}, model.Shape{Steps: 1, Batch: 4, Width: 2}, model.Options{})
		if err != nil {
			return Outcome{}, err
		}
		net.Init(env.Seed)
		trainer, err := train.New(net, train.Options{
			Loss: squaredError{}, Optimizer: train.SGD{Momentum: 0.9}, LR: 0.5, Epochs: 1, Batch: 4})
		if err != nil {
			return Outcome{}, err
		}
		batch := data.NewBatches(table, 4).Batch(0)
		var out Outcome
		for epoch := 1; epoch <= epochs && !out.Met; epoch++ {
			if ctx.Err() != nil {
				return out, context.Cause(ctx)
			}
			trainer.Step(batch)
			if epoch%50 > 0 {
				continue
			}
			outputs, err := train.Predict(net, table)
			if err != nil {
				return out, err
			}
			largest := 0.0
			for i, y := range outputs {
				largest = max(largest, math.Abs(float64(y[0]-table.Targets[i])))
			}
			out.Trained = epoch * table.Len()
			out.Met = largest < 0.3
			if err := out.note(env, epochs*table.Len(), largest); err != nil {
				return out, err
			}
		}
		return out, nil
	},
}
