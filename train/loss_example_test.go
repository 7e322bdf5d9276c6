package train_test

import (
	"context"
	"fmt"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// bounded is the mean of tanh²(y−target): an outlier counts as 1 at most.
type bounded struct{ difference, zero backend.Tensor }

// newBounded returns the loss for outputs of at most that many rows.
func newBounded(b backend.Backend, rows, outputs int) (bounded, error) {
	difference, err := b.New(rows, outputs)
	if err != nil {
		return bounded{}, err
	}
	zero, err := b.New(rows, outputs)
	return bounded{difference, zero}, err
}

// Check implements train.Loss: it wants what the squared error wants.
func (bounded) Check(set *data.Dataset, outputs int) error { return train.MSE{}.Check(set, outputs) }

// Rows implements train.Loss: it is a loss of values.
func (bounded) Rows(target train.Target) int { return target.Rows }

// Compute implements train.Loss.
func (l bounded) Compute(b backend.Backend, loss, grad, y backend.Tensor, target train.Target) {
	tanh := l.difference.Slice(0, y.Rows)
	rows := y.Rows
	if target.Mask.Present() {
		rows = max(1, target.Rows)
	}
	b.Sub(tanh, target.Masked(b, tanh, y), target.Values)
	b.Tanh(tanh, tanh)
	b.SquaredError(loss, grad, tanh, l.zero.Slice(0, y.Rows), 1/float64(rows*y.Cols))
	if grad.Present() {
		b.TanhGrad(grad, tanh, grad)
	}
}

// A loss of your own. The targets are twice the inputs, except for one target,
// which draws the line of the squared error away.
func ExampleLoss() {
	b := reference.New()
	defer b.Close()
	const samples = 8
	set := &data.Dataset{Steps: 1, Width: 1, TargetWidth: 1}
	for i := range samples {
		x := float32(i) / samples
		set.X, set.Targets = append(set.X, x), append(set.Targets, 2*x)
	}
	set.Targets[samples-1] = 20

	robust, err := newBounded(b, samples, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, loss := range []train.Loss{train.MSE{}, robust} {
		net, err := model.New(b, model.Spec{{Name: "line", Layer: model.Dense{Out: 1}}}, model.Shape{Steps: 1, Batch: samples, Width: 1}, model.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		trainer, err := train.New(net, train.Options{Loss: loss, Optimizer: train.Adam{}, LR: 0.05, Epochs: 2000, Batch: samples})
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := trainer.Fit(context.Background(), set, nil); err != nil {
			fmt.Println(err)
			return
		}
		weight, _ := net.Parameter("line.weight")
		slope := make([]float32, 1)
		if err := b.Download(slope, weight.Value); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%T: slope %.1f\n", loss, slope[0])
	}
	// Output:
	// train.MSE: slope 14.2
	// train_test.bounded: slope 2.0
}
