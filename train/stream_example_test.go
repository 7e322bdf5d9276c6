package train_test

import (
	"fmt"
	"math/rand/v2"

	"gputrain/cpu"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// temporalXOR fills bits from step from of a stream on: two random bits, then
// whether they differ, again and again (Elman 1990).
func temporalXOR(bits []float32, from int, rng *rand.Rand) {
	for i := from; i < len(bits); i++ {
		bits[i] = float32(rng.IntN(2))
		if i%3 == 2 {
			bits[i] = max(bits[i-1], bits[i-2]) - min(bits[i-1], bits[i-2])
		}
	}
}

// A stream that never ends, of which only one chunk is kept. Step learns from it,
// and the states go on. One bit in three can be predicted.
func ExampleTrainer_Step() {
	const steps = 30
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "rnn", Layer: model.RNN{Hidden: 8, Stateful: true}},
		{Name: "output", Layer: model.Dense{Out: 1}},
	}, model.Shape{Steps: steps, Batch: 1, Width: 1}, model.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.01, ClipNorm: 1, Epochs: 1, Batch: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer trainer.Free()

	rng := rand.New(rand.NewPCG(1, 1))
	bits := make([]float32, steps+1)
	states := net.States(steps, 1)
	temporalXOR(bits, 0, rng)
	for range 4000 {
		trainer.Step(data.Batch{Size: 1, Steps: steps, X: bits[:steps], Targets: bits[1:]})
		for _, s := range states {
			b.Copy(s.Initial, s.Final)
		}
		bits[0] = bits[steps]
		temporalXOR(bits, 1, rng)
	}

	test := make([]float32, 3001)
	temporalXOR(test, 0, rng)
	set := &data.Dataset{Steps: 3000, Width: 1, X: test[:3000], PerStep: true, TargetWidth: 1, Targets: test[1:]}
	outputs, err := train.Predict(net, set)
	if err != nil {
		fmt.Println(err)
		return
	}
	var squares [3]float32
	for t, y := range outputs[0] {
		e := y - set.Targets[t]
		squares[(t+1)%3] += e * e / 1000
	}
	for i, name := range []string{"first", "second", "exclusive or"} {
		fmt.Printf("%s: error below 0.05: %t\n", name, squares[i] < 0.05)
	}
	// Output:
	// first: error below 0.05: false
	// second: error below 0.05: false
	// exclusive or: error below 0.05: true
}
