package train

import (
	"errors"
	"fmt"

	"gputrain/backend"
	"gputrain/data"
)

// Target is what a batch should give: one row per row of the network's output.
type Target struct {
	Labels backend.Ints   // [rows], the classes; absent if the set has none
	Values backend.Tensor // [rows, TargetWidth]; absent if the set has none
	Count  int            // rows that count: without padding and those labelled backend.IgnoreLabel

	// With sequences that end early: [rows, 1], 1, and 0 for the padding, where
	// Values are 0. Absent without Values, and where no row is padding.
	Mask backend.Tensor
	Rows int // of Values, without padding
}

// Loss is a function of the network's output that training makes small.
type Loss interface {
	// Compute sets loss, [1,1], to the mean over the target.Count rows of y
	// that count, and grad to its gradient by y. With grad absent, which
	// target.Mask forbids, it computes the value only. It must not allocate or
	// wait.
	Compute(b backend.Backend, loss, grad, y backend.Tensor, target Target)

	// Check says why a network with that many outputs cannot be trained on set
	// with this loss.
	Check(set *data.Dataset, outputs int) error
}

// CrossEntropy is the mean of −log softmax(y)[label] over the rows of y: the
// loss of a classifier whose outputs are logits, one per class. Rows labelled
// backend.IgnoreLabel are left out.
type CrossEntropy struct{}

// Compute implements Loss.
func (CrossEntropy) Compute(b backend.Backend, loss, grad, y backend.Tensor, target Target) {
	b.SoftmaxCrossEntropy(loss, grad, y, target.Labels, 1/float64(max(1, target.Count)))
}

// Check implements Loss: it wants labels from 0 to outputs−1, one at least.
func (CrossEntropy) Check(set *data.Dataset, outputs int) error {
	labeled := false
	for i, label := range set.Labels {
		if label == backend.IgnoreLabel {
			continue
		}
		if label < 0 || int(label) >= outputs {
			return fmt.Errorf("label %d at index %d does not fit a network with %d outputs: give it one output per class", label, i, outputs)
		}
		labeled = true
	}
	if !labeled {
		return errors.New("it has no labels, which cross-entropy needs")
	}
	return nil
}

// MSE is the mean of (y−target)² over all elements of y, without padding.
type MSE struct{}

// Compute implements Loss.
func (MSE) Compute(b backend.Backend, loss, grad, y backend.Tensor, target Target) {
	if target.Mask.Present() {
		// Where both are zero, so is the error.
		b.MulCol(grad, y, target.Mask)
		b.SquaredError(loss, grad, grad, target.Values, 1/float64(max(1, target.Rows)*y.Cols))
		return
	}
	b.SquaredError(loss, grad, y, target.Values, 1/float64(y.Size()))
}

// Check implements Loss: it wants targets as wide as the network's output.
func (MSE) Check(set *data.Dataset, outputs int) error {
	if set.Targets == nil {
		return errors.New("it has no target values, which the squared error needs")
	}
	if set.TargetWidth != outputs {
		return fmt.Errorf("its targets have %d values, the network has %d outputs", set.TargetWidth, outputs)
	}
	return nil
}
