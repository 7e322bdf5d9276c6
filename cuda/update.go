package cuda

import (
	"math"

	"gputrain/backend"
	"gputrain/kernels"
)

// Scalars are derived in float64, and rounded once. Their order is that of the
// structures in kernels/update.cu.

// SGD makes a step of gradient descent. See backend.SGDArgs.
func (b *Backend) SGD(a backend.SGDArgs) {
	backend.CheckSGD(b, a)
	scalars := b.floats("SGD", a.LR, a.Momentum, a.WeightDecay)
	b.each("SGD", "sgd", a.Param.Size(), address(a.Param), address(a.Grad), velocity(a.Velocity, a.Momentum),
		scalars, size(a.Param), flag(a.Nesterov))
}

// RMSProp makes a step of RMSProp. See backend.RMSPropArgs.
func (b *Backend) RMSProp(a backend.RMSPropArgs) {
	backend.CheckRMSProp(b, a)
	scalars := b.floats("RMSProp", a.LR, a.Decay, 1-a.Decay, a.Epsilon, a.Momentum, a.WeightDecay)
	b.each("RMSProp", "rmsprop", a.Param.Size(), address(a.Param), address(a.Grad), address(a.Square),
		velocity(a.Velocity, a.Momentum), scalars, size(a.Param))
}

// Adam makes a step of Adam or AdamW. See backend.AdamArgs.
func (b *Backend) Adam(a backend.AdamArgs) {
	backend.CheckAdam(b, a)
	shrink, decay := 0.0, a.WeightDecay
	if a.Decoupled {
		shrink, decay = a.LR*a.WeightDecay, 0
	}
	step := float64(a.Step)
	scalars := b.floats("Adam", a.LR/(1-math.Pow(a.Beta1, step)), shrink, decay,
		a.Beta1, 1-a.Beta1, a.Beta2, 1-a.Beta2, 1/math.Sqrt(1-math.Pow(a.Beta2, step)), a.Epsilon)
	b.each("Adam", "adam", a.Param.Size(), address(a.Param), address(a.Grad), address(a.Mean), address(a.Square),
		scalars, size(a.Param))
}

// velocity returns the argument for a velocity: null without momentum, even
// where it is present.
func velocity(v backend.Tensor, momentum float64) uint64 {
	if momentum == 0 {
		return 0
	}
	return address(v)
}

// ClipNorm computes norm[0,0] = ‖x‖₂ and x = x·min(1, limit/(norm+1e−6)).
func (b *Backend) ClipNorm(x, norm backend.Tensor, limit float64) {
	const op = "ClipNorm"
	backend.CheckClipNorm(b, x, norm, limit)
	l := kernels.Partials(int64(x.Size()))
	// Partial sums have twice the size of an element; the factor follows them.
	part := b.scratch(op, 2*l.Grid.X+1)
	factor := part + uint64(2*l.Grid.X)*elementBytes
	b.launch(op, "clip_norm_square", l, part, address(x), size(x))
	b.launch(op, "clip_norm_root", kernels.Single(), address(norm), factor, part, uint64(l.Grid.X), float(limit))
	b.each(op, "clip_norm_scale", x.Size(), address(x), factor, size(x))
}
