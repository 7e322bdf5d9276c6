package train_test

import (
	"fmt"

	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// within is the share of targets that the network misses by at most so much.
type within struct {
	distance  float32
	hits, all float64
}

// Reset implements train.Metric.
func (w *within) Reset() { w.hits, w.all = 0, 0 }

// Update implements train.Metric.
func (w *within) Update(y []float32, _ int, target []float32) {
	for i, t := range target {
		w.all++
		if max(t-y[i], y[i]-t) <= w.distance {
			w.hits++
		}
	}
}

// Compute implements train.Metric.
func (w *within) Compute() float64 { return w.hits / w.all }

// A metric of your own, beside those of the package. The network gives back its input.
func ExampleMetric() {
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{{Name: "same", Layer: model.Identity}}, model.Shape{Steps: 1, Batch: 4, Width: 1}, model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	set := &data.Dataset{Steps: 1, Width: 1, X: []float32{1, 2, 3, 4}, Targets: []float32{1.5, 2, 3, 8}, TargetWidth: 1}
	share, mae, r2 := &within{distance: 1}, new(train.MAE), new(train.R2)
	if _, err := train.Evaluate(net, train.MSE{}, set, share, mae, r2); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("within 1: %.2f, MAE %.3f, R2 %.3f\n", share.Compute(), mae.Compute(), r2.Compute())
	// Output:
	// within 1: 0.75, MAE 1.125, R2 0.391
}
