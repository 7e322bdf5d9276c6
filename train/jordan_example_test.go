package train_test

import (
	"context"
	"fmt"
	"log"

	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// A Jordan net recites: from an input that says nothing and the outputs that it
// gave before, it makes a sequence. While it learns, a teacher puts the right
// outputs into the context.
func Example_jordan() {
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "jordan", Layer: model.Jordan{Hidden: 8, Out: 1, Activation: model.Tanh, Decay: 0.5, TeacherForcing: true}},
	}, model.Shape{Steps: 8, Batch: 1, Width: 1}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{
		Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.05, Epochs: 1000, Batch: 1,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Free()
	melody := &data.Dataset{
		Steps: 8, Width: 1, X: make([]float32, 8),
		PerStep: true, TargetWidth: 1, Targets: []float32{1, 1, 0, 0, 1, 1, 0, 0},
	}
	if err := trainer.Fit(context.Background(), melody, nil); err != nil {
		log.Fatal(err)
	}
	outputs, err := train.Predict(net, melody) // without the teacher
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.0f\n", outputs[0])

	// Output: [1 1 0 0 1 1 0 0]
}
