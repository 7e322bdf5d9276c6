package main

import (
	"gputrain/backend"
	"gputrain/model"
	"gputrain/train"
)

// The marked types do what the types that they embed do. They also call enter
// with the name of the stage that begins, and with outside when it ends.

// outside is the stage of all work outside of layers, loss and optimizer.
const outside = "step"

// observing returns a function for model.Options.Observe.
func observing(enter func(stage string)) func(string, model.Pass) {
	return func(stage string, pass model.Pass) {
		if stage == "" {
			enter(outside)
		} else {
			enter(stage + " " + string(pass))
		}
	}
}

type markedLoss struct {
	train.Loss
	enter func(stage string)
}

func (l markedLoss) Compute(b backend.Backend, loss, grad, y backend.Tensor, target train.Target) {
	l.enter("loss")
	defer l.enter(outside)
	l.Loss.Compute(b, loss, grad, y, target)
}

// Unwrap says what the loss is, which decides what it is given.
func (l markedLoss) Unwrap() train.Loss { return l.Loss }

// markedOptimizer is an optimizer of package train, which all take a factor.
type markedOptimizer struct {
	train.FactorOptimizer
	enter func(stage string)
}

func (o markedOptimizer) Update(b backend.Backend, params, grads backend.Tensor, slots []backend.Tensor, lr float64, step int) {
	o.enter("update")
	defer o.enter(outside)
	o.FactorOptimizer.Update(b, params, grads, slots, lr, step)
}

func (o markedOptimizer) UpdateFactor(b backend.Backend, params, grads, factor backend.Tensor, slots []backend.Tensor, lr float64, step int) {
	o.enter("update")
	defer o.enter(outside)
	o.FactorOptimizer.UpdateFactor(b, params, grads, factor, slots, lr, step)
}

// markOptimizers marks the optimizers of o.
func markOptimizers(o *train.Options, enter func(stage string)) {
	o.Optimizer = markedOptimizer{o.Optimizer.(train.FactorOptimizer), enter}
	for i, g := range o.Groups {
		if g.Optimizer != nil {
			o.Groups[i].Optimizer = markedOptimizer{g.Optimizer.(train.FactorOptimizer), enter}
		}
	}
}
