package model_test

import (
	"fmt"
	"log"

	"gputrain/backend/reference"
	"gputrain/model"
)

// The LSTM of Graves and Schmidhuber (2005): each gate has a weight from the
// state of its own cell, in weight_peep.
func ExampleLSTM_peepholes() {
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "lstm", Layer: model.LSTM{Hidden: 16, Peepholes: true, ForgetBias: 1}},
		{Name: "output", Layer: model.Dense{Out: 1}},
	}, model.Shape{Steps: 100, Batch: 32, Width: 1}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	net.Init(1)
	for _, w := range net.Parameters() {
		fmt.Println(w.Name, w.Shape)
	}

	// Output:
	// lstm.weight_ih_l0 [64 1]
	// lstm.weight_hh_l0 [64 16]
	// lstm.bias_ih_l0 [64]
	// lstm.bias_hh_l0 [64]
	// lstm.weight_peep_l0 [3 16]
	// output.weight [1 16]
	// output.bias [1]
}
