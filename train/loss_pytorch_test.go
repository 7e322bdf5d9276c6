package train

import (
	"math"
	"testing"

	"gputrain/backend"
	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
)

// computeLoss returns the loss of outputs y, in the order of a batch, for the targets
// of set, and its gradient by y, both in float64.
func computeLoss(t *testing.T, loss Loss, y []float64, set *data.Dataset) (value float64, grad []float64) {
	t.Helper()
	b := reference.New()
	defer b.Close()
	in := model.Shape{Steps: set.Steps, Batch: set.Len(), Width: set.Width}
	net, err := model.New(b, model.Spec{{Name: "y", Layer: model.Identity}}, in, model.Options{Ragged: set.Lengths != nil})
	if err != nil {
		t.Fatal(err)
	}
	if err := loss.Check(set, set.Width); err != nil {
		t.Fatal(err)
	}
	m := memory{b: b}
	f := newFeed(&m, net, in.Batch, loss)
	result, outputs, dy := m.tensor(1, 1), m.tensor(in.Rows(), in.Width), m.tensor(in.Rows(), in.Width)
	if m.err != nil {
		t.Fatal(m.err)
	}
	b.UploadFloat64(outputs, y)
	for _, old := range []backend.Tensor{result, dy} { // has no influence
		b.Fill(old, math.NaN())
	}
	for _, scratch := range f.scratch {
		b.Fill(scratch, math.NaN())
	}
	loss.Compute(b, result, dy, outputs, f.targets(b, data.NewBatches(set, in.Batch).Batch(0)))
	received := make([]float64, 1)
	grad = make([]float64, len(y))
	if err := b.DownloadFloat64(received, result); err != nil {
		t.Fatal(err)
	}
	if err := b.DownloadFloat64(grad, dy); err != nil {
		t.Fatal(err)
	}
	return received[0], grad
}

// pytorchLoss is what testdata/losses.py writes of a loss.
type pytorchLoss struct {
	Name             string
	Delta, Smoothing float64
	Weights          []float64
	Cols             int
	Y, Target        []float64
	Loss             float64
	Grad             []float64
}

func (c pytorchLoss) loss() Loss {
	switch c.Name {
	case "L1":
		return L1{}
	case "Huber":
		return Huber{Delta: c.Delta}
	case "BCEWithLogits":
		return BCEWithLogits{PosWeight: c.Weights}
	case "CrossEntropy":
		return CrossEntropy{Weights: c.Weights, Smoothing: c.Smoothing}
	}
	panic("unknown loss " + c.Name)
}

func (c pytorchLoss) set() *data.Dataset {
	d := &data.Dataset{Steps: 1, Width: c.Cols, X: make([]float32, len(c.Y))}
	for _, target := range c.Target {
		if c.Name == "CrossEntropy" {
			d.Labels = append(d.Labels, int32(target))
		} else {
			d.Targets, d.TargetWidth = append(d.Targets, float32(target)), c.Cols
		}
	}
	return d
}

func TestLossesAreThoseOfPyTorch(t *testing.T) {
	const tolerance = 1e-13 // of the largest number in the sum
	for i, c := range readFixture[pytorchLoss](t, "losses") {
		value, grad := computeLoss(t, c.loss(), c.Y, c.set())
		largest := 1.0
		for _, y := range c.Y {
			largest = max(largest, math.Abs(y))
		}
		if off := math.Abs(value - c.Loss); !(off <= tolerance*largest) {
			t.Errorf("case %d, %s: loss %v, want %v, off by %.2g", i, describe(c.loss()), value, c.Loss, off)
		}
		for k, want := range c.Grad {
			if off := math.Abs(grad[k] - want); !(off <= tolerance) {
				t.Errorf("case %d, %s: gradient %d is %v, want %v, off by %.2g", i, describe(c.loss()), k, grad[k], want, off)
			}
		}
	}
}
