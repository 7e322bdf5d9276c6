package cuda

import (
	"math"

	"gputrain/backend"
	"gputrain/kernels"
)

// Scalars are computed in float64 and rounded once. They have the order of the
// structures in kernels/update.cu.

// SGD implements backend.Update.
func (d *Backend) SGD(a backend.SGDArgs) {
	backend.CheckSGD(d, a)
	scalars := d.floats("SGD", a.LR, a.Momentum, a.WeightDecay)
	d.update("SGD", "sgd", a.Param, address(a.Param), address(a.Grad), velocity(a.Velocity, a.Momentum),
		address(a.Factor), scalars, size(a.Param), flag(a.Nesterov))
}

// RMSProp implements backend.Update.
func (d *Backend) RMSProp(a backend.RMSPropArgs) {
	backend.CheckRMSProp(d, a)
	scalars := d.floats("RMSProp", a.LR, a.Decay, 1-a.Decay, a.Epsilon, a.Momentum, a.WeightDecay)
	d.update("RMSProp", "rmsprop", a.Param, address(a.Param), address(a.Grad), address(a.Square),
		velocity(a.Velocity, a.Momentum), address(a.Factor), scalars, size(a.Param))
}

// Adam implements backend.Update.
func (d *Backend) Adam(a backend.AdamArgs) {
	backend.CheckAdam(d, a)
	shrink, decay := 0.0, a.WeightDecay
	if a.Decoupled {
		shrink, decay = a.LR*a.WeightDecay, 0
	}
	step := float64(a.Step)
	scalars := d.floats("Adam", a.LR/(1-math.Pow(a.Beta1, step)), shrink, decay,
		a.Beta1, 1-a.Beta1, a.Beta2, 1-a.Beta2, 1/math.Sqrt(1-math.Pow(a.Beta2, step)), a.Epsilon)
	d.update("Adam", "adam", a.Param, address(a.Param), address(a.Grad), address(a.Mean), address(a.Square),
		address(a.Factor), scalars, size(a.Param))
}

func (d *Backend) update(op, name string, param backend.Tensor, args ...uint64) {
	if n := param.Size(); n > 0 {
		d.launch(op, name, kernels.Updates(int64(n)), args...)
	}
}

// velocity returns the argument for a velocity. Without momentum it is null, even
// where the tensor is present.
func velocity(v backend.Tensor, momentum float64) uint64 {
	if momentum == 0 {
		return 0
	}
	return address(v)
}

// ClipNorm implements backend.Update. It takes a launch more than ClipFactor, for the
// scaling.
func (d *Backend) ClipNorm(x, norm backend.Tensor, limit float64) {
	const op = "ClipNorm"
	backend.CheckClipNorm(d, x, norm, limit)
	l := kernels.Partials(int64(x.Size()))
	// A partial sum has twice the size of an element. The factor follows the sums.
	part := d.scratch(op, 2*l.Grid.X+1)
	factor := part + uint64(2*l.Grid.X)*elementBytes
	d.clip(op, x, norm, part, factor, limit)
	d.each(op, "clip_norm_scale", x.Size(), address(x), factor, size(x))
}

// ClipFactor implements backend.ClipFactorer.
func (d *Backend) ClipFactor(x, norm, factor backend.Tensor, limit float64) {
	const op = "ClipFactor"
	backend.CheckClipFactor(d, x, norm, factor, limit)
	part := d.scratch(op, 2*kernels.Partials(int64(x.Size())).Grid.X)
	d.clip(op, x, norm, part, address(factor), limit)
}

// clip takes two launches: partial sums of squares, then norm and factor.
func (d *Backend) clip(op string, x, norm backend.Tensor, part, factor uint64, limit float64) {
	l := kernels.Partials(int64(x.Size()))
	d.launch(op, "clip_norm_square", l, part, address(x), size(x))
	d.launch(op, "clip_norm_root", kernels.Single(), address(norm), factor, part, uint64(l.Grid.X), float(limit))
}
