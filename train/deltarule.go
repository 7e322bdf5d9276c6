package train

import (
	"context"
	"fmt"
	"math"

	"gputrain/data"
	"gputrain/model"
)

// DeltaRule is gradient descent for linear units (Widrow, Hoff 1960): it makes
//
//	E = ½·Σ (d−s)²
//
// small, the sum being over all samples and outputs, s = x·weightᵀ + bias the
// output and d the target. Online, each sample in turn corrects
//
//	weight += LR·(d−s)·x    bias += LR·(d−s)
//
// With Batch, the sum of all samples' corrections is made once per epoch. E has
// no minimum but the global one. The rule finds it if LR is small enough, for
// Batch below 2/λ, λ being the largest eigenvalue of Σ [x; 1]·[x; 1]ᵀ; unlike
// the perceptron rule also where the classes are not separable.
//
// A Trainer makes the same steps with SGD{} and MSE{}, whose mean has another
// rate, LR·(samples per step)·(outputs)/2; but it shuffles the samples.
type DeltaRule struct {
	LR        float64 // η
	Batch     bool    // one correction per epoch instead of one per sample
	Tolerance float64 // Fit ends when E is at most this
	Epochs    int     // the most
}

// DeltaResult says how the delta rule ended.
type DeltaResult struct {
	Converged bool      // the last error is within the tolerance
	Errors    []float64 // E after 0, 1, 2, ... epochs
}

// Fit trains net, a single model.Dense, from the parameters that it has, until
// E is within the tolerance or Epochs are done; which of them is a result, not
// an error.
//
// It is an error if net, set or the settings are not as they should be, if
// memory is short, if the device fails, if ctx is cancelled, and, as it wraps
// ErrDiverged, if E is no finite number any more: the parameters are then those
// with which it last was one.
func (r DeltaRule) Fit(ctx context.Context, net *model.Network, set *data.Dataset) (DeltaResult, error) {
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
