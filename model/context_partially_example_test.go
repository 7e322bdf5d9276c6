package model_test

import (
	"fmt"
	"log"

	"gputrain/backend/reference"
	"gputrain/model"
)

// A linear unit that feeds half of itself back to itself, y(t) = x(t) + y(t−1)/2,
// forgets half of what it knows at each time step.
func ExamplePartiallyRecurrent() {
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "trace", Layer: model.PartiallyRecurrent{Hidden: 1, Activation: model.Identity}},
	}, model.Shape{Steps: 5, Batch: 1, Width: 1}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	weight, _ := net.Parameter("trace.weight")
	b.Upload(weight.Value, []float32{1, 0.5, 0}) // of the input, of the unit itself, of the bias
	x, err := b.New(5, 1)
	if err != nil {
		log.Fatal(err)
	}
	b.Upload(x, []float32{1, 0, 0, 1, 0})
	y := make([]float32, 5)
	if err := b.Download(y, net.Forward(x, 5, model.Evaluation)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(y)

	// Output: [1 0.5 0.25 1.125 0.5625]
}
