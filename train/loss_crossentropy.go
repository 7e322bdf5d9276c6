package train

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gputrain/backend"
	"gputrain/data"
)

// CrossEntropy is the loss of a classifier whose outputs are logits, one per class:
// the mean of −log softmax(y)[label] over the rows of y. Rows labelled
// backend.IgnoreLabel are left out. New and Evaluate refuse a network that ends
// with Softmax or a sigmoid, because the softmax is part of the loss.
//
// It is PyTorch's CrossEntropyLoss with its options weight and label_smoothing. With
// w the Weights, K classes and ε = Smoothing, it is
//
//	Σ_i [(1−ε)·w[label_i]·ℓ(i, label_i) + ε/K·Σ_k w[k]·ℓ(i, k)] / Σ_i w[label_i]
//
// where ℓ(i, k) = −log softmax(y_i)[k]. Rows counts rows whatever their weight.
type CrossEntropy struct {
	Weights   []float64 // one per class, at least 0; nil: all are 1
	Smoothing float64   // 0 to 1
}

// Compute implements Loss. With Weights or Smoothing the target must come from a
// Trainer or from Evaluate.
func (l CrossEntropy) Compute(b backend.Backend, loss, grad, y backend.Tensor, target Target) {
	if l.plain() {
		b.SoftmaxCrossEntropy(loss, grad, y, target.Labels, 1/float64(max(1, target.Count)))
		return
	}
	c := target.classes
	if c == nil {
		panic("train: CrossEntropy: Compute: the target has no weights of its rows: with Weights or Smoothing, let a Trainer or Evaluate call Compute")
	}
	norm := c.sum
	if norm == 0 {
		norm = 1
	}
	// Rows of one factor share a call, because the operation has no weights.
	b.Fill(loss, 0)
	for i, labels := range c.labels {
		b.SoftmaxCrossEntropy(c.part, backend.Tensor{}, y, labels, c.factors[i]/norm)
		b.Add(loss, loss, c.part)
	}
	b.SoftmaxCrossEntropy(c.part, grad, y, target.Labels, 1)
	if l.Smoothing == 0 {
		b.MulCol(grad, grad, c.factor)
		b.Scale(grad, 1/norm, grad)
		return
	}
	// ℓ(i, k) = ℓ(i, label) + y[i,label] − y[i,k], so that the rest is linear in y.
	classes := float64(y.Cols)
	linear, work := target.Scratch[0], target.Scratch[1]
	b.Softmax(linear, y)
	b.Sub(linear, linear, grad) // 1 for the label, else 0
	b.Scale(linear, l.Smoothing*l.weightSum(y.Cols)/classes, linear)
	b.Fill(work, -l.Smoothing/classes)
	b.MulRow(work, work, c.weights)
	b.Add(linear, linear, work)
	b.MulCol(linear, linear, c.counts)

	b.MulCol(grad, grad, c.factor)
	b.Add(grad, grad, linear)
	b.Scale(grad, 1/norm, grad)
	b.Mul(work, linear, y)
	addSum(b, loss, 1/norm, work, c.part)
}

// addSum adds factor·Σ_ij x[i,j] to loss, by way of part, [1,1].
func addSum(b backend.Backend, loss backend.Tensor, factor float64, x, part backend.Tensor) {
	b.SumRows(part, x.Reshape(x.Size(), 1), 0)
	b.AddScaled(loss, factor, part)
}

func (l CrossEntropy) plain() bool { return l.Weights == nil && l.Smoothing == 0 }

// Scratch implements ScratchLoss.
func (l CrossEntropy) Scratch() int {
	if l.Smoothing == 0 {
		return 0
	}
	return 2
}

// Rows implements Loss: rows with a label count.
func (CrossEntropy) Rows(target Target) int { return target.Count }

// Weight implements WeightedLoss.
func (l CrossEntropy) Weight(target Target) float64 {
	if l.plain() {
		return float64(target.Count)
	}
	return target.classes.sum
}

// Check implements Loss: it wants labels from 0 to outputs−1, at least one, a weight
// for each class, and some class with a weight above 0.
func (l CrossEntropy) Check(set *data.Dataset, outputs int) error {
	if err := l.checkOptions(outputs); err != nil {
		return err
	}
	labeled := false
	for i, label := range set.Labels {
		if label == backend.IgnoreLabel || padding(set, i) {
			continue
		}
		if label < 0 || int(label) >= outputs {
			return fmt.Errorf("label %d at index %d does not fit a network with %d outputs: give it one output per class", label, i, outputs)
		}
		labeled = labeled || l.weight(int(label)) > 0
	}
	switch {
	case !labeled && l.Weights != nil:
		return errors.New("it has no labels of a class with a weight above 0, which cross-entropy needs")
	case !labeled:
		return errors.New("it has no labels, which cross-entropy needs")
	}
	return nil
}

func (l CrossEntropy) checkOptions(outputs int) error {
	if !(l.Smoothing >= 0 && l.Smoothing <= 1) {
		return fmt.Errorf("the Smoothing of CrossEntropy is %v, want 0 to 1", l.Smoothing)
	}
	if l.Weights != nil && len(l.Weights) != outputs {
		return fmt.Errorf("CrossEntropy has %d Weights, but the network has %d outputs", len(l.Weights), outputs)
	}
	for class, weight := range l.Weights {
		if !(weight >= 0) || math.IsInf(weight, 0) {
			return fmt.Errorf("CrossEntropy has weight %v for class %d, want a finite number of at least 0", weight, class)
		}
	}
	return nil
}

func (l CrossEntropy) weight(class int) float64 {
	if l.Weights == nil {
		return 1
	}
	return l.Weights[class]
}

func (l CrossEntropy) weightSum(classes int) float64 {
	sum := 0.0
	for class := range classes {
		sum += l.weight(class)
	}
	return sum
}

// classTargets is what CrossEntropy with Weights or Smoothing needs of the labels of a
// batch. The factor of a row is that of ℓ(i, label): (1−ε)·w[label] + ε/K·Σ_k w[k].
type classTargets struct {
	sum     float64        // Σ_i w[label_i]
	factors []float64      // that differ
	labels  []backend.Ints // [rows] for each of factors: the labels that have it, else backend.IgnoreLabel
	factor  backend.Tensor // [rows, 1]; 0 without a label
	counts  backend.Tensor // [rows, 1]: 1 with a label, else 0
	weights backend.Tensor // [1, K]
	part    backend.Tensor // [1, 1], of the loss
}

// classFeed makes classTargets of labels.
type classFeed struct {
	weight  []float64    // of each class
	group   []int        // of each class, an index into factors
	whole   classTargets // for the largest batch
	targets classTargets
	labels  [][]int32
	column  []float32
}

func newClassFeed(m *memory, l CrossEntropy, rows, classes int) *classFeed {
	f := &classFeed{column: make([]float32, rows)}
	weights := make([]float32, classes)
	w := &f.whole
	for class := range classes {
		f.weight = append(f.weight, l.weight(class))
		weights[class] = float32(l.weight(class))
		factor := (1-l.Smoothing)*l.weight(class) + l.Smoothing*l.weightSum(classes)/float64(classes)
		group := slices.Index(w.factors, factor)
		if group < 0 {
			group = len(w.factors)
			w.factors = append(w.factors, factor)
			w.labels = append(w.labels, m.ints(rows))
			f.labels = append(f.labels, make([]int32, rows))
		}
		f.group = append(f.group, group)
	}
	w.factor, w.counts, w.weights, w.part = m.tensor(rows, 1), m.tensor(rows, 1), m.tensor(1, classes), m.tensor(1, 1)
	if m.err == nil {
		m.b.Upload(w.weights, weights)
	}
	f.targets = *w
	f.targets.labels = slices.Clone(w.labels)
	return f
}

// upload copies what belongs to labels to the device.
func (f *classFeed) upload(b backend.Backend, labels []int32) *classTargets {
	rows, t := len(labels), &f.targets
	t.sum = 0
	for g := range f.labels {
		for i, label := range labels {
			if label != backend.IgnoreLabel && f.group[label] == g {
				f.labels[g][i] = label
			} else {
				f.labels[g][i] = backend.IgnoreLabel
			}
		}
		t.labels[g] = f.whole.labels[g].Slice(0, rows)
		b.UploadInts(t.labels[g], f.labels[g][:rows])
	}
	t.factor, t.counts = f.whole.factor.Slice(0, rows), f.whole.counts.Slice(0, rows)
	f.uploadColumn(b, t.factor, labels, func(label int32) float64 { return t.factors[f.group[label]] })
	f.uploadColumn(b, t.counts, labels, func(label int32) float64 {
		t.sum += f.weight[label]
		return 1
	})
	return t
}

// uploadColumn sets dst to value of each label, and to 0 without one.
func (f *classFeed) uploadColumn(b backend.Backend, dst backend.Tensor, labels []int32, value func(label int32) float64) {
	for i, label := range labels {
		f.column[i] = 0
		if label != backend.IgnoreLabel {
			f.column[i] = float32(value(label))
		}
	}
	b.Upload(dst, f.column[:len(labels)])
}
