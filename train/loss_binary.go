package train

import (
	"fmt"
	"math"
	"slices"

	"gputrain/backend"
	"gputrain/data"
)

// BCEWithLogits is PyTorch's BCEWithLogitsLoss, the binary cross-entropy of each output
// by itself: the mean over all elements of the rows of y that count of
//
//	−w·target·log σ(y) − (1−target)·log(1 − σ(y))
//
// where w is the PosWeight of the output. With PosWeight, targets are 0 or 1.
// Targets are from 0 to 1. With one output it is the loss of two classes, with several
// that of labels of which any number may hold. The outputs are logits: New and Evaluate
// refuse a network that ends with a sigmoid.
type BCEWithLogits struct {
	PosWeight []float64 // one per output, at least 0; nil: all are 1
}

// Compute implements Loss. The target must come from a Trainer or from Evaluate. It is
// the cross-entropy of two classes with the logits 0 and y, which is exact however
// large y is. For targets between 0 and 1, the rest is linear in y.
func (l BCEWithLogits) Compute(b backend.Backend, loss, grad, y backend.Tensor, target Target) {
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
	if l.PosWeight != nil {
		// Elements of one weight share a call, because the operation has no weights.
		b.Fill(loss, 0)
		for i, labels := range t.weighted {
			b.SoftmaxCrossEntropy(t.part, backend.Tensor{}, t.logits, labels, scale*t.factors[i])
			b.Add(loss, loss, t.part)
		}
		b.SoftmaxCrossEntropy(t.part, t.logits, t.logits, t.labels, scale)
		b.CopyCols(grad.Reshape(n, 1), 0, t.logits, 1, 1)
		b.Mul(grad, grad, t.weights)
		return
	}
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
func (l BCEWithLogits) Check(set *data.Dataset, outputs int) error {
	if err := l.checkOptions(outputs); err != nil {
		return err
	}
	if err := checkValues(set, outputs, "binary cross-entropy"); err != nil {
		return err
	}
	for i, value := range set.Targets {
		row := i / set.TargetWidth
		if padding(set, row) || set.Mask != nil && set.Mask[row] == 0 {
			continue
		}
		if l.PosWeight != nil && value != 0 && value != 1 {
			return fmt.Errorf("target %v at index %d is neither 0 nor 1, which binary cross-entropy with PosWeight needs", value, i)
		}
		if !(value >= 0 && value <= 1) {
			return fmt.Errorf("target %v at index %d is not from 0 to 1, which binary cross-entropy needs", value, i)
		}
	}
	return nil
}

func (l BCEWithLogits) checkOptions(outputs int) error {
	if l.PosWeight != nil && len(l.PosWeight) != outputs {
		return fmt.Errorf("BCEWithLogits has %d values of PosWeight, but the network has %d outputs", len(l.PosWeight), outputs)
	}
	for output, weight := range l.PosWeight {
		if !(weight >= 0) || math.IsInf(weight, 0) {
			return fmt.Errorf("BCEWithLogits has PosWeight %v for output %d, want a finite number of at least 0", weight, output)
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

	// With PosWeight: the weights that differ, for each the labels that have it, else
	// backend.IgnoreLabel, and the weight of each element.
	factors  []float64
	weighted []backend.Ints // [rows·cols]
	weights  backend.Tensor // [rows, cols]
}

// binaryFeed makes binaryTargets of values.
type binaryFeed struct {
	whole   binaryTargets // for the largest batch
	targets binaryTargets
	labels  []int32
	rest    []float32

	weight   []float64 // BCEWithLogits.PosWeight
	weighted []int32   // what is uploaded to each of targets.weighted
	weights  []float32
}

func newBinaryFeed(m *memory, l BCEWithLogits, rows, cols int) *binaryFeed {
	n := rows * cols
	f := &binaryFeed{whole: binaryTargets{labels: m.ints(n), rest: m.tensor(rows, cols), logits: m.tensor(n, 2), part: m.tensor(1, 1)}, weight: l.PosWeight}
	if l.PosWeight != nil {
		for _, weight := range append(slices.Clone(l.PosWeight), 1) {
			f.whole.factors = append(f.whole.factors, float64(float32(weight))) // as in weights
		}
		slices.Sort(f.whole.factors)
		f.whole.factors = slices.Compact(f.whole.factors)
		for range f.whole.factors {
			f.whole.weighted = append(f.whole.weighted, m.ints(n))
		}
		f.whole.weights, f.weighted, f.weights = m.tensor(rows, cols), make([]int32, n), make([]float32, n)
	}
	f.labels, f.rest, f.targets = make([]int32, n), make([]float32, n), f.whole
	f.targets.weighted = slices.Clone(f.whole.weighted)
	return f
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
	if f.weight != nil {
		f.uploadWeights(b, n, cols)
	}
	return t
}

// uploadWeights copies what belongs to the first n labels, in rows of cols, to the device.
func (f *binaryFeed) uploadWeights(b backend.Backend, n, cols int) {
	t := &f.targets
	for i, label := range f.labels[:n] {
		f.weights[i] = 1
		if label == 1 {
			f.weights[i] = float32(f.weight[i%cols])
		}
	}
	for g, factor := range t.factors {
		for i, label := range f.labels[:n] {
			if f.weighted[i] = label; f.weights[i] != float32(factor) {
				f.weighted[i] = backend.IgnoreLabel
			}
		}
		t.weighted[g] = f.whole.weighted[g].Slice(0, n)
		b.UploadInts(t.weighted[g], f.weighted[:n])
	}
	t.weights = f.whole.weights.Slice(0, n/cols)
	b.Upload(t.weights, f.weights[:n])
}
