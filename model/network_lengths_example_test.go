package model_test

import (
	"fmt"

	"gputrain/backend/reference"
	"gputrain/model"
)

// A batch of a sequence of 3 steps and one of 1 step, padded to 3, through a GRU in
// both directions. After the length all outputs are zero.
func ExampleNetwork_SetLengths() {
	b := reference.New()
	defer b.Close()
	in := model.Shape{Steps: 3, Batch: 2, Width: 1}
	net, err := model.New(b, model.Spec{{Name: "gru", Layer: model.GRU{Hidden: 1, Bidirectional: true}}}, in, model.Options{Ragged: true})
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
	y := net.Forward(x, in.Steps, model.Evaluation)
	values := make([]float32, y.Size())
	if err := b.Download(values, y); err != nil {
		fmt.Println(err)
		return
	}
	for step := range in.Steps {
		fmt.Printf("step %d: %.3f %.3f\n", step, values[4*step:4*step+2], values[4*step+2:4*step+4])
	}
	// Output:
	// step 0: [0.066 0.254] [-0.137 0.095]
	// step 1: [0.033 0.193] [0.000 0.000]
	// step 2: [-0.052 0.111] [0.000 0.000]
}
