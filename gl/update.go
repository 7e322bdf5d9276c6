package gl

import (
	"math"

	"gputrain/backend"
	"gputrain/kernels"
)

// Scalars are computed in float64 and rounded once.

// SGD implements backend.Update.
func (d *Backend) SGD(a backend.SGDArgs) {
	backend.CheckSGD(d, a)
	backend.CheckNoFactor("SGD", a.Factor)
	d.each("SGD", "sgd", a.Param.Size(), []window{of(a.Param), of(a.Grad), velocity(a.Velocity, a.Momentum)},
		size(a.Param), flag(a.Nesterov), float(a.LR), float(a.Momentum), float(a.WeightDecay))
}

// RMSProp implements backend.Update.
func (d *Backend) RMSProp(a backend.RMSPropArgs) {
	backend.CheckRMSProp(d, a)
	backend.CheckNoFactor("RMSProp", a.Factor)
	d.each("RMSProp", "rmsprop", a.Param.Size(), []window{of(a.Param), of(a.Grad), of(a.Square), velocity(a.Velocity, a.Momentum)},
		size(a.Param), float(a.LR), float(a.Decay), float(1-a.Decay), float(a.Epsilon), float(a.Momentum), float(a.WeightDecay))
}

// Adam implements backend.Update.
func (d *Backend) Adam(a backend.AdamArgs) {
	backend.CheckAdam(d, a)
	backend.CheckNoFactor("Adam", a.Factor)
	shrink, decay := 0.0, a.WeightDecay
	if a.Decoupled {
		shrink, decay = a.LR*a.WeightDecay, 0
	}
	step := float64(a.Step)
	d.each("Adam", "adam", a.Param.Size(), []window{of(a.Param), of(a.Grad), of(a.Mean), of(a.Square)}, size(a.Param),
		float(a.LR/(1-math.Pow(a.Beta1, step))), float(shrink), float(decay), float(a.Beta1), float(1-a.Beta1),
		float(a.Beta2), float(1-a.Beta2), float(1/math.Sqrt(1-math.Pow(a.Beta2, step))), float(a.Epsilon))
}

// velocity returns the operand for a velocity. Without momentum it is absent, even
// where the tensor is present.
func velocity(v backend.Tensor, momentum float64) window {
	if momentum == 0 {
		return window{at: kernels.Absent}
	}
	return of(v)
}

// ClipNorm implements backend.Update. It takes three shaders: partial sums of squares,
// the norm, and the scaling.
func (d *Backend) ClipNorm(x, norm backend.Tensor, limit float64) {
	const op = "ClipNorm"
	backend.CheckClipNorm(d, x, norm, limit)
	groups := partials(x.Size())
	// A partial sum has twice the size of an element. The factor follows the sums.
	part := d.scratch(op, 2*groups+1)
	factor := part.beyond(2 * groups)
	d.run(op, variant{"clip_norm_square", 0}, groups, 1, []window{part, of(x)}, size(x))
	d.run(op, variant{"clip_norm_root", 0}, 1, 1, []window{of(norm), factor, part}, word(groups), float(limit))
	d.each(op, "clip_norm_scale", x.Size(), []window{of(x), factor}, size(x))
}
