//go:build generator

package main

import "github.com/mmcloughlin/avo/reg"

func (v *formulas) writeUpdates() {
	v.sgd()
	v.sgdMomentum(false)
	v.sgdMomentum(true)
	v.rmsProp(false)
	v.rmsProp(true)
	v.adam()
}

// decayed returns g = grad + decay·param.
func (v *formulas) decayed(grad, decay, param reg.Register) reg.Register {
	v.addMul(grad, decay, param)
	return grad
}

func (v *formulas) sgd() {
	v.function("sgd", "func(param, grad []float32, rate, decay float32)", "is a step of gradient descent.")
	param, grad := v.slice("param"), v.slice("grad")
	rate, decay := v.scalar("rate"), v.scalar("decay")
	v.forEach(v.length("param"), 1, func() {
		p := v.load(param)
		v.subMul(p, rate, v.decayed(v.load(grad), decay, p))
		v.store(p, param)
	})
	v.end()
}

func (v *formulas) sgdMomentum(nesterov bool) {
	name := "sgdMomentum"
	if nesterov {
		name = "sgdNesterov"
	}
	v.function(name, "func(param, grad, velocity []float32, rate, momentum, decay float32)", "is a step of gradient descent with a momentum.")
	param, grad, velocity := v.slice("param"), v.slice("grad"), v.slice("velocity")
	rate, momentum, decay := v.scalar("rate"), v.scalar("momentum"), v.scalar("decay")
	v.forEach(v.length("param"), 1, func() {
		p, speed := v.load(param), v.load(velocity)
		g := v.decayed(v.load(grad), decay, p)
		v.mulAdd(speed, momentum, g)
		v.store(speed, velocity)
		if nesterov {
			v.addMul(g, momentum, speed)
		} else {
			g = speed
		}
		v.subMul(p, rate, g)
		v.store(p, param)
	})
	v.end()
}

// smoothed returns keep·mean + x.
func (v *formulas) smoothed(keep, mean, x reg.Register) reg.Register {
	v.addMul(x, keep, mean)
	return x
}

func (v *formulas) rmsProp(momentum bool) {
	name, slices, scalars := "rmsProp", "param, grad, square", "rate, keep, renew, epsilon, decay"
	if momentum {
		name, slices, scalars = "rmsPropMomentum", slices+", velocity", scalars+", momentum"
	}
	v.function(name, "func("+slices+" []float32, "+scalars+" float32)", "is a step of RMSProp.")
	param, grad, square := v.slice("param"), v.slice("grad"), v.slice("square")
	rate, keep, renew, epsilon, decay := v.scalar("rate"), v.scalar("keep"), v.scalar("renew"), v.scalar("epsilon"), v.scalar("decay")
	accelerate := func(reg.Register) {}
	if momentum {
		velocity, factor := v.slice("velocity"), v.scalar("momentum")
		accelerate = func(g reg.Register) {
			v.addMul(g, factor, v.load(velocity))
			v.store(g, velocity)
		}
	}
	v.forEach(v.length("param"), 1, func() {
		p := v.load(param)
		g := v.decayed(v.load(grad), decay, p)
		s := v.smoothed(keep, v.load(square), v.mul(v.mul(renew, g), g))
		v.store(s, square)
		g = v.div(g, v.add(v.sqrt(s), epsilon))
		accelerate(g)
		v.subMul(p, rate, g)
		v.store(p, param)
	})
	v.end()
}

func (v *formulas) adam() {
	v.function("adam", "func(param, grad, mean, square []float32, rate, keepMean, newMean, keepSquare, newSquare, correct, epsilon, decay, shrink float32)",
		"is a step of Adam.")
	param, grad, mean, square := v.slice("param"), v.slice("grad"), v.slice("mean"), v.slice("square")
	rate, correct, epsilon := v.scalar("rate"), v.scalar("correct"), v.scalar("epsilon")
	keepMean, newMean := v.scalar("keepMean"), v.scalar("newMean")
	keepSquare, newSquare := v.scalar("keepSquare"), v.scalar("newSquare")
	decay, shrink := v.scalar("decay"), v.scalar("shrink")
	v.forEach(v.length("param"), 1, func() {
		p := v.load(param)
		g := v.decayed(v.load(grad), decay, p)
		m := v.smoothed(keepMean, v.load(mean), v.mul(newMean, g))
		s := v.smoothed(keepSquare, v.load(square), v.mul(v.mul(newSquare, g), g))
		v.store(m, mean)
		v.store(s, square)
		below := v.sqrt(s)
		v.mulAdd(below, correct, epsilon)
		v.subMul(p, shrink, p)
		v.store(v.sub(p, v.div(v.mul(rate, m), below)), param)
	})
	v.end()
}
