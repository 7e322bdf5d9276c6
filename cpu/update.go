package cpu

import (
	"math"

	"gputrain/backend"
	"gputrain/cpu/internal/simd"
)

// SGD implements backend.Update.
func (c *Backend) SGD(a backend.SGDArgs) {
	backend.CheckSGD(c, a)
	backend.CheckNoFactor("SGD", a.Factor)
	if c.err != nil {
		return
	}
	c.jobs.sgd = sgd{
		vector: c.vector, param: floats(a.Param), grad: floats(a.Grad), velocity: floats(a.Velocity),
		factors: simd.SGD{
			Rate: float32(a.LR), Momentum: float32(a.Momentum), Decay: float32(a.WeightDecay), Nesterov: a.Nesterov,
		},
	}
	c.forEach(&c.jobs.sgd, a.Param.Size(), cheapGrain)
}

type sgd struct {
	vector                *simd.Vector
	param, grad, velocity []float32 // velocity may be nil if momentum is 0
	factors               simd.SGD
}

func (s *sgd) run(from, to int) {
	s.vector.SGD(s.param[from:to], s.grad[from:to], part(s.velocity, from, to), s.factors)
}

// part returns a part of x, or nil of nil.
func part(x []float32, from, to int) []float32 {
	if x == nil {
		return nil
	}
	return x[from:to]
}

// RMSProp implements backend.Update.
func (c *Backend) RMSProp(a backend.RMSPropArgs) {
	backend.CheckRMSProp(c, a)
	backend.CheckNoFactor("RMSProp", a.Factor)
	if c.err != nil {
		return
	}
	c.jobs.rmsProp = rmsProp{
		vector: c.vector, param: floats(a.Param), grad: floats(a.Grad), square: floats(a.Square), velocity: floats(a.Velocity),
		factors: simd.RMSProp{
			Rate: float32(a.LR), Keep: float32(a.Decay), Renew: float32(1 - a.Decay), Epsilon: float32(a.Epsilon),
			Momentum: float32(a.Momentum), Decay: float32(a.WeightDecay),
		},
	}
	c.forEach(&c.jobs.rmsProp, a.Param.Size(), costlyGrain)
}

type rmsProp struct {
	vector                        *simd.Vector
	param, grad, square, velocity []float32 // velocity may be nil if momentum is 0
	factors                       simd.RMSProp
}

func (r *rmsProp) run(from, to int) {
	r.vector.RMSProp(r.param[from:to], r.grad[from:to], r.square[from:to], part(r.velocity, from, to), r.factors)
}

// Adam implements backend.Update.
func (c *Backend) Adam(a backend.AdamArgs) {
	backend.CheckAdam(c, a)
	backend.CheckNoFactor("Adam", a.Factor)
	if c.err != nil {
		return
	}
	step := float64(a.Step)
	j := &c.jobs.adam
	*j = adam{
		vector: c.vector, param: floats(a.Param), grad: floats(a.Grad), mean: floats(a.Mean), square: floats(a.Square),
		factors: simd.Adam{
			Rate:     float32(a.LR / (1 - math.Pow(a.Beta1, step))),
			KeepMean: float32(a.Beta1), NewMean: float32(1 - a.Beta1),
			KeepSquare: float32(a.Beta2), NewSquare: float32(1 - a.Beta2),
			Correct: float32(1 / math.Sqrt(1-math.Pow(a.Beta2, step))),
			Epsilon: float32(a.Epsilon),
		},
	}
	if a.Decoupled {
		j.factors.Shrink = float32(a.LR * a.WeightDecay)
	} else {
		j.factors.Decay = float32(a.WeightDecay)
	}
	c.forEach(j, a.Param.Size(), costlyGrain)
}

type adam struct {
	vector                    *simd.Vector
	param, grad, mean, square []float32
	factors                   simd.Adam
}

func (a *adam) run(from, to int) {
	a.vector.Adam(a.param[from:to], a.grad[from:to], a.mean[from:to], a.square[from:to], a.factors)
}

// ClipNorm implements backend.Update.
func (c *Backend) ClipNorm(x, norm backend.Tensor, limit float64) {
	backend.CheckClipNorm(c, x, norm, limit)
	if c.err != nil {
		return
	}
	j := &c.jobs.sumSquares
	j.vector, j.x = c.vector, floats(x)
	j.reset(x.Size(), cheapGrain)
	c.forEach(j, x.Size(), j.grain)
	length := math.Sqrt(j.total())
	floats(norm)[0] = float32(length)
	if factor := min(1, limit/(length+1e-6)); factor != 1 {
		c.apply(scale, cheapGrain, x, x, x, factor)
	}
}

type sumSquares struct {
	reduction
	vector *simd.Vector
	x      []float32
}

func (s *sumSquares) run(from, to int) {
	s.set(from, s.vector.SumSquares(s.x[from:to], 0))
}
