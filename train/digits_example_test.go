package train_test

import (
	"context"
	"fmt"
	"log"

	"gputrain/cpu"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// A GRU reads handwritten digits, a row of pixels at each time step.
func Example_gatedRecurrentUnit() {
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "gru", Layer: model.GRU{Hidden: 32}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "head", Layer: model.Dense{Out: 10}},
	}, model.Shape{Steps: 8, Batch: 32, Width: 8}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("more than nine of ten right:", readDigits(net) > 0.9)

	// Output: more than nine of ten right: true
}

// A Grid LSTM has gates along the depth too.
func Example_gridLSTM() {
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "grid", Layer: model.GridLSTM{Hidden: 16, Layers: 2}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "head", Layer: model.Dense{Out: 10}},
	}, model.Shape{Steps: 8, Batch: 32, Width: 8}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("more than nine of ten right:", readDigits(net) > 0.9)

	// Output: more than nine of ten right: true
}

// readDigits trains net on four fifths of the digits and returns its accuracy
// on the others.
func readDigits(net *model.Network) float64 {
	digits, err := data.Range(0, 16).Apply(data.Digits())
	if err != nil {
		log.Fatal(err)
	}
	parts := digits.Split(1, 0.8, 0.2)
	net.Init(1)
	trainer, err := train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.02, ClipNorm: 1, Epochs: 4, Batch: 32, Seed: 1,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Free()
	if err := trainer.Fit(context.Background(), parts[0], nil); err != nil {
		log.Fatal(err)
	}
	metrics, err := train.Evaluate(net, train.CrossEntropy{}, parts[1])
	if err != nil {
		log.Fatal(err)
	}
	return metrics.Accuracy
}
