//go:build generator

package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A sum is one of float64s, in lanes: element i of a slice belongs to lane i mod
// 16. In the end, each lane is added to the one 8, 4, 2 and 1 below it. Every
// width does so, and the loops in Go.
const sumLanes = 16

func (v *formulas) writeSums() {
	v.sum()
	v.dot()
	v.sumSquares()
	v.squaredDistance()
	v.sumExp(false)
	v.sumExp(true)
	v.largest()
}

// parts is the number of registers that hold one float32 of each lane.
func (v *formulas) parts() int { return sumLanes / v.lanes }

// doubles are the float64s of the elements of a register.
type doubles [2]reg.Register

func (v *formulas) widen(x reg.Register) doubles {
	low, high := v.register(), v.register()
	if v.masked {
		upper := v.YMM()
		v.VEXTRACTF64X4(operand.Imm(1), x, upper)
		v.VCVTPS2PD(x.(reg.Vec).AsY(), low)
		v.VCVTPS2PD(upper, high)
	} else {
		upper := v.XMM()
		v.VEXTRACTF128(operand.Imm(1), x, upper)
		v.VCVTPS2PD(x.(reg.Vec).AsX(), low)
		v.VCVTPS2PD(upper, high)
	}
	return doubles{low, high}
}

// narrow rounds the elements of a register.
func (v *formulas) narrow(x doubles) reg.Register {
	y := v.register()
	if v.masked {
		low, high := v.YMM(), v.YMM()
		v.VCVTPD2PS(x[0], low)
		v.VCVTPD2PS(x[1], high)
		v.VINSERTF64X4(operand.Imm(1), high, low.AsZ(), y)
	} else {
		low, high := v.XMM(), v.XMM()
		v.VCVTPD2PSY(x[0], low)
		v.VCVTPD2PSY(x[1], high)
		v.VINSERTF128(operand.Imm(1), high, low.AsY(), y)
	}
	return y
}

// lanesOfSum returns a sum that is 0.
func (v *formulas) lanesOfSum() []doubles {
	sums := make([]doubles, v.parts())
	for part := range sums {
		for half := range sums[part] {
			sums[part][half] = v.register()
			v.VXORPD(sums[part][half], sums[part][half], sums[part][half])
		}
	}
	return sums
}

// returnTotal ends a function that returns the total of a sum.
func (v *formulas) returnTotal(sums []doubles) {
	low, high := sums[0][0], sums[0][1]
	if v.masked {
		v.VADDPD(high, low, low) // 8 lanes
		upper := v.YMM()
		v.VEXTRACTF64X4(operand.Imm(1), low, upper)
		v.VADDPD(upper, low.(reg.Vec).AsY(), low.(reg.Vec).AsY())
	} else {
		v.VADDPD(sums[1][0], low, low)
		v.VADDPD(sums[1][1], high, high) // 8 lanes
		v.VADDPD(high, low, low)
	}
	upper, x := v.XMM(), low.(reg.Vec).AsX()
	v.VEXTRACTF128(operand.Imm(1), low.(reg.Vec).AsY(), upper)
	v.VADDPD(upper, x, x)
	v.VPERMILPD(operand.Imm(1), x, upper)
	v.VADDSD(upper, x, x)
	v.VMOVSD(x, v.address(v.ReturnIndex(0).Resolve()))
	v.end()
}

func (v *formulas) sum() {
	v.function("sum", "func(x []float32) float64", "returns Σ x[i].")
	x, sums := v.slice("x"), v.lanesOfSum()
	v.forEach(v.length("x"), v.parts(), func() {
		for half, wide := range v.widen(v.load(x)) {
			sum := sums[v.part][half]
			v.VADDPD(wide, sum, sum)
		}
	})
	v.returnTotal(sums)
}

func (v *formulas) dot() {
	v.function("dot", "func(x, y []float32) float64", "returns Σ x[i]·y[i].")
	x, y, sums := v.slice("x"), v.slice("y"), v.lanesOfSum()
	v.forEach(v.length("x"), v.parts(), func() {
		wideX, wideY := v.widen(v.load(x)), v.widen(v.load(y))
		for half, sum := range sums[v.part] {
			v.VFMADD231PD(wideX[half], wideY[half], sum)
		}
	})
	v.returnTotal(sums)
}

func (v *formulas) sumSquares() {
	v.function("sumSquares", "func(x []float32, mean float64) float64", "returns Σ (x[i]−mean)².")
	x, mean, sums := v.slice("x"), v.scalar64("mean"), v.lanesOfSum()
	v.forEach(v.length("x"), v.parts(), func() {
		differences := v.widen(v.load(x))
		subtract := func(half int, difference reg.Register) { v.VSUBPD(mean, difference, difference) }
		if v.mask != nil { // outside of the mask, x is 0 and stays 0
			ones := v.widen(v.keep(v.broadcast(v.number(1))))
			subtract = func(half int, difference reg.Register) { v.VFNMADD231PD(ones[half], mean, difference) }
		}
		for half, sum := range sums[v.part] {
			difference := differences[half]
			subtract(half, difference)
			v.VFMADD231PD(difference, difference, sum)
		}
	})
	v.returnTotal(sums)
}

func (v *formulas) squaredDistance() {
	v.function("squaredDistance", "func(x, y []float32) float64", "returns Σ (x[i]−y[i])².")
	x, y, sums := v.slice("x"), v.slice("y"), v.lanesOfSum()
	v.forEach(v.length("x"), v.parts(), func() {
		wideX, wideY := v.widen(v.load(x)), v.widen(v.load(y))
		for half, sum := range sums[v.part] {
			difference := wideX[half]
			v.VSUBPD(wideY[half], difference, difference)
			v.VFMADD231PD(difference, difference, sum)
		}
	})
	v.returnTotal(sums)
}

// sumExp writes the sum of exponentials, which may also store them.
func (v *formulas) sumExp(keep bool) {
	store := func(reg.Register) {}
	if keep {
		v.function("expSum", "func(y, x []float32, shift float32) float64", "sets y[i] = exp(x[i]−shift) and returns Σ y[i].")
		y := v.slice("y")
		store = func(e reg.Register) { v.store(e, y) }
	} else {
		v.function("sumExp", "func(x []float32, shift float32) float64", "returns Σ exp(x[i]−shift), each rounded to float32.")
	}
	x, shift, sums := v.slice("x"), v.scalar("shift"), v.lanesOfSum()
	v.forEach(v.length("x"), v.parts(), func() {
		e := v.exp(v.sub(v.load(x), shift))
		store(e)
		for half, wide := range v.widen(v.keep(e)) {
			sum := sums[v.part][half]
			v.VADDPD(wide, sum, sum)
		}
	})
	v.returnTotal(sums)
}

func (v *formulas) largest() {
	v.function("largest", "func(x []float32) float32", "returns the largest x[i] that is not NaN, or −Inf.")
	x := v.slice("x")
	var largest []reg.Register
	for range v.parts() {
		largest = append(largest, v.broadcast(v.number(float32(math.Inf(-1)))))
	}
	v.forEach(v.length("x"), v.parts(), func() {
		most := largest[v.part]
		v.emit(maxPS, most, v.inMask(v.load(x), most), most)
	})
	most := largest[0]
	if v.masked {
		upper := v.YMM()
		v.VEXTRACTF64X4(operand.Imm(1), most, upper)
		v.VMAXPS(upper, most.(reg.Vec).AsY(), most.(reg.Vec).AsY())
	} else {
		v.VMAXPS(largest[1], most, most)
	}
	upper, m := v.XMM(), most.(reg.Vec).AsX()
	v.VEXTRACTF128(operand.Imm(1), most.(reg.Vec).AsY(), upper)
	v.VMAXPS(upper, m, m)
	for _, order := range []uint64{0b1110, 0b0001} { // the two upper ones, the second
		v.VPERMILPS(operand.Imm(order), m, upper)
		v.VMAXPS(upper, m, m)
	}
	v.VMOVSS(m, v.address(v.ReturnIndex(0).Resolve()))
	v.end()
}
