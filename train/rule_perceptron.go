package train

import (
	"context"
	"fmt"

	"gputrain/data"
	"gputrain/model"
)

// PerceptronRule is the learning rule of the perceptron (Rosenblatt 1958). The
// samples are presented one by one, in their order, again and again, and after
// each
//
//	weight += LR·(d−y)·x    bias += LR·(d−y)
//
// where y is the output of the perceptron and d the target. If the classes are
// linearly separable, the rule finds weights that make no mistake, and it does so
// within a bounded number of corrections (Novikoff 1962). Otherwise, as for XOR, it
// never ends by itself.
type PerceptronRule struct {
	LR     float64 // η
	Epochs int     // at most this many

	// OnSample is called after each sample, both counted from 0. An error ends
	// Fit, which returns it.
	OnSample func(epoch, sample int) error
}

// PerceptronResult says how the perceptron rule ended.
type PerceptronResult struct {
	Converged bool  // the last epoch went by without a mistake
	Mistakes  []int // in each epoch: outputs that were wrong when their sample was presented
}

// Fit trains net, a single model.Perceptron, from the parameters that it has, until
// an epoch goes by without a mistake or Epochs are done. Running out of epochs is a
// result, not an error.
//
// The targets of set are 1 and −1, for a Binary perceptron 1 and 0. Fit returns an
// error if net, set or the settings do not fit the rule, if memory runs out, if the
// device fails, or if ctx is cancelled.
func (r PerceptronRule) Fit(ctx context.Context, net *model.Network, set *data.Dataset) (PerceptronResult, error) {
	checkContext("perceptron rule: Fit", ctx)
	checkNet("perceptron rule: Fit", net)
	checkSetThere("perceptron rule: Fit", "training set", set)
	result, err := r.fit(ctx, net, set)
	if err != nil {
		return result, fmt.Errorf("train: perceptron rule: %w", err)
	}
	return result, nil
}

func (r PerceptronRule) fit(ctx context.Context, net *model.Network, set *data.Dataset) (result PerceptronResult, err error) {
	perceptron, err := checkRule[model.Perceptron](net, set, r.LR, r.Epochs)
	if err != nil {
		return result, err
	}
	off := perceptron.Off()
	for i, d := range set.Targets {
		if d != 1 && float64(d) != off {
			return result, fmt.Errorf("target %d of sample %d is %v, want 1 or %v, which the perceptron can give", i%set.TargetWidth, i/set.TargetWidth, d, off)
		}
	}
	layer, err := newSingleLayer(net, set)
	if err != nil {
		return result, err
	}
	defer layer.free()
	for epoch := range r.Epochs {
		if ctx.Err() != nil {
			return result, fmt.Errorf("stopped after %d epochs: %w", epoch, context.Cause(ctx))
		}
		mistakes, err := r.present(layer, epoch, set.Len(), off)
		if err != nil {
			return result, err
		}
		result.Mistakes = append(result.Mistakes, mistakes)
		if mistakes == 0 {
			result.Converged = true
			break
		}
	}
	return result, nil
}

// present goes through the samples once and returns the number of mistakes.
func (r PerceptronRule) present(layer *singleLayer, epoch, samples int, off float64) (int, error) {
	for i := range samples {
		layer.forward(i, i+1)
		layer.addSquares(i, i+1, 1/((1-off)*(1-off))) // 1 for a mistake, where d−y = ±(1−off)
		layer.correct(i, i+1, r.LR)
		if r.OnSample != nil {
			if err := r.OnSample(epoch, i); err != nil {
				return 0, err
			}
		}
	}
	mistakes, err := layer.takeSum()
	return int(mistakes), err
}
