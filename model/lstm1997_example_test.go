package model_test

import (
	"fmt"
	"log"

	"gputrain/backend/reference"
	"gputrain/model"
)

// The net of Hochreiter and Schmidhuber (1997) for the temporal order of two
// symbols among distractors, with its 156 weights: two memory blocks of two
// cells, whose input gates are closed at first, the second one more tightly.
func ExampleLSTM1997() {
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "lstm", Layer: model.LSTM1997{Blocks: 2, Cells: 2, InputGateBias: []float64{-2, -4}}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "output", Layer: model.Dense{Out: 4}},
		{Name: "sigmoid", Layer: model.Sigmoid},
	}, model.Shape{Steps: 110, Batch: 1, Width: 8}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, w := range net.Parameters() {
		fmt.Println(w.Name, w.Shape)
	}
	fmt.Println(net.Count(), "weights")

	// Output:
	// lstm.weight [8 17]
	// output.weight [4 4]
	// output.bias [4]
	// 156 weights
}

// The forget gates of 2000 add a row of weights for each block, the peepholes
// of 2002 three weights for each cell.
func ExampleLSTM1997_generations() {
	b := reference.New()
	defer b.Close()
	for _, generation := range []struct {
		year  int
		layer model.LSTM1997
	}{
		{1997, model.LSTM1997{Blocks: 2, Cells: 2}},
		{2000, model.LSTM1997{Blocks: 2, Cells: 2, NoGateFeedback: true, ForgetGates: true, ForgetGateBias: []float64{1, 2}}},
		{2002, model.LSTM1997{Blocks: 2, Cells: 2, NoGateFeedback: true, ForgetGates: true, Peepholes: true, LinearOutput: true}},
	} {
		net, err := model.New(b, model.Spec{{Name: "lstm", Layer: generation.layer}}, model.Shape{Steps: 100, Batch: 1, Width: 7}, model.Options{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(generation.year, ":")
		for _, w := range net.Parameters() {
			fmt.Print(" ", w.Name, " ", w.Shape)
		}
		fmt.Println()
	}

	// Output:
	// 1997: lstm.weight [8 16]
	// 2000: lstm.weight [10 12]
	// 2002: lstm.weight [10 12] lstm.weight_peep [3 4]
}
