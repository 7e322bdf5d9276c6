package train_test

import (
	"context"
	"fmt"
	"log"
	"math"

	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// The third measurement is missing. The line goes through the others.
func ExampleMSE_missingTargets() {
	nan := float32(math.NaN())
	set := &data.Dataset{
		Steps: 1, Width: 1, X: []float32{0, 1, 2, 3},
		Targets: []float32{1, 3, nan, 7}, TargetWidth: 1,
		Mask: []float32{1, 1, 0, 1},
	}
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{{Name: "line", Layer: model.Dense{Out: 1}}}, model.Shape{Steps: 1, Batch: 4, Width: 1}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.1, Epochs: 500, Batch: 4})
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Free()
	if err := trainer.Fit(context.Background(), set, nil); err != nil {
		log.Fatal(err)
	}
	outputs, err := train.Predict(net, set)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f\n", outputs)

	// Output: [[1.000] [3.000] [5.000] [7.000]]
}
