package model

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"

	"gputrain/backend"
)

// stackLayer describes what RNN, LSTM and GRU have in common: a stack of layers,
// each over the whole sequence in one direction or both, with parameters in
// PyTorch's layout.
type stackLayer struct {
	gates          int // rows of the weights per hidden unit
	hidden, layers int
	projection     int // width of h; 0 means hidden
	noBias         bool
	peepholes      bool
	layerNorm      bool
	bidirectional  bool
	dropout        float64 // between the layers
	window         int     // time steps that an error goes back; 0 or WholeSequence: all
}

// maxLayers bounds the layers of a stack.
const maxLayers = 1 << 10

// output returns in with the width of the top layer.
func (r stackLayer) output(in Shape) (Shape, error) {
	if err := checkSize("Hidden", r.hidden, maxSize); err != nil {
		return Shape{}, err
	}
	if err := checkSize("Layers", r.layers, maxLayers); err != nil {
		return Shape{}, err
	}
	if err := checkRate("Dropout", r.dropout); err != nil {
		return Shape{}, err
	}
	if r.window < 0 {
		return Shape{}, fmt.Errorf("the Window is %d, want at least 1 time step, or 0 for all", r.window)
	}
	if r.dropout > 0 && r.layers == 1 {
		return Shape{}, errors.New("Dropout acts between layers, but there is only one layer")
	}
	return Shape{Steps: in.Steps, Batch: in.Batch, Width: r.directions() * r.width()}, nil
}

// width returns the width of h.
func (r stackLayer) width() int { return cmp.Or(r.projection, r.hidden) }

// truncated reports whether errors go back through a window only.
func (r stackLayer) truncated() bool { return r.window > 0 && r.window != WholeSequence }

func (r stackLayer) directions() int {
	if r.bidirectional {
		return 2
	}
	return 1
}

// directionSuffix ends the names of the parameters and states of a direction.
var directionSuffix = [...]string{"", "_reverse"}

// parameters describes the parameters layer by layer, and within a layer direction
// by direction.
func (r stackLayer) parameters(in Shape) []ParameterSpec {
	var params []ParameterSpec
	for layer := range r.layers {
		for direction := range r.directions() {
			for _, w := range r.weightList(new(weights), r.inputWidth(layer, in)) {
				name := fmt.Sprintf("%s_l%d%s", w.name, layer, directionSuffix[direction])
				params = append(params, ParameterSpec{Name: name, Shape: w.shape, Init: w.draw})
			}
		}
	}
	return params
}

func (r stackLayer) inputWidth(layer int, in Shape) int {
	if layer == 0 {
		return in.Width
	}
	return r.directions() * r.width()
}

// widestInput returns the largest inputWidth.
func (r stackLayer) widestInput(in Shape) int {
	return max(in.Width, r.inputWidth(r.layers-1, in))
}

// weights are the parameters of one layer in one direction, or their gradients.
// Weights that the layer does not have are absent.
type weights struct {
	ih, hh                       backend.Tensor
	bih, bhh                     backend.Tensor
	hr                           backend.Tensor
	peep                         backend.Tensor
	normIH, normHH, normC, biasC backend.Tensor
}

// weight describes one of the weights.
type weight struct {
	tensor *backend.Tensor // the field of weights
	draw   func(dst []float64, rng *rand.Rand)
	name   string
	shape  []int
}

// weightList lists the weights w of a layer in one direction, in the order of the
// Parameters. width is the width of the input of the layer.
func (r stackLayer) weightList(w *weights, width int) []weight {
	var list []weight
	add := func(tensor *backend.Tensor, draw func([]float64, *rand.Rand), name string, shape ...int) {
		list = append(list, weight{tensor, draw, name, shape})
	}
	rows, draw := r.gates*r.hidden, uniform(r.hidden)
	add(&w.ih, draw, "weight_ih", rows, width)
	add(&w.hh, draw, "weight_hh", rows, r.width())
	if !r.noBias {
		add(&w.bih, draw, "bias_ih", rows)
		add(&w.bhh, draw, "bias_hh", rows)
	}
	if r.projection > 0 {
		add(&w.hr, draw, "weight_hr", r.projection, r.hidden)
	}
	if r.peepholes {
		add(&w.peep, draw, "weight_peep", 3, r.hidden)
	}
	if r.layerNorm {
		add(&w.normIH, ones, "weight_norm_ih", rows)
		add(&w.normHH, ones, "weight_norm_hh", rows)
		add(&w.normC, ones, "weight_norm_c", r.hidden)
		add(&w.biasC, nil, "bias_norm_c", r.hidden)
	}
	return list
}

// weights takes the parameters of a layer in one direction from b. width is the
// width of the input of the layer.
func (r stackLayer) weights(b *Builder, layer, direction, width int) (value, grad weights) {
	values, grads := r.weightList(&value, width), r.weightList(&grad, width)
	first := (layer*r.directions() + direction) * len(values)
	for i := range values {
		*values[i].tensor, *grads[i].tensor = b.Parameter(first + i)
	}
	return value, grad
}
