package simd

import "fmt"

// How a matrix product is computed
//
// Each element of c is alpha·Σ_p op(a)[i,p]·op(b)[p,j] + beta·c[i,j]. Its sum is
// taken in chunks of p. Within a chunk it is one chain of multiply-adds in the
// order of p, fused on all levels but Generic; the chunks are added in their
// order. Chunks depend on k alone. So the bits of an element depend on its row of
// op(a), its column of op(b) and on k: not on m and n, the place of the element,
// what was packed, how the work was divided or, Generic aside, the level.
//
// A kernel keeps a tile of c in registers, a few rows by one or two panels of
// columns. It reads op(a) as [k][rows], by single elements, and op(b) as
// [k][columns], by vectors. An operand that doesn't lie in memory like this is
// packed: blocks of op(a) into scratch, for the second cache, and panels of op(b)
// one at a time into scratch, for the first, unless the caller has packed op(b)
// before. What few tiles read is not packed where it can be read in place; one row
// reads a transposed b in place too.

// kernels are the functions and sizes of a level.
type kernels struct {
	width    int  // columns of a panel of b
	rows     int  // of the largest tile
	wideRows int  // of the largest tile that is two panels wide
	lanes    int  // of a vector; rows of a are packed for so many at a time
	masked   bool // a tile may have fewer columns; elsewhere it has all

	tiles, wideTiles     []tile // by their rows
	transposedTiles      []tile // all of one panel, for b[j·ldb+p]; k is 4 or more
	transposeRows        transposeRows
	copyLanes, copyPanel copyRows // to rows of a vector, of a panel

	multiplyAdds func(n int)
	flopsOfRound int
}

// tile sets c[i·ldc+j] = alpha·Σ_{p<k} a[p·lda+i]·b[p·ldb+j] + beta·c[i·ldc+j] for
// its number of rows i and cols columns j. k is 1 or more. Columns from the second
// panel on are at b[panel+p·ldb]. beta = 0 does not read c. ahead is a hint: b's
// elements that are wanted next lie ahead floats after those of this tile.
type tile func(k int, a []float32, lda int, b []float32, ldb, panel int, c []float32, ldc, cols int, alpha, beta float32, ahead int)

// transposeRows sets dst[p·ldDst+i] = src[i·ldSrc+p] for p < k and all lanes i.
// There are rows rows; the last one is taken for those after it. k is 4 or more.
type transposeRows func(k int, src []float32, ldSrc, rows int, dst []float32, ldDst int)

// copyRows sets dst[p·ldDst+j] = src[p·ldSrc+j] for p < k and j < cols, and the
// rest of its vectors to 0.
type copyRows func(k int, src []float32, ldSrc, cols int, dst []float32, ldDst int)

const (
	chunkDepth = 256     // the most of k in a chunk: a panel of b then fits in the first cache
	blockTiles = 36      // the most tiles, one below the other, in a packed block of a, for the second cache
	stripDepth = 16      // rows that are packed together, where a row goes to many tiles or panels
	cached     = 1 << 18 // floats of a that the second cache holds beside the rest
)

// chunk returns how much of k is summed at a time.
func chunk(k int) int { return (evenly(k, chunkDepth) + 3) &^ 3 }

// evenly returns the size of parts of total, none of them above most.
func evenly(total, most int) int {
	if total <= most {
		return total // which small products notice
	}
	return ceilDiv(total, ceilDiv(total, most))
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// PanelWidth returns the number of columns that are packed together.
func (l Level) PanelWidth() int { return kernelsOf[l].width }

// PackedSize returns the number of floats of a packed op(b), [k,n].
func (l Level) PackedSize(k, n int) int {
	return k * kernelsOf[l].padded(n)
}

// padded returns the columns of so many panels as n columns take.
func (kernels *kernels) padded(n int) int { return ceilDiv(n, kernels.width) * kernels.width }

// ScratchSize returns the number of floats of the scratch of MultiplyPacked and
// Sgemm.
func (l Level) ScratchSize() int {
	kernels := kernelsOf[l]
	return blockTiles*kernels.lanes*chunkDepth + 2*kernels.width*chunkDepth + 2*kernels.width*kernels.rows
}

// PackB packs columns from to to−1 of op(b), [k,n]. op(b) is b, or its transpose.
// Rows of b begin every ldb floats. Each of from and to is a multiple of
// PanelWidth, or n. Parts of one op(b) may be packed at the same time.
//
// Chunks of k follow each other in dst, in a chunk the panels, in a panel its rows
// of PanelWidth floats.
func (l Level) PackB(dst []float32, trans bool, k, n int, b []float32, ldb, from, to int) {
	kernels := kernelsOf[l]
	checkMatrix("b", b, trans, k, n, ldb)
	checkLength("dst", dst, l.PackedSize(k, n))
	checkColumns(from, to, n, kernels.width)
	if k == 0 {
		return
	}
	step, padded := chunk(k), kernels.padded(n)
	for p := 0; p < k; p += step {
		depth := min(step, k-p)
		strip := depth
		if !trans {
			strip = stripDepth
		}
		for q := 0; q < depth; q += strip {
			for j := from; j < to; j += kernels.width {
				at := p*padded + j*depth + q*kernels.width
				kernels.packPanel(dst[at:], kernels.width, trans, b, ldb, p+q, min(strip, depth-q), j, min(kernels.width, n-j))
			}
		}
	}
}

// MultiplyPacked sets c = alpha·op(a)·b + beta·c in the columns from to to−1 of c.
// op(a), [m,k], is a or its transpose, b, [k,n], is packed. Rows of a and c begin
// every lda and ldc floats. Each of from and to is a multiple of PanelWidth, or n.
// With beta = 0, c is not read; with alpha = 0, a and b aren't. scratch has
// ScratchSize floats. c does not overlap the rest.
func (l Level) MultiplyPacked(transA bool, m, n, k int, alpha float32, a []float32, lda int, packed []float32, beta float32, c []float32, ldc, from, to int, scratch []float32) {
	checkMatrix("a", a, transA, m, k, lda)
	checkMatrix("c", c, false, m, n, ldc)
	checkLength("packed b", packed, l.PackedSize(k, n))
	checkLength("scratch", scratch, l.ScratchSize())
	checkColumns(from, to, n, l.PanelWidth())
	p := product{
		kernels: kernelsOf[l], transA: transA, packed: true,
		m: m, n: n, k: k, alpha: alpha, beta: beta,
		a: a, lda: lda, b: packed, c: c, ldc: ldc,
	}
	p.multiply(from, to, scratch)
}

// Sgemm sets c = alpha·op(a)·op(b) + beta·c. op(a), [m,k], is a or its transpose;
// op(b), [k,n], likewise. Rows of a, b and c begin every lda, ldb and ldc floats.
// With beta = 0, c is not read; with alpha = 0, a and b aren't. scratch has
// ScratchSize floats. c does not overlap the rest.
func (l Level) Sgemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int, scratch []float32) {
	checkMatrix("a", a, transA, m, k, lda)
	checkMatrix("b", b, transB, k, n, ldb)
	checkMatrix("c", c, false, m, n, ldc)
	checkLength("scratch", scratch, l.ScratchSize())
	p := product{
		kernels: kernelsOf[l], transA: transA, transB: transB,
		m: m, n: n, k: k, alpha: alpha, beta: beta,
		a: a, lda: lda, b: b, ldb: ldb, c: c, ldc: ldc,
	}
	p.multiply(0, n, scratch)
}

// Right is the right operand of a product, b, [k,n], and the result, c, [m,n]. Rows
// begin every LDB and LDC floats.
type Right struct {
	N        int
	B, C     []float32
	LDB, LDC int
}

// SgemmPair sets c = alpha·op(a)·b + beta·c for both of x and y. Each has the bits that
// Sgemm gives it, but op(a) is read once.
func (l Level) SgemmPair(transA bool, m, k int, alpha float32, a []float32, lda int, beta float32, x, y Right, scratch []float32) {
	if m*k*x.N == 0 || alpha == 0 {
		l.Sgemm(transA, false, m, x.N, k, alpha, a, lda, x.B, x.LDB, beta, x.C, x.LDC, scratch)
		l.Sgemm(transA, false, m, y.N, k, alpha, a, lda, y.B, y.LDB, beta, y.C, y.LDC, scratch)
		return
	}
	checkMatrix("a", a, transA, m, k, lda)
	checkLength("scratch", scratch, l.ScratchSize())
	for _, right := range [...]Right{x, y} {
		checkMatrix("b", right.B, false, k, right.N, right.LDB)
		checkMatrix("c", right.C, false, m, right.N, right.LDC)
	}
	p := product{
		kernels: kernelsOf[l], transA: transA,
		m: m, n: x.N, k: k, alpha: alpha, beta: beta,
		a: a, lda: lda, b: x.B, ldb: x.LDB, c: x.C, ldc: x.LDC, second: y,
	}
	p.multiply(0, p.n, scratch)
}

// MultiplyAdds does n rounds of independent multiply-adds in registers. It returns
// the number of floating-point operations. Nothing on this level does more of them
// in a second on one core.
func (l Level) MultiplyAdds(n int) int {
	kernelsOf[l].multiplyAdds(n)
	return n * kernelsOf[l].flopsOfRound
}

// checkMatrix panics unless x holds a matrix, [rows,cols], or its transpose, with
// rows of x every ld floats. Assembly doesn't look.
func checkMatrix(name string, x []float32, trans bool, rows, cols, ld int) {
	if trans {
		rows, cols = cols, rows
	}
	switch {
	case rows < 0 || cols < 0:
		panic(fmt.Sprintf("simd: %s is [%d,%d]", name, rows, cols))
	case ld < max(1, cols):
		panic(fmt.Sprintf("simd: rows of %s begin every %d floats and have %d", name, ld, cols))
	case rows > 0 && cols > 0:
		checkLength(name, x, (rows-1)*ld+cols)
	}
}

func checkLength(name string, x []float32, want int) {
	if len(x) < want {
		panic(fmt.Sprintf("simd: %s has %d floats, want %d", name, len(x), want))
	}
}

func checkColumns(from, to, n, width int) {
	for _, at := range [...]int{from, to} {
		if at < 0 || at > n || at%width != 0 && at != n {
			panic(fmt.Sprintf("simd: columns %d to %d of %d, want multiples of %d", from, to, n, width))
		}
	}
}
