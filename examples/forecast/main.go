// Forecast learns a chaotic series step by step, and then goes on with it freely: each
// value that it forecasts is its next input. What it says beside that are two simple ways
// to forecast.
//
//	go run ./examples/forecast
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"gputrain/cpu"
	"gputrain/data"
	"gputrain/data/tasks"
	"gputrain/model"
	"gputrain/train"
)

func main() {
	if err := run(os.Stdout, 30); err != nil {
		log.Fatal(err)
	}
}

func run(out io.Writer, epochs int) error {
	// The differential equation of Mackey and Glass. data.OpenSeries reads a series from a
	// file.
	var values []float64
	for _, x := range tasks.MackeyGlass(17, 0, 3000) {
		values = append(values, float64(x))
	}
	series := data.NewSeries("x", values)

	// The network sees 20 values and forecasts the next one. The test is on 30, each fed
	// back for the next.
	const seen, ahead = 20, 30
	train1, valid1, _, err := series.Split(data.Window{Rows: seen, Block: 1, Ahead: 1}, 1)
	if err != nil {
		return err
	}
	_, _, test, err := series.Split(data.Window{Rows: seen, Block: 1, Ahead: ahead}, 1)
	if err != nil {
		return err
	}
	scaling := series.Standardize()
	training, err := train1.Dataset(scaling)
	if err != nil {
		return err
	}
	validation, err := valid1.Dataset(scaling)
	if err != nil {
		return err
	}

	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		return err
	}
	defer b.Close()
	net, err := model.New(b, model.Spec{
		{Name: "lstm", Layer: model.LSTM{Hidden: 48}},
		{Name: "last", Layer: model.LastStep{}},
		{Name: "head", Layer: model.Dense{Out: 1}},
	}, model.Shape{Steps: seen, Batch: 32, Width: series.Width()}, model.Options{})
	if err != nil {
		return err
	}
	net.Init(1)
	steps := epochs * (training.Len() + 31) / 32
	trainer, err := train.New(net, train.Options{
		Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.01, Schedule: train.Cosine{Total: steps}, ClipNorm: 1, Epochs: epochs, Batch: 32, Seed: 1,
	})
	if err != nil {
		return err
	}
	defer trainer.Free()
	if err := trainer.Fit(context.Background(), training, validation); err != nil {
		return err
	}

	forecast, err := train.Forecast(net, test, scaling)
	if err != nil {
		return err
	}
	for _, method := range []struct {
		name     string
		forecast []float64
	}{{"the network", forecast}, {"the last value", test.Persistence()}, {"the season before", test.Seasonal(series.Season())}} {
		_, rmse := test.Errors(method.forecast, test.Actual()).Over(0)
		fmt.Fprintf(out, "%d steps ahead, root mean squared error of %s: %.3f\n", ahead, method.name, rmse)
	}
	return nil
}
