//go:build generator

package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// broadcast returns a register full of the float32 in memory at m.
func (v *formulas) broadcast(m operand.Op) reg.Register {
	x := v.register()
	v.VBROADCASTSS(m, x)
	return x
}

func (v *formulas) copy(x reg.Register) reg.Register {
	y := v.register()
	v.VMOVAPS(x, y)
	return y
}

// instruction is an instruction on registers, or, in its first operand, on a
// constant. AVX-512 has another one for a constant.
type instruction struct {
	plain, broadcast func(*build.Context, ...operand.Op)
}

// of returns the instruction for that operand.
func (i instruction) of(v *formulas, first operand.Op) func(*build.Context, ...operand.Op) {
	if _, constant := first.(operand.Mem); constant && v.masked {
		return i.broadcast
	}
	return i.plain
}

func (v *formulas) emit(i instruction, operands ...operand.Op) {
	i.of(v, operands[0])(v.Context, operands...)
}

// result is emit for an instruction that writes a new register, which it returns.
func (v *formulas) result(i instruction, operands ...operand.Op) reg.Register {
	x := v.register()
	v.emit(i, append(operands, x)...)
	return x
}

var (
	addPS     = instruction{(*build.Context).VADDPS, (*build.Context).VADDPS_BCST}
	subPS     = instruction{(*build.Context).VSUBPS, (*build.Context).VSUBPS_BCST}
	mulPS     = instruction{(*build.Context).VMULPS, (*build.Context).VMULPS_BCST}
	divPS     = instruction{(*build.Context).VDIVPS, (*build.Context).VDIVPS_BCST}
	maxPS     = instruction{(*build.Context).VMAXPS, (*build.Context).VMAXPS_BCST}
	minPS     = instruction{(*build.Context).VMINPS, (*build.Context).VMINPS_BCST}
	andPS     = instruction{(*build.Context).VANDPS, (*build.Context).VANDPS_BCST}
	orPS      = instruction{(*build.Context).VORPS, (*build.Context).VORPS_BCST}
	cmpPS     = instruction{(*build.Context).VCMPPS, (*build.Context).VCMPPS_BCST} // after the predicate
	addD      = instruction{(*build.Context).VPADDD, (*build.Context).VPADDD_BCST}
	subD      = instruction{(*build.Context).VPSUBD, (*build.Context).VPSUBD_BCST}
	fmadd213  = instruction{(*build.Context).VFMADD213PS, (*build.Context).VFMADD213PS_BCST}
	fmadd231  = instruction{(*build.Context).VFMADD231PS, (*build.Context).VFMADD231PS_BCST}
	fnmadd231 = instruction{(*build.Context).VFNMADD231PS, (*build.Context).VFNMADD231PS_BCST}
)

// In what follows, the last operand of the parameters may be a constant, unless it
// is said otherwise.

func (v *formulas) add(x reg.Register, y operand.Op) reg.Register { return v.result(addPS, y, x) }
func (v *formulas) sub(x reg.Register, y operand.Op) reg.Register { return v.result(subPS, y, x) }
func (v *formulas) mul(x reg.Register, y operand.Op) reg.Register { return v.result(mulPS, y, x) }
func (v *formulas) div(x reg.Register, y operand.Op) reg.Register { return v.result(divPS, y, x) }
func (v *formulas) and(x reg.Register, y operand.Op) reg.Register { return v.result(andPS, y, x) }
func (v *formulas) or(x reg.Register, y operand.Op) reg.Register  { return v.result(orPS, y, x) }

// max and min return y where one operand is NaN, or both are 0.
func (v *formulas) max(x reg.Register, y operand.Op) reg.Register { return v.result(maxPS, y, x) }
func (v *formulas) min(x reg.Register, y operand.Op) reg.Register { return v.result(minPS, y, x) }

func (v *formulas) sqrt(x reg.Register) reg.Register {
	y := v.register()
	v.VSQRTPS(x, y)
	return y
}

// mulAdd sets x = x·y + z, rounded once.
func (v *formulas) mulAdd(x, y reg.Register, z operand.Op) { v.emit(fmadd213, z, y, x) }

// addMul sets sum = sum + x·y, rounded once.
func (v *formulas) addMul(sum, x reg.Register, y operand.Op) { v.emit(fmadd231, y, x, sum) }

// subMul sets sum = sum − x·y, rounded once.
func (v *formulas) subMul(sum, x reg.Register, y operand.Op) { v.emit(fnmadd231, y, x, sum) }

// Predicates of comparisons, none of which minds NaN.
const (
	equal          = 0x00
	less           = 0x11
	notLessOrEqual = 0x16 // greater, or NaN
	greater        = 0x1e
)

// where returns x where a compares with 0 as the predicate says, and 0 elsewhere.
func (v *formulas) where(predicate uint64, a, x reg.Register) reg.Register {
	result := v.register()
	if v.masked {
		v.VMOVAPS_Z(x, v.compare(predicate, a, v.number(0)), result)
	} else {
		v.VANDPS(x, v.compare(predicate, a, v.number(0)), result)
	}
	return result
}

// choose returns x where a compares with b as the predicate says, and y elsewhere. b
// may be a constant, the others not.
func (v *formulas) choose(predicate uint64, a reg.Register, b operand.Op, x, y reg.Register) reg.Register {
	return v.blend(v.compare(predicate, a, b), x, y)
}

// compare returns a mask for blend.
func (v *formulas) compare(predicate uint64, a reg.Register, b operand.Op) reg.Register {
	var mask reg.Register = v.register()
	if v.masked {
		mask = v.K()
	}
	cmpPS.of(v, b)(v.Context, operand.Imm(predicate), b, a, mask)
	return mask
}

// whereNegative returns x where the sign of s is set, and y elsewhere. None may be
// a constant.
func (v *formulas) whereNegative(s, x, y reg.Register) reg.Register {
	mask := s
	if v.masked {
		mask = v.K()
		v.VPMOVD2M(s, mask)
	}
	return v.blend(mask, x, y)
}

// blend returns x where the mask is set, and y elsewhere.
func (v *formulas) blend(mask, x, y reg.Register) reg.Register {
	result := v.register()
	if v.masked {
		v.VBLENDMPS(x, y, mask, result)
	} else {
		v.VBLENDVPS(mask, x, y, result)
	}
	return result
}
