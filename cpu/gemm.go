package cpu

import (
	"gonum.org/v1/gonum/blas"

	"gputrain/backend"
)

// product is dst = alpha·op(a)·op(b) + beta·dst in progress, as a job over the
// blocks of dst. op(a) is [m,k], op(b) [k,n]. The zero product does nothing.
//
// Plain products aside, a product is made of calls of Sgemm. They are small:
// from four blocks of 64x64 of dst on, gonum's Sgemm starts goroutines and
// allocates.
type product struct {
	tiling
	transA, transB backend.Transpose
	m, n, k        int
	alpha, beta    float32
	a, b, dst      []float32

	blas                 blas.Float32Level3
	panels               [][]float32
	blockRows, blockCols int
}

// tiling says how a product is cut into calls of Sgemm. It depends on the
// product only, never on the workers, since depth decides the order of a sum.
type tiling struct {
	rows, cols, depth int  // the most of m, n and k in a call
	pack              bool // transpose the tile of b, which many rows use
	plain             bool // loops instead of Sgemm, for an a·bᵀ that takes less time than the calls
}

// The inner loop of gonum is y += a·x along a row of b, or, with b transposed, a
// dot product along a row of b. The first wants long rows. It also wants b in the
// L1 cache or, with a transposed, dst. The second wants a long k.
var (
	tilingAxpy      = tiling{rows: 64, cols: 192, depth: 32}
	tilingAxpyTrans = tiling{rows: 8, cols: 192, depth: 256}
	tilingDot       = tiling{rows: 64, cols: 16, depth: 1024}
	tilingPack      = tiling{rows: 64, cols: 192, depth: 64, pack: true}
	tilingPackTrans = tiling{rows: 8, cols: 192, depth: 64, pack: true}
	tilingPlain     = tiling{plain: true}
)

const (
	panelSize = 192 * 64 // of tilingPack

	shortDot = 64 // with a smaller k, packing b beats the dot product ...
	packRows = 16 // ... if m is at least this

	parallelWork = 1 << 17 // multiplications that keep one worker busy for some 20 µs
	partsEach    = 4       // parts per worker, to even out their speeds
)

// newProduct returns the product of these sizes, without its operands.
func newProduct(transA, transB backend.Transpose, m, n, k int) product {
	p := product{transA: transA, transB: transB, m: m, n: n, k: k, alpha: 1}
	switch {
	case transA == backend.NoTrans && transB == backend.NoTrans:
		p.tiling = tilingAxpy
	case transB == backend.NoTrans:
		p.tiling = tilingAxpyTrans
	case transA == backend.Trans:
		p.tiling = tilingPackTrans
	case k < shortDot && m >= packRows:
		p.tiling = tilingPack
	default:
		p.tiling = tilingDot
	}
	return p
}

// multiply computes p on all workers.
func (c *Backend) multiply(p product) {
	switch {
	case p.m == 0 || p.n == 0:
		return
	case p.k == 0 || p.alpha == 0:
		// BLAS takes no operands without elements.
		scaleBy(p.dst, p.beta)
		return
	}
	c.share(&p)
	c.jobs.product = p
	c.pool.run(&c.jobs.product, ceilDiv(p.m, p.blockRows)*ceilDiv(p.n, p.blockCols))
}

// share lends p the BLAS and panels of the backend and cuts it into blocks. No
// block is too small to be handed to a worker.
func (c *Backend) share(p *product) {
	p.blas, p.panels = c.blas, c.panels
	p.blockRows, p.blockCols = p.m, p.n
	if p.m*p.n*p.k < 2*parallelWork {
		return
	}
	p.blockCols = max(p.cols, 64)
	rowParts := ceilDiv(partsEach*len(c.panels), ceilDiv(p.n, p.blockCols))
	p.blockRows = min(128, 8*ceilDiv(p.m, 8*rowParts))
}

func (p *product) part(worker, index int) {
	across := ceilDiv(p.n, p.blockCols)
	i, j := index/across*p.blockRows, index%across*p.blockCols
	p.block(i, min(i+p.blockRows, p.m), j, min(j+p.blockCols, p.n), p.panels[worker])
}

// block computes rows i to iEnd of columns j to jEnd of dst.
func (p *product) block(i, iEnd, j, jEnd int, panel []float32) {
	if p.plain {
		for ; i < iEnd; i++ {
			p.dots(p.dst[i*p.n+j:i*p.n+jEnd], p.a[i*p.k:(i+1)*p.k], p.b[j*p.k:])
		}
		return
	}
	for ; j < jEnd; j += p.cols {
		for k := 0; k < p.k; k += p.depth {
			p.strip(i, iEnd, j, min(p.cols, jEnd-j), k, min(p.depth, p.k-k), panel)
		}
	}
}

// strip adds the terms k to k+depth of the sums to rows i to iEnd of n columns
// from j on.
func (p *product) strip(i, iEnd, j, n, k, depth int, panel []float32) {
	beta := float32(1)
	if k == 0 {
		beta = p.beta
	}
	var b []float32
	ldb, transB := p.n, blas.NoTrans
	switch {
	case p.pack:
		transpose(panel, n, p.b[j*p.k+k:], p.k, n, depth)
		b, ldb = panel, n
	case bool(p.transB):
		b, ldb, transB = p.b[j*p.k+k:], p.k, blas.Trans
	default:
		b = p.b[k*p.n+j:]
	}
	for ; i < iEnd; i += p.rows {
		var a []float32
		lda, transA := p.k, blas.NoTrans
		if p.transA {
			a, lda, transA = p.a[k*p.m+i:], p.m, blas.Trans
		} else {
			a = p.a[i*p.k+k:]
		}
		p.blas.Sgemm(transA, transB, min(p.rows, iEnd-i), n, depth,
			p.alpha, a, lda, b, ldb, beta, p.dst[i*p.n+j:], p.n)
	}
}

// dots sets dst[j] = alpha·Σ_i a[i]·b[j,i] + beta·dst[j].
func (p *product) dots(dst, a, b []float32) {
	k := len(a)
	scaleBy(dst, p.beta)
	for ; len(dst) >= 4; dst = dst[4:] {
		// Four sums at a time: one would wait for each addition.
		b0, b1, b2, b3 := b[:k], b[k:][:k], b[2*k:][:k], b[3*k:][:k]
		var sum0, sum1, sum2, sum3 float32
		for i, v := range a {
			sum0 += v * b0[i]
			sum1 += v * b1[i]
			sum2 += v * b2[i]
			sum3 += v * b3[i]
		}
		dst[0] += p.alpha * sum0
		dst[1] += p.alpha * sum1
		dst[2] += p.alpha * sum2
		dst[3] += p.alpha * sum3
		b = b[4*k:]
	}
	for j := range dst {
		var sum float32
		for i, v := range b[j*k:][:k] {
			sum += a[i] * v
		}
		dst[j] += p.alpha * sum
	}
}

// scaleBy sets dst = beta·dst, without reading dst where beta is 0.
func scaleBy(dst []float32, beta float32) {
	if beta == 0 {
		clear(dst)
	} else {
		for i := range dst {
			dst[i] *= beta
		}
	}
}

// transpose sets dst[j,i] = src[i,j] for a [rows, cols] window src. ldDst and
// ldSrc are the lengths of the rows that the windows lie in.
func transpose(dst []float32, ldDst int, src []float32, ldSrc, rows, cols int) {
	const width = 8 // columns at a time, so that their lines of dst stay in the cache
	for first := 0; first < cols; first += width {
		n := min(width, cols-first)
		for i := range rows {
			for j, v := range src[i*ldSrc+first:][:n] {
				dst[(first+j)*ldDst+i] = v
			}
		}
	}
}
