package cpu

import (
	"math"

	"gputrain/backend"
)

// SGD implements backend.Update.
func (c *Backend) SGD(a backend.SGDArgs) {
	backend.CheckSGD(c, a)
	if c.err != nil {
		return
	}
	c.jobs.sgd = sgd{
		param: floats(a.Param), grad: floats(a.Grad), velocity: floats(a.Velocity),
		rate: float32(a.LR), momentum: float32(a.Momentum), decay: float32(a.WeightDecay),
		nesterov: a.Nesterov,
	}
	c.forEach(&c.jobs.sgd, a.Param.Size(), cheapGrain)
}

type sgd struct {
	param, grad, velocity []float32 // velocity may be nil if momentum is 0
	rate, momentum, decay float32
	nesterov              bool
}

func (s *sgd) run(from, to int) {
	for k := from; k < to; k++ {
		g := s.grad[k] + s.decay*s.param[k]
		if s.momentum != 0 {
			v := s.momentum*s.velocity[k] + g
			s.velocity[k] = v
			if s.nesterov {
				g += s.momentum * v
			} else {
				g = v
			}
		}
		s.param[k] -= s.rate * g
	}
}

// RMSProp implements backend.Update.
func (c *Backend) RMSProp(a backend.RMSPropArgs) {
	backend.CheckRMSProp(c, a)
	if c.err != nil {
		return
	}
	c.jobs.rmsProp = rmsProp{
		param: floats(a.Param), grad: floats(a.Grad), square: floats(a.Square), velocity: floats(a.Velocity),
		rate: float32(a.LR), keep: float32(a.Decay), renew: float32(1 - a.Decay), epsilon: float32(a.Epsilon),
		momentum: float32(a.Momentum), decay: float32(a.WeightDecay),
	}
	c.forEach(&c.jobs.rmsProp, a.Param.Size(), costlyGrain)
}

type rmsProp struct {
	param, grad, square, velocity []float32 // velocity may be nil if momentum is 0
	rate, keep, renew, epsilon    float32
	momentum, decay               float32
}

func (r *rmsProp) run(from, to int) {
	for k := from; k < to; k++ {
		g := r.grad[k] + r.decay*r.param[k]
		s := r.keep*r.square[k] + r.renew*g*g
		r.square[k] = s
		g /= sqrt(s) + r.epsilon
		if r.momentum != 0 {
			g += r.momentum * r.velocity[k]
			r.velocity[k] = g
		}
		r.param[k] -= r.rate * g
	}
}

// Adam implements backend.Update.
func (c *Backend) Adam(a backend.AdamArgs) {
	backend.CheckAdam(c, a)
	if c.err != nil {
		return
	}
	step := float64(a.Step)
	j := &c.jobs.adam
	*j = adam{
		param: floats(a.Param), grad: floats(a.Grad), mean: floats(a.Mean), square: floats(a.Square),
		rate:     float32(a.LR / (1 - math.Pow(a.Beta1, step))),
		keepMean: float32(a.Beta1),
		newMean:  float32(1 - a.Beta1),
		keepSq:   float32(a.Beta2),
		newSq:    float32(1 - a.Beta2),
		correct:  float32(1 / math.Sqrt(1-math.Pow(a.Beta2, step))),
		epsilon:  float32(a.Epsilon),
	}
	if a.Decoupled {
		j.shrink = float32(a.LR * a.WeightDecay)
	} else {
		j.decay = float32(a.WeightDecay)
	}
	c.forEach(j, a.Param.Size(), costlyGrain)
}

type adam struct {
	param, grad, mean, square        []float32
	rate, correct, epsilon           float32
	keepMean, newMean, keepSq, newSq float32
	decay                            float32 // of the gradient; 0 in AdamW
	shrink                           float32 // of the parameters; 0 in Adam
}

func (a *adam) run(from, to int) {
	for k := from; k < to; k++ {
		p := a.param[k]
		g := a.grad[k] + a.decay*p
		p -= a.shrink * p
		m := a.keepMean*a.mean[k] + a.newMean*g
		v := a.keepSq*a.square[k] + a.newSq*g*g
		a.mean[k], a.square[k] = m, v
		a.param[k] = p - a.rate*m/(sqrt(v)*a.correct+a.epsilon)
	}
}

// ClipNorm implements backend.Update.
func (c *Backend) ClipNorm(x, norm backend.Tensor, limit float64) {
	backend.CheckClipNorm(c, x, norm, limit)
	if c.err != nil {
		return
	}
	j := &c.jobs.sumSquares
	j.x = floats(x)
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
	x []float32
}

func (s *sumSquares) run(from, to int) {
	var sum float64
	for _, v := range s.x[from:to] {
		sum += float64(v) * float64(v)
	}
	s.set(from, sum)
}

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }
