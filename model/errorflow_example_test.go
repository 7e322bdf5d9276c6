package model_test

import (
	"fmt"
	"log"

	"gputrain/backend/reference"
	"gputrain/model"
)

// What is left of an error after 50 time steps: next to nothing in a simple
// recurrent network, all of it in the memory cells of 1997.
func ExampleErrorFlow() {
	b := reference.New()
	defer b.Close()
	x := make([]float32, 50) // one input, always 0
	for _, c := range []struct {
		state string
		layer model.Layer
	}{
		{"layer.h_l0", model.RNN{Hidden: 4, Stateful: true}},
		{"layer.s", model.LSTM1997{Blocks: 2, Cells: 2, Stateful: true}},
	} {
		net, err := model.New(b, model.Spec{{Name: "layer", Layer: c.layer}}, model.Shape{Steps: 1, Batch: 8, Width: 1}, model.Options{})
		if err != nil {
			log.Fatal(err)
		}
		net.Init(1)
		flow, err := model.ErrorFlow(net, x, c.state)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%T:", c.layer)
		for _, lag := range []int{0, 1, 10, 50} {
			fmt.Printf(" %.2g", flow[lag].Largest)
		}
		fmt.Println()
	}
	// Output:
	// model.RNN: 1 0.41 3.3e-06 2.9e-28
	// model.LSTM1997: 1 1 1 1
}
