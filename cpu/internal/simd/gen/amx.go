//go:build generator

package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// amx writes the kernels of products on the tile unit of AMX. amx.go says what they are
// for and how their operands lie in memory, amx_oracle.go what they compute.
func amx(c *build.Context) {
	g := generator{c, avx512}
	for _, parts := range []int{1, 2, 3} {
		for _, heights := range []int{1, 2} {
			g.multiplyTiles(parts, heights)
		}
		g.splitRows(parts)
		g.splitPanel(parts)
	}
	g.blendTile()
}

const (
	tileBytes = 1 << 10 // 16 rows of 64 bytes
	rowBytes  = 64      // of a tile
	sumsWidth = 2 * rowBytes
)

// partProducts are the products of parts of a and b, by the number of parts. Small
// ones come first, so that the large ones are rounded last.
var partProducts = [][][2]int{1: {{0, 0}}, 2: {{0, 1}, {1, 0}, {0, 0}}, 3: {{0, 2}, {1, 1}, {2, 0}, {1, 0}, {0, 1}, {0, 0}}}

// multiplyTiles writes the loop of products: over panels of b, over tiles of a, over
// blocks of k. A tile of a is 16 · heights rows, as 16 · heights rows by 32 columns
// of sums need 2 · heights of the unit's tiles as accumulators.
//
// During the first two tiles of a, a half each of the next panel of b is fetched into
// the second cache.
func (g generator) multiplyTiles(parts, heights int) {
	g.function(fmt.Sprintf("multiplyTiles%dx%dAMX", parts, heights),
		"func(blocks, tiles, panels int, a, b []float32, stepB int, sums []float32, config *[64]byte)",
		fmt.Sprintf("multiplies tiles of %d rows of numbers of %d parts.", 16*heights, parts))
	var (
		a, tilesLeft, blocksLeft   = reg.RSI, reg.R11, reg.R12
		panel, panelsLeft, b, sums = reg.RDI, reg.R10, reg.RBX, reg.RDX
		ahead, aheadStep, fetching = reg.RAX, reg.RCX, reg.R13
		stride, sumsStride         = reg.R8, reg.R9
	)
	const firstA, firstB = 4, 6 // tiles of the unit; 0 to 3 are the accumulators
	blockBytes := parts * 2 * tileBytes

	g.Load(g.Param("config"), reg.RAX)
	g.encoded("LDTILECFG (AX)", 0xc4, 0xe2, 0x78, 0x49, 0x00)
	g.MOVQ(U32(rowBytes), stride)
	g.MOVQ(U32(sumsWidth), sumsStride)
	g.Load(g.Param("panels"), panelsLeft)
	g.Load(g.Param("b").Base(), panel)
	g.Load(g.Param("sums").Base(), sums)

	g.Label("panel")
	g.Load(g.Param("a").Base(), a)
	g.Load(g.Param("tiles"), tilesLeft)
	g.Load(g.Param("stepB"), ahead)
	g.LEAQ(Mem{Base: panel, Index: ahead, Scale: 4}, ahead)
	g.MOVQ(U32(uint32(blockBytes/2)), aheadStep)
	g.MOVQ(U32(2), fetching)

	g.Label("tile")
	g.MOVQ(panel, b)
	g.Load(g.Param("blocks"), blocksLeft)
	for t := range 2 * heights {
		g.encoded(fmt.Sprintf("TILEZERO TMM%d", t), 0xc4, 0xe2, 0x7b, 0x49, 0xc0|byte(t)<<3)
	}
	g.Label("block")
	loadedA, loadedB := -1, -1
	for i, product := range partProducts[parts] {
		if product[0] != loadedA {
			loadedA = product[0]
			for t := range heights {
				g.tileMove("TILELOADD", 0x7b, firstA+t, a, stride, (2*loadedA+t)*tileBytes)
			}
		}
		if product[1] != loadedB {
			loadedB = product[1]
			for t := range 2 {
				g.tileMove("TILELOADD", 0x7b, firstB+t, b, stride, (2*loadedB+t)*tileBytes)
			}
		}
		for t := range 2 * heights {
			x, y := firstA+t/2, firstB+t%2
			g.encoded(fmt.Sprintf("TDPBF16PS TMM%d, TMM%d, TMM%d", y, x, t),
				0xc4, 0xe2, 0x02|byte(^y&15)<<3, 0x5c, 0xc0|byte(t)<<3|byte(x))
		}
		lines, products := blockBytes/2/cacheLine, len(partProducts[parts])
		for line := i * lines / products; line < (i+1)*lines/products; line++ {
			g.PREFETCHT1(Mem{Base: ahead, Disp: line * cacheLine})
		}
	}
	g.ADDQ(U32(uint32(blockBytes)), a)
	g.ADDQ(U32(uint32(blockBytes)), b)
	g.ADDQ(aheadStep, ahead)
	g.DECQ(blocksLeft)
	g.JNZ(LabelRef("block"))

	for t := range 2 * heights {
		g.tileMove("TILESTORED", 0x7a, t, sums, sumsStride, t/2*16*sumsWidth+t%2*rowBytes)
	}
	g.ADDQ(U32(32*sumsWidth), sums)
	g.DECQ(fetching)
	g.JNZ(LabelRef("next"))
	g.XORQ(aheadStep, aheadStep)
	g.Label("next")
	g.DECQ(tilesLeft)
	g.JNZ(LabelRef("tile"))
	g.Load(g.Param("stepB"), b)
	g.LEAQ(Mem{Base: panel, Index: b, Scale: 4}, panel)
	g.DECQ(panelsLeft)
	g.JNZ(LabelRef("panel"))
	g.encoded("TILERELEASE", 0xc4, 0xe2, 0x78, 0x49, 0xc0)
	g.RET()
}

// tileMove writes a load or a store of a tile with rows every stride bytes.
func (g generator) tileMove(name string, opcode byte, tile int, at, stride reg.GPPhysical, offset int) {
	base, index := encoding(at), encoding(stride)
	extended := 0xe2 &^ (base >> 3 << 5) &^ (index >> 3 << 6)
	g.encoded(fmt.Sprintf("%s %d(%s)(%s*1), TMM%d", name, offset, at.Asm(), stride.Asm(), tile),
		0xc4, extended, opcode, 0x4b, 0x84|byte(tile)<<3, index&7<<3|base&7,
		byte(offset), byte(offset>>8), byte(offset>>16), byte(offset>>24))
}

// encoding is the number of a register in instructions.
func encoding(r reg.GPPhysical) byte {
	for number, other := range []reg.GPPhysical{reg.RAX, reg.RCX, reg.RDX, reg.RBX, reg.RSP, reg.RBP, reg.RSI, reg.RDI, reg.R8, reg.R9} {
		if r == other {
			return byte(number)
		}
	}
	panic("no encoding of " + r.Asm())
}

// encoded writes an instruction that Go's assembler lacks, by its bytes.
func (g generator) encoded(text string, code ...byte) {
	g.Comment(text)
	for _, b := range code {
		g.Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []Op{U8(b)}})
	}
}

// splitRows writes the kernel for a: for up to 16 rows of src, each of whose 32·blocks
// floats are row i of so many blocks of tiles.
func (g generator) splitRows(parts int) {
	g.function(fmt.Sprintf("splitRows%dAMX", parts), "func(rows, blocks int, src []float32, ld int, dst, spans []float32)",
		fmt.Sprintf("splits the floats of rows of a into %d parts.", parts))
	s := g.newSplitter(parts)
	rows, ld := g.load("rows"), g.stride("ld")
	src, dst, spans := g.base("src"), g.base("dst"), g.base("spans")
	from, to, blocks := g.GP64(), g.GP64(), g.GP64()
	g.Label("row")
	s.begin()
	g.MOVQ(src, from)
	g.MOVQ(dst, to)
	g.Load(g.Param("blocks"), blocks)
	g.Label("block")
	s.pair(Mem{Base: from}, Mem{Base: from, Disp: 64}, to)
	g.ADDQ(Imm(2*64), from)
	g.ADDQ(U32(uint32(2*parts*tileBytes)), to)
	g.DECQ(blocks)
	g.JNZ(LabelRef("block"))
	for i, fold := range []func(...Op){g.VPMAXUD, g.VPMINUD} {
		x, moved := s.spans[i], s.x[0]
		for _, move := range []func(){
			func() { g.VSHUFI32X4(Imm(0b01_00_11_10), x, x, moved) },
			func() { g.VSHUFI32X4(Imm(0b10_11_00_01), x, x, moved) },
			func() { g.VPSHUFD(Imm(0b01_00_11_10), x, moved) },
			func() { g.VPSHUFD(Imm(0b10_11_00_01), x, moved) },
		} {
			move()
			fold(moved, x, x)
		}
		g.VMOVD(x.AsX(), Mem{Base: spans, Disp: i * spanBytes})
	}
	g.ADDQ(Imm(4), spans)
	g.ADDQ(ld, src)
	g.ADDQ(Imm(rowBytes), dst)
	g.DECQ(rows)
	g.JNZ(LabelRef("row"))
	g.VZEROUPPER()
	g.RET()
}

// spanBytes is the size of 32 of the magnitudes in spans.
const spanBytes = 32 * 4

// splitPanel writes the kernel for b: a panel of 32 columns and 32·blocks rows.
func (g generator) splitPanel(parts int) {
	g.function(fmt.Sprintf("splitPanel%dAMX", parts), "func(blocks int, src, dst, spans []float32)",
		fmt.Sprintf("splits the floats of a panel of b into %d parts.", parts))
	s := g.newSplitter(parts)
	src, dst, spans := g.base("src"), g.base("dst"), g.base("spans")
	half, blocks, from, to, rows := g.GP64(), g.GP64(), g.GP64(), g.GP64(), g.GP64()
	g.MOVQ(U32(2), half)
	g.Label("half")
	s.begin()
	g.MOVQ(src, from)
	g.MOVQ(dst, to)
	g.Load(g.Param("blocks"), blocks)
	g.Label("block")
	g.MOVQ(U32(16), rows)
	g.Label("row")
	s.pair(Mem{Base: from}, Mem{Base: from, Disp: 16 * spanBytes}, to)
	g.ADDQ(U32(spanBytes), from)
	g.ADDQ(Imm(rowBytes), to)
	g.DECQ(rows)
	g.JNZ(LabelRef("row"))
	g.ADDQ(U32(16*spanBytes), from)
	g.ADDQ(U32(uint32((2*parts-1)*tileBytes)), to)
	g.DECQ(blocks)
	g.JNZ(LabelRef("block"))
	for i, x := range s.spans {
		g.VMOVUPS(x, Mem{Base: spans, Disp: i * spanBytes})
	}
	g.ADDQ(Imm(64), src)
	g.ADDQ(U32(tileBytes), dst)
	g.ADDQ(Imm(64), spans)
	g.DECQ(half)
	g.JNZ(LabelRef("half"))
	g.VZEROUPPER()
	g.RET()
}

// splitter writes what splits vectors of floats.
type splitter struct {
	generator
	parts     int
	x, spans  [2]reg.VecPhysical
	magnitude reg.VecPhysical // masks and constants in all lanes
	half      reg.VecPhysical
	high      reg.VecPhysical
	ones      reg.VecPhysical
	free      []reg.VecPhysical
}

func (g generator) newSplitter(parts int) splitter {
	z := g.all
	s := splitter{g, parts, [2]reg.VecPhysical{z[0], z[1]}, [2]reg.VecPhysical{z[2], z[3]}, z[4], z[5], z[6], z[7], z[8:]}
	bits := g.GP32()
	for _, constant := range []struct {
		in  reg.VecPhysical
		bit uint32
	}{{s.magnitude, 0x7fffffff}, {s.half, 0x8000}, {s.high, 0xffff0000}, {s.ones, 0xffffffff}} {
		g.MOVL(U32(constant.bit), bits)
		g.VPBROADCASTD(bits, constant.in)
	}
	return s
}

// begin empties the spans: the largest magnitude so far, and the smallest but for 0
// less one.
func (s splitter) begin() {
	s.VPXORD(s.spans[0], s.spans[0], s.spans[0])
	s.VMOVDQA32(s.ones, s.spans[1])
}

// pair splits two vectors and stores each part of both as a row of a tile: the first
// one in the low halves of the words, the second one in the high halves. Spans are
// those of the bits, which are in the order of the magnitudes.
func (s splitter) pair(at0, at1 Mem, dst reg.Register) {
	for i, at := range []Mem{at0, at1} {
		s.VMOVUPS(at, s.x[i])
		size := s.free[i]
		s.VPANDD(s.magnitude, s.x[i], size)
		s.VPMAXUD(size, s.spans[0], s.spans[0])
		s.VPADDD(s.ones, size, size) // 0 becomes the largest
		s.VPMINUD(size, s.spans[1], s.spans[1])
	}
	for part := range s.parts {
		low, high, word := s.free[0], s.free[1], s.free[2]
		s.VPADDD(s.half, s.x[0], low)
		s.VPADDD(s.half, s.x[1], high)
		s.VPSRLD(Imm(16), low, word)
		s.VPTERNLOGD(Imm(0xf8), s.high, high, word) // word | high & s.high
		s.VMOVUPS(word, Mem{Base: dst, Disp: part * 2 * tileBytes})
		if part < s.parts-1 {
			s.VPANDD(s.high, low, low)
			s.VPANDD(s.high, high, high)
			s.VSUBPS(low, s.x[0], s.x[0])
			s.VSUBPS(high, s.x[1], s.x[1])
		}
	}
}

// blendTile writes the kernel that adds a tile of sums to c.
func (g generator) blendTile() {
	g.function("blendTileAMX", "func(rows int, sums []float32, c []float32, ldc, cols int, alpha, beta float32)",
		"sets c[i·ldc+j] = alpha·sums[i,j] + beta·c[i·ldc+j] for i < rows, j < cols.")
	masks := maskRegisters[:panelVectors]
	g.masks(masks)
	rows, sums := g.load("rows"), g.base("sums")
	c, ldc := g.base("c"), g.stride("ldc")
	alpha, beta, sum, before := g.all[0], g.all[1], g.all[2], g.all[3]
	g.VBROADCASTSS(g.address("alpha"), alpha)
	g.VBROADCASTSS(g.address("beta"), beta)
	betaBits := g.GP32()
	g.MOVL(g.address("beta"), betaBits)
	g.SHLL(Imm(1), betaBits) // without the sign
	g.JZ(LabelRef("overwrite"))
	eachRow := func(label string, row func(j int, mask reg.Register)) {
		g.Label(label)
		for j, mask := range masks {
			row(j, mask)
		}
		g.ADDQ(U32(sumsWidth), sums)
		g.ADDQ(ldc, c)
		g.DECQ(rows)
		g.JNZ(LabelRef(label))
		g.VZEROUPPER()
		g.RET()
	}
	eachRow("row", func(j int, mask reg.Register) {
		g.VMULPS_Z(g.vector(c, j), beta, mask, before)
		g.VFMADD231PS(g.vector(sums, j), alpha, before)
		g.VMOVUPS(before, mask, g.vector(c, j))
	})
	eachRow("overwrite", func(j int, mask reg.Register) {
		g.VMULPS(g.vector(sums, j), alpha, sum)
		g.VMOVUPS(sum, mask, g.vector(c, j))
	})
}
