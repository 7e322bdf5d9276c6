// Regression learns a number from a CSV file, with errors in the units of the file.
//
//	go run ./examples/regression data/testdata/iris.csv 3
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"gputrain/cpu"
	"gputrain/data"
	"gputrain/model"
	"gputrain/train"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: regression FILE.csv TARGET (the name or the number of the column to learn)")
	}
	if err := run(os.Stdout, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(out io.Writer, path, target string) error {
	table, err := data.OpenCSV(path, data.CSVOptions{Targets: []string{target}})
	if err != nil {
		return err
	}
	parts := table.Split(1, 0.8, 0.2)
	features, values := parts[0].Standardize(), parts[0].StandardizeTargets()
	training, err := parts[0].Regression(features, values)
	if err != nil {
		return err
	}
	test, err := parts[1].Regression(features, values)
	if err != nil {
		return err
	}

	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		return err
	}
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "hidden", Layer: model.Dense{Out: 32}},
		{Name: "tanh", Layer: model.Tanh},
		{Name: "head", Layer: model.Dense{Out: 1}},
	}, model.Shape{Steps: 1, Batch: 16, Width: table.Width}, model.Options{})
	if err != nil {
		return err
	}
	net.Init(1)
	loss := train.Huber{} // outliers count by their distance, not by its square
	trainer, err := train.New(net, train.Options{
		Loss: loss, Optimizer: train.AdamW{WeightDecay: 0.01}, LR: 0.01, Epochs: 40, Batch: 16, Seed: 1,
	})
	if err != nil {
		return err
	}
	defer trainer.Free()
	if err := trainer.Fit(context.Background(), training, nil); err != nil {
		return err
	}

	rmse, r2 := new(train.RMSE), new(train.R2)
	if _, err := train.Evaluate(net, loss, test, rmse, r2); err != nil {
		return err
	}
	// The network and its targets are scaled. A difference goes back by the factor.
	fmt.Fprintf(out, "root mean squared error %.3f, R² %.3f on %d rows that were not learned\n",
		rmse.Compute()/values.Factor[0], r2.Compute(), test.Len())
	outputs, err := train.Predict(net, test)
	if err != nil {
		return err
	}
	for row := range 3 {
		fmt.Fprintf(out, "predicted %.2f, in truth %.2f\n", values.Restore(0, float64(outputs[row][0])), parts[1].Values[row])
	}
	return nil
}
