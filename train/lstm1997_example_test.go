package train_test

import (
	"fmt"
	"log"
	"math/rand/v2"

	"gputrain/cpu"
	"gputrain/data"
	"gputrain/data/tasks"
	"gputrain/model"
	"gputrain/train"
)

// Memory cells of 1997 learn whether the second symbol was x or y, with 30
// distractors or more before the question. They learn by the truncated gradient,
// from one sequence after the other.
func Example_longShortTermMemory() {
	b, err := cpu.Open(cpu.Options{Workers: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	const longest = 200
	task := tasks.Distractors{Q: 30, P: 4}
	net, err := model.New(b, model.Spec{
		{Name: "lstm", Layer: model.LSTM1997{Blocks: 2, Cells: 2, InputGateBias: []float64{-1, -2}}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "output", Layer: model.Dense{Out: 2}},
		{Name: "sigmoid", Layer: model.Sigmoid},
	}, model.Shape{Steps: longest, Batch: 1, Width: task.Format().Width}, model.Options{Ragged: true})
	if err != nil {
		log.Fatal(err)
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{
		Loss: train.MSE{}, Optimizer: train.SGD{}, LR: 0.5, Epochs: 1, Batch: 1,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Free()
	rng := rand.New(rand.NewPCG(1, 1))
	var s data.Sequence
	for range 10000 {
		task.Next(&s, rng)
		trainer.Step(data.Batch{Size: 1, Steps: s.Steps, X: s.X, Targets: s.Target(s.Steps - 1)})
	}
	metrics, err := train.Evaluate(net, train.MSE{}, data.Pack(task.Format(), data.Draw(task, rng, 100)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(metrics.Correct, "of", metrics.Count, "new sequences right")

	// Output: 100 of 100 new sequences right
}
