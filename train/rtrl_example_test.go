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

// A fully recurrent network learns, while it runs, to give the exclusive or of
// what its two inputs were two time steps before (Williams, Zipser 1989). Its
// weights change at every time step.
func Example_realTimeRecurrentLearning() {
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "units", Layer: model.FullyRecurrent{Hidden: 4, Out: 1, Gradient: model.RTRL, Stateful: true}},
	}, model.Shape{Steps: 1, Batch: 1, Width: 2}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{
		Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.03, Epochs: 4, Batch: 1, Chunk: 1,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Free()

	// One sequence that is longer than what the network is built for.
	const steps = 2000
	rng := rand.New(rand.NewPCG(1, 1))
	stream := &data.Dataset{Steps: steps, Width: 2, PerStep: true, TargetWidth: 1}
	answers := []float32{0, 0}
	for range steps {
		x1, x2 := rng.IntN(2), rng.IntN(2)
		stream.X = append(stream.X, float32(x1), float32(x2))
		answers = append(answers, float32(x1^x2))
	}
	stream.Targets = answers[:steps]
	if err := trainer.Fit(context.Background(), stream, nil); err != nil {
		log.Fatal(err)
	}
	outputs, err := train.Predict(net, stream)
	if err != nil {
		log.Fatal(err)
	}
	right := 0
	for t, y := range outputs[0] {
		if (y > 0.5) == (stream.Targets[t] > 0.5) {
			right++
		}
	}
	fmt.Printf("right in %d of %d time steps\n", right, steps)
	// Output: right in 2000 of 2000 time steps
}
