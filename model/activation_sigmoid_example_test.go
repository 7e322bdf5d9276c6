package model_test

import (
	"fmt"
	"log"

	"gputrain/backend/reference"
	"gputrain/model"
)

// The steeper a sigmoid unit, the nearer it is to a threshold.
func ExampleLogistic() {
	b := reference.New()
	defer b.Close()
	x, err := b.New(3, 1)
	if err != nil {
		log.Fatal(err)
	}
	b.Upload(x, []float32{-1, 0, 1})
	for _, slope := range []float64{1, 4, 16} {
		net, err := model.New(b, model.Spec{{Name: "unit", Layer: model.Logistic{Slope: slope}}}, model.Shape{Steps: 1, Batch: 3, Width: 1}, model.Options{})
		if err != nil {
			log.Fatal(err)
		}
		y := make([]float32, 3)
		if err := b.Download(y, net.Forward(x, 1, model.Evaluation)); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("slope %2v: %.3f\n", slope, y)
	}

	// Output:
	// slope  1: [0.269 0.500 0.731]
	// slope  4: [0.018 0.500 0.982]
	// slope 16: [0.000 0.500 1.000]
}
