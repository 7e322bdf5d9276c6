package train_test

import (
	"context"
	"fmt"
	"log"

	"gputrain/backend/reference"
	"gputrain/data/tasks"
	"gputrain/model"
	"gputrain/train"
)

// A perceptron learns AND from its mistakes. No line separates XOR.
func ExamplePerceptronRule() {
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "perceptron", Layer: model.Perceptron{Out: 1}},
	}, model.Shape{Steps: 1, Batch: 4, Width: 2}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, gate := range []tasks.Gate{tasks.AND, tasks.XOR} {
		net.Init(1)
		result, err := train.PerceptronRule{LR: 0.1, Epochs: 100}.Fit(context.Background(), net, gate.Table(-1))
		if err != nil {
			log.Fatal(err)
		}
		outputs, err := train.Predict(net, gate.Table(-1))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(gate, "learned:", result.Converged, "epochs:", len(result.Mistakes), "outputs:", outputs)
	}
	// Output:
	// AND learned: true epochs: 7 outputs: [[-1] [-1] [-1] [1]]
	// XOR learned: false epochs: 100 outputs: [[1] [1] [-1] [-1]]
}

// The delta rule makes the squared error of a linear unit as small as it can
// be: that of AND is 0.5, at s = x1 + x2 − 1.5.
func ExampleDeltaRule() {
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "unit", Layer: model.Dense{Out: 1}},
	}, model.Shape{Steps: 1, Batch: 4, Width: 2}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	net.Init(1)
	result, err := train.DeltaRule{LR: 0.2, Batch: true, Epochs: 100}.Fit(context.Background(), net, tasks.AND.Table(-1))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("E before %.2f, after %.2f\n", result.Errors[0], result.Errors[100])
	outputs, err := train.Predict(net, tasks.AND.Table(-1))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.2f\n", outputs)
	// Output:
	// E before 1.95, after 0.50
	// [[-1.50] [-0.50] [-0.50] [0.50]]
}

// A net of two layers learns XOR by error backpropagation, until the mean
// squared error is within the tolerance.
func ExampleTrainer_Fit() {
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "hidden", Layer: model.Dense{Out: 4}},
		{Name: "hidden sigmoid", Layer: model.Sigmoid},
		{Name: "output", Layer: model.Dense{Out: 1}},
		{Name: "output sigmoid", Layer: model.Sigmoid},
	}, model.Shape{Steps: 1, Batch: 4, Width: 2}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{
		Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 4, Epochs: 1000, Batch: 4, Tolerance: 0.001,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Free()
	if err := trainer.Fit(context.Background(), tasks.XOR.Table(0), nil); err != nil {
		log.Fatal(err)
	}
	outputs, err := train.Predict(net, tasks.XOR.Table(0))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.1f\n", outputs)
	// Output: [[0.0] [1.0] [1.0] [0.0]]
}
