package backendtest

import (
	"math"

	"gputrain/backend"
)

var brokenUpdate = []control{
	{check: "SGD", name: "Nesterov as plain momentum", mistake: sgdMistake(func(a *backend.SGDArgs) { a.Nesterov = false })},
	{check: "SGD", name: "weight decay forgotten", mistake: sgdMistake(func(a *backend.SGDArgs) { a.WeightDecay = 0 })},
	{check: "SGD", name: "momentum forgotten", mistake: sgdMistake(func(a *backend.SGDArgs) { a.Momentum = 0 })},
	{check: "SGD", name: "learning rate inside of the velocity", mistake: func(b backend.Backend) backend.Backend {
		return altered{b, brokenSGD{b, func(a *backend.SGDArgs) {
			a.Grad = clone(b, a.Grad)
			b.Scale(a.Grad, a.LR, a.Grad)
			a.WeightDecay *= a.LR
			a.LR = 1
		}}}
	}},
	{check: "SGD", name: "velocity touched without momentum", mistake: func(b backend.Backend) backend.Backend {
		return altered{b, brokenSGD{b, func(a *backend.SGDArgs) {
			if a.Momentum == 0 && a.Velocity.Present() {
				b.Copy(a.Velocity, a.Grad)
			}
		}}}
	}},
	{check: "SGD", name: "gradients of NaN skipped", mistake: func(b backend.Backend) backend.Backend {
		return altered{b, brokenSGD{b, func(a *backend.SGDArgs) { a.Grad = withoutNaN(b, a.Grad) }}}
	}},
	{check: "RMSProp", name: "gradients of NaN skipped", mistake: func(b backend.Backend) backend.Backend {
		return altered{b, brokenRMSProp{b, func(a *backend.RMSPropArgs) { a.Grad = withoutNaN(b, a.Grad) }}}
	}},
	{check: "RMSProp", name: "weight decay forgotten", mistake: rmspropMistake(func(a *backend.RMSPropArgs) { a.WeightDecay = 0 })},
	{check: "RMSProp", name: "momentum forgotten", mistake: rmspropMistake(func(a *backend.RMSPropArgs) { a.Momentum = 0 })},
	{check: "RMSProp", name: "epsilon forgotten", mistake: rmspropMistake(func(a *backend.RMSPropArgs) { a.Epsilon = 1e-12 })},
	{check: "RMSProp", name: "decay fixed", mistake: rmspropMistake(func(a *backend.RMSPropArgs) { a.Decay = 0.99 })},
	{check: "RMSProp", mistake: broken[rmspropEpsilonInsideRoot]},
	{check: "Adam", name: "decoupled ignored", mistake: adamMistake(func(a *backend.AdamArgs) { a.Decoupled = false })},
	{check: "Adam", name: "always decoupled", mistake: adamMistake(func(a *backend.AdamArgs) { a.Decoupled = true })},
	{check: "Adam", name: "weight decay forgotten", mistake: adamMistake(func(a *backend.AdamArgs) { a.WeightDecay = 0 })},
	{check: "Adam", name: "no bias correction", mistake: adamMistake(func(a *backend.AdamArgs) { a.Step = math.MaxInt32 })},
	{check: "Adam", name: "steps counted from 0", mistake: adamMistake(func(a *backend.AdamArgs) { a.Step++ })},
	{check: "Adam", name: "steps of 16 bits", mistake: adamMistake(func(a *backend.AdamArgs) { a.Step = max(1, a.Step&0xffff) })},
	{check: "Adam", name: "no more than 65,535 steps", mistake: adamMistake(func(a *backend.AdamArgs) { a.Step = min(a.Step, 0xffff) })},
	{check: "Adam", name: "step counted by the backend", mistake: func(b backend.Backend) backend.Backend {
		steps := 0
		return altered{b, brokenAdam{b, func(a *backend.AdamArgs) {
			steps++
			a.Step = steps
		}}}
	}},
	{check: "Adam", name: "epsilon forgotten", mistake: adamMistake(func(a *backend.AdamArgs) { a.Epsilon = 1e-12 })},
	{check: "Adam", name: "betas swapped", mistake: adamMistake(func(a *backend.AdamArgs) { a.Beta1, a.Beta2 = a.Beta2, a.Beta1 })},
	{check: "Adam", name: "rate of decay depends on correction", mistake: adamMistake(func(a *backend.AdamArgs) {
		if a.Decoupled {
			a.WeightDecay /= 1 - math.Pow(a.Beta1, float64(a.Step))
		}
	})},
	{check: "Adam", name: "gradients of NaN skipped", mistake: func(b backend.Backend) backend.Backend {
		return altered{b, brokenAdam{b, func(a *backend.AdamArgs) { a.Grad = withoutNaN(b, a.Grad) }}}
	}},
	{check: "Adam", mistake: broken[adamDropsTailOfBlocks], atLeast: 257},
	{check: "Adam", mistake: broken[adamDropsBeyondGrid], atLeast: 1025},
	{check: "Adam", mistake: broken[adamEpsilonInsideRoot]},
	{check: "Adam", mistake: broken[adamEpsilonBeforeCorrection]},
	{check: "SGD", name: "step skipped where all gradients are 0", mistake: broken[skipsZeroGradients]},
	{check: "RMSProp", name: "step skipped where all gradients are 0", mistake: broken[skipsZeroGradients]},
	{check: "Adam", name: "step skipped where all gradients are 0", mistake: broken[skipsZeroGradients]},
	{check: "SGD", name: "gradients limited", mistake: func(b backend.Backend) backend.Backend {
		return altered{b, brokenSGD{b, func(a *backend.SGDArgs) { a.Grad = limited(b, a.Grad) }}}
	}},
	{check: "RMSProp", name: "gradients limited", mistake: func(b backend.Backend) backend.Backend {
		return altered{b, brokenRMSProp{b, func(a *backend.RMSPropArgs) { a.Grad = limited(b, a.Grad) }}}
	}},
	{check: "Adam", name: "gradients limited", mistake: func(b backend.Backend) backend.Backend {
		return altered{b, brokenAdam{b, func(a *backend.AdamArgs) { a.Grad = limited(b, a.Grad) }}}
	}},
	{check: "SGD", name: "factor forgotten", mistake: factorMistake(func(_ backend.Backend, factor *backend.Tensor) { *factor = backend.Tensor{} })},
	{check: "RMSProp", name: "factor forgotten", mistake: factorMistake(func(_ backend.Backend, factor *backend.Tensor) { *factor = backend.Tensor{} })},
	{check: "Adam", name: "factor forgotten", mistake: factorMistake(func(_ backend.Backend, factor *backend.Tensor) { *factor = backend.Tensor{} })},
	{check: "Adam", name: "factor squared", mistake: factorMistake(func(b backend.Backend, factor *backend.Tensor) {
		*factor = clone(b, *factor)
		b.Mul(*factor, *factor, *factor)
	})},
	{check: "ClipFactor", name: "scales up", mistake: clipFactorMistake(func(b fused, _, norm, factor backend.Tensor, limit float64) {
		b.Fill(factor, limit/float64(read(b, norm)[0]))
	})},
	{check: "ClipFactor", name: "clips x too", mistake: clipFactorMistake(func(b fused, x, norm, _ backend.Tensor, limit float64) {
		b.ClipNorm(x, norm, limit)
	})},
	{check: "ClipFactor", name: "NaN clipped to 1", mistake: clipFactorMistake(func(b fused, _, _, factor backend.Tensor, _ float64) {
		if f := read(b, factor)[0]; f != f {
			b.Fill(factor, 1)
		}
	})},
	{check: "ClipNorm", mistake: broken[clipNormTolerates]},
	{check: "ClipNorm", mistake: broken[clipNormScalesBelow]},
	{check: "ClipNorm", mistake: broken[clipNormSkipsInfinity]},
	{check: "ClipNorm", mistake: broken[clipNormScalesUp]},
	{check: "ClipNorm", mistake: broken[clipNormForgetsTheLittle]},
	{check: "ClipNorm", mistake: broken[clipNormReturnsSquare]},
	{check: "ClipNorm", mistake: broken[clipNormReturnsClipped]},
	{check: "ClipNorm", mistake: broken[clipNormOfFirstRow]},
	{check: "ClipNorm", mistake: broken[clipNormSquaresOverflow]},
	{check: "ClipNorm", mistake: broken[clipNormSquaresUnderflow]},
	{check: "ClipNorm", mistake: broken[clipNormDropsBeyondBlock], atLeast: 1025},
}

// brokenSGD changes the arguments of SGD.
type brokenSGD struct {
	sound  backend.Backend
	change func(*backend.SGDArgs)
}

func (b brokenSGD) SGD(a backend.SGDArgs) {
	b.change(&a)
	b.sound.SGD(a)
}

func sgdMistake(change func(*backend.SGDArgs)) func(backend.Backend) backend.Backend {
	return func(b backend.Backend) backend.Backend { return altered{b, brokenSGD{b, change}} }
}

// brokenRMSProp changes the arguments of RMSProp.
type brokenRMSProp struct {
	sound  backend.Backend
	change func(*backend.RMSPropArgs)
}

func (b brokenRMSProp) RMSProp(a backend.RMSPropArgs) {
	b.change(&a)
	b.sound.RMSProp(a)
}

func rmspropMistake(change func(*backend.RMSPropArgs)) func(backend.Backend) backend.Backend {
	return func(b backend.Backend) backend.Backend { return altered{b, brokenRMSProp{b, change}} }
}

// brokenAdam changes the arguments of Adam.
type brokenAdam struct {
	sound  backend.Backend
	change func(*backend.AdamArgs)
}

func (b brokenAdam) Adam(a backend.AdamArgs) {
	b.change(&a)
	b.sound.Adam(a)
}

func adamMistake(change func(*backend.AdamArgs)) func(backend.Backend) backend.Backend {
	return func(b backend.Backend) backend.Backend { return altered{b, brokenAdam{b, change}} }
}

// brokenFactors changes the Factor of the optimizers, if there is one.
type brokenFactors struct {
	fused
	change func(b backend.Backend, factor *backend.Tensor)
}

func (b brokenFactors) changed(factor backend.Tensor) backend.Tensor {
	if factor.Present() {
		b.change(b.fused, &factor)
	}
	return factor
}

func (b brokenFactors) SGD(a backend.SGDArgs) {
	a.Factor = b.changed(a.Factor)
	b.fused.SGD(a)
}

func (b brokenFactors) RMSProp(a backend.RMSPropArgs) {
	a.Factor = b.changed(a.Factor)
	b.fused.RMSProp(a)
}

func (b brokenFactors) Adam(a backend.AdamArgs) {
	a.Factor = b.changed(a.Factor)
	b.fused.Adam(a)
}

func factorMistake(change func(backend.Backend, *backend.Tensor)) func(backend.Backend) backend.Backend {
	return func(b backend.Backend) backend.Backend { return brokenFactors{b.(fused), change} }
}

// brokenClipFactor does something after ClipFactor.
type brokenClipFactor struct {
	fused
	after func(b fused, x, norm, factor backend.Tensor, limit float64)
}

func (b brokenClipFactor) ClipFactor(x, norm, factor backend.Tensor, limit float64) {
	b.fused.ClipFactor(x, norm, factor, limit)
	b.after(b.fused, x, norm, factor, limit)
}

func clipFactorMistake(after func(b fused, x, norm, factor backend.Tensor, limit float64)) func(backend.Backend) backend.Backend {
	return func(b backend.Backend) backend.Backend { return brokenClipFactor{b.(fused), after} }
}

// rmspropEpsilonInsideRoot divides by √(s+ε).
type rmspropEpsilonInsideRoot mistake

func (b rmspropEpsilonInsideRoot) RMSProp(a backend.RMSPropArgs) {
	param, grad, square := read(b.sound, a.Param), read(b.sound, a.Grad), read(b.sound, a.Square)
	b.sound.RMSProp(a)
	if a.Momentum != 0 {
		return
	}
	each(b.sound, a.Param, func(k int, _ float32) float32 {
		g := float64(grad[k]) + a.WeightDecay*float64(param[k])
		s := a.Decay*float64(square[k]) + (1-a.Decay)*g*g
		return float32(float64(param[k]) - a.LR*g/math.Sqrt(s+a.Epsilon))
	})
}

// adamWith makes a step of Adam in which divisor replaces √v/√c + ε.
func adamWith(b backend.Backend, a backend.AdamArgs, divisor func(v, c float64) float64) {
	param := read(b, a.Param)
	b.Adam(a)
	mean, square := read(b, a.Mean), read(b, a.Square)
	correction1 := 1 - math.Pow(a.Beta1, float64(a.Step))
	correction2 := 1 - math.Pow(a.Beta2, float64(a.Step))
	each(b, a.Param, func(k int, _ float32) float32 {
		p := float64(param[k])
		if a.Decoupled {
			p -= a.LR * a.WeightDecay * p
		}
		return float32(p - a.LR/correction1*float64(mean[k])/divisor(float64(square[k]), correction2))
	})
}

// withoutNaN returns a copy of t in which NaN is 0.
func withoutNaN(b backend.Backend, t backend.Tensor) backend.Tensor {
	t = clone(b, t)
	each(b, t, func(_ int, v float32) float32 {
		if isNaN32(v) {
			return 0
		}
		return v
	})
	return t
}

// limited returns a copy of t with finite numbers for infinite ones.
func limited(b backend.Backend, t backend.Tensor) backend.Tensor {
	t = clone(b, t)
	each(b, t, func(_ int, v float32) float32 { return min(max(v, -1e30), 1e30) })
	return t
}

// skipsZeroGradients makes no step where all gradients are 0, though state and
// weight decay have a part in it.
type skipsZeroGradients mistake

func (b skipsZeroGradients) SGD(a backend.SGDArgs) {
	if !allZero(b.sound, a.Grad) {
		b.sound.SGD(a)
	}
}

func (b skipsZeroGradients) RMSProp(a backend.RMSPropArgs) {
	if !allZero(b.sound, a.Grad) {
		b.sound.RMSProp(a)
	}
}

func (b skipsZeroGradients) Adam(a backend.AdamArgs) {
	if !allZero(b.sound, a.Grad) {
		b.sound.Adam(a)
	}
}

type adamDropsTailOfBlocks mistake

func (b adamDropsTailOfBlocks) Adam(a backend.AdamArgs) {
	whole := a.Param.Cols
	if whole > 256 {
		whole = whole / 256 * 256
	}
	keeping(b.sound, a.Param, func(_, col int) bool { return col >= whole }, func() { b.sound.Adam(a) })
}

// adamDropsBeyondGrid updates 65,536 elements at most.
type adamDropsBeyondGrid mistake

func (b adamDropsBeyondGrid) Adam(a backend.AdamArgs) {
	cols := a.Param.Cols
	keeping(b.sound, a.Param, func(row, col int) bool { return row*cols+col >= 1<<16 }, func() { b.sound.Adam(a) })
}

type adamEpsilonInsideRoot mistake

func (b adamEpsilonInsideRoot) Adam(a backend.AdamArgs) {
	adamWith(b.sound, a, func(v, c float64) float64 { return math.Sqrt(v/c + a.Epsilon) })
}

// adamEpsilonBeforeCorrection is the form of the paper's section 2, ε̂.
type adamEpsilonBeforeCorrection mistake

func (b adamEpsilonBeforeCorrection) Adam(a backend.AdamArgs) {
	adamWith(b.sound, a, func(v, c float64) float64 { return (math.Sqrt(v) + a.Epsilon) / math.Sqrt(c) })
}

type clipNormScalesUp mistake

func (b clipNormScalesUp) ClipNorm(x, norm backend.Tensor, limit float64) {
	b.sound.ClipNorm(x, norm, limit)
	if length := float64(read(b.sound, norm)[0]); length > 0 && length < limit {
		b.sound.Scale(x, limit/length, x)
	}
}

// clipNormTolerates a norm that is slightly above the limit, if it is not small.
type clipNormTolerates mistake

func (b clipNormTolerates) ClipNorm(x, norm backend.Tensor, limit float64) {
	clipNormExcept(b.sound, x, norm, limit, func(length float64) bool { return length <= 1.0011*limit && length > limit+1e-5 })
}

// clipNormExcept leaves x where the norm is such.
func clipNormExcept(b backend.Backend, x, norm backend.Tensor, limit float64, such func(length float64) bool) {
	before := clone(b, x)
	b.ClipNorm(x, norm, limit)
	if such(float64(read(b, norm)[0])) {
		b.Copy(x, before)
	}
}

// clipNormScalesBelow scales up a norm that is slightly below the limit.
type clipNormScalesBelow mistake

func (b clipNormScalesBelow) ClipNorm(x, norm backend.Tensor, limit float64) {
	b.sound.ClipNorm(x, norm, limit)
	if length := float64(read(b.sound, norm)[0]); length < limit && limit < 1.0003*length {
		b.sound.Scale(x, limit/length, x)
	}
}

type clipNormSkipsInfinity mistake

func (b clipNormSkipsInfinity) ClipNorm(x, norm backend.Tensor, limit float64) {
	each(b.sound, x, func(_ int, v float32) float32 {
		if math.IsInf(float64(v), 0) {
			return 0
		}
		return v
	})
	b.sound.ClipNorm(x, norm, limit)
}

// clipNormForgetsTheLittle scales by limit/norm, without 1e−6.
type clipNormForgetsTheLittle mistake

func (b clipNormForgetsTheLittle) ClipNorm(x, norm backend.Tensor, limit float64) {
	before := clone(b.sound, x)
	b.sound.ClipNorm(x, norm, limit)
	if length := float64(read(b.sound, norm)[0]); length > limit {
		b.sound.Scale(x, limit/length, before)
	}
}

type clipNormReturnsSquare mistake

func (b clipNormReturnsSquare) ClipNorm(x, norm backend.Tensor, limit float64) {
	b.sound.ClipNorm(x, norm, limit)
	b.sound.Mul(norm, norm, norm)
}

type clipNormReturnsClipped mistake

func (b clipNormReturnsClipped) ClipNorm(x, norm backend.Tensor, limit float64) {
	b.sound.ClipNorm(x, norm, limit)
	each(b.sound, norm, func(_ int, v float32) float32 { return min(v, float32(limit)) })
}

type clipNormOfFirstRow mistake

func (b clipNormOfFirstRow) ClipNorm(x, norm backend.Tensor, limit float64) {
	b.sound.ClipNorm(x.Slice(0, min(1, x.Rows)), norm, limit)
}

// clipNormSquaresOverflow sums squares in float32; it takes small numbers right.
type clipNormSquaresOverflow mistake

func (b clipNormSquaresOverflow) ClipNorm(x, norm backend.Tensor, limit float64) {
	var sum float32
	for _, v := range read(b.sound, x) {
		sum += v * v
	}
	b.sound.ClipNorm(x, norm, limit)
	if math.IsInf(float64(sum), 1) {
		b.sound.Fill(norm, math.Inf(1))
	}
}

// clipNormSquaresUnderflow likewise takes large numbers right.
type clipNormSquaresUnderflow mistake

func (b clipNormSquaresUnderflow) ClipNorm(x, norm backend.Tensor, limit float64) {
	var sum float32
	for _, v := range read(b.sound, x) {
		sum += v * v
	}
	b.sound.ClipNorm(x, norm, limit)
	if sum == 0 {
		b.sound.Fill(norm, 0)
	}
}

type clipNormDropsBeyondBlock mistake

func (b clipNormDropsBeyondBlock) ClipNorm(x, norm backend.Tensor, limit float64) {
	if n := x.Size(); n > 1024 {
		x, _ = x.Take(1, 1024)
	}
	b.sound.ClipNorm(x, norm, limit)
}
