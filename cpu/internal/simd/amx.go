package simd

import (
	"fmt"
	"math"
	"slices"
)

// How a tile unit computes products of float32
//
// The unit multiplies tiles of bfloat16, numbers of 8 significant bits, and sums in
// float32. A float32 is the sum of three of them, its parts: the number rounded to
// bfloat16, what is left of it rounded, and what is left then, which is exact. A
// product of two floats is the sum of up to nine products of parts. Its error is that
// of the products left out:
//
//	BF16x6  3 parts  products h·h, h·m, m·h, m·m, h·l, l·h   2⁻²⁴·|a·b|
//	BF16x3  2 parts  products h·h, h·m, m·h                   2⁻¹⁵·|a·b|
//	BF16    1 part   product  h·h                             2⁻⁷·|a·b|
//
// plus the rounding of the sum, as in float32.
//
// The unit takes subnormal numbers for 0, and parts of Inf are no sum of anything. So
// each packed row of op(a) and column of op(b) knows the span of its magnitudes, chunk
// by chunk of k. A row of op(a) whose span is unusual, such as gradients that vanish, is
// divided by a power of two. Where a row and a column still don't fit the unit together,
// their sum is computed by the kernels for float32. Like all else about an element's
// sum, this depends on its row, its column and k alone.

// Math is how products of matrices are computed.
type Math int

const (
	Float32 Math = iota
	BF16x6
	BF16x3
	BF16
)

var mathNames = [...]string{Float32: "float32", BF16x6: "bf16x6", BF16x3: "bf16x3", BF16: "bf16"}

// String returns the name of the math, which ParseMath takes.
func (m Math) String() string { return mathNames[m] }

// Maths returns the names of all maths.
func Maths() []string { return slices.Clone(mathNames[:]) }

// ParseMath returns the math of that name.
func ParseMath(name string) (Math, error) {
	for m, known := range mathNames {
		if name == known {
			return Math(m), nil
		}
	}
	return Float32, fmt.Errorf("no math %q: want one of %q", name, mathNames)
}

// parts is how many bfloat16 stand for a float32.
var parts = [...]int{BF16x6: 3, BF16x3: 2, BF16: 1}

// partProducts are the products of parts, of a and of b, by the number of parts. The
// small ones come first, so that the large ones are rounded last.
var partProducts = [][][2]int{
	1: {{0, 0}},
	2: {{0, 1}, {1, 0}, {0, 0}},
	3: {{0, 2}, {1, 1}, {2, 0}, {1, 0}, {0, 1}, {0, 0}},
}

// Tiles computes products as Level does, with the same methods, on a tile unit.
type Tiles struct {
	unit   *tileUnit
	level  Level // of the kernels for float32
	vector *Vector
	parts  int
}

// NewTiles returns the tiles of this machine for one of the bfloat16 maths. Elsewhere
// the error says what the machine lacks.
func NewTiles(level Level, math Math) (*Tiles, error) {
	unit, err := amx()
	if err != nil {
		return nil, fmt.Errorf("%v needs the tile unit AMX: %w", math, err)
	}
	return &Tiles{unit, level, level.Vector(), parts[math]}, nil
}

// tileUnit is what computes with tiles of 16 rows. Words of parts hold two bfloat16,
// those of k in their low halves and of k+16 in their high halves. So a row of a tile,
// 16 words, covers a block of k, 32. The loops of the unit take two tiles at once, 32
// rows of a and 32 columns of b.
type tileUnit struct {
	// multiply sets sums[panel·tiles+tile,i,j] = Σ a[tile,i,·]·b[panel,·,j] for i < rows
	// and j < 32. Panels of b begin every stepB floats. Each a and b has parts tiles
	// after one another, for each of blocks. With less than 32 rows there is one tile.
	multiply func(parts, rows, blocks, tiles, panels int, a, b []float32, stepB int, sums []float32)

	// splitRows splits rows of a, 16 at most, that begin every ld floats. Row i goes to
	// row i of the tiles in dst, its span to spans[i].
	splitRows func(parts, rows, blocks int, src []float32, ld int, dst, spans []float32)

	// splitPanel splits a panel of b, [32·blocks,32].
	splitPanel func(parts, blocks int, src, dst, spans []float32)

	// blend sets c = alpha·sums + beta·c for some rows and cols columns. beta = 0 does not
	// read c.
	blend func(rows int, sums, c []float32, ldc, cols int, alpha, beta float32)
}

const (
	tileSide   = 32                  // rows of a and columns of b that the unit takes at once
	tileDepth  = 512                 // the most of k in a chunk
	mostTiles  = 8                   // in a packed block of a, for the second cache, and in a call, which lasts some 20 µs
	mostPanels = 16                  // of b that are packed together, where many blocks of a need them
	blockDepth = 32                  // of k in a row of words
	tileFloats = tileSide * 16       // one part of a block of a or b, in words
	sumsFloats = tileSide * tileSide // of a tile of sums
)

// chunk returns how much of k is summed at a time.
func (*Tiles) chunk(k int) int { return ceilDiv(evenly(k, tileDepth), blockDepth) * blockDepth }

// panel is a packed panel of op(b), or a part of it.
type panel struct{ floats, parts, spans []float32 }

// panel returns the panel of that depth that begins at s.
func (t *Tiles) panel(s []float32, depth int) panel {
	var p panel
	p.floats, s = cut(s, ceilDiv(depth, blockDepth)*blockDepth*tileSide)
	p.parts, s = cut(s, ceilDiv(depth, blockDepth)*t.parts*tileFloats)
	p.spans, _ = cut(s, spansFloats)
	return p
}

func (t *Tiles) panelSize(depth int) int {
	return ceilDiv(depth, blockDepth)*(blockDepth*tileSide+t.parts*tileFloats) + spansFloats
}

// PanelWidth is like that of Level.
func (*Tiles) PanelWidth() int { return tileSide }

// PackedSize is like that of Level.
func (t *Tiles) PackedSize(k, n int) int {
	if k == 0 {
		return 0
	}
	whole, rest := k/t.chunk(k), k%t.chunk(k)
	size := whole * t.panelSize(t.chunk(k))
	if rest > 0 {
		size += t.panelSize(rest)
	}
	return ceilDiv(n, tileSide)*size + lineFloats
}

// ScratchSize is like that of Level.
func (t *Tiles) ScratchSize() int {
	return lineFloats + mostTiles*(tileDepth/blockDepth*t.parts*tileFloats+spansFloats+tileSide) + tileSide*tileDepth +
		mostPanels*t.panelSize(tileDepth) + (mostTiles+1)*sumsFloats + t.level.ScratchSize()
}

// PackB is like that of Level. A panel is kept in float32, in parts, and with the spans
// of its columns.
func (t *Tiles) PackB(dst []float32, trans bool, k, n int, b []float32, ldb, from, to int) {
	checkMatrix("b", b, trans, k, n, ldb)
	checkLength("dst", dst, t.PackedSize(k, n))
	checkColumns(from, to, n, tileSide)
	if k == 0 {
		return
	}
	dst = aligned(dst)
	panels, step := ceilDiv(n, tileSide), t.chunk(k)
	for p := 0; p < k; p += step {
		depth := min(step, k-p)
		for j := from; j < to; j += tileSide {
			t.packPanel(t.panel(dst[j/tileSide*t.panelSize(depth):], depth), trans, b, ldb, p, depth, j, min(tileSide, n-j))
		}
		_, dst = cut(dst, panels*t.panelSize(depth))
	}
}

// packPanel packs rows p to p+depth of columns j to j+cols of op(b).
func (t *Tiles) packPanel(dst panel, trans bool, b []float32, ldb, p, depth, j, cols int) {
	kernelsOf[t.level].packPanel(dst.floats, tileSide, trans, b, ldb, p, depth, j, cols)
	clear(dst.floats[depth*tileSide:])
	t.unit.splitPanel(t.parts, ceilDiv(depth, blockDepth), dst.floats, dst.parts, dst.spans)
	spans(dst.spans).join(tileSide)
}

// MultiplyPacked is like that of Level.
func (t *Tiles) MultiplyPacked(transA bool, m, n, k int, alpha float32, a []float32, lda int, packed []float32, beta float32, c []float32, ldc, from, to int, scratch []float32) {
	checkMatrix("a", a, transA, m, k, lda)
	checkMatrix("c", c, false, m, n, ldc)
	checkLength("packed b", packed, t.PackedSize(k, n))
	checkLength("scratch", scratch, t.ScratchSize())
	checkColumns(from, to, n, tileSide)
	p := tileProduct{
		Tiles: t, transA: transA, packed: true, m: m, n: n, k: k, alpha: alpha, beta: beta,
		a: a, lda: lda, b: packed, c: c, ldc: ldc,
	}
	p.multiply(from, to, scratch)
}

// Sgemm is like that of Level.
func (t *Tiles) Sgemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int, scratch []float32) {
	checkMatrix("a", a, transA, m, k, lda)
	checkMatrix("b", b, transB, k, n, ldb)
	checkMatrix("c", c, false, m, n, ldc)
	checkLength("scratch", scratch, t.ScratchSize())
	p := tileProduct{
		Tiles: t, transA: transA, transB: transB, m: m, n: n, k: k, alpha: alpha, beta: beta,
		a: a, lda: lda, b: b, ldb: ldb, c: c, ldc: ldc,
	}
	p.multiply(0, n, scratch)
}

// SgemmPair is like that of Level, but op(a) is read twice.
func (t *Tiles) SgemmPair(transA bool, m, k int, alpha float32, a []float32, lda int, beta float32, x, y Right, scratch []float32) {
	t.Sgemm(transA, false, m, x.N, k, alpha, a, lda, x.B, x.LDB, beta, x.C, x.LDC, scratch)
	t.Sgemm(transA, false, m, y.N, k, alpha, a, lda, y.B, y.LDB, beta, y.C, y.LDC, scratch)
}

// spans are those of 32 rows or columns as the unit leaves them: the bits of the largest
// magnitude of each, then those of the smallest one but for 0, less one. The same of all
// of them follows.
type spans []float32

const spansFloats = 2*tileSide + lineFloats

// join notes the span of the first n rows or columns.
func (s spans) join(n int) {
	var largest, smallest uint32 = 0, math.MaxUint32
	for i := range n {
		largest, smallest = max(largest, math.Float32bits(s[i])), min(smallest, math.Float32bits(s[tileSide+i]))
	}
	s[2*tileSide], s[2*tileSide+1] = math.Float32frombits(largest), math.Float32frombits(smallest)
}

// span is the largest magnitude, and the smallest one but for 0; +Inf if there is none.
type span struct{ largest, smallest float64 }

func newSpan(largest, smallest float32) span {
	s := span{float64(largest), math.Inf(1)}
	if bits := math.Float32bits(smallest) + 1; bits != 0 {
		s.smallest = float64(math.Float32frombits(bits))
	}
	return s
}

// usual reports whether nothing is gained by another scale.
func (s span) usual() bool { return s.smallest >= 0x1p-48 && s.largest <= 0x1p48 }

// divisor returns the power of two by which a row is divided, so that its largest
// magnitude is some 1. It is 1 for a row that is usual, or fits no column even so.
func (s span) divisor() float32 {
	if s.usual() || !(s.largest <= math.MaxFloat32) {
		return 1
	}
	const most = 126 // its reciprocal is a normal number, too
	divisor := math.Ldexp(1, max(-most, min(math.Ilogb(s.largest), most)))
	if s.smallest/divisor < 0x1p-103 {
		return 1
	}
	return float32(divisor)
}

func (s spans) all() span     { return newSpan(s[2*tileSide], s[2*tileSide+1]) }
func (s spans) at(i int) span { return newSpan(s[i], s[tileSide+i]) }

// fits reports whether the unit computes the sum of the products of a row and a column
// with these spans as exactly as if it knew subnormal numbers and infinities.
//
// The parts of a number from 2⁻¹⁰³ on are 0 or normal, since they are multiples of its
// last place. One below 2¹²⁷ is not rounded up to Inf. With products from 2⁻⁹⁶ on, the
// up to seven roundings to 0 for each k, of less than 2⁻¹²⁶, are a ninth of the 2⁻²⁴ of
// each product that float32 may be off by. With products up to 2¹¹⁶, no sum of a chunk,
// of 2⁹ of them, overflows.
func (s span) fits(other span) bool {
	return s.largest < 0x1p127 && other.largest < 0x1p127 && // no NaN
		s.smallest >= 0x1p-103 && other.smallest >= 0x1p-103 &&
		s.smallest*other.smallest >= 0x1p-96 && s.largest*other.largest <= 0x1p116
}
