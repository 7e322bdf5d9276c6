package model

import "math"

// OutputRange returns the bounds of the outputs of the network, if its last layers
// have bounds: 0 and 1 after Sigmoid, −Inf and +Inf after Dense.
func (n *Network) OutputRange() (low, high float64) {
	low, high = unbounded()
	for _, s := range n.stages {
		if layer, ok := s.Layer.(bounded); ok {
			low, high = layer.OutputRange(low, high)
		} else {
			low, high = unbounded()
		}
	}
	return low, high
}

// bounded is a Layer that knows the bounds of its outputs from those of its inputs.
type bounded interface {
	OutputRange(low, high float64) (float64, float64)
}

func unbounded() (low, high float64) { return math.Inf(-1), math.Inf(1) }
