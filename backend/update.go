package backend

// Update holds the optimizers' steps over flat tensors of all parameters, and
// clipping of the gradient. The state tensors start at zero. All tensors of
// an optimizer's call but Factor have the same shape, and none overlap. The formulas are
// those of PyTorch's optimizers of the same names.
type Update interface {
	// SGD makes a step of gradient descent. See SGDArgs.
	SGD(SGDArgs)

	// RMSProp makes a step of RMSProp. See RMSPropArgs.
	RMSProp(RMSPropArgs)

	// Adam makes a step of Adam or AdamW. See AdamArgs.
	Adam(AdamArgs)

	// ClipNorm computes norm[0,0] = ‖x‖₂ over all elements and then
	// x = x·min(1, limit/(norm+1e−6)), as PyTorch's clip_grad_norm_. limit > 0.
	// norm is [1,1] and must not overlap x. It is right whenever it fits float32,
	// even if the squares do not.
	ClipNorm(x, norm Tensor, limit float64)
}

// ClipFactorer is a backend whose optimizers multiply the gradient by a factor as they
// read it: Factor in their arguments. So clipping need not go over the gradient once more.
type ClipFactorer interface {
	// ClipFactor computes norm[0,0] = ‖x‖₂ over all elements and
	// factor[0,0] = min(1, limit/(norm+1e−6)), by which ClipNorm would multiply x.
	// limit > 0. norm and factor are [1,1]; nothing must overlap.
	ClipFactor(x, norm, factor Tensor, limit float64)
}

// SGDArgs are the operands of
//
//	g     = Factor·Grad + WeightDecay·Param
//	v     = Momentum·v + g                 if Momentum ≠ 0
//	g     = g + Momentum·v  or  v          if Nesterov or not
//	Param = Param − LR·g
//
// (Sutskever et al. 2013). Velocity, v, is in and out; it may be absent if
// Momentum is 0 and is then not touched. Factor is [1,1]; absent, it is 1. Only a
// ClipFactorer takes one.
type SGDArgs struct {
	Param, Grad, Velocity     Tensor
	Factor                    Tensor
	LR, Momentum, WeightDecay float64
	Nesterov                  bool
}

// RMSPropArgs are the operands of
//
//	g     = Factor·Grad + WeightDecay·Param
//	s     = Decay·s + (1−Decay)·g²
//	g     = g / (√s + Epsilon)
//	v     = Momentum·v + g,  g = v         if Momentum ≠ 0
//	Param = Param − LR·g
//
// (Tieleman, Hinton 2012). Square, s, and Velocity, v, are in and out;
// Velocity may be absent if Momentum is 0. PyTorch calls Decay alpha. Factor is that of
// SGDArgs.
type RMSPropArgs struct {
	Param, Grad, Square, Velocity, Factor     Tensor
	LR, Decay, Epsilon, Momentum, WeightDecay float64
}

// AdamArgs are the operands of
//
//	Param = Param − LR·WeightDecay·Param   if Decoupled (AdamW)
//	g     = Factor·Grad + WeightDecay·Param  if not, else Factor·Grad
//	m     = Beta1·m + (1−Beta1)·g
//	v     = Beta2·v + (1−Beta2)·g²
//	Param = Param − LR/(1−Beta1^Step) · m / (√v/√(1−Beta2^Step) + Epsilon)
//
// (Kingma, Ba 2015, algorithm 1; Loshchilov, Hutter 2019, algorithm 2).
// Mean, m, and Square, v, are in and out. Step counts from 1. Factor is that of SGDArgs.
type AdamArgs struct {
	Param, Grad, Mean, Square, Factor      Tensor
	LR, Beta1, Beta2, Epsilon, WeightDecay float64
	Decoupled                              bool
	Step                                   int
}
