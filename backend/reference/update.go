package reference

import (
	"math"

	"gputrain/backend"
)

// SGD implements backend.Update.
func (r *Backend) SGD(a backend.SGDArgs) {
	backend.CheckSGD(r, a)
	if r.err != nil {
		return
	}
	param, grad, factor := floats(a.Param), floats(a.Grad), factorOf(a.Factor)
	for k := range param {
		g := factor*grad[k] + a.WeightDecay*param[k]
		if a.Momentum != 0 {
			v := &floats(a.Velocity)[k]
			*v = a.Momentum**v + g
			if a.Nesterov {
				g += a.Momentum * *v
			} else {
				g = *v
			}
		}
		param[k] -= a.LR * g
	}
}

// RMSProp implements backend.Update.
func (r *Backend) RMSProp(a backend.RMSPropArgs) {
	backend.CheckRMSProp(r, a)
	if r.err != nil {
		return
	}
	param, grad, square, factor := floats(a.Param), floats(a.Grad), floats(a.Square), factorOf(a.Factor)
	for k := range param {
		g := factor*grad[k] + a.WeightDecay*param[k]
		square[k] = a.Decay*square[k] + (1-a.Decay)*g*g
		g /= math.Sqrt(square[k]) + a.Epsilon
		if a.Momentum != 0 {
			v := &floats(a.Velocity)[k]
			*v = a.Momentum**v + g
			g = *v
		}
		param[k] -= a.LR * g
	}
}

// Adam implements backend.Update.
func (r *Backend) Adam(a backend.AdamArgs) {
	backend.CheckAdam(r, a)
	if r.err != nil {
		return
	}
	param, grad, mean, square, factor := floats(a.Param), floats(a.Grad), floats(a.Mean), floats(a.Square), factorOf(a.Factor)
	correction1 := 1 - math.Pow(a.Beta1, float64(a.Step))
	correction2 := math.Sqrt(1 - math.Pow(a.Beta2, float64(a.Step)))
	for k := range param {
		g := factor * grad[k]
		if a.Decoupled {
			param[k] -= a.LR * a.WeightDecay * param[k]
		} else {
			g += a.WeightDecay * param[k]
		}
		mean[k] = a.Beta1*mean[k] + (1-a.Beta1)*g
		square[k] = a.Beta2*square[k] + (1-a.Beta2)*g*g
		param[k] -= a.LR / correction1 * mean[k] / (math.Sqrt(square[k])/correction2 + a.Epsilon)
	}
}

// factorOf returns the factor of a gradient.
func factorOf(factor backend.Tensor) float64 {
	if !factor.Present() {
		return 1
	}
	return floats(factor)[0]
}

// ClipNorm implements backend.Update.
func (r *Backend) ClipNorm(x, norm backend.Tensor, limit float64) {
	backend.CheckClipNorm(r, x, norm, limit)
	if r.err != nil {
		return
	}
	length, factor := clip(x, limit)
	floats(norm)[0] = length
	r.apply(x, x, func(x float64) float64 { return factor * x })
}

// ClipFactor implements backend.ClipFactorer.
func (r *Backend) ClipFactor(x, norm, factor backend.Tensor, limit float64) {
	backend.CheckClipFactor(r, x, norm, factor, limit)
	if r.err != nil {
		return
	}
	floats(norm)[0], floats(factor)[0] = clip(x, limit)
}

func clip(x backend.Tensor, limit float64) (length, factor float64) {
	var sum float64
	for _, v := range floats(x) {
		sum += v * v
	}
	length = math.Sqrt(sum)
	return length, math.Min(1, limit/(length+1e-6))
}
