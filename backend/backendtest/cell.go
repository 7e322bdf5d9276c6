package backendtest

import (
	"math"

	"gputrain/backend"
)

// What the checks of the cells of RNN, LSTM and GRU share.

// cellShapes are batch and hidden sizes of cells.
func (p *probe) cellShapes() []shape {
	shapes := []shape{{0, 3}, {3, 0}, {1, 1}, {3, 5}}
	for _, n := range p.sizes() {
		shapes = append(shapes, shape{2, n}, shape{n, 3})
	}
	return append(shapes, p.longShapes()...)
}

// cellBatch is what a batch of cells of any kind was drawn by.
type cellBatch struct {
	name string
	shape

	// The gates are all but 0 or 1. Their slopes are all but 0, and yet decide
	// about gradients: all else is positive, so that nothing cancels and each
	// result is held to its own magnitude.
	saturated bool

	// A half of all numbers are zeros, of both signs.
	zeros bool

	// States and gradients are of the order of 1000.
	large bool
}

// saturatedShape is that of the batches with saturated gates.
var saturatedShape = shape{9, 11}

// tolerance is cellTolerance unless the gates are saturated.
func (c cellBatch) tolerance(scale []float64) tolerance {
	if c.saturated {
		return proportional(64)
	}
	return cellTolerance(scale)
}

// gradient draws a gradient of the results of the cells.
func (c cellBatch) gradient(g source) []float32 {
	switch {
	case c.saturated:
		return g.uniform(c.size(), 0.1, 1)
	case c.zeros:
		return g.riddled(g.uniform(c.size(), -1, 1))
	case c.large:
		return g.uniform(c.size(), -1000, 1000)
	}
	return g.uniform(c.size(), -1, 1)
}

// zerosShape is that of the batches with zeros all over.
var zerosShape = shape{7, 31}

// extremes are arguments far into saturation, and some near 0.
var extremes = []float64{0, 1, -1, 20, -20, 100, -100, 1e4, -1e4, inf, -inf}

// extremeShape is a batch of cells in which every gate meets every extreme.
var extremeShape = shape{len(extremes), len(extremes)}

// extremeArguments returns rows of arguments in which the extremes move on from
// row to row.
func extremeArguments(rows, cols int) []float32 {
	x := make([]float32, rows*cols)
	for k := range x {
		x[k] = float32(extremes[(k*7+k/cols)%len(extremes)])
	}
	return x
}

// gatesAt returns the gates of element k of a batch of cells of shape s; setGates
// sets them.
func gatesAt[Gates [3]float64 | [4]float64, T float32 | float64](s shape, k int, x []T) (v Gates) {
	for gate := range len(v) {
		v[gate] = float64(x[(len(v)*(k/s.cols)+gate)*s.cols+k%s.cols])
	}
	return v
}

func setGates[Gates [3]float64 | [4]float64, T float32 | float64](s shape, k int, x []T, v Gates) {
	for gate := range len(v) {
		x[(len(v)*(k/s.cols)+gate)*s.cols+k%s.cols] = T(v[gate])
	}
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// cellTolerance admits some dozens of operations on magnitudes of the given
// scale; where gates saturate, the size of their arguments has no influence.
func cellTolerance(scale []float64) tolerance {
	return func(k int, want float64) float64 { return 64 * unit * (scale[k] + math.Abs(want)) }
}

// pathsOf returns the ways in which a layer can run on b: with plain operations,
// in a loop over the fused cell, if b has one, and with all that b has.
func pathsOf[Cell any](b backend.Backend, sequencer bool, loop func(b backend.Backend, cell Cell) backend.Backend) []path {
	paths := []path{plain}
	if _, ok := b.(Cell); ok {
		paths = append(paths, path{"fused cell", func(b backend.Backend) backend.Backend { return loop(b, b.(Cell)) }})
	}
	if sequencer {
		paths = append(paths, whole)
	}
	return paths
}
