package backendtest

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
)

// source returns the random numbers of the named case. They depend on nothing
// but the seed and the name, so that a case stays the same when others come or go.
func (p *probe) source(name string) source {
	h := fnv.New32a()
	h.Write([]byte(p.result.Name + "/" + name))
	return source{rand.New(rand.NewPCG(p.seed, uint64(h.Sum32())))}
}

func newSource(stream uint32) source { return source{rand.New(rand.NewPCG(1, uint64(stream)))} }

type source struct{ *rand.Rand }

// uniform draws n numbers from [low, high).
func (s source) uniform(n int, low, high float64) []float32 {
	x := make([]float32, n)
	for k := range x {
		x[k] = float32(low + (high-low)*s.Float64())
	}
	return x
}

// whole draws n whole numbers from [−most, most]. Sums of few million products
// of small ones are exact in float32 in any order, so that a single term that
// is missing shows, however long the sum.
func (s source) whole(n, most int) []float32 {
	x := make([]float32, n)
	for k := range x {
		x[k] = float32(s.IntN(2*most+1) - most)
	}
	return x
}

// saturated draws n arguments of a sigmoid that is all but 0 or 1, and yet is
// neither.
func (s source) saturated(n int) []float32 {
	x := s.uniform(n, 10, 20)
	for k := range x {
		if s.IntN(2) == 0 {
			x[k] = -x[k]
		}
	}
	return x
}

// riddled returns x with zeros of both signs in place of a half of its elements.
func (s source) riddled(x []float32) []float32 {
	x = slices.Clone(x)
	for k := range x {
		switch s.IntN(4) {
		case 0:
			x[k] = 0
		case 1:
			x[k] = float32(negative0)
		}
	}
	return x
}

// shuffled returns x in another order.
func (s source) shuffled(x []float32) []float32 {
	x = slices.Clone(x)
	s.Shuffle(len(x), func(i, j int) { x[i], x[j] = x[j], x[i] })
	return x
}

// sweep returns numbers of every exponent and both signs, those of NaN, quiet
// and signalling, included.
func sweep() []float32 {
	var x []float32
	for exponent := range uint32(256) {
		for _, mantissa := range []uint32{0, 1, 0x2aaaaa, 0x7fffff} {
			bits := exponent<<23 | mantissa
			x = append(x, math.Float32frombits(bits), math.Float32frombits(1<<31|bits))
		}
	}
	return x
}

// stored returns x as the memory of the backend holds it: a NaN may have become
// another one.
func (p *probe) stored(x []float32) []float32 {
	t, err := p.device.New(1, len(x))
	p.must(err)
	defer p.device.Free(t.Buf)
	p.device.Upload(t, x)
	x = slices.Clone(x)
	p.must(p.device.Download(x, t))
	return x
}

// ids draws n integers from [0, limit).
func (s source) ids(n, limit int) []int32 {
	x := make([]int32, n)
	for k := range x {
		x[k] = int32(s.IntN(limit))
	}
	return x
}

// extent draws a size near to where implementations change over.
func (s source) extent() int {
	return max(0, []int{0, 1, 8, 32, 64}[s.IntN(5)]+s.IntN(5)-2)
}

// sizes are where implementations change over: warps, vectors, blocks, tiles.
func (p *probe) sizes() []int {
	return p.upTo(1, 31, 32, 33, 255, 256, 257, 1023, 1024, 1025)
}

// upTo returns the sizes that are not too large.
func (p *probe) upTo(sizes ...int) []int {
	var kept []int
	for _, n := range sizes {
		if n <= p.maxSize {
			kept = append(kept, n)
		}
	}
	return kept
}

type shape struct{ rows, cols int }

func (s shape) String() string { return fmt.Sprintf("%dx%d", s.rows, s.cols) }

func (s shape) size() int { return s.rows * s.cols }

// shapes returns empty matrices, each size as rows and as columns, and some
// matrices that are large enough to be split among threads and blocks.
func (p *probe) shapes() []shape {
	shapes := []shape{{0, 0}, {0, 5}, {5, 0}}
	for _, n := range p.sizes() {
		shapes = append(shapes, shape{1, n}, shape{n, 3}, shape{2, n})
	}
	for _, s := range []shape{{32, 31}, {33, 257}, {1025, 33}, {257, 1025}} {
		if s.rows <= p.maxSize && s.cols <= p.maxSize {
			shapes = append(shapes, s)
		}
	}
	return shapes
}

// elements returns shapes for operations that treat each element by itself.
func (p *probe) elements() []shape { return append(p.shapes(), p.longShapes()...) }

// shapesOf returns all shapes for the first combination of options, some for
// the others.
func (p *probe) shapesOf(combination int) []shape {
	if combination == 0 {
		return p.elements()
	}
	return []shape{{1, 33}, {7, 5}}
}
