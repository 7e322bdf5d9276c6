//go:build generator

package main

import "github.com/mmcloughlin/avo/reg"

func (v *formulas) writeElementwise() {
	v.unary("exp", "sets y[i] = exp(x[i]).", v.exp)
	v.unary("log", "sets y[i] = log(x[i]).", v.log)
	v.unary("sigmoid", "sets y[i] = 1/(1+exp(−x[i])).", v.sigmoid)
	v.unary("tanh", "sets y[i] = tanh(x[i]).", v.tanh)
	v.unary("relu", "sets y[i] = max(x[i], 0).", func(x reg.Register) reg.Register { return v.where(notLessOrEqual, x, x) })
	v.binary("add", "sets dst[i] = x[i] + y[i].", func(x, y reg.Register) reg.Register { return v.add(x, y) })
	v.binary("sub", "sets dst[i] = x[i] − y[i].", func(x, y reg.Register) reg.Register { return v.sub(x, y) })
	v.binary("mul", "sets dst[i] = x[i]·y[i].", func(x, y reg.Register) reg.Register { return v.mul(x, y) })
	v.binary("sigmoidGrad", "sets dst[i] = y[i]·x[i]·(1−x[i]).", v.sigmoidGrad)
	v.binary("tanhGrad", "sets dst[i] = y[i]·(1−x[i]²).", v.tanhGrad)
	v.binary("reluGrad", "sets dst[i] = y[i] where x[i] > 0, else 0.", v.reluGrad)
	v.addRows()
	v.addMuls()
	v.scales()
	v.softmaxGrad()
	v.normalize()
	v.normalizeGrad()
}

// unary writes a function of one slice.
func (v *formulas) unary(name, doc string, f func(x reg.Register) reg.Register) {
	v.function(name, "func(y, x []float32)", doc)
	y, x := v.slice("y"), v.slice("x")
	v.forEach(v.length("y"), 1, func() { v.store(f(v.load(x)), y) })
	v.end()
}

// binary writes a function of two slices.
func (v *formulas) binary(name, doc string, f func(x, y reg.Register) reg.Register) {
	v.function(name, "func(dst, x, y []float32)", doc)
	dst, x, y := v.slice("dst"), v.slice("x"), v.slice("y")
	v.forEach(v.length("dst"), 1, func() { v.store(f(v.load(x), v.load(y)), dst) })
	v.end()
}

func (v *formulas) addRows() {
	v.function("addRows", "func(dst, x []float32, stride int)",
		"adds x[i], x[stride+i], x[2·stride+i] and x[3·stride+i] to dst[i], one after the other.")
	dst := v.slice("dst")
	rows := v.matrices(v.Load(v.Param("stride"), v.GP64()), "x")[0].rows
	v.forEach(v.length("dst"), 1, func() {
		sum := v.load(dst)
		for _, row := range rows {
			sum = v.add(sum, v.load(row))
		}
		v.store(sum, dst)
	})
	v.end()
}

func (v *formulas) addMuls() {
	v.function("addMul", "func(dst, x, y []float32)", "adds x[i]·y[i] to dst[i].")
	dst, x, y := v.slice("dst"), v.slice("x"), v.slice("y")
	v.forEach(v.length("dst"), 1, func() {
		sum := v.load(dst)
		v.addMul(sum, v.load(x), v.load(y))
		v.store(sum, dst)
	})
	v.end()
}

func (v *formulas) scales() {
	v.function("scale", "func(dst []float32, alpha float32, x []float32)", "sets dst[i] = alpha·x[i].")
	alpha, dst, x := v.scalar("alpha"), v.slice("dst"), v.slice("x")
	v.forEach(v.length("dst"), 1, func() { v.store(v.mul(alpha, v.load(x)), dst) })
	v.end()

	v.function("addScaled", "func(dst []float32, alpha float32, x []float32)", "adds alpha·x[i] to dst[i].")
	alpha, dst, x = v.scalar("alpha"), v.slice("dst"), v.slice("x")
	v.forEach(v.length("dst"), 1, func() {
		sum := v.load(dst)
		v.addMul(sum, alpha, v.load(x))
		v.store(sum, dst)
	})
	v.end()

	v.function("scaleAdd", "func(dst []float32, alpha, beta float32, x []float32)", "sets dst[i] = alpha·dst[i] + beta·x[i].")
	alpha, dst, x = v.scalar("alpha"), v.slice("dst"), v.slice("x")
	beta := v.scalar("beta")
	v.forEach(v.length("dst"), 1, func() {
		sum := v.mul(beta, v.load(x))
		v.addMul(sum, alpha, v.load(dst))
		v.store(sum, dst)
	})
	v.end()
}

func (v *formulas) softmaxGrad() {
	v.function("softmaxGrad", "func(dx, y, dy []float32, sum float32)", "sets dx[i] = y[i]·(dy[i]−sum).")
	dx, y, dy, sum := v.slice("dx"), v.slice("y"), v.slice("dy"), v.scalar("sum")
	v.forEach(v.length("dx"), 1, func() { v.store(v.mul(v.load(y), v.sub(v.load(dy), sum)), dx) })
	v.end()
}

func (v *formulas) normalize() {
	v.function("normalize", "func(y, x []float32, mean, scale float64)", "sets y[i] = (x[i]−mean)·scale, rounded once.")
	y, x, mean, scale := v.slice("y"), v.slice("x"), v.scalar64("mean"), v.scalar64("scale")
	v.forEach(v.length("y"), 1, func() {
		wide := v.widen(v.load(x))
		for _, part := range wide {
			v.VSUBPD(mean, part, part)
			v.VMULPD(scale, part, part)
		}
		v.store(v.narrow(wide), y)
	})
	v.end()
}

func (v *formulas) normalizeGrad() {
	v.function("normalizeGrad", "func(dx, y, dy []float32, scale, mean, product float32)", "sets dx[i] = scale·(dy[i]−mean−y[i]·product).")
	dx, y, dy := v.slice("dx"), v.slice("y"), v.slice("dy")
	scale, mean, product := v.scalar("scale"), v.scalar("mean"), v.scalar("product")
	v.forEach(v.length("dx"), 1, func() {
		d := v.sub(v.load(dy), mean)
		v.subMul(d, product, v.load(y))
		v.store(v.mul(scale, d), dx)
	})
	v.end()
}

// sigmoidGrad returns dy·y·(1−y).
func (v *formulas) sigmoidGrad(y, dy reg.Register) reg.Register {
	return v.mul(v.mul(dy, y), v.sub(v.broadcast(v.number(1)), y))
}

// tanhGrad returns dy·(1−y²).
func (v *formulas) tanhGrad(y, dy reg.Register) reg.Register {
	slope := v.broadcast(v.number(1))
	v.subMul(slope, y, y)
	return v.mul(dy, slope)
}

// reluGrad returns dy where y > 0, else 0.
func (v *formulas) reluGrad(y, dy reg.Register) reg.Register { return v.where(greater, y, dy) }
