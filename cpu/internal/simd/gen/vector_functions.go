//go:build generator

package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Multiples of ln 2. With a factor of at most 8 bits, that of ln2High is exact, and
// both together have the digits of two float32s.
const (
	ln2High = 0x1.62e4p-1
	ln2Low  = math.Ln2 - ln2High
)

// rounder added to a number of magnitude below 2²² rounds it to an integer, and
// leaves that in the lowest bits.
const rounder = 3 << 22

const signBit = 1 << 31

// reduce splits x = n·ln 2 + r with |r| ≤ ln 2 / 2. It returns n + rounder and r. x
// must be within ±2²¹.
func (v *formulas) reduce(x reg.Register) (shifted, r reg.Register) {
	shifted = v.broadcast(v.number(rounder))
	v.addMul(shifted, x, v.number(math.Log2E))
	n := v.sub(shifted, v.number(rounder))
	r = v.copy(x)
	v.subMul(r, n, v.number(ln2High))
	v.subMul(r, n, v.number(ln2Low))
	return shifted, r
}

// expm1 returns exp(r) − 1 for |r| ≤ ln 2 / 2, as r + r²·(c₀ + c₁r + ... + c₄r⁴), with
// a relative error of 1.4e−8 before roundings.
func (v *formulas) expm1(r reg.Register) reg.Register {
	square := v.mul(r, r)
	p := v.line(r, 0.49999997, 0.16666539)
	high := v.line(r, 0.041667223, 0.0083671818)
	v.addMul(high, square, v.number(0.001388238))
	v.addMul(p, square, high)
	v.mulAdd(p, square, r)
	return p
}

// line returns a + b·x.
func (v *formulas) line(x reg.Register, a, b float32) reg.Register {
	y := v.broadcast(v.number(a))
	v.addMul(y, x, v.number(b))
	return y
}

// exp returns exp(x). It saturates where exp(x) is 0 or infinite.
func (v *formulas) exp(x reg.Register) reg.Register {
	x = v.min(v.broadcast(v.number(89)), v.max(v.broadcast(v.number(-104)), x))
	shifted, r := v.reduce(x)
	return v.scale(v.add(v.expm1(r), v.number(1)), shifted)
}

// scale returns x·2ⁿ, rounded once, given n + rounder. n is within ±252.
func (v *formulas) scale(x, shifted reg.Register) reg.Register {
	if v.masked {
		y := v.register()
		v.VSCALEFPS(v.sub(shifted, v.number(rounder)), x, y)
		return y
	}
	// Half of n first, which is exact: no factor alone may be subnormal or infinite.
	half := v.register()
	v.VPSRAD(operand.Imm(1), shifted, half)
	return v.mul(v.mul(x, v.power(half)), v.power(v.result(subD, half, shifted)))
}

// power returns 2ⁿ for n within ±126, given a register whose lowest 9 bits are n.
func (v *formulas) power(n reg.Register) reg.Register {
	p := v.register()
	v.VPSLLD(operand.Imm(23), n, p)
	return v.result(addD, v.number(1), p)
}

// sigmoid returns 1/(1+exp(−x)). With e = exp(−|x|), which cannot overflow, that is
// 1/(1+e), or e/(1+e) for negative x.
func (v *formulas) sigmoid(x reg.Register) reg.Register {
	negative := v.or(x, v.bits(signBit))
	shifted, r := v.reduce(v.max(v.broadcast(v.number(-104)), negative))
	e := v.scale(v.add(v.expm1(r), v.number(1)), shifted)
	return v.div(v.whereNegative(x, e, v.broadcast(v.number(1))), v.add(e, v.number(1)))
}

// tanh returns m/(m+2), where m = exp(2|x|)−1 = (2ⁿ−1) + 2ⁿ·expm1(r), with the sign
// of x. Near 0, n is 0 and m keeps all digits of x. From 10 on, it is 1.
func (v *formulas) tanh(x reg.Register) reg.Register {
	size := v.min(v.broadcast(v.number(10)), v.and(x, v.bits(^uint32(signBit))))
	shifted, r := v.reduce(v.add(size, size))
	scale, m := v.power(shifted), v.expm1(r)
	v.mulAdd(m, scale, v.sub(scale, v.number(1)))
	return v.or(v.div(m, v.add(m, v.number(2))), v.and(x, v.bits(signBit)))
}

// log returns log(x) = k·ln 2 + log(1+f), where x = 2ᵏ·(1+f) and √½ ≤ 1+f < √2. The
// latter is f − f²/2 + f³·(c₀ + c₁f + ... + c₇f⁷), with a relative error of 6e−9
// before roundings.
func (v *formulas) log(x reg.Register) reg.Register {
	// Subnormal numbers become normal.
	subnormal := v.sub(x, v.number(0x1p-126))
	normal := v.whereNegative(subnormal, v.mul(x, v.number(0x1p23)), x)

	k, shifted, exponent := v.result(subD, v.number(math.Sqrt2/2), normal), v.register(), v.register()
	v.VPSRAD(operand.Imm(23), k, k)
	v.VPSLLD(operand.Imm(23), k, shifted)
	f := v.sub(v.result(subD, shifted, normal), v.number(1))
	v.VCVTDQ2PS(k, exponent)
	scaled := v.whereNegative(subnormal, v.sub(exponent, v.number(23)), exponent)

	p := v.broadcast(v.number(-0.076338097))
	for _, c := range []float32{0.12761278, -0.131603, 0.142018065, -0.1662335, 0.20001225, -0.25000823, 0.33333331, -0.5} {
		v.mulAdd(p, f, v.number(c))
	}
	y := v.mul(scaled, v.number(ln2Low))
	v.addMul(y, v.mul(f, f), p)
	y = v.add(y, f)
	v.addMul(y, scaled, v.number(ln2High))

	y = v.choose(less, x, v.number(float32(math.Inf(1))), y, x) // or NaN
	outside := v.choose(equal, x, v.number(0), v.broadcast(v.number(float32(math.Inf(-1)))), v.broadcast(v.number(float32(math.NaN()))))
	return v.choose(greater, x, v.number(0), y, outside)
}
