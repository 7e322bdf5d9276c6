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

// An LSTM reads handwritten digits, row by row.
func Example() {
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "lstm", Layer: model.LSTM{Hidden: 32}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "head", Layer: model.Dense{Out: 10}},
	}, model.Shape{Steps: 8, Batch: 32, Width: 8}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, ClipNorm: 1,
		Epochs: 6, Batch: 32, Seed: 1,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Free()

	digits, err := data.Range(0, 16).Apply(data.Digits())
	if err != nil {
		log.Fatal(err)
	}
	parts := digits.Split(1, 0.8, 0.2)
	if err := trainer.Fit(context.Background(), parts[0], nil); err != nil {
		log.Fatal(err)
	}
	metrics, err := train.Evaluate(net, train.CrossEntropy{}, parts[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("more than nine of ten right:", metrics.Accuracy > 0.9)
	// Output: more than nine of ten right: true
}
