package backendtest

import (
	"maps"
	"math"
	"slices"
)

// Long, thin cases: one loop of an operation is long, and all else is small, so that
// they cost little. They find an index of 16 bits, a grid that is limited to 65,535
// blocks, and a driver that cuts loops after 65,535 rounds and says nothing.

const (
	// long is beyond the 65,535 blocks that a grid has in two of its dimensions,
	// beyond 16 bits, and no whole number of anything.
	long = 1<<16 + 63

	// longer is the length of a sum. It is also beyond two parts of 65,535, so that
	// a sum that is split once, and not as often as it takes, is found too.
	longer = 1<<17 + 63

	// tail is how many of the last terms of a long sum decide about the result. What
	// ends or wraps at a multiple of 65,535 or 65,536 misses them. Elsewhere they
	// would drown in the rounding that a sum of that length is allowed.
	tail = 63
)

// longShapes returns long, thin matrices.
func (p *probe) longShapes() []shape {
	return p.affordable(shape{long, 1}, shape{1, long})
}

// longRow returns a row that is one long sum.
func (p *probe) longRow() []shape { return p.affordable(shape{1, longer}) }

// longColumn returns a column that is one long sum.
func (p *probe) longColumn() []shape { return p.affordable(shape{longer, 1}) }

// affordable returns the shapes whose elements are not too much work.
func (p *probe) affordable(shapes ...shape) []shape {
	return slices.DeleteFunc(shapes, func(s shape) bool { return s.size() > p.maxWork })
}

// manyRows returns a matrix of many rows, each of which is reduced, and one whose
// rows take three warps: of an odd number, halving leaves one over.
func (p *probe) manyRows() []shape {
	var shapes []shape
	for _, s := range []shape{{long, 3}, {3, 90}} {
		if s.rows*max(s.cols, 32) <= p.maxWork {
			shapes = append(shapes, s)
		}
	}
	return shapes
}

// withTail replaces the last elements of x, in place, and returns it.
func withTail(x []float32, replace func(v float64) float64) []float32 {
	last := x[max(0, len(x)-tail):]
	for k, v := range last {
		last[k] = float32(replace(float64(v)))
	}
	return x
}

// outweighing makes v positive, and so large that some of its kind outweigh a long
// sum of others.
func outweighing(v float64) float64 { return 1e4 * math.Abs(v) }

// longLayers returns layers of many sequences, many inputs and many time steps. The
// work is that of products in tiles.
func (p *probe) longLayers() []dims {
	const tile = 32
	return slices.DeleteFunc([]dims{{1, long, 1, 1}, {1, 1, longer, 1}, {long, 1, 1, 1}},
		func(d dims) bool { return d.steps*max(d.batch, tile)*tile*(d.input+d.hidden) > p.maxWork })
}

// lastly returns the content of a layer in which the last of its inputs, sequences and
// time steps decide about every sum. So do the first time steps, which come last in a
// backward pass. The weights have the given number of columns, first those of X.
func (d dims) lastly(x content, weights string, columns int) content {
	x = maps.Clone(x)
	x["X"] = absolutes(x["X"])
	if d.input > tail {
		x[weights] = slices.Clone(x[weights])
		for k := range x[weights] {
			switch column := k % columns; {
			case column < d.input-tail:
				x[weights][k] = 0
			case column < d.input:
				x[weights][k] = 0.05
			}
		}
	}
	for _, name := range []string{"DY", "DHLast", "DCLast"} {
		x[name] = absolutes(x[name])
		if n := tail * d.hidden; len(x[name]) > 2*n {
			clear(x[name][n : len(x[name])-n])
		}
	}
	return x
}
