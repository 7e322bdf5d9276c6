// Classifier learns classes from a CSV file, and writes and reads its model.
//
//	go run ./examples/classifier data/testdata/iris.csv 5
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"gputrain/cpu"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: classifier FILE.csv TARGET (the name or the number of the column that holds the class)")
	}
	if err := run(os.Stdout, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

const (
	epochs = 60
	batch  = 16
	seed   = 1
)

func run(out io.Writer, path, target string) error {
	table, err := data.OpenCSV(path, data.CSVOptions{Target: target})
	if err != nil {
		return err
	}
	parts := table.Split(seed, 0.7, 0.15, 0.15)
	scaling := parts[0].Standardize() // of the training part, for all
	var sets [3]*data.Dataset
	for i, part := range parts {
		if sets[i], err = part.Dataset(scaling); err != nil {
			return err
		}
	}
	training, validation, test := sets[0], sets[1], sets[2]

	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		return err
	}
	defer b.Close()
	spec := model.Spec{
		{Name: "hidden", Layer: model.Dense{Out: 32}},
		{Name: "relu", Layer: model.ReLU},
		{Name: "head", Layer: model.Dense{Out: len(table.Classes)}},
	}
	shape := model.Shape{Steps: 1, Batch: batch, Width: table.Width}
	net, err := model.New(b, spec, shape, model.Options{})
	if err != nil {
		return err
	}
	net.Init(seed)
	loss := train.CrossEntropy{}
	trainer, err := train.New(net, train.Options{
		Loss: loss, Optimizer: train.Adam{}, LR: 0.01, Schedule: train.Cosine{Total: epochs * steps(training)},
		Epochs: epochs, Batch: batch, Seed: seed, Patience: 20,
	})
	if err != nil {
		return err
	}
	defer trainer.Free()
	if err := trainer.Fit(context.Background(), training, validation); err != nil {
		return err
	}
	metrics, err := train.Evaluate(net, loss, test)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d classes; accuracy on %d rows that were not learned: %.3f\n", len(table.Classes), test.Len(), metrics.Accuracy)

	// The model file, and a network that reads it.
	folder, err := os.MkdirTemp("", "classifier")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	saved := &model.File{}
	if err := net.Save(saved); err != nil {
		return err
	}
	name := filepath.Join(folder, "model.safetensors")
	if err := saved.Write(name); err != nil {
		return err
	}
	file, err := model.ReadFile(name)
	if err != nil {
		return err
	}
	again, err := model.New(b, spec, shape, model.Options{})
	if err != nil {
		return err
	}
	if err := again.Load(file); err != nil {
		return err
	}
	scores, err := train.Predict(again, test)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the first of them is %s; scores %.1f\n", table.Classes[test.Labels[0]], scores[0])
	return nil
}

// steps returns how many updates an epoch has.
func steps(set *data.Dataset) int { return (set.Len() + batch - 1) / batch }
