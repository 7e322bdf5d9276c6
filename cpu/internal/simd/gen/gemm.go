//go:build generator

package main

import (
	"fmt"
	"math/bits"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors is the vector unit that kernels are written for.
type vectors struct {
	name   string
	lanes  int // floats in a register
	all    []reg.VecPhysical
	masked bool // loads and stores take masks
}

var (
	avx512 = vectors{"AVX512", 16, []reg.VecPhysical{
		reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
		reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
		reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
	}, true}
	avx2 = vectors{"AVX2", 8, []reg.VecPhysical{
		reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
	}, false}
)

const (
	panelVectors = 2  // registers that a row of a panel of b fills
	cacheLine    = 64 // bytes
)

const tileSignature = "func(k int, a []float32, lda int, b []float32, ldb, panel int, c []float32, ldc, cols int, alpha, beta float32, ahead int)"

// maskRegisters hold the masks of as many vectors.
var maskRegisters = []reg.Register{reg.K1, reg.K2, reg.K3, reg.K4}

// gemm writes the kernels of matrix products. The tables in gemm_amd64.go list
// them. A tile of other sizes needs rows × vectors accumulators, a register for
// each vector of b and one or more for a.
func gemm(c *build.Context) {
	for _, unit := range []struct {
		vectors
		rows, wideRows int // of the largest tiles, one panel wide and two panels wide
	}{{avx512, 14, 6}, {avx2, 6, 2}} {
		g := generator{c, unit.vectors}
		for rows := 1; rows <= unit.rows; rows++ {
			g.tile(rows, panelVectors)
		}
		for rows := 1; rows <= unit.wideRows; rows++ {
			g.tile(rows, 2*panelVectors)
		}
		g.transposedTile()
		g.transposeRows()
		g.copyRows(1)
		g.copyRows(panelVectors)
		g.multiplyAdds()
	}
}

type generator struct {
	*build.Context
	vectors
}

// function begins a function. The comment goes on after its name.
func (g generator) function(name, signature, comment string) {
	g.Function(name)
	g.Attributes(attr.NOSPLIT)
	g.SignatureExpr(signature)
	g.Pragma("noescape")
	g.Doc(name + " " + comment)
}

// load returns an argument in a register.
func (g generator) load(name string) reg.GPVirtual {
	return g.Load(g.Param(name), g.GP64()).(reg.GPVirtual)
}

// base returns the address of an argument's first element in a register.
func (g generator) base(name string) reg.GPVirtual {
	return g.Load(g.Param(name).Base(), g.GP64()).(reg.GPVirtual)
}

// stride returns an argument, times the size of a float, in a register.
func (g generator) stride(name string) reg.GPVirtual {
	stride := g.load(name)
	g.SHLQ(Imm(2), stride)
	return stride
}

// vector is the operand for vector j at an address.
func (g generator) vector(at reg.Register, j int) Mem {
	return Mem{Base: at, Disp: 4 * g.lanes * j}
}

// tile writes a kernel of matrix products. Its accumulators hold a tile of c of
// rows × n vectors in registers:
//
//	for p < k:
//		acc[i,j] += a[p·lda+i] · b[p·ldb+j]
//	c[i·ldc+j] = alpha·acc[i,j] + beta·c[i·ldc+j]
//
// Each row of a tile two panels wide has its second half at b[panel+p·ldb].
// beta = 0 does not read c. A unit with masks touches only cols columns of c.
// Elsewhere, and of b, they are all.
func (g generator) tile(rows, n int) {
	g.function(fmt.Sprintf("tile%dx%d%s", rows, n*g.lanes, g.name), tileSignature,
		fmt.Sprintf("is a tile of %d rows and %d columns.", rows, n*g.lanes))
	c, ldc := g.base("c"), g.stride("ldc")
	g.accumulate(rows, n, c, ldc)
	g.blend(rows, n, c, ldc)
}

// accumulate writes the loop over p, four steps at a time and then one. It begins
// with acc[i,j] = 0.
//
// A step loads the n vectors of a row of b. Then it loads the elements of a, one
// after the other, into all lanes of a register, and multiplies.
//
// Two things are fetched into the second cache meanwhile: a row of c in each four
// steps, until all are, and what lies ahead floats after b. Tiles two panels wide
// are for few rows. They wait for the caches all the time, and the fetches would
// only take room there.
func (g generator) accumulate(rows, n int, c, ldc reg.Register) {
	accumulators, free := g.all[:rows*n], g.all[rows*n:]
	ofB, broadcasts := free[:n], free[n:min(n+4, len(free))]

	a, lda := g.base("a"), g.stride("lda")
	ldb := g.stride("ldb")
	b := []reg.GPVirtual{g.base("b")}
	if n > panelVectors {
		b = append(b, g.stride("panel"))
		g.ADDQ(b[0], b[1])
	}
	step := func(a Mem, b func(panel int) Mem) {
		for j, vector := range ofB {
			g.VMOVUPS(b(j/panelVectors).Offset(4*g.lanes*(j%panelVectors)), vector)
		}
		for i := range rows {
			x := broadcasts[i%len(broadcasts)]
			g.VBROADCASTSS(a.Offset(4*i), x)
			for j, vector := range ofB {
				g.VFMADD231PS(vector, x, accumulators[i*n+j])
			}
		}
	}

	ahead, rowOfC, toNextRow, rowsLeft, zero := g.stride("ahead"), g.GP64(), g.GP64(), g.GP64(), g.GP64()
	g.ADDQ(b[0], ahead)
	g.MOVQ(c, rowOfC)
	g.MOVQ(ldc, toNextRow)
	g.MOVQ(U32(uint32(rows-1)), rowsLeft)
	g.XORQ(zero, zero)
	for _, acc := range accumulators {
		g.VXORPS(acc, acc, acc)
	}

	k, lda3, ldb3 := g.load("k"), g.triple(lda), g.triple(ldb)
	g.SUBQ(Imm(4), k)
	g.JLT(LabelRef("rest"))
	g.Label("fourSteps")
	for u := range 4 {
		step(strided(a, lda, lda3, u), func(panel int) Mem { return strided(b[panel], ldb, ldb3, u) })
		for line := 0; line < 4*g.lanes*n && n == panelVectors; line += cacheLine {
			g.PREFETCHT1(strided(ahead, ldb, ldb3, u).Offset(line))
		}
		if line := cacheLine * u; line < 4*g.lanes*n {
			g.PREFETCHT1(Mem{Base: rowOfC, Disp: line})
		}
	}
	g.SUBQ(Imm(1), rowsLeft)
	g.CMOVQLT(zero, toNextRow)
	g.ADDQ(toNextRow, rowOfC)
	for _, b := range append(b, ahead) {
		g.LEAQ(Mem{Base: b, Index: ldb, Scale: 4}, b)
	}
	g.LEAQ(Mem{Base: a, Index: lda, Scale: 4}, a)
	g.SUBQ(Imm(4), k)
	g.JGE(LabelRef("fourSteps"))

	g.Label("rest")
	g.ADDQ(Imm(4), k)
	g.JZ(LabelRef("blend"))
	g.Label("oneStep")
	step(Mem{Base: a}, func(panel int) Mem { return Mem{Base: b[panel]} })
	g.ADDQ(lda, a)
	for _, b := range b {
		g.ADDQ(ldb, b)
	}
	g.DECQ(k)
	g.JNZ(LabelRef("oneStep"))
	g.Label("blend")
}

// blend writes c = alpha·acc + beta·c and the function's end.
func (g generator) blend(rows, n int, c, ldc reg.Register) {
	masks := maskRegisters[:n]
	if g.masked {
		g.masks(masks)
	}
	free := g.all[rows*n:]
	alpha, beta, sum := free[0], free[1], free[2]
	g.VBROADCASTSS(g.address("alpha"), alpha)
	g.VBROADCASTSS(g.address("beta"), beta)
	betaBits := g.GP32()
	g.MOVL(g.address("beta"), betaBits)
	g.SHLL(Imm(1), betaBits) // without the sign
	g.JZ(LabelRef("overwrite"))
	// eachVector calls do for all vectors of the tile, and moves c over them.
	eachVector := func(do func(at Mem, acc reg.VecPhysical, mask reg.Register)) {
		for i := range rows {
			for j, mask := range masks {
				do(g.vector(c, j), g.all[i*n+j], mask)
			}
			if i < rows-1 {
				g.ADDQ(ldc, c)
			}
		}
		g.VZEROUPPER()
		g.RET()
	}
	eachVector(func(at Mem, acc reg.VecPhysical, mask reg.Register) {
		if g.masked {
			g.VMULPS_Z(at, beta, mask, sum)
			g.VFMADD231PS(alpha, acc, sum)
			g.VMOVUPS(sum, mask, at)
		} else {
			g.VMULPS(at, beta, sum)
			g.VFMADD231PS(alpha, acc, sum)
			g.VMOVUPS(sum, at)
		}
	})
	g.Label("overwrite")
	eachVector(func(at Mem, acc reg.VecPhysical, mask reg.Register) {
		g.VMULPS(alpha, acc, acc)
		if g.masked {
			g.VMOVUPS(acc, mask, at)
		} else {
			g.VMOVUPS(acc, at)
		}
	})
}

// transposedTile writes a tile of one row, a panel wide, of a b that lies transposed:
// acc[j] += a[p·lda] · b[j·ldb+p]. k is 4 or more.
//
// b goes through the registers as in transposeRows, as many steps at a time as a
// vector has lanes, then four. Meanwhile as much of b as is read is fetched into the
// second cache, from ahead floats after b on, line after line: the machine then
// fetches on by itself, which it doesn't where rows take turns.
func (g generator) transposedTile() {
	const n = panelVectors
	g.function(fmt.Sprintf("transposedTile1x%d%s", n*g.lanes, g.name), tileSignature,
		fmt.Sprintf("is a tile of one row and %d columns, which are rows of b.", n*g.lanes))
	accumulators, in, rest := g.all[:n], g.all[n:n+g.lanes], g.all[n+g.lanes:]
	half, broadcast := rest[:4], rest[4]
	a, lda := g.base("a"), g.stride("lda")
	b, ldb := g.base("b"), g.stride("ldb")
	lda3, ldb3 := g.triple(lda), g.triple(ldb)
	left, ahead := g.load("k"), g.stride("ahead")
	row, following, x := g.GP64(), g.GP64(), g.GP64()
	for _, acc := range accumulators {
		g.VXORPS(acc, acc, acc)
	}
	// columns reads 4·groups steps of the next columns, as many as a vector has lanes.
	columns := func(in []reg.VecPhysical, groups int) {
		for part := range g.lanes / 4 {
			for i := range 4 {
				if at := 4 * g.lanes * (4*part + i); groups > 1 && at%cacheLine == 0 {
					g.PREFETCHT1(Mem{Base: following, Disp: at})
				}
				for group := range groups {
					g.quarter(part, strided(row, ldb, ldb3, i).Offset(16*group), in[4*group+i])
				}
			}
			g.LEAQ(Mem{Base: row, Index: ldb, Scale: 4}, row)
		}
		if groups > 1 {
			g.ADDQ(U32(uint32(4*g.lanes*g.lanes)), following)
		}
		for group := range groups {
			g.transpose(in[4*group:], half, in[4*group:])
		}
	}

	g.LEAQ(Mem{Base: b, Index: ahead, Scale: 1}, following)
	g.SUBQ(Imm(uint64(g.lanes)), left)
	g.JLT(LabelRef("fewSteps"))
	g.Label("manySteps")
	g.MOVQ(b, row)
	for _, acc := range accumulators {
		columns(in, g.lanes/4)
		g.MOVQ(a, x)
		for p, vector := range in {
			g.VBROADCASTSS(strided(x, lda, lda3, p%4), broadcast)
			g.VFMADD231PS(broadcast, vector, acc)
			if p%4 == 3 {
				g.LEAQ(Mem{Base: x, Index: lda, Scale: 4}, x)
			}
		}
	}
	g.MOVQ(x, a)
	g.ADDQ(Imm(uint64(4*g.lanes)), b)
	g.SUBQ(Imm(uint64(g.lanes)), left)
	g.JGE(LabelRef("manySteps"))

	g.Label("fewSteps")
	g.ADDQ(Imm(uint64(g.lanes)), left)
	g.JZ(LabelRef("blend"))
	g.Label("fourSteps")
	g.SUBQ(Imm(4), left)
	g.JGE(LabelRef("all"))
	// Fewer than four are left: as many before them are read once more, and not used.
	g.LEAQ(Mem{Base: b, Index: left, Scale: 4}, b)
	g.MOVQ(lda, x)
	g.IMULQ(left, x)
	g.ADDQ(x, a)
	g.Label("all")
	g.MOVQ(b, row)
	for j := range accumulators {
		columns(in[4*j:4*j+4], 1)
	}
	for fewer, some := range []string{"", "three", "two", "one"} {
		if fewer > 0 {
			g.CMPQ(left, I8(int8(-fewer)))
			g.JE(LabelRef(some))
		}
	}
	for p, some := range []string{"", "three", "two", "one"} {
		if p > 0 {
			g.Label(some)
		}
		g.VBROADCASTSS(strided(a, lda, lda3, p), broadcast)
		for j, acc := range accumulators {
			g.VFMADD231PS(broadcast, in[4*j+p], acc)
		}
	}
	g.ADDQ(Imm(16), b)
	g.LEAQ(Mem{Base: a, Index: lda, Scale: 4}, a)
	g.CMPQ(left, Imm(0))
	g.JG(LabelRef("fourSteps"))
	g.Label("blend")
	g.blend(1, n, g.base("c"), nil)
}

// triple returns 3·stride in a register.
func (g generator) triple(stride reg.GPVirtual) reg.GPVirtual {
	triple := g.GP64()
	g.LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, triple)
	return triple
}

// strided is the address u < 4 strides after at.
func strided(at, stride, triple reg.Register, u int) Mem {
	switch u {
	case 0:
		return Mem{Base: at}
	case 3:
		return Mem{Base: at, Index: triple, Scale: 1}
	}
	return Mem{Base: at, Index: stride, Scale: uint8(u)}
}

// address returns where an argument is stored.
func (g generator) address(name string) Mem {
	component, err := g.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return component.Addr
}

// masks sets the masks of as many vectors as there are masks, for cols columns.
func (g generator) masks(masks []reg.Register) {
	cols, bits := g.load("cols"), g.GP64()
	g.MOVQ(I64(-1), bits)
	g.BZHIQ(cols, bits, bits)
	for j, mask := range masks {
		g.KMOVW(bits.As32(), mask)
		if j < len(masks)-1 {
			g.SHRQ(Imm(16), bits)
		}
	}
}

// transposeRows writes a kernel that sets dst[p·ldDst+i] = src[i·ldSrc+p] for
// p < k, k ≥ 4, and as many i as a vector has lanes. Only rows rows exist. The
// last one is taken for those after it.
//
// For each four columns, 128 bits each of the rows i, i+4, i+8 and i+12 go into one
// register, for each i < 4. Transposing the four registers within each 128 bits
// gives four vectors of dst. All of a cache line is read at once: rows may lie a
// power of two apart, and the first cache then holds few of them at a time. The
// rows that the next call will want are fetched ahead.
func (g generator) transposeRows() {
	g.function("transposeRows"+g.name, "func(k int, src []float32, ldSrc, rows int, dst []float32, ldDst int)",
		fmt.Sprintf("sets dst[p·ldDst+i] = src[i·ldSrc+p] for p < k, i < %d, where rows from the\n// number rows on are taken to be the last one. k is 4 or more.", g.lanes))
	src, ldSrc, rows := g.base("src"), g.stride("ldSrc"), g.load("rows")
	starts := g.AllocLocal(8 * g.lanes)
	row, following := g.GP64(), g.GP64()
	g.MOVQ(src, row)
	for i := range g.lanes {
		g.MOVQ(row, starts.Offset(8*i))
		if i < g.lanes-1 {
			g.LEAQ(Mem{Base: row, Index: ldSrc, Scale: 1}, following)
			g.CMPQ(rows, Imm(uint64(i+1)))
			g.CMOVQGT(following, row)
		}
	}

	dst, ldDst := g.base("dst"), g.stride("ldDst")
	ldDst3 := g.triple(ldDst)
	p, left, below := g.GP64(), g.load("k"), g.GP64()
	g.XORQ(p, p)
	// columns transposes the next 4·groups columns.
	columns := func(groups int) {
		in, half, out := g.all[:4*groups], g.all[4*groups:4*groups+4], g.all[4*groups+4:4*groups+8]
		for i := range 4 {
			for part := range g.lanes / 4 {
				g.MOVQ(starts.Offset(8*(i+4*part)), row)
				if groups > 1 {
					g.PREFETCHT1(Mem{Base: row, Index: below, Scale: 1})
				}
				for group := range groups {
					g.quarter(part, Mem{Base: row, Index: p, Scale: 4, Disp: 16 * group}, in[4*group+i])
				}
			}
		}
		for group := range groups {
			g.transpose(in[4*group:], half, out)
			for u, z := range out {
				g.VMOVUPS(z, strided(dst, ldDst, ldDst3, u))
			}
			g.LEAQ(Mem{Base: dst, Index: ldDst, Scale: 4}, dst)
		}
	}
	g.SHLQ(Imm(uint64(bits.TrailingZeros(uint(g.lanes)))), ldSrc)
	g.Label("manyColumns")
	g.CMPQ(left, Imm(uint64(g.lanes)))
	g.JLT(LabelRef("fewColumns"))
	g.LEAQ(Mem{Base: ldSrc, Index: p, Scale: 4}, below)
	columns(g.lanes / 4)
	g.ADDQ(Imm(uint64(g.lanes)), p)
	g.SUBQ(Imm(uint64(g.lanes)), left)
	g.JMP(LabelRef("manyColumns"))

	g.Label("fewColumns")
	g.TESTQ(left, left)
	g.JZ(LabelRef("done"))
	g.SUBQ(Imm(4), left)
	g.JGE(LabelRef("fourColumns"))
	// Fewer than four are left: as many before them once more.
	g.ADDQ(left, p)
	back := g.GP64()
	g.MOVQ(left, back)
	g.IMULQ(ldDst, back)
	g.ADDQ(back, dst)
	g.XORQ(left, left)
	g.Label("fourColumns")
	columns(1)
	g.ADDQ(Imm(4), p)
	g.JMP(LabelRef("fewColumns"))
	g.Label("done")
	g.VZEROUPPER()
	g.RET()
}

// quarter reads 128 bits of z, those of number part. The first ones clear the rest.
func (g generator) quarter(part int, at Mem, z reg.VecPhysical) {
	switch {
	case part == 0:
		g.VMOVUPS(at, z.AsX())
	case g.lanes == 8:
		g.VINSERTF128(Imm(1), at, z, z)
	default:
		g.VINSERTF32X4(Imm(uint64(part)), at, z, z)
	}
}

// transpose transposes four registers within each 128 bits. out may be in.
func (g generator) transpose(in, half, out []reg.VecPhysical) {
	g.VUNPCKLPS(in[1], in[0], half[0])
	g.VUNPCKHPS(in[1], in[0], half[1])
	g.VUNPCKLPS(in[3], in[2], half[2])
	g.VUNPCKHPS(in[3], in[2], half[3])
	g.VUNPCKLPD(half[2], half[0], out[0])
	g.VUNPCKHPD(half[2], half[0], out[1])
	g.VUNPCKLPD(half[3], half[1], out[2])
	g.VUNPCKHPD(half[3], half[1], out[3])
}

// copyRows writes a kernel that sets dst[p·ldDst+j] = src[p·ldSrc+j] for p < k and
// j < cols, and the rest of n vectors to 0.
func (g generator) copyRows(n int) {
	g.function(fmt.Sprintf("copyRows%d%s", n*g.lanes, g.name), "func(k int, src []float32, ldSrc, cols int, dst []float32, ldDst int)",
		fmt.Sprintf("sets dst[p·ldDst+j] = src[p·ldSrc+j] for p < k, j < cols, and to 0 for\n// the j from cols to %d.", n*g.lanes))
	masks := maskRegisters[:n]
	if g.masked {
		g.masks(masks)
	} else {
		masks = []reg.Register{g.all[2], g.all[3]}[:n]
		g.vectorMasks(masks)
	}
	src, ldSrc := g.base("src"), g.stride("ldSrc")
	dst, ldDst := g.base("dst"), g.stride("ldDst")
	k := g.load("k")
	g.Label("row")
	for j, mask := range masks {
		if g.masked {
			g.VMOVUPS_Z(g.vector(src, j), mask, g.all[j])
		} else {
			g.VMASKMOVPS(g.vector(src, j), mask, g.all[j])
		}
	}
	for j := range masks {
		g.VMOVUPS(g.all[j], g.vector(dst, j))
	}
	g.ADDQ(ldSrc, src)
	g.ADDQ(ldDst, dst)
	g.DECQ(k)
	g.JNZ(LabelRef("row"))
	g.VZEROUPPER()
	g.RET()
}

// vectorMasks sets masks of VMASKMOVPS for cols columns.
func (g generator) vectorMasks(masks []reg.Register) {
	table := g.StaticGlobal(fmt.Sprintf("columns%d%s", len(masks), g.name))
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	width := len(masks) * g.lanes
	for i := range 2 * width {
		g.AddDatum(4*i, I32(map[bool]int32{true: -1, false: 0}[i < width]))
	}
	// The masks begin cols elements before the first 0.
	cols, at := g.load("cols"), g.GP64()
	g.LEAQ(table.Offset(4*width), at)
	g.SHLQ(Imm(2), cols)
	g.SUBQ(cols, at)
	for j, mask := range masks {
		g.VMOVUPS(g.vector(at, j), mask)
	}
}

// multiplyAdds writes a kernel of nothing but fused multiply-adds, as many at a
// time as keep the unit busy.
func (g generator) multiplyAdds() {
	chains := len(g.all) - 2
	g.function("multiplyAdds"+g.name, "func(n int)",
		fmt.Sprintf("does n rounds of %d independent multiply-adds of vectors.", chains))
	for _, x := range g.all {
		g.VXORPS(x, x, x)
	}
	n := g.load("n")
	g.Label("round")
	for _, acc := range g.all[:chains] {
		g.VFMADD231PS(g.all[chains], g.all[chains+1], acc)
	}
	g.DECQ(n)
	g.JNZ(LabelRef("round"))
	g.VZEROUPPER()
	g.RET()
}
