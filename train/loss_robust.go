package train

import (
	"cmp"
	"fmt"
	"math"

	"gputrain/backend"
	"gputrain/data"
)

// L1 is the mean of |y−target| over all elements of the rows of y that count: the mean
// absolute error, PyTorch's L1Loss. Its gradient at 0 is 0.
type L1 struct{}

// Compute implements Loss.
func (L1) Compute(b backend.Backend, loss, grad, y backend.Tensor, target Target) {
	e, negative, sign := target.Scratch[0], target.Scratch[1], target.Scratch[2]
	b.Sub(e, target.Masked(b, e, y), target.Values)
	selectAbove(b, grad, e, 1)
	b.Scale(negative, -1, e)
	selectAbove(b, sign, negative, 1)
	b.Sub(grad, grad, sign)
	b.Mul(e, e, grad) // which is NaN for NaN
	meanOf(b, loss, grad, e, target)
}

// Scratch implements ScratchLoss.
func (L1) Scratch() int { return 3 }

// Rows implements Loss: rows with a target count, whatever their labels are.
func (L1) Rows(target Target) int { return target.Rows }

// Check implements Loss as MSE does.
func (L1) Check(set *data.Dataset, outputs int) error {
	return checkValues(set, outputs, "the absolute error")
}

// Huber is PyTorch's HuberLoss: the mean over all elements of the rows of y that count
// of ½e² where |e| ≤ Delta, and of Delta·(|e| − ½·Delta) elsewhere. e is y−target. So
// an outlier counts by its distance, and not by its square.
type Huber struct {
	Delta float64 // above 0; 0 means 1
}

// Compute implements Loss. With c = e between −Delta and Delta, and the nearer of the
// two elsewhere, the loss is the mean of c·(e − ½c) and its gradient that of c.
func (l Huber) Compute(b backend.Backend, loss, grad, y backend.Tensor, target Target) {
	delta, c := l.delta(), grad
	e, beyond, outside := target.Scratch[0], target.Scratch[1], target.Scratch[2]
	b.Sub(e, target.Masked(b, e, y), target.Values)
	b.Copy(c, e)
	for _, side := range [...]float64{1, -1} {
		b.Fill(beyond, -delta)
		b.AddScaled(beyond, side, e)
		b.ReLUGrad(outside, beyond, e) // e where it is beyond Delta on this side
		b.Sub(c, c, outside)
		selectAbove(b, outside, beyond, side*delta)
		b.Add(c, c, outside)
	}
	b.AddScaled(e, -0.5, c)
	b.Mul(e, e, c)
	meanOf(b, loss, grad, e, target)
}

// selectAbove sets dst[i,j] = value where x[i,j] > 0, else 0.
func selectAbove(b backend.Backend, dst, x backend.Tensor, value float64) {
	b.Fill(dst, value)
	b.ReLUGrad(dst, x, dst)
}

// meanOf sets loss to the mean of values, over the rows that count, and grad to its
// share of the mean.
func meanOf(b backend.Backend, loss, grad, values backend.Tensor, target Target) {
	rows := values.Rows
	if target.Mask.Present() {
		rows = max(1, target.Rows)
	}
	scale := 1 / float64(rows*values.Cols)
	b.SumRows(loss, values.Reshape(values.Size(), 1), 0)
	b.Scale(loss, scale, loss)
	b.Scale(grad, scale, grad)
}

// Scratch implements ScratchLoss.
func (Huber) Scratch() int { return 3 }

// Rows implements Loss: rows with a target count, whatever their labels are.
func (Huber) Rows(target Target) int { return target.Rows }

// Check implements Loss as MSE does.
func (l Huber) Check(set *data.Dataset, outputs int) error {
	return cmp.Or(l.checkOptions(outputs), checkValues(set, outputs, "the Huber loss"))
}

func (l Huber) checkOptions(int) error {
	if !(l.Delta >= 0) || math.IsInf(l.Delta, 0) {
		return fmt.Errorf("the Delta of Huber is %v, want a finite number above 0, or 0 for 1", l.Delta)
	}
	return nil
}

func (l Huber) delta() float64 {
	if l.Delta == 0 {
		return 1
	}
	return l.Delta
}
