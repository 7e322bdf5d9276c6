//go:build generator

package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectorFunctions returns what writes the functions for one unit. To add one, write
// its formula beside those of its kind, name it in vector.go of package simd and
// give it a loop in vector_generic.go.
func vectorFunctions(unit vectors) func(*build.Context) {
	return func(c *build.Context) {
		v := &formulas{Context: c, vectors: unit}
		v.writeElementwise()
		v.writeCells()
		v.writeUpdates()
		v.writeSums()
		v.writeConstants()
	}
}

// formulas builds functions over slices of float32. A function is a formula, made
// of the methods of formulas, for the elements that one register holds. forEach
// repeats it. The same instructions compute each element at any place in a slice,
// and at any width, so its bits depend on nothing but its operands.
type formulas struct {
	*build.Context
	vectors
	constants []uint32 // of all functions

	// Of the function in progress:

	slices []reg.Register // pointers to the next elements
	part   int            // of a step of the loop, each one register
	mask   []reg.Register // of each part, for the last few elements; nil in the loop
}

// function begins a function. Slices are of the same length unless the comment
// says otherwise.
func (v *formulas) function(name, signature, doc string) {
	v.slices = nil
	v.Function(name + v.name)
	v.Attributes(attr.NOSPLIT)
	v.SignatureExpr(signature)
	v.Doc(name + v.name + " " + doc)
	v.Pragma("noescape")
}

// slice returns where the next elements of an argument are.
func (v *formulas) slice(name string) operand.Mem {
	pointer := v.Load(v.Param(name).Base(), v.GP64())
	v.slices = append(v.slices, pointer)
	return operand.Mem{Base: pointer}
}

// length returns the length of an argument.
func (v *formulas) length(name string) reg.Register {
	return v.Load(v.Param(name).Len(), v.GP64())
}

// scalar returns a register full of an argument.
func (v *formulas) scalar(name string) reg.Register {
	return v.broadcast(v.address(v.Param(name).Resolve()))
}

// scalar64 returns a register full of a float64 argument.
func (v *formulas) scalar64(name string) reg.Register {
	x := v.register()
	v.VBROADCASTSD(v.address(v.Param(name).Resolve()), x)
	return x
}

// matrix is an argument of a few rows.
type matrix struct{ rows [4]operand.Mem }

// matrices returns arguments that have rows of the given length, at most 4.
func (v *formulas) matrices(columns reg.Register, names ...string) []matrix {
	step, step3 := v.GP64(), v.GP64()
	v.MOVQ(columns, step)
	v.SHLQ(operand.Imm(2), step)
	v.LEAQ(operand.Mem{Base: step, Index: step, Scale: 2}, step3)
	var all []matrix
	for _, name := range names {
		m := v.slice(name)
		all = append(all, matrix{[4]operand.Mem{m, m.Idx(step, 1), m.Idx(step, 2), m.Idx(step3, 1)}})
	}
	return all
}

// forEach runs body for all n elements: parts registers at a time, and then once
// for the rest, with masks, which keep load and store within the slices. Then the
// slices are used up.
func (v *formulas) forEach(n reg.Register, parts int, body func()) {
	step := parts * v.lanes
	run := func() {
		for v.part = range parts {
			body()
		}
	}
	v.SUBQ(operand.Imm(uint64(step)), n)
	v.JLT(operand.LabelRef("rest"))
	v.Label("loop")
	v.mask = nil
	run()
	for _, pointer := range v.slices {
		v.ADDQ(operand.Imm(uint64(4*step)), pointer)
	}
	v.SUBQ(operand.Imm(uint64(step)), n)
	v.JGE(operand.LabelRef("loop"))
	v.Label("rest")
	v.ADDQ(operand.Imm(uint64(step)), n)
	v.JEQ(operand.LabelRef("done"))
	v.mask = v.masks(n, parts)
	run()
	v.Label("done")
}

// masks returns masks of the first n elements of parts registers.
func (v *formulas) masks(n reg.Register, parts int) []reg.Register {
	if v.masked { // there is never more than one part
		v.MOVQ(n, reg.RCX)
		bits, mask := v.GP32(), v.K()
		v.MOVL(operand.U32(1), bits)
		v.SHLL(reg.CL, bits)
		v.DECL(bits)
		v.KMOVW(bits, mask)
		return []reg.Register{mask}
	}
	// A window on the ones and zeros that writeConstants begins with.
	window := v.GP64()
	v.LEAQ(constant(maskSize), window)
	v.SHLQ(operand.Imm(2), n)
	v.SUBQ(n, window)
	var masks []reg.Register
	for part := range parts {
		mask := v.register()
		v.VMOVUPS(operand.Mem{Base: window, Disp: 32 * part}, mask)
		masks = append(masks, mask)
	}
	return masks
}

// maskSize is the number of bytes of ones, and then of zeros, before the constants.
const maskSize = 64

func (v *formulas) writeConstants() {
	v.StaticGlobal("constants")
	v.DataAttributes(attr.RODATA | attr.NOPTR)
	if !v.masked {
		for i := range 2 * maskSize / 4 {
			ones := uint32(math.MaxUint32)
			if i >= maskSize/4 {
				ones = 0
			}
			v.AppendDatum(operand.U32(ones))
		}
	}
	for _, bits := range v.constants {
		for range v.copies() {
			v.AppendDatum(operand.U32(bits))
		}
	}
}

// copies returns how often each constant is in memory. AVX-512 repeats one itself.
func (v *formulas) copies() int {
	if v.masked {
		return 1
	}
	return v.lanes
}

// constant returns an address in what writeConstants writes.
func constant(offset int) operand.Mem {
	return operand.NewDataAddr(operand.NewStaticSymbol("constants"), offset)
}

// bits returns a constant, as an operand of the arithmetic below.
func (v *formulas) bits(bits uint32) operand.Op {
	i := slices.Index(v.constants, bits)
	if i < 0 {
		i = len(v.constants)
		v.constants = append(v.constants, bits)
	}
	before := 0
	if !v.masked {
		before = 2 * maskSize
	}
	return constant(before + 4*v.copies()*i)
}

func (v *formulas) number(x float32) operand.Op { return v.bits(math.Float32bits(x)) }

// register returns a new register.
func (v *formulas) register() reg.VecVirtual {
	if v.masked {
		return v.ZMM()
	}
	return v.YMM()
}

// load returns the elements at m. Where the mask ends, it reads nothing and the
// elements are 0.
func (v *formulas) load(m operand.Mem) reg.Register {
	m, x := m.Offset(4*v.lanes*v.part), v.register()
	switch {
	case v.mask == nil:
		v.VMOVUPS(m, x)
	case v.masked:
		v.VMOVUPS_Z(m, v.mask[v.part], x)
	default:
		v.VMASKMOVPS(m, v.mask[v.part], x)
	}
	return x
}

// store sets the elements at m, but for those outside of the mask.
func (v *formulas) store(x reg.Register, m operand.Mem) {
	m = m.Offset(4 * v.lanes * v.part)
	switch {
	case v.mask == nil:
		v.VMOVUPS(x, m)
	case v.masked:
		v.VMOVUPS(x, v.mask[v.part], m)
	default:
		v.VMASKMOVPS(x, v.mask[v.part], m)
	}
}

// keep returns x with 0 for the elements outside of the mask.
func (v *formulas) keep(x reg.Register) reg.Register {
	if v.mask == nil {
		return x
	}
	y := v.register()
	if v.masked {
		v.VMOVAPS_Z(x, v.mask[v.part], y)
	} else {
		v.VANDPS(v.mask[v.part], x, y)
	}
	return y
}

// inMask returns x with the elements of y outside of the mask.
func (v *formulas) inMask(x, y reg.Register) reg.Register {
	if v.mask == nil {
		return x
	}
	return v.blend(v.mask[v.part], x, y)
}

// end ends a function.
func (v *formulas) end() {
	v.VZEROUPPER()
	v.RET()
}

// address returns where an argument or a result is.
func (v *formulas) address(a *gotypes.Basic, err error) operand.Mem {
	if err != nil {
		panic(fmt.Sprintf("no such argument: %v", err))
	}
	return a.Addr
}
