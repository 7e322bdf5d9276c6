package train

import (
	"fmt"

	"gputrain/data"
	"gputrain/model"
)

// Forecast returns what net forecasts for frames, in the units of the targets:
// [frames, Ahead, targets]. s is the scaling of the columns. The outputs of net are
// Window.Block rows of the scaled targets. It goes on from its own forecasts if the frames
// ask for more: then there must be no columns but the targets and those known ahead.
//
// The errors are those of Predict, and of a value that is too large to scale.
func Forecast(net *model.Network, f *data.Frames, s data.Scaling) ([]float64, error) {
	checkNet("Forecast", net)
	targets := len(f.Table.Targets)
	block := f.Window.Block * targets
	if out := net.Output().Width; out != block {
		return nil, fmt.Errorf("train: forecast: the network has %d outputs, but %d rows of %d targets are forecast at a time", out, f.Window.Block, targets)
	}
	ahead := f.Window.Ahead * targets
	forecasts := make([]float64, 0, len(f.Origins)*ahead)
	for _, chunk := range f.Chunks() {
		part, err := forecast(net, chunk, s)
		if err != nil {
			return nil, err
		}
		forecasts = append(forecasts, part...)
	}
	return forecasts, nil
}

// forecast is Forecast for frames whose inputs take little memory.
func forecast(net *model.Network, f *data.Frames, s data.Scaling) ([]float64, error) {
	set, err := f.Inputs(s)
	if err != nil {
		return nil, err
	}
	row := set.Steps * set.Width
	if set, err = set.WithSteps(net.Input().Steps); err != nil {
		return nil, err
	}
	bases := make([][]float64, len(f.Origins))
	for i := range bases {
		bases[i] = f.Base(i)
	}
	targets := len(f.Table.Targets)
	ahead := f.Window.Ahead * targets
	forecasts := make([]float64, len(f.Origins)*ahead)
	for done := 0; done < f.Window.Ahead; done += f.Window.Block {
		outputs, err := Predict(net, set)
		if err != nil {
			return nil, err
		}
		for i, y := range outputs {
			rows := forecasts[i*ahead+done*targets:][:len(y)]
			for k, value := range y {
				rows[k] = f.Restore(s, bases[i], k%targets, float64(value))
			}
			copy(bases[i], rows[len(rows)-targets:])
			if done+f.Window.Block == f.Window.Ahead {
				continue
			}
			if err := f.Advance(set.X[i*row:][:row], s, i, done, y); err != nil {
				return nil, err
			}
		}
	}
	return forecasts, nil
}
