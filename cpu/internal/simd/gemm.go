package simd

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
// before. What few tiles read is not packed where it can be read in place.

// kernels are the functions and sizes of a level.
type kernels struct {
	width    int  // columns of a panel of b
	rows     int  // of the largest tile
	wideRows int  // of the largest tile that is two panels wide
	lanes    int  // of a vector; rows of a are packed for so many at a time
	masked   bool // a tile may have fewer columns; elsewhere it has all

	tiles, wideTiles     []tile // by their rows
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
	chunkDepth = 256 // the most of k in a chunk: a panel of b then fits in the first cache
	blockTiles = 36  // the most tiles, one below the other, in a packed block of a, for the second cache
	fewPanels  = 2   // up to so many panels of b, a that can be read in place is
)

// chunk returns how much of k is summed at a time.
func chunk(k int) int { return (evenly(k, chunkDepth) + 3) &^ 3 }

// evenly returns the size of parts of total, none of them above most.
func evenly(total, most int) int { return ceilDiv(total, ceilDiv(total, most)) }

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// PanelWidth returns the number of columns that are packed together.
func (l Level) PanelWidth() int { return kernelsOf[l].width }

// PackedSize returns the number of floats of a packed op(b), [k,n].
func (l Level) PackedSize(k, n int) int {
	width := kernelsOf[l].width
	return k * ceilDiv(n, width) * width
}

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
	panels := ceilDiv(n, kernels.width)
	step := chunk(k)
	for p := 0; p < k; p += step {
		depth := min(step, k-p)
		for j := from; j < to; j += kernels.width {
			at := p*panels*kernels.width + j*depth
			kernels.packPanel(dst[at:], trans, b, ldb, p, depth, j, min(kernels.width, n-j))
		}
	}
}

// packPanel sets dst[q,j'] = op(b)[p+q,j+j'] for q < depth and j' < cols.
func (kernels *kernels) packPanel(dst []float32, trans bool, b []float32, ldb, p, depth, j, cols int) {
	if !trans {
		kernels.copyPanel(depth, b[p*ldb+j:], ldb, cols, dst, kernels.width)
		return
	}
	for at := 0; at < kernels.width; at += kernels.lanes {
		// Beyond cols, the last column is repeated.
		first := min(at, cols-1)
		kernels.transpose(depth, b[(j+first)*ldb+p:], ldb, min(cols-first, kernels.lanes), dst[at:], kernels.width)
	}
}

// transpose is transposeRows for any k.
func (kernels *kernels) transpose(k int, src []float32, ldSrc, rows int, dst []float32, ldDst int) {
	if k >= 4 {
		kernels.transposeRows(k, src, ldSrc, rows, dst, ldDst)
		return
	}
	for p := range k {
		for i := range kernels.lanes {
			dst[p*ldDst+i] = src[min(i, rows-1)*ldSrc+p]
		}
	}
}

// MultiplyPacked sets c = alpha·op(a)·b + beta·c in the columns from to to−1 of c.
// op(a), [m,k], is a or its transpose, b, [k,n], is packed. Rows of a and c begin
// every lda and ldc floats. Each of from and to is a multiple of PanelWidth, or n.
// With beta = 0, c is not read; with alpha = 0, a and b aren't. scratch has
// ScratchSize floats. c does not overlap the rest.
func (l Level) MultiplyPacked(transA bool, m, n, k int, alpha float32, a []float32, lda int, packed []float32, beta float32, c []float32, ldc, from, to int, scratch []float32) {
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
	p := product{
		kernels: kernelsOf[l], transA: transA, transB: transB,
		m: m, n: n, k: k, alpha: alpha, beta: beta,
		a: a, lda: lda, b: b, ldb: ldb, c: c, ldc: ldc,
	}
	p.multiply(0, n, scratch)
}

// product is c = alpha·op(a)·op(b) + beta·c in progress.
type product struct {
	*kernels
	transA, transB, packed bool // packed: b is
	m, n, k                int
	alpha, beta            float32
	a, b, c                []float32
	lda, ldb, ldc          int

	// The scratch: a packed block of a, two panels of b and a tile of c.
	block, panels, tileOfC []float32
}

// multiply computes columns from to to−1.
func (p *product) multiply(from, to int, scratch []float32) {
	if p.m == 0 || from == to {
		return
	}
	if p.k == 0 || p.alpha == 0 {
		scaleRows(p.c[from:], p.ldc, p.m, to-from, p.beta)
		return
	}
	p.block, scratch = cut(scratch, blockTiles*p.lanes*chunkDepth)
	p.panels, scratch = cut(scratch, 2*p.width*chunkDepth)
	p.tileOfC, _ = cut(scratch, 2*p.width*p.rows)

	step, rows := chunk(p.k), evenly(p.m, blockTiles*p.kernels.rows)
	beta := p.beta
	for at := 0; at < p.k; at += step {
		for i := 0; i < p.m; i += rows {
			p.multiplyBlock(i, min(rows, p.m-i), from, to, at, min(step, p.k-at), beta)
		}
		beta = 1
	}
}

func cut(s []float32, n int) (head, tail []float32) { return s[:n], s[n:] }

// scaleRows sets c = beta·c, without reading c where beta is 0.
func scaleRows(c []float32, ldc, m, n int, beta float32) {
	for i := range m {
		row := c[i*ldc:][:n]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}

// multiplyBlock adds the terms at to at+depth of the sums to rows i to i+rows.
func (p *product) multiplyBlock(i, rows, from, to, at, depth int, beta float32) {
	tileRows := evenly(rows, p.kernels.rows)
	width, tiles := p.width, p.tiles
	if tileRows <= p.wideRows && (p.packed || !p.transB) {
		width, tiles = 2*p.width, p.wideTiles
	}
	a := p.readA(i, rows, tileRows, at, depth, to-from)
	for j := from; j < to; j += width {
		cols := min(width, to-j)
		if cols <= p.width {
			width, tiles = p.width, p.tiles
		}
		inPlace := rows <= tileRows && cols == width
		b := p.readB(j, cols, at, depth, inPlace)
		for done := 0; done < rows; done += tileRows {
			height := min(tileRows, rows-done)
			c, ldc := p.c[(i+done)*p.ldc+j:], p.ldc
			partial := cols < width && !p.masked
			if partial {
				c, ldc = p.tileOfC, width
				if beta != 0 {
					copyMatrix(c, ldc, p.c[(i+done)*p.ldc+j:], p.ldc, height, cols)
				}
			}
			tiles[height](depth, a.elements[done/tileRows*a.tile:], a.ld, b.elements, b.ld, b.panel,
				c, ldc, cols, p.alpha, beta, b.ahead)
			if partial {
				copyMatrix(p.c[(i+done)*p.ldc+j:], p.ldc, c, ldc, height, cols)
			}
		}
	}
}

// copyMatrix sets dst = src, [m,n].
func copyMatrix(dst []float32, ldDst int, src []float32, ldSrc, m, n int) {
	for i := range m {
		copy(dst[i*ldDst:][:n], src[i*ldSrc:])
	}
}

// operandA is a block of op(a) as tiles read it, [depth][rows of a tile].
type operandA struct {
	elements []float32
	ld       int
	tile     int // from one tile to the next
}

// readA returns rows i to i+rows of op(a), in place or packed. n is how many
// columns of op(b) they are for.
func (p *product) readA(i, rows, tileRows, at, depth, n int) operandA {
	switch {
	case p.transA && n <= fewPanels*p.width:
		return operandA{p.a[at*p.lda+i:], p.lda, tileRows}
	case !p.transA && rows == 1:
		return operandA{p.a[i*p.lda+at:], 1, 0}
	}
	packed := operandA{p.block, p.lanes, p.lanes * depth}
	for done := 0; done < rows; done += tileRows {
		height := min(tileRows, rows-done)
		dst := p.block[done/tileRows*packed.tile:]
		if p.transA {
			p.copyLanes(depth, p.a[at*p.lda+i+done:], p.lda, height, dst, p.lanes)
		} else {
			p.transpose(depth, p.a[(i+done)*p.lda+at:], p.lda, height, dst, p.lanes)
		}
	}
	return packed
}

// operandB is one or two panels of op(b) as tiles read them, [depth][columns].
type operandB struct {
	elements  []float32
	ld, panel int
	ahead     int // to what will be read next
}

// readB returns columns j to j+cols of op(b): packed before, in place, or packed
// now.
func (p *product) readB(j, cols, at, depth int, inPlace bool) operandB {
	size := p.width * depth
	switch {
	case p.packed:
		panels := p.b[at*ceilDiv(p.n, p.width)*p.width+j*depth:]
		return operandB{panels, p.width, size, ceilDiv(cols, p.width) * size}
	case inPlace && !p.transB:
		return operandB{p.b[at*p.ldb+j:], p.ldb, p.width, 8 * p.ldb}
	}
	for done := 0; done < cols; done += p.width {
		p.packPanel(p.panels[done*depth:], p.transB, p.b, p.ldb, at, depth, j+done, min(p.width, cols-done))
	}
	return operandB{p.panels, p.width, size, 0}
}

// MultiplyAdds does n rounds of independent multiply-adds in registers. It returns
// the number of floating-point operations. Nothing on this level does more of them
// in a second on one core.
func (l Level) MultiplyAdds(n int) int {
	kernelsOf[l].multiplyAdds(n)
	return n * kernelsOf[l].flopsOfRound
}
