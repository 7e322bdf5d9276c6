package model_test

import (
	"fmt"
	"log"

	"gputrain/backend/reference"
	"gputrain/model"
)

// A classifier of sequences: an LSTM reads them, a dense layer turns its last
// output into one number per class.
func ExampleNew() {
	b := reference.New()
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "lstm", Layer: model.LSTM{Hidden: 64, ForgetBias: 1}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "head", Layer: model.Dense{Out: 10}},
	}, model.Shape{Steps: 8, Batch: 32, Width: 8}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	net.Init(1)
	for _, w := range net.Parameters() {
		fmt.Println(w.Name, w.Shape)
	}
	fmt.Println(net.Count(), "parameters")

	// Output:
	// lstm.weight_ih_l0 [256 8]
	// lstm.weight_hh_l0 [256 64]
	// lstm.bias_ih_l0 [256]
	// lstm.bias_hh_l0 [256]
	// head.weight [10 64]
	// head.bias [10]
	// 19594 parameters
}

// A sequence that is too long for one pass goes through in chunks, each of
// which starts where the one before ended.
func ExampleNetwork_States() {
	b := reference.New()
	defer b.Close()
	// h_t = max(x_t + h_{t−1}, 0) sums up what it reads.
	net, err := model.New(b, model.Spec{
		{Name: "rnn", Layer: model.RNN{Hidden: 1, ReLU: true, NoBias: true, Stateful: true}},
	}, model.Shape{Steps: 3, Batch: 1, Width: 1}, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, w := range net.Parameters() {
		b.Fill(w.Value, 1)
	}
	x, err := b.New(3, 1)
	if err != nil {
		log.Fatal(err)
	}
	sums := make([]float32, 3)
	for _, chunk := range [][]float32{{1, 2, 3}, {10, 20, 30}} {
		b.Upload(x, chunk)
		if err := b.Download(sums, net.Forward(x, 3, model.Evaluation)); err != nil {
			log.Fatal(err)
		}
		fmt.Println(sums)
		for _, s := range net.States(3, 1) {
			b.Copy(s.Initial, s.Final)
		}
	}

	// Output:
	// [1 3 6]
	// [16 36 66]
}

// A tensor that does not fit is named, and nothing is loaded.
func ExampleNetwork_Load() {
	b := reference.New()
	defer b.Close()
	in := model.Shape{Steps: 1, Batch: 1, Width: 4}
	small, err := model.New(b, model.Spec{{Name: "head", Layer: model.Dense{Out: 2}}}, in, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	large, err := model.New(b, model.Spec{{Name: "head", Layer: model.Dense{Out: 3}}}, in, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	var f model.File
	if err := small.Save(&f); err != nil {
		log.Fatal(err)
	}
	fmt.Println(large.Load(&f))

	// Output:
	// model: tensor "head.weight" has shape [2 4], want [3 4]
}
