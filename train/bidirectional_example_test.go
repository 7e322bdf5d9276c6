package train_test

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"

	"gputrain/backend/reference"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// The answer of each step is the input of the next. Only a net that reads
// backward too can know it.
func Example_bidirectional() {
	b := reference.New()
	defer b.Close()
	const steps = 10
	rng := rand.New(rand.NewPCG(1, 1))
	set := &data.Dataset{Steps: steps, Width: 1, PerStep: true, TargetWidth: 1}
	for range 40 {
		bits := make([]float32, steps+1)
		for t := range steps {
			bits[t] = float32(rng.IntN(2))
		}
		set.X = append(set.X, bits[:steps]...)
		set.Targets = append(set.Targets, bits[1:]...)
	}
	for _, both := range []bool{false, true} {
		net, err := model.New(b, model.Spec{
			{Name: "lstm", Layer: model.LSTM{Hidden: 8, Bidirectional: both}},
			{Name: "output", Layer: model.Dense{Out: 1}},
		}, model.Shape{Steps: steps, Batch: 10, Width: 1}, model.Options{})
		if err != nil {
			log.Fatal(err)
		}
		net.Init(1)
		trainer, err := train.New(net, train.Options{
			Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.02, Epochs: 60, Batch: 10,
		})
		if err != nil {
			log.Fatal(err)
		}
		if err := trainer.Fit(context.Background(), set, nil); err != nil {
			log.Fatal(err)
		}
		metrics, err := train.Evaluate(net, train.MSE{}, set)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("bidirectional %t: mean squared error %.2f\n", both, metrics.Loss)
		trainer.Free()
		net.Free()
	}

	// Output:
	// bidirectional false: mean squared error 0.24
	// bidirectional true: mean squared error 0.00
}
