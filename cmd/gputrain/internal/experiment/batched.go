package experiment

import (
	"context"
	"math/rand/v2"

	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// batched is training as it is done today: Adam on the cross-entropy of
// batches, and a test now and then.
type batched struct {
	format    data.Format
	spec      model.Spec // a stage that gives logits at every step
	lr        float64
	optimizer train.Optimizer
	schedule  train.Schedule // nil means a constant rate
	steps     int            // of the longest sequence
	batch     int            // sequences
	most      int            // sequences
	every     int            // sequences between tests
	baseline  float64        // cross-entropy without a memory; 0: tests do not measure cross-entropy

	draw  func() []data.Sequence // the next batch
	tests []data.Sequence
	judge func(measured) float64 // the Measure
	met   func(measured) bool
}

func (o batched) run(ctx context.Context, env Env) (Outcome, error) {
	test := packLabels(o.format, o.tests)
	net, err := model.New(env.Backend, o.spec, model.Shape{Steps: o.steps, Batch: o.batch, Width: o.format.Width}, model.Options{})
	if err != nil {
		return Outcome{}, err
	}
	net.Init(env.Seed)
	trainer, err := train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: o.optimizer, LR: o.lr, Schedule: o.schedule, ClipNorm: 1, Epochs: 1, Batch: o.batch})
	if err != nil {
		return Outcome{}, err
	}
	var out Outcome
	for out.Trained < o.most && !out.Met {
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		sequences := o.draw()
		trainer.Step(data.NewBatches(packLabels(o.format, sequences), o.batch).Batch(0))
		before := out.Trained
		out.Trained += len(sequences)
		if out.Trained/o.every == before/o.every && out.Trained < o.most {
			continue
		}
		result, err := o.test(net, test)
		if err != nil {
			return out, err
		}
		out.Met = o.met(result)
		out.Figures = []Figure{{"share of all answers right", shareRight(result)}}
		if err := out.note(env, o.most, o.judge(result)); err != nil {
			return out, err
		}
	}
	return out, nil
}

// packLabels packs sequences with a label for each step. Steps that ask for
// nothing have no label, nor has the padding, so the lengths do not matter.
func packLabels(format data.Format, sequences []data.Sequence) *data.Dataset {
	format.PerStep = true
	set := data.Pack(format, sequences)
	set.Lengths, set.Targets = nil, nil
	return set
}

// measured is the result of a test.
type measured struct {
	data.Score
	crossEntropy float64 // as a share of the baseline
}

func (o batched) test(net *model.Network, test *data.Dataset) (measured, error) {
	var result measured
	if o.baseline > 0 {
		metrics, err := train.Evaluate(net, train.CrossEntropy{}, test)
		if err != nil {
			return measured{}, err
		}
		result.crossEntropy = metrics.Loss / o.baseline
	}
	outputs, err := train.Predict(net, test)
	if err != nil {
		return measured{}, err
	}
	for i := range o.tests {
		s := &o.tests[i]
		result.Score = result.Score.Add(s.Judge(outputs[i][:s.Steps*s.Outputs]))
	}
	return result, nil
}

// fresh returns a function that draws batches of n sequences.
func fresh(task data.Task, rng *rand.Rand, n int) func() []data.Sequence {
	return func() []data.Sequence { return data.Draw(task, rng, n) }
}

// upTo is a task that leaves out sequences of more than steps steps.
type upTo struct {
	data.Task
	steps int
}

// Next implements data.Task.
func (u upTo) Next(dst *data.Sequence, rng *rand.Rand) {
	u.Task.Next(dst, rng)
	for dst.Steps > u.steps {
		u.Task.Next(dst, rng)
	}
}

// classifier is a recurrent layer with a logit for each class at every step.
func classifier(layer model.Layer, classes int) model.Spec {
	return model.Spec{
		{Name: "recurrent", Layer: layer},
		{Name: "output", Layer: model.Dense{Out: classes}},
	}
}

// shareRight is the share of steps whose most active output is right.
// shareDistantRight counts only the steps whose answer must be remembered.
func shareRight(m measured) float64        { return float64(m.Right) / float64(m.Steps) }
func shareDistantRight(m measured) float64 { return float64(m.DistantRight) / float64(m.Distant) }
