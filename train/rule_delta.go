package train

import (
	"context"
	"fmt"
	"math"

	"gputrain/data"
	"gputrain/model"
)

// DeltaRule is gradient descent for linear units (Widrow, Hoff 1960). It minimizes
//
//	E = ½·Σ (d−s)²
//
// The sum is over all samples and outputs, s = x·weightᵀ + bias is the output and d
// the target. Online, each sample in turn makes the correction
//
//	weight += LR·(d−s)·x    bias += LR·(d−s)
//
// With Batch, each epoch makes one correction, which is the sum over all samples. E
// has no minimum but the global one. The rule finds it if LR is small enough: with
// Batch, below 2/λ, where λ is the largest eigenvalue of Σ [x; 1]·[x; 1]ᵀ. Unlike
// the perceptron rule, it does so even where the classes are not separable.
//
// A Trainer with SGD{} and MSE{} makes the same steps, but shuffles the samples.
// Because MSE is a mean, its rate must be LR·(samples per step)·(outputs)/2.
type DeltaRule struct {
	LR        float64 // η
	Batch     bool    // one correction per epoch instead of one per sample
	Tolerance float64 // Fit ends when E is at most this
	Epochs    int     // at most this many
}

// DeltaResult says how the delta rule ended.
type DeltaResult struct {
	Converged bool      // the last error is within the tolerance
	Errors    []float64 // E after 0, 1, 2, ... epochs
}

// Fit trains net, a single model.Dense, from the parameters that it has, until E is
// within the tolerance or Epochs are done. Running out of epochs is a result, not
// an error.
//
// Fit returns an error if net, set or the settings do not fit the rule, if memory
// runs out, if the device fails, or if ctx is cancelled. If E is no longer a finite
// number, the error wraps ErrDiverged, and the parameters are the last ones with a
// finite E.
func (r DeltaRule) Fit(ctx context.Context, net *model.Network, set *data.Dataset) (DeltaResult, error) {
	checkContext("delta rule: Fit", ctx)
	checkNet("delta rule: Fit", net)
	checkSetThere("delta rule: Fit", "training set", set)
	result, err := r.fit(ctx, net, set)
	if err != nil {
		return result, fmt.Errorf("train: delta rule: %w", err)
	}
	return result, nil
}

func (r DeltaRule) fit(ctx context.Context, net *model.Network, set *data.Dataset) (result DeltaResult, err error) {
	if _, err := checkRule[model.Dense](net, set, r.LR, r.Epochs); err != nil {
		return result, err
	}
	if err := wantNotNegative("option Tolerance", r.Tolerance); err != nil {
		return result, err
	}
	size := 1 // samples of a correction
	if r.Batch {
		size = set.Len()
	}
	if size > net.Input().Batch {
		return result, fmt.Errorf("option Batch presents all %d samples at once, but the network was built for at most %d", size, net.Input().Batch)
	}
	layer, err := newSingleLayer(net, set)
	if err != nil {
		return result, err
	}
	defer layer.free()
	for epoch := 0; ; epoch++ {
		if ctx.Err() != nil {
			return result, fmt.Errorf("stopped after %d epochs: %w", epoch, context.Cause(ctx))
		}
		for i := 0; i < set.Len(); i += size {
			layer.forward(i, i+size)
			layer.addSquares(i, i+size, 0.5)
		}
		e, err := layer.takeSum()
		if err != nil {
			return result, err
		}
		if math.IsNaN(e) || math.IsInf(e, 0) {
			layer.b.Copy(net.Values(), layer.finite)
			return result, fmt.Errorf("%w: E is %v after %d epochs: lower LR, which is %g", ErrDiverged, e, epoch, r.LR)
		}
		layer.b.Copy(layer.finite, net.Values())
		result.Errors = append(result.Errors, e)
		result.Converged = e <= r.Tolerance
		if result.Converged || epoch == r.Epochs {
			return result, nil
		}
		for i := 0; i < set.Len(); i += size {
			layer.forward(i, i+size)
			layer.correct(i, i+size, r.LR)
		}
	}
}
