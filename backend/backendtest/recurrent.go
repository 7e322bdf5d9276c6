package backendtest

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"gputrain/backend"
)

// What the checks of RNN, LSTM, GRU and memory blocks over a sequence share.
//
// The backward pass is given the activations that the reference computed, so
// that its errors are its own. Tolerances of layers: a step sums D+H products
// and some dozens of further operations, and hands its errors to the next
// step, damped by gates and weights below 1. So a result of T steps is held to
// (D+H+64)·(T+1) roundings of the magnitudes at hand. Gradients of parameters
// sum T·N such results on top.

// dims are the sizes of a recurrent layer: those of LSTMDims, but Peepholes.
type dims struct{ steps, batch, input, hidden int }

func (d dims) String() string {
	return fmt.Sprintf("T%dN%dD%dH%d", d.steps, d.batch, d.input, d.hidden)
}

func (d dims) roundings() float64 {
	const memory = 400 // steps, after which what is damped is gone
	return float64((d.input + d.hidden + 64) * (min(d.steps, memory) + 1))
}

// spoilt returns x with NaN in one sequence of the batch, which must stay there,
// at step 1 of the named operand.
func (d dims) spoilt(x content, name string) content {
	x = maps.Clone(x)
	x[name] = slices.Clone(x[name])
	cols := len(x[name]) / (d.steps * d.batch)
	x[name][(d.batch+2)*cols+1] = float32(math.NaN())
	return x
}

// zeroCases are operands that are zero, of either sign, together: what need not
// be computed for their sake must still be written, and their gradients are not
// zero.
var zeroCases = [][]string{
	{"H", "C", "S", "Y"}, {"SPrev"}, {"X"}, {"Source"}, {"WIH", "WHH", "Weight", "Peep"}, {"H", "C", "S", "Y", "SPrev", "Gates", "X", "Source", "WIH", "WHH", "Weight", "BIH", "BHH", "Peep"},
	{"DY"}, {"DHLast", "DCLast"}, {"DY", "DHLast", "DCLast"}, {"PIn", "PForget", "PCell"},
}

// zeros calls try with each of the cases that x has operands of, and then with
// zeros all over.
func (s source) zeros(x content, try func(name string, x content)) {
	for _, names := range zeroCases {
		for _, zero := range []float64{0, negative0} {
			y, some := maps.Clone(x), false
			for _, name := range names {
				if v, ok := x[name]; ok {
					y[name], some = slices.Repeat([]float32{float32(zero)}, len(v)), true
				}
			}
			if some {
				try(fmt.Sprintf("%v is %v", names, zero), y)
			}
		}
	}
	y := content{}
	for _, name := range slices.Sorted(maps.Keys(x)) {
		y[name] = s.riddled(x[name])
	}
	try("zeros all over", y)
}

// times returns x with the named operands, as far as it has them, multiplied by
// factor.
func (x content) times(factor float64, names ...string) content {
	x = maps.Clone(x)
	for _, name := range names {
		x[name] = scaled(slices.Clone(x[name]), factor)
	}
	return x
}

// saturated returns x with a bias that drives nonlinearities far beyond where
// they bend.
func saturated(x content) content {
	x = maps.Clone(x)
	x["BIH"] = make([]float32, len(x["BIH"]))
	for k := range x["BIH"] {
		x["BIH"][k] = float32(extremes[(k+k/len(extremes))%len(extremes)])
	}
	return x
}

// smallDims is the layer on which all options are tried, specialDims that of
// NaN and saturation.
var (
	smallDims   = dims{2, 3, 5, 7}
	specialDims = dims{3, 5, 4, 11}
)

// layers returns the sizes of the layers to try: every way of being empty,
// small odd ones, ones that straddle blocks and tiles, and a wide one of few
// sequences, whose steps are too large for one worker.
func (p *probe) layers() []dims {
	var kept []dims
	for _, d := range []dims{
		{257, 1, 2, 3}, {400, 2, 1, 1}, {0, 3, 2, 5}, {2, 0, 3, 4}, {2, 3, 0, 4}, {2, 3, 4, 0},
		{1, 1, 1, 1}, smallDims, {7, 1, 3, 2}, {3, 5, 33, 31}, {2, 33, 31, 32}, {1, 31, 1, 33}, {33, 2, 3, 4},
		{2, 4, 3, 257}, {7, 33, 5, 65}, {2, 3, 257, 9}, {2, 2, 5, 129}, {1, 257, 3, 5}, {2, 65, 33, 255}, {2, 17, 1025, 3},
	} {
		if max(d.steps, d.batch, d.input, d.hidden) <= p.maxSize {
			kept = append(kept, d)
		}
	}
	return kept
}

// larger reports whether d is larger than the layers on which all options are tried.
func (d dims) larger() bool { return max(d.steps, d.batch, d.input, d.hidden) >= 31 }

// path is one way in which a layer can run on a backend.
type path struct {
	name string
	on   func(backend.Backend) backend.Backend // hides what is wider
}

var (
	// plain hides all fused operations, whole none.
	plain = path{"plain", func(b backend.Backend) backend.Backend { return struct{ backend.Backend }{b} }}
	whole = path{"whole sequence", func(b backend.Backend) backend.Backend { return b }}
)

// forwardTolerance holds the rows from skip on to the roundings of a layer
// whose results are of the order of 1; those before must stay.
func (d dims) forwardTolerance(skip int) tolerance {
	return func(k int, want float64) float64 {
		if k < skip {
			return 0
		}
		return d.roundings() * unit * (2 + math.Abs(want))
	}
}

// backwardTolerance holds a gradient that is not of a parameter to the
// magnitude of the largest of all of them.
func (d dims) backwardTolerance(gradients []float64) tolerance {
	scale := math.Max(1, largest(gradients))
	return func(int, float64) float64 { return d.roundings() * unit * scale }
}

// weightTolerance is that of the gradient of a parameter, before + dzᵀ·x: the
// sum of T·N products of a dz and an x of at most the given magnitude. Where dz is 0,
// a product adds nothing and nothing is rounded.
func (d dims) weightTolerance(dz []float64, x float64, before []float32) tolerance {
	var terms, sum float64
	for _, v := range dz {
		if magnitude := math.Abs(v); magnitude > 0 {
			terms++
			sum += magnitude
		}
	}
	terms = min(terms, float64(d.steps*d.batch))
	return d.sumTolerance(terms, min(sum, terms*largest(dz))*math.Max(1, x), before)
}

// sumTolerance is that of before and a sum of so many terms, of the given sum of
// magnitudes.
func (d dims) sumTolerance(terms, magnitude float64, before []float32) tolerance {
	return func(k int, _ float64) float64 {
		return (d.roundings() + terms) * unit * (abs(before[k]) + magnitude)
	}
}

// weight returns the bound of random weights. It keeps the argument of a
// nonlinearity of order 1 and errors from growing from step to step.
func (d dims) weight() float64 { return 1 / math.Sqrt(float64(max(1, d.input, d.hidden))) }
