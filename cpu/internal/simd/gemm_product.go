package simd

// product is c = alpha·op(a)·op(b) + beta·c in progress.
type product struct {
	*kernels
	transA, transB, packed bool // packed: b is
	m, n, k                int
	alpha, beta            float32
	a, b, c                []float32
	lda, ldb, ldc          int

	second Right // of the same op(a); none with N = 0

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

	strip := to - from
	if p.transB && p.m == 1 {
		strip = p.width // as b lies in memory
	}
	for ; from < to; from += strip {
		p.columns(from, min(from+strip, to))
	}
}

// columns computes columns from to to−1 with the scratch.
func (p *product) columns(from, to int) {
	step, rows := chunk(p.k), evenly(p.m, blockTiles*p.kernels.rows)
	beta := p.beta
	for at := 0; at < p.k; at += step {
		depth := min(step, p.k-at)
		for i := 0; i < p.m; i += rows {
			height := min(rows, p.m-i)
			a := p.readA(i, height, at, depth, to-from)
			p.multiplyBlock(a, i, height, from, to, at, depth, beta)
			if second := p.second; second.N > 0 {
				q := *p
				q.n, q.b, q.ldb, q.c, q.ldc = second.N, second.B, second.LDB, second.C, second.LDC
				q.multiplyBlock(a, i, height, 0, q.n, at, depth, beta)
			}
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

// multiplyBlock adds the terms at to at+depth of the sums to rows i to i+rows, a.
func (p *product) multiplyBlock(a operandA, i, rows, from, to, at, depth int, beta float32) {
	tileRows := a.rows
	width, tiles := p.width, p.tiles
	if tileRows <= p.wideRows && (p.packed || !p.transB) {
		width, tiles = 2*p.width, p.wideTiles
	}
	for j := from; j < to; j += width {
		cols := min(width, to-j)
		if cols <= p.width {
			width, tiles = p.width, p.tiles
		}
		inPlace := rows <= tileRows && cols == width
		if p.transB {
			inPlace = inPlace && rows < len(p.transposedTiles) && depth >= 4
			if inPlace {
				tiles = p.transposedTiles
			}
		}
		b := p.readB(j, cols, at, depth, inPlace)
		ofA := a.elements
		for done := 0; done < rows; done += tileRows {
			if done > 0 {
				ofA = ofA[a.tile:]
			}
			height := min(tileRows, rows-done)
			c, ldc := p.c[(i+done)*p.ldc+j:], p.ldc
			partial := cols < width && !p.masked
			if partial {
				c, ldc = p.tileOfC, width
				if beta != 0 {
					copyMatrix(c, ldc, p.c[(i+done)*p.ldc+j:], p.ldc, height, cols)
				}
			}
			tiles[height](depth, ofA, a.ld, b.elements, b.ld, b.panel,
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
	rows     int // of a tile
	tile     int // from one tile to the next
}

// readA returns rows i to i+rows of op(a), in place or packed. n is how many
// columns of op(b) they are for.
func (p *product) readA(i, rows, at, depth, n int) operandA {
	tileRows := evenly(rows, p.kernels.rows)
	switch {
	case p.transA && n <= p.width && p.k*p.lda <= cached:
		return operandA{p.a[at*p.lda+i:], p.lda, tileRows, tileRows}
	case !p.transA && rows == 1:
		return operandA{p.a[i*p.lda+at:], 1, tileRows, 0}
	}
	packed := operandA{p.block, p.lanes, tileRows, p.lanes * depth}
	// A transposed a is read along its rows, a few at a time.
	strip := depth
	if p.transA {
		strip = stripDepth
	}
	for q := 0; q < depth; q += strip {
		dst := p.block[q*p.lanes:]
		for done := 0; done < rows; done += tileRows {
			if done > 0 {
				dst = dst[packed.tile:]
			}
			height := min(tileRows, rows-done)
			if p.transA {
				p.copyLanes(min(strip, depth-q), p.a[(at+q)*p.lda+i+done:], p.lda, height, dst, p.lanes)
			} else {
				p.transpose(depth, p.a[(i+done)*p.lda+at:], p.lda, height, dst, p.lanes)
			}
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
		return operandB{p.b[at*p.padded(p.n)+j*depth:], p.width, size, size}
	case inPlace && p.transB:
		// Each chunk fetches its share of the next panel.
		return operandB{p.b[j*p.ldb+at:], p.ldb, 0, p.width*(p.ldb+at) - at}
	case inPlace:
		return operandB{p.b[at*p.ldb+j:], p.ldb, p.width, 8 * p.ldb}
	}
	for done := 0; done < cols; done += p.width {
		p.packPanel(p.panels[done*depth:], p.width, p.transB, p.b, p.ldb, at, depth, j+done, min(p.width, cols-done))
	}
	return operandB{p.panels, p.width, size, 0}
}
