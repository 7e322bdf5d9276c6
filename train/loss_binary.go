package train

import (
	"fmt"

	"gputrain/backend"
	"gputrain/data"
)

// BCEWithLogits is PyTorch's BCEWithLogitsLoss, the binary cross-entropy of each output
// by itself: the mean over all elements of the rows of y that count of
//
//	−target·log σ(y) − (1−target)·log(1 − σ(y))
//
// Targets are from 0 to 1. With one output it is the loss of two classes, with several
// that of labels of which any number may hold. The outputs are logits: New and Evaluate
// refuse a network that ends with a sigmoid.
type BCEWithLogits struct{}

// Compute implements Loss. The target must come from a Trainer or from Evaluate. It is
// the cross-entropy of two classes with the logits 0 and y, which is exact however
// large y is. For targets between 0 and 1, the rest is linear in y.
func (BCEWithLogits) Compute(b backend.Backend, loss, grad, y backend.Tensor, target Target) {
	t := target.binary
	if t == nil {
		panic("train: BCEWithLogits: Compute: the target has no labels of its elements: let a Trainer or Evaluate call Compute")
	}
	rows := y.Rows
	if target.Mask.Present() {
		rows = max(1, target.Rows)
	}
	scale, n := 1/float64(rows*y.Cols), y.Size()
	b.Fill(t.logits, 0)
	b.CopyCols(t.logits, 1, y.Reshape(n, 1), 0, 1)
	b.SoftmaxCrossEntropy(loss, t.logits, t.logits, t.labels, scale)
	b.CopyCols(grad.Reshape(n, 1), 0, t.logits, 1, 1)
	if !t.rest.Present() {
		return
	}
	b.AddScaled(grad, scale, t.rest)
	product := target.Scratch[0]
	b.Mul(product, t.rest, y)
	addSum(b, loss, scale, product, t.part)
}

// Scratch implements ScratchLoss.
func (BCEWithLogits) Scratch() int { return 1 }

// Rows implements Loss: rows with a target count, whatever their labels are.
func (BCEWithLogits) Rows(target Target) int { return target.Rows }

// Check implements Loss: it wants targets from 0 to 1, as wide as the network's output,
// and at least one that counts.
func (BCEWithLogits) Check(set *data.Dataset, outputs int) error {
	if err := checkValues(set, outputs, "binary cross-entropy"); err != nil {
		return err
	}
	for i, value := range set.Targets {
		row := i / set.TargetWidth
		if counts := !padding(set, row) && (set.Mask == nil || set.Mask[row] == 1); counts && !(value >= 0 && value <= 1) {
			return fmt.Errorf("target %v at index %d is not from 0 to 1, which binary cross-entropy needs", value, i)
		}
	}
	return nil
}

// binaryTargets is what BCEWithLogits needs of the values of a batch.
type binaryTargets struct {
	labels backend.Ints   // [rows·cols]: the target, rounded; backend.IgnoreLabel where it does not count
	rest   backend.Tensor // [rows, cols], labels − target; absent if all targets are 0 or 1
	logits backend.Tensor // [rows·cols, 2], the logits of two classes, and then their gradient
	part   backend.Tensor // [1, 1], of the loss
}

// binaryFeed makes binaryTargets of values.
type binaryFeed struct {
	whole   binaryTargets // for the largest batch
	targets binaryTargets
	labels  []int32
	rest    []float32
}

func newBinaryFeed(m *memory, rows, cols int) *binaryFeed {
	n := rows * cols
	whole := binaryTargets{m.ints(n), m.tensor(rows, cols), m.tensor(n, 2), m.tensor(1, 1)}
	return &binaryFeed{whole, whole, make([]int32, n), make([]float32, n)}
}

// upload copies what belongs to the values of batch, rows of cols, to the device.
func (f *binaryFeed) upload(b backend.Backend, values []float32, cols int, counts func(row int) bool) *binaryTargets {
	n, t, soft := len(values), &f.targets, false
	for i, value := range values {
		f.labels[i], f.rest[i] = backend.IgnoreLabel, 0
		if !counts(i / cols) {
			continue
		}
		f.labels[i] = 0
		if value >= 0.5 {
			f.labels[i] = 1
		}
		f.rest[i] = float32(f.labels[i]) - value
		soft = soft || f.rest[i] != 0
	}
	t.labels, t.logits, t.rest = f.whole.labels.Slice(0, n), f.whole.logits.Slice(0, n), backend.Tensor{}
	b.UploadInts(t.labels, f.labels[:n])
	if soft {
		t.rest = f.whole.rest.Slice(0, n/cols)
		b.Upload(t.rest, f.rest[:n])
	}
	return t
}
