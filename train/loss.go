package train

import (
	"errors"
	"fmt"
	"slices"

	"gputrain/backend"
	"gputrain/data"
)

// Target holds the targets of a batch: one row for each row of the network's
// output.
type Target struct {
	Labels backend.Ints   // [rows], the classes; absent if the set has none
	Values backend.Tensor // [rows, TargetWidth]; absent if the set has none
	Count  int            // rows with a label other than backend.IgnoreLabel; without Labels it is Rows

	// Mask, [rows, 1], is 1 where Values count. It is 0 in the padding and where
	// data.Batch.Mask is 0; Values are 0 there too. Mask is absent without Values,
	// and for batches that have neither lengths nor a mask.
	Mask backend.Tensor
	Rows int // of Values that count

	// Scratch is for intermediate results: tensors of the shape of y, which hold
	// anything. There are as many as a ScratchLoss asks for.
	Scratch []backend.Tensor

	classes *classTargets  // for CrossEntropy with Weights or Smoothing
	binary  *binaryTargets // for BCEWithLogits
}

// Masked returns y with 0 in the rows that do not count, where Values are 0 too.
// The result is computed into dst, which may be y. Without Mask the result is y
// itself, and dst may be absent.
func (t Target) Masked(b backend.Backend, dst, y backend.Tensor) backend.Tensor {
	if !t.Mask.Present() {
		return y
	}
	b.MulCol(dst, y, t.Mask)
	return dst
}

// Loss is a function of the network's output that training minimizes.
type Loss interface {
	// Compute sets loss, [1,1], to the mean over the rows of y that count, and grad
	// to its gradient by y, which is 0 in all other rows. If no row counts, the loss
	// is 0. With grad absent, which target.Mask and a ScratchLoss forbid, Compute sets
	// the loss only. It must not allocate or wait.
	Compute(b backend.Backend, loss, grad, y backend.Tensor, target Target)

	// Rows returns the number of rows that count: target.Count for a loss of labels,
	// target.Rows for a loss of values. The loss of a set weighs each batch by it,
	// unless the loss is a WeightedLoss.
	Rows(target Target) int

	// Check says why a network with that many outputs cannot be trained on set with
	// this loss. set has passed its own Check.
	Check(set *data.Dataset, outputs int) error
}

// ScratchLoss is a Loss whose Compute needs memory for intermediate results.
type ScratchLoss interface {
	Loss

	// Scratch returns how many tensors Compute finds in target.Scratch.
	Scratch() int
}

// WeightedLoss is a Loss that is a weighted mean. Evaluate, and a Trainer with
// Options.Accumulate, weigh each batch by Weight, the sum of the weights of its rows.
// Epoch.TrainLoss weighs it by Rows.
type WeightedLoss interface {
	Loss
	Weight(target Target) float64
}

// MSE is the mean of (y−target)² over all elements of the rows of y that count.
// Rows in the padding, and rows that the mask of the set leaves out, do not count.
type MSE struct{}

// Compute implements Loss.
func (MSE) Compute(b backend.Backend, loss, grad, y backend.Tensor, target Target) {
	rows := y.Rows
	if target.Mask.Present() {
		rows = max(1, target.Rows)
	}
	b.SquaredError(loss, grad, target.Masked(b, grad, y), target.Values, 1/float64(rows*y.Cols))
}

// Rows implements Loss: rows with a target count, whatever their labels are.
func (MSE) Rows(target Target) int { return target.Rows }

// Check implements Loss: it wants targets as wide as the network's output, and at
// least one that counts.
func (MSE) Check(set *data.Dataset, outputs int) error {
	return checkValues(set, outputs, "the squared error")
}

// checkValues says why set has no values for a loss, which name names, of a network
// with that many outputs.
func checkValues(set *data.Dataset, outputs int, name string) error {
	if set.Targets == nil {
		return fmt.Errorf("it has no target values, which %s needs", name)
	}
	if set.TargetWidth != outputs {
		return fmt.Errorf("its targets have %d values, but the network has %d outputs", set.TargetWidth, outputs)
	}
	if set.Mask != nil && !slices.Contains(set.Mask, 1) {
		return errors.New("its mask leaves out all targets")
	}
	return nil
}
