package model

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// contextLayer describes what Elman, Jordan, PartiallyRecurrent and FullyRecurrent
// have in common. Their units see the input and a context, which is the output of
// the layer at the step before. For t = 0..T−1:
//
//	m(t)   = [x(t); c(t); 1]         the sources
//	h(t)   = f(W·m(t))               the units
//	y(t)   = h(t), or g(V·h(t) + b)  with a readout
//	c(t+1) = α·c(t) + y(t)           the context
//
// The layer's output is the first outputs elements of y(t). With a teacher, the
// targets replace these elements in the context.
type contextLayer struct {
	units            int
	activation       Activation                  // f
	connected        func(unit, source int) bool // whether W[unit, source] may differ from 0; nil: all may
	readout          int                         // size of the readout; 0 for none
	outputActivation Activation                  // g
	decay            float64                     // α
	outputs          int
	window           int // time steps that an error goes back, its own included
	gradient         Gradient
	teacher          bool
	stateful         bool
}

// WholeSequence is the Window of full backpropagation through time.
const WholeSequence = math.MaxInt

// Gradient says how a recurrent layer computes the gradient of its weights.
type Gradient int

const (
	BPTT Gradient = iota // backpropagation through time, backward over the sequence
	RTRL                 // real-time recurrent learning, forward over the sequence
)

// String returns the name of g, "BPTT" or "RTRL".
func (g Gradient) String() string {
	switch g {
	case BPTT:
		return "BPTT"
	case RTRL:
		return "RTRL"
	}
	return fmt.Sprintf("Gradient(%d)", int(g))
}

// width returns the number of elements of y and of the context.
func (c contextLayer) width() int {
	if c.readout > 0 {
		return c.readout
	}
	return c.units
}

// sources returns the number of elements of m.
func (c contextLayer) sources(in Shape) int { return in.Width + c.width() + 1 }

func (c contextLayer) output(in Shape) (Shape, error) {
	_, unknown := c.activation.Output(in)
	_, unknownOutput := c.outputActivation.Output(in)
	switch {
	case unknown != nil:
		return Shape{}, unknown
	case unknownOutput != nil:
		return Shape{}, unknownOutput
	case c.activation == Softmax:
		return Shape{}, errors.New("the Activation is Softmax, want one that treats each unit by itself")
	case c.window < 1:
		return Shape{}, fmt.Errorf("the Window is %d, want at least 1 time step", c.window)
	case !(c.decay >= 0 && c.decay < 1):
		return Shape{}, fmt.Errorf("the Decay is %v, want at least 0 and below 1", c.decay)
	case c.gradient != BPTT && c.gradient != RTRL:
		return Shape{}, fmt.Errorf("there is no Gradient %d", int(c.gradient))
	case c.gradient == RTRL && c.window != WholeSequence:
		return Shape{}, errors.New("the Window is set, which is for BPTT: RTRL has no past to go back to")
	}
	return Shape{Steps: in.Steps, Batch: in.Batch, Width: c.outputs}, nil
}

// parameters describes W, [units, sources], and V and b of the readout.
func (c contextLayer) parameters(in Shape) []ParameterSpec {
	draw := uniform(c.units)
	sources := c.sources(in)
	params := []ParameterSpec{{Name: "weight", Shape: []int{c.units, sources}, Init: func(dst []float64, rng *rand.Rand) {
		draw(dst, rng)
		c.mask(dst, sources)
	}}}
	if c.readout > 0 {
		params = append(params,
			ParameterSpec{Name: "output.weight", Shape: []int{c.readout, c.units}, Init: draw},
			ParameterSpec{Name: "output.bias", Shape: []int{c.readout}, Init: draw})
	}
	return params
}

// mask sets the elements of values, [units, sources], to zero where there is no
// connection. The last source, the bias, is always connected.
func (c contextLayer) mask(values []float64, sources int) {
	if c.connected == nil {
		return
	}
	for i := range values {
		if unit, source := i/sources, i%sources; source < sources-1 && !c.connected(unit, source) {
			values[i] = 0
		}
	}
}
