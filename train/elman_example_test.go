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

// What was the input three time steps ago? As Elman trained it, the net learns only
// from what its context happens to keep. An error that also goes back in time makes
// the net keep what it needs.
func Example_elman() {
	b := reference.New()
	defer b.Close()
	const steps, lag = 20, 3
	rng := rand.New(rand.NewPCG(1, 1))
	set := &data.Dataset{Steps: steps, Width: 1, PerStep: true, TargetWidth: 1}
	for range 40 {
		bits := make([]float32, lag+steps)
		for t := lag; t < len(bits); t++ {
			bits[t] = float32(rng.IntN(2))
		}
		set.X = append(set.X, bits[lag:]...)
		set.Targets = append(set.Targets, bits[:steps]...)
	}
	for _, window := range []int{1, 4} {
		net, err := model.New(b, model.Spec{
			{Name: "elman", Layer: model.Elman{Hidden: 8, Activation: model.Tanh, Window: window}},
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
		fmt.Printf("errors go back %d time steps: mean squared error %.2f\n", window, metrics.Loss)
		trainer.Free()
		net.Free()
	}

	// Output:
	// errors go back 1 time steps: mean squared error 0.13
	// errors go back 4 time steps: mean squared error 0.00
}
