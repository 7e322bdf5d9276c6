package kernels

import (
	"errors"
	"fmt"
	"math"
)

// Persistent says how to run all time steps of a recurrent layer in one launch, which is
// cooperative: see persistent.cuh.
type Persistent struct {
	Kernel      string
	Launch      Launch
	Rows, Units int // of a block: rows of the batch, hidden units
}

// variant is a kernel for up to hidden units. The weights of a block's units fill the
// registers of its threads.
type variant struct {
	hidden, units int // units are those of a block
	rows          int // that are computed together
}

// variants are the kernels of a pass in float32, or in the math that its name ends with, for
// more and more units.
var variants = map[string][]variant{
	"lstm_forward":  {{128, 32, 1}, {256, 32, 1}, {512, 16, 2}, {1024, 8, 4}},
	"lstm_backward": {{256, 32, 2}, {512, 16, 2}, {1024, 8, 1}},
	"rnn_forward":   {{256, 64, 2}, {512, 64, 2}, {1024, 32, 4}},
	"rnn_backward":  {{256, 64, 2}, {512, 64, 2}, {1024, 32, 1}},
	"gru_forward":   {{256, 32, 1}, {512, 16, 2}, {1024, 8, 4}},
	"gru_backward":  {{256, 32, 2}, {512, 16, 2}, {1024, 8, 1}},

	// On tensor cores.
	"lstm_forward_tf32x3":  {{256, 32, 8}, {512, 16, 8}, {1024, 8, 8}},
	"lstm_forward_tf32":    {{256, 32, 8}, {512, 16, 8}, {1024, 8, 8}},
	"lstm_backward_tf32x3": {{256, 32, 8}, {512, 16, 8}, {1024, 8, 8}},
	"lstm_backward_tf32":   {{256, 32, 8}, {512, 16, 8}, {1024, 8, 8}},
	"lstm_forward_bf16":    {{256, 32, 8}, {512, 32, 8}, {1024, 16, 8}},
	"lstm_backward_bf16":   {{256, 32, 8}, {512, 32, 8}, {1024, 16, 8}},
	"rnn_forward_tf32x3":   {{256, 128, 8}, {512, 64, 8}, {1024, 32, 8}},
	"rnn_forward_tf32":     {{256, 128, 8}, {512, 64, 8}, {1024, 32, 8}},
	"rnn_backward_tf32x3":  {{256, 32, 8}, {512, 32, 8}, {1024, 32, 8}},
	"rnn_backward_tf32":    {{256, 32, 8}, {512, 32, 8}, {1024, 32, 8}},
	"rnn_forward_bf16":     {{256, 128, 8}, {512, 128, 8}, {1024, 64, 8}},
	"rnn_backward_bf16":    {{256, 32, 8}, {512, 32, 8}, {1024, 32, 8}},
	"gru_forward_tf32x3":   {{256, 32, 8}, {512, 16, 8}, {1024, 8, 8}},
	"gru_forward_tf32":     {{256, 32, 8}, {512, 16, 8}, {1024, 8, 8}},
	"gru_backward_tf32x3":  {{256, 32, 8}, {512, 16, 8}, {1024, 8, 8}},
	"gru_backward_tf32":    {{256, 32, 8}, {512, 16, 8}, {1024, 8, 8}},
	"gru_forward_bf16":     {{256, 32, 8}, {512, 32, 8}, {1024, 16, 8}},
	"gru_backward_bf16":    {{256, 32, 8}, {512, 32, 8}, {1024, 16, 8}},
}

// Part returns how many floats of workspace a backward pass takes for parts of sums.
func (p Persistent) Part(batch int) int {
	across, layers := p.Launch.Grid.X, p.Launch.Grid.Z
	return layers * 2 * batch * across * across * p.Units
}

// PersistentPass returns the name of a pass, such as "lstm_forward", in one of Maths. Those
// that have no kernels of their own take those of float32.
func PersistentPass(pass, math string) string {
	if name := pass + "_" + math; variants[name] != nil {
		return name
	}
	return pass
}

// PlanPersistent plans a pass of so many layers of the same sizes, 1 or 2, on a device with
// this number of multiprocessors. It spreads the layers and their units over blocks, and the
// batch over as many groups of such blocks as there is room for, with one block on each
// multiprocessor. The error says why that cannot be. How many layers there are does not
// change a bit of the results.
func PlanPersistent(pass string, layers, steps, batch, hidden, multiprocessors int) (Persistent, error) {
	if steps < 2 || batch == 0 || hidden == 0 {
		return Persistent{}, errors.New("there is nothing to wait for")
	}
	most, fit := 0, 0
	for _, v := range variants[pass] {
		most, fit = v.hidden, max(fit, min(v.hidden, multiprocessors/layers*v.units))
	}
	for _, v := range variants[pass] {
		if hidden > v.hidden {
			continue
		}
		across := int(ceil(int64(hidden), v.units))
		switch {
		case layers*across > multiprocessors:
			return Persistent{}, fmt.Errorf("%d hidden units take %d multiprocessors%s, and the device has %d; up to %d units would fit",
				hidden, across, []string{"", " for each layer"}[layers-1], multiprocessors, fit)
		case int64(steps+1)*int64(across) > math.MaxUint32:
			return Persistent{}, fmt.Errorf("%d time steps are more than a barrier counts", steps)
		}
		groups := min(ceil(int64(batch), v.rows), int64(multiprocessors/across/layers))
		rows := int(ceil(ceil(int64(batch), int(groups)), v.rows)) * v.rows
		return Persistent{
			Kernel: fmt.Sprintf("%s_%d", pass, v.hidden),
			Launch: Launch{Grid: Dim3{across, int(ceil(int64(batch), rows)), layers}, Block: Dim3{block, 1, 1}, Cooperative: true},
			Rows:   rows, Units: v.units,
		}, nil
	}
	return Persistent{}, fmt.Errorf("the registers of a GPU hold the weights of up to %d hidden units, not of %d", most, hidden)
}
