// Forecast learns a chaotic series step by step, and then goes on with it freely: each
// value that it predicts is its next input.
//
//	go run ./examples/forecast
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"math"
	"os"

	"gputrain/backend"
	"gputrain/cpu"
	"gputrain/data"
	"gputrain/data/tasks"
	"gputrain/model"
	"gputrain/train"
)

func main() {
	if err := run(os.Stdout, 150); err != nil {
		log.Fatal(err)
	}
}

const (
	windows = 32 // of the series, to learn from
	batch   = 8  // that learn at the same time
	steps   = 60 // of a window
	ahead   = 30 // to go on with freely
)

func run(out io.Writer, epochs int) error {
	// The differential equation of Mackey and Glass. Any series will do that is about 0,
	// with values of about 1.
	series := tasks.MackeyGlass(17, 0, windows*steps+400)
	for i := range series {
		series[i] = 4 * (series[i] - 0.9)
	}
	training := &data.Dataset{Steps: steps, Width: 1, TargetWidth: 1, PerStep: true}
	for window := range windows {
		from := window * steps
		training.X = append(training.X, series[from:from+steps]...)
		training.Targets = append(training.Targets, series[from+1:from+steps+1]...)
	}

	b, err := cpu.Open(cpu.Options{})
	if err != nil {
		return err
	}
	defer b.Close()
	spec := model.Spec{
		{Name: "lstm", Layer: model.LSTM{Hidden: 48, Stateful: true}},
		{Name: "head", Layer: model.Dense{Out: 1}},
	}
	net, err := model.New(b, spec, model.Shape{Steps: steps, Batch: batch, Width: 1}, model.Options{})
	if err != nil {
		return err
	}
	net.Init(1)
	trainer, err := train.New(net, train.Options{
		Loss: train.MSE{}, Optimizer: train.Adam{}, LR: 0.01, ClipNorm: 1, Epochs: epochs, Batch: batch, Seed: 1,
		Chunk: steps, // the states are ours between the passes, and 0 where a window begins
	})
	if err != nil {
		return err
	}
	defer trainer.Free()
	if err := trainer.Fit(context.Background(), training, nil); err != nil {
		return err
	}

	// What comes after the training part: the network first sees a hundred values, and
	// then its own.
	later := series[windows*steps:]
	const seen = 100
	predicted, err := goOn(net, later[:seen])
	if err != nil {
		return err
	}
	var wrong, still float64
	for i, y := range predicted {
		truth := float64(later[seen+i])
		wrong += math.Pow(float64(y)-truth, 2) / ahead
		still += math.Pow(float64(later[seen-1])-truth, 2) / ahead
	}
	fmt.Fprintf(out, "%d steps ahead: root mean squared error %.3f; that of the last value seen is %.3f\n", ahead, math.Sqrt(wrong), math.Sqrt(still))
	return nil
}

// goOn shows net a series and returns what it then predicts, ahead steps.
func goOn(net *model.Network, series []float32) ([]float32, error) {
	b := net.Backend()
	x, err := b.New(1, 1)
	if err != nil {
		return nil, err
	}
	defer b.Free(x.Buf)
	states := net.States(1, 1)
	for _, s := range states {
		b.Fill(s.Initial, 0)
	}
	var predicted []float32
	value := make([]float32, 1)
	for t := range len(series) + ahead {
		if t < len(series) {
			value[0] = series[t]
		} else {
			predicted = append(predicted, value[0])
		}
		b.Upload(x, value)
		if err := step(net, states, x, value); err != nil {
			return nil, err
		}
	}
	return predicted, nil
}

// step gives net one value and sets next to what it predicts. Its states go on.
func step(net *model.Network, states []model.State, x backend.Tensor, next []float32) error {
	b := net.Backend()
	y := net.Forward(x, 1, model.Evaluation)
	for _, s := range states {
		b.Copy(s.Initial, s.Final)
	}
	return b.Download(next, y)
}
