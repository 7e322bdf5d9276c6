package train_test

import (
	"context"
	"fmt"
	"log"

	"gputrain/cpu"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

// reader returns a network for the digits, in batches of a size, on a device.
func reader(batch int) (*cpu.Backend, *model.Network, []*data.Dataset) {
	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		log.Fatal(err)
	}
	net, err := model.New(b, model.Spec{
		{Name: "lstm", Layer: model.LSTM{Hidden: 16}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "head", Layer: model.Dense{Out: 10}},
	}, model.Shape{Steps: 8, Batch: batch, Width: 8}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	net.Init(1)
	digits, err := data.Range(0, 16).Apply(data.Digits())
	if err != nil {
		log.Fatal(err)
	}
	return b, net, digits.Split(1, 0.8, 0.2)
}

// The LSTM stays as it is, the bias of the head learns faster, and no bias decays.
func ExampleGroup() {
	b, net, parts := reader(32)
	defer b.Close()
	trainer, err := train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.AdamW{WeightDecay: 0.1}, LR: 0.01, ClipNorm: 1, Epochs: 1, Batch: 32,
		Groups: []train.Group{
			{Vectors: true, Optimizer: train.AdamW{}},
			{Parameters: []string{"head.bias"}, LRFactor: 10},
			{Parameters: []string{"lstm.*"}, Frozen: true},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Free()
	if err := trainer.Fit(context.Background(), parts[0], nil); err != nil {
		log.Fatal(err)
	}
	m := trainer.DeviceMemory()
	fmt.Printf("%d parameters, %d bytes of state for Adam\n", net.Count(), m.Optimizer)

	_, err = train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.01, Epochs: 1, Batch: 32,
		Groups: []train.Group{{Parameters: []string{"lsmt.*"}, Frozen: true}},
	})
	fmt.Println(err)
	// Output:
	// 1834 parameters, 1536 bytes of state for Adam
	// train: option Groups, group 1: no parameter matches "lsmt.*": did you mean "lstm.*"?
}

// Batches of 8, in the memory of these, are learned like one of 32. The network that
// comes out is the average of the last steps.
func ExampleOptions() {
	b, net, parts := reader(8)
	defer b.Close()
	trainer, err := train.New(net, train.Options{
		Loss: train.CrossEntropy{}, Optimizer: train.Adam{}, LR: 0.02, Epochs: 3, Batch: 8,
		Accumulate: 4, EMA: 0.99,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Free()
	if err := trainer.Fit(context.Background(), parts[0], parts[1]); err != nil {
		log.Fatal(err)
	}
	metrics, err := train.Evaluate(net, train.CrossEntropy{}, parts[1])
	if err != nil {
		log.Fatal(err)
	}
	last := trainer.History()[2]
	fmt.Printf("%d samples, %d updates\n", 3*parts[0].Len(), trainer.Steps())
	fmt.Println("the network is the one that was validated:", metrics.Accuracy == last.ValidAccuracy)
	// Output:
	// 4314 samples, 135 updates
	// the network is the one that was validated: true
}
