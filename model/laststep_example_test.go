package model_test

import (
	"fmt"

	"gputrain/backend/reference"
	"gputrain/model"
)

// A classifier of whole sequences wants, from a layer in both directions, the step
// at which each direction has seen the whole sequence.
func ExampleLastStep() {
	b := reference.New()
	defer b.Close()
	in := model.Shape{Steps: 3, Batch: 2, Width: 1}
	net, err := model.New(b, model.Spec{
		{Name: "gru", Layer: model.GRU{Hidden: 1, Bidirectional: true}},
		{Name: "last", Layer: model.LastStep{Bidirectional: true}},
	}, in, model.Options{Ragged: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.Init(1)
	x, err := b.New(in.Rows(), in.Width)
	if err != nil {
		fmt.Println(err)
		return
	}
	b.Upload(x, []float32{
		0.1, 0.4, // the first step of both
		0.2, 0,
		0.3, 0,
	})
	net.SetLengths(in.Steps, []int32{3, 1})
	y := make([]float32, 4)
	if err := b.Download(y, net.Forward(x, in.Steps, model.Evaluation)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.3f\n%.3f\n", y[:2], y[2:])
	// Output:
	// [-0.052 0.254]
	// [-0.137 0.095]
}
