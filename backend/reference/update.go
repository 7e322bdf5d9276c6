package reference

import (
	"math"

	"gputrain/backend"
)

// SGD computes
//
//	g     = Grad + WeightDecay·Param
//	v     = Momentum·v + g                 if Momentum ≠ 0
//	g     = g + Momentum·v  or  v          if Nesterov or not
//	Param = Param − LR·g
//
// v is Velocity, which is absent or not touched if Momentum is 0. All operands
// have the same shape and are apart.
func (r *Backend) SGD(a backend.SGDArgs) {
	backend.CheckSGD(r, a)
	if r.err != nil {
		return
	}
	param, grad := floats(a.Param), floats(a.Grad)
	for k := range param {
		g := grad[k] + a.WeightDecay*param[k]
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

// RMSProp computes
//
//	g     = Grad + WeightDecay·Param
//	s     = Decay·s + (1−Decay)·g²
//	g     = g / (√s + Epsilon)
//	v     = Momentum·v + g,  g = v         if Momentum ≠ 0
//	Param = Param − LR·g
//
// s is Square; v is Velocity, which is absent or not touched if Momentum is 0.
// All operands have the same shape and are apart.
func (r *Backend) RMSProp(a backend.RMSPropArgs) {
	backend.CheckRMSProp(r, a)
	if r.err != nil {
		return
	}
	param, grad, square := floats(a.Param), floats(a.Grad), floats(a.Square)
	for k := range param {
		g := grad[k] + a.WeightDecay*param[k]
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

// Adam computes
//
//	Param = Param − LR·WeightDecay·Param   if Decoupled (AdamW)
//	g     = Grad + WeightDecay·Param       if not
//	m     = Beta1·m + (1−Beta1)·g
//	v     = Beta2·v + (1−Beta2)·g²
//	Param = Param − LR/(1−Beta1^Step) · m / (√v/√(1−Beta2^Step) + Epsilon)
//
// m is Mean, v is Square. All operands have the same shape and are apart.
func (r *Backend) Adam(a backend.AdamArgs) {
	backend.CheckAdam(r, a)
	if r.err != nil {
		return
	}
	param, grad, mean, square := floats(a.Param), floats(a.Grad), floats(a.Mean), floats(a.Square)
	correction1 := 1 - math.Pow(a.Beta1, float64(a.Step))
	correction2 := math.Sqrt(1 - math.Pow(a.Beta2, float64(a.Step)))
	for k := range param {
		g := grad[k]
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

// ClipNorm computes norm[0,0] = ‖x‖₂ over all elements and then
// x = x·min(1, limit/(norm+1e−6)). limit > 0. norm is [1,1] and apart from x.
func (r *Backend) ClipNorm(x, norm backend.Tensor, limit float64) {
	backend.CheckClipNorm(r, x, norm, limit)
	if r.err != nil {
		return
	}
	var sum float64
	for _, v := range floats(x) {
		sum += v * v
	}
	length := math.Sqrt(sum)
	floats(norm)[0] = length
	factor := math.Min(1, limit/(length+1e-6))
	r.apply(x, x, func(x float64) float64 { return factor * x })
}
