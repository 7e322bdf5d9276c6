package simd

import "unsafe"

// tileProduct is c = alpha·op(a)·op(b) + beta·c in progress on a tile unit.
type tileProduct struct {
	*Tiles
	transA, transB, packed bool // packed: b is
	m, n, k                int
	alpha, beta            float32
	a, b, c                []float32
	lda, ldb, ldc          int

	// The scratch: a packed block of op(a), its spans and what its rows were divided by,
	// 32 rows of it in float32, packed panels of op(b), tiles of sums, a tile in float32.
	block, spansOfA, divisors, rows, panels, sums, exact []float32
	rest                                                 []float32 // that of the kernels for float32
	divided                                              [mostTiles]bool
}

// multiply computes columns from to to−1.
func (p *tileProduct) multiply(from, to int, scratch []float32) {
	if p.m == 0 || from == to {
		return
	}
	if p.k == 0 || p.alpha == 0 {
		scaleRows(p.c[from:], p.ldc, p.m, to-from, p.beta)
		return
	}
	scratch = aligned(scratch)
	p.block, scratch = cut(scratch, mostTiles*tileDepth/blockDepth*p.parts*tileFloats)
	p.spansOfA, scratch = cut(scratch, mostTiles*spansFloats)
	p.divisors, scratch = cut(scratch, mostTiles*tileSide)
	p.rows, scratch = cut(scratch, tileSide*tileDepth)
	p.panels, scratch = cut(scratch, mostPanels*p.panelSize(tileDepth))
	p.sums, scratch = cut(scratch, mostTiles*sumsFloats)
	p.exact, p.rest = cut(scratch, sumsFloats)

	if p.packed {
		p.b = aligned(p.b)
	}
	step, rows, cols := p.chunk(p.k), mostTiles*tileSide, to-from
	switch {
	case p.packed:
	case p.m <= rows:
		cols = tileSide // which stay in the caches until they are multiplied
	default:
		cols = mostPanels * tileSide
	}
	beta := p.beta
	for at := 0; at < p.k; at += step {
		depth := min(step, p.k-at)
		size := p.panelSize(depth)
		for j := from; j < to; j += cols {
			end := min(j+cols, to)
			panels := p.panels
			if p.packed {
				panels = p.b[j/tileSide*size:]
			} else {
				for left := j; left < end; left += tileSide {
					p.packPanel(p.panel(panels[(left-j)/tileSide*size:], depth), p.transB, p.b, p.ldb, at, depth, left, min(tileSide, end-left))
				}
			}
			for i := 0; i < p.m; i += rows {
				if p.m > rows || j == from { // the only block stays packed
					p.packBlock(i, min(rows, p.m-i), at, depth)
				}
				p.multiplyBlock(i, min(rows, p.m-i), j, end, panels, at, depth, beta)
			}
		}
		if p.packed {
			p.b = p.b[ceilDiv(p.n, tileSide)*size:]
		}
		beta = 1
	}
}

// multiplyBlock adds the terms at to at+depth of the sums to rows i to i+rows, which are
// packed, of columns from to to−1, of which it is given the panels.
func (p *tileProduct) multiplyBlock(i, rows, from, to int, packed []float32, at, depth int, beta float32) {
	blocks := ceilDiv(depth, blockDepth)
	tileSize := blocks * p.parts * tileFloats
	whole, rest := rows/tileSide, rows%tileSide
	tiles := ceilDiv(rows, tileSide)
	panels, stepB := mostTiles/tiles, p.panelSize(depth)
	for j := from; j < to; j += panels * tileSide {
		panels = min(panels, ceilDiv(to-j, tileSide))
		packed := packed[(j-from)/tileSide*stepB:]
		b := packed[blocks*blockDepth*tileSide:]
		if whole > 0 {
			p.unit.multiply(p.parts, tileSide, blocks, whole, panels, p.block, b, stepB, p.sums)
		}
		if rest > 0 {
			p.unit.multiply(p.parts, rest, blocks, 1, panels, p.block[whole*tileSize:], b, stepB, p.sums[whole*panels*sumsFloats:])
		}
		for panel := range panels {
			left := j + panel*tileSide
			for tile := range tiles {
				slot := whole*panels + panel // that of the rest
				if tile < whole {
					slot = whole*panel + tile
				}
				above := tile * tileSide
				t := tileOfSums{p.sums[slot*sumsFloats:], i + above, min(tileSide, rows-above), left, min(tileSide, to-left)}
				if p.divided[tile] {
					p.undivide(t.sums, p.divisors[above:][:t.rows])
				}
				ofA, ofB := spans(p.spansOfA[tile*spansFloats:]), spans(packed[(panel+1)*stepB-spansFloats:])
				if !ofA.all().fits(ofB.all()) {
					p.mend(t, ofA, ofB, packed[panel*stepB:], at, depth)
				}
				p.unit.blend(t.rows, t.sums, p.c[t.i*p.ldc+t.j:], p.ldc, t.cols, p.alpha, beta)
			}
		}
	}
}

// packBlock packs rows i to i+rows of op(a).
func (p *tileProduct) packBlock(i, rows, at, depth int) {
	for done := 0; done < rows; done += tileSide {
		p.packRows(done/tileSide, i+done, min(tileSide, rows-done), at, depth)
	}
}

// packRows packs rows i to i+rows of op(a), [·,at:at+depth], as a tile of the block.
func (p *tileProduct) packRows(tile, i, rows, at, depth int) {
	blocks := ceilDiv(depth, blockDepth)
	src, ld := p.rows, tileDepth
	switch {
	case p.transA:
		kernels := kernelsOf[p.level]
		for q := 0; q < depth; q += kernels.lanes {
			kernels.transpose(rows, p.a[(at+q)*p.lda+i:], p.lda, min(kernels.lanes, depth-q), p.rows[q:], tileDepth)
		}
	case depth%blockDepth != 0:
		copyMatrix(p.rows, tileDepth, p.a[i*p.lda+at:], p.lda, rows, depth)
	default:
		src, ld = p.a[i*p.lda+at:], p.lda
	}
	if depth%blockDepth != 0 {
		for row := range rows {
			clear(p.rows[row*tileDepth:][depth : blocks*blockDepth])
		}
	}
	dst, s := p.block[tile*blocks*p.parts*tileFloats:], spans(p.spansOfA[tile*spansFloats:])
	for from := 0; from < rows; from += tileSide / 2 {
		p.unit.splitRows(p.parts, min(tileSide/2, rows-from), blocks, src[from*ld:], ld, dst[from*16:], s[from:])
	}
	s.join(rows)
	p.divided[tile] = false
	if s.all().usual() {
		return
	}
	for row := range rows {
		divisor := &p.divisors[tile*tileSide+row]
		if *divisor = s.at(row).divisor(); *divisor != 1 {
			p.divided[tile] = true
			divided := p.rows[row*tileDepth:][:blocks*blockDepth]
			p.vector.Scale(divided, 1 / *divisor, src[row*ld:][:len(divided)])
			p.unit.splitRows(p.parts, 1, blocks, divided, tileDepth, dst[row*16:], s[row:])
		}
	}
	s.join(rows)
}

// undivide multiplies rows of sums by what the rows of op(a) were divided by.
func (p *tileProduct) undivide(sums, divisors []float32) {
	for i, divisor := range divisors {
		if row := sums[i*tileSide:][:tileSide]; divisor != 1 {
			p.vector.Scale(row, divisor, row)
		}
	}
}

// tileOfSums holds sums of rows i to i+rows of columns j to j+cols.
type tileOfSums struct {
	sums             []float32
	i, rows, j, cols int
}

// mend replaces the sums whose row and column don't fit the unit by those of float32.
func (p *tileProduct) mend(t tileOfSums, ofA, ofB spans, b []float32, at, depth int) {
	a := t.i*p.lda + at
	if p.transA {
		a = at*p.lda + t.i
	}
	p.level.Sgemm(p.transA, false, t.rows, t.cols, depth, 1, p.a[a:], p.lda, b, tileSide, 0, p.exact, tileSide, p.rest)
	for i := range t.rows {
		row := ofA.at(i)
		for j := range t.cols {
			if !row.fits(ofB.at(j)) {
				t.sums[i*tileSide+j] = p.exact[i*tileSide+j]
			}
		}
	}
}

const lineFloats = 16 // of a cache line

// aligned returns s from its first float on that begins a cache line: rows of tiles are
// lines. s is longer than it need be by lineFloats.
func aligned(s []float32) []float32 {
	past := int(uintptr(unsafe.Pointer(unsafe.SliceData(s))) / 4 % lineFloats)
	return s[(lineFloats-past)%lineFloats:]
}
